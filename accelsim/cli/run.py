"""The main job: run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import (
    ArchOption,
    Checked,
    Format,
    GbpsOption,
    PolicyOption,
    SetOption,
    TableOption,
    TraceArgument,
    changes_of,
)


class Engine(StrEnum):
    kernel = "kernel"
    reference = "reference"


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    app.command()(checked(run))


def run(
    trace: TraceArgument,
    arch: ArchOption,
    set_: SetOption = None,
    dram_gbps: GbpsOption = None,
    energy_table: TableOption = None,
    policy: PolicyOption = None,
    engine: Annotated[Engine, typer.Option(help="kernel: fast; reference: tick by tick on values.")] = Engine.kernel,
    format_: Annotated[Format, typer.Option("--format", help="What is printed.")] = Format.table,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR",
                                                help="Also write result.json, layers.csv and table.txt there.")] = None,
) -> None:
    """Simulate TRACE on one or more architectures."""
    from accelsim.report import files
    from accelsim.simulation import simulate
    from accelsim.workload.trace import load_trace

    changes = changes_of(set_, dram_gbps, energy_table)
    target = None if output is None else files.prepare(output)
    loaded = load_trace(trace)
    results = [simulate(loaded, name, engine.value, policy, changes) for name in arch]
    text = {"json": files.as_json, "csv": files.as_csv, "table": files.as_table}[format_.value](results)
    if target is not None:
        files.write(target, results)
    typer.echo(text)
