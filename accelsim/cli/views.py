"""The commands that show one run from another side: roofline and energy."""

from typing import Annotated

import typer

from accelsim.cli.options import ArchOption, Checked, GbpsOption, PolicyOption, SetOption, TraceArgument, changes_of


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    for command in (roofline, energy):
        app.command()(checked(command))


def roofline(trace: TraceArgument, arch: ArchOption, set_: SetOption = None, dram_gbps: GbpsOption = None,
             policy: PolicyOption = None) -> None:
    """Show per layer which bound holds (compute, imbalance, on-chip, DRAM), and by how much."""
    from accelsim.report.views import roofline_text
    from accelsim.simulation import simulate
    from accelsim.workload.trace import load_trace

    loaded = load_trace(trace)
    changes = changes_of(set_, dram_gbps, None)
    typer.echo(roofline_text([simulate(loaded, name, "kernel", policy, changes) for name in arch]))


def energy(
    trace: TraceArgument,
    arch: Annotated[str, typer.Option("--arch", "-a", metavar="NAME|FILE", help="A preset's name or a YAML file.")],
    tables: Annotated[list[str], typer.Option("--tables", "-t", metavar="NAME|FILE...",
                                              help="Energy tables; the first one is 1.00x.")],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,  # the tables after the first
    set_: SetOption = None,
    dram_gbps: GbpsOption = None,
    policy: PolicyOption = None,
) -> None:
    """Simulate TRACE once and price it with several energy tables."""
    from accelsim.report.views import energy_text
    from accelsim.simulation import repriced, simulate
    from accelsim.workload.trace import load_trace

    first = simulate(load_trace(trace), arch, "kernel", policy, changes_of(set_, dram_gbps, tables[0]))
    typer.echo(energy_text([first, *(repriced(first, table) for table in [*tables[1:], *(more or [])])]))
