"""The commands that show what is there: show, list, check and schema."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Checked

FileArgument = Annotated[str, typer.Argument(metavar="FILE",
                                             help="A trace, an architecture, an energy table or a workload.")]


class Shelf(StrEnum):
    archs = "archs"
    workloads = "workloads"
    policies = "policies"
    traces = "traces"


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    for command in (show, check, schema):
        app.command()(checked(command))
    app.command("list")(checked(list_))


def show(name: Annotated[str, typer.Argument(metavar="TRACE|WORKLOAD", help="A trace, a published workload "
                                             "(NAME, NAME:VARIANT or a YAML file), a topology or a matrix.")]) -> None:
    """Show the layers, densities and provenance of a trace or a published workload."""
    from accelsim import shipped
    from accelsim.workload.topologies import ENDINGS

    yaml = Path(name.partition(":")[0]).suffix == ".yaml" or name.partition(":")[0] in shipped.names("workload")
    if yaml or Path(name).suffix in ENDINGS:
        from accelsim.report.workloads import workload_text
        from accelsim.workload.published import load_workload

        typer.echo(workload_text(load_workload(name, shapes_only=True)))
        return
    from accelsim.report.workloads import trace_text
    from accelsim.workload.trace import load_trace

    typer.echo(trace_text(load_trace(name)))


def list_(what: Annotated[Shelf, typer.Argument(help="What to list.")]) -> None:
    """List what is shipped: archs, workloads, policies or traces."""
    from accelsim import shipped
    from accelsim.arch.registry import kinds, policies

    if what is Shelf.policies:
        for kind in sorted(kinds()):
            for position, name in enumerate(policies(kind)):
                typer.echo(f"{kind:<14} {name}{'  (default)' if position == 0 else ''}")
    elif what is Shelf.workloads:
        from accelsim.workload.published import variants

        for name in shipped.names("workload"):
            typer.echo("\n".join(f"{f'{name}:{variant}':<34} {about}" for variant, about in variants(name).items()))
    else:
        for name in shipped.names(what.value.removesuffix("s")):
            typer.echo(name)


def check(file: FileArgument) -> None:
    """Check a file; every mistake is reported with its place."""
    from accelsim.arch.registry import load_arch, machine
    from accelsim.arguments import path_text
    from accelsim.errors import ConfigError
    from accelsim.hw.energy import load_energy_table
    from accelsim.workload.published import load_workload, variants
    from accelsim.workload.trace import load_trace
    from accelsim.yaml import read_yaml

    file = path_text("file", file, ConfigError, "a path")
    if Path(file).suffix == ".safetensors":
        typer.echo(f"ok: {load_trace(file)!r}")
    elif "variants" in read_yaml(Path(file)):
        plans = [load_workload(f"{file}:{variant}") for variant in variants(file)]
        typer.echo(f"ok: workload, {len(plans[0].layers)} layers, variants {', '.join(variants(file))}")
    elif {"actions", "scaled_from"} & set(read_yaml(Path(file))):
        table = load_energy_table(file)
        typer.echo(f"ok: energy table {table.name!r}, {len(table.actions)} actions")
    else:
        config = load_arch(file)
        table = load_energy_table(config.energy_table)
        for action in machine(config.kind).actions(config).values():
            table.price_pj(action)
        typer.echo(f"ok: architecture {config.name!r} of kind {config.kind!r}, energy table {table.name!r}")


def schema() -> None:
    """Print the JSON schema of architecture files, for editors."""
    from accelsim.arch.registry import schema as arch_schema
    from accelsim.report.files import dump

    typer.echo(dump(arch_schema()))
