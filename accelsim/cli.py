"""The command line. Every command is one call of the Python API; mistakes print one error and exit with status 2."""

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from accelsim.errors import AccelsimError, ConfigError

app = typer.Typer(name="accelsim", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"]},
                  help="Cycle-level simulation of sparse-DNN accelerators on real pruned models.")


class Engine(StrEnum):
    kernel = "kernel"
    reference = "reference"


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"


class Shelf(StrEnum):
    archs = "archs"
    workloads = "workloads"
    policies = "policies"
    traces = "traces"


def _plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What a user can cause ends as one message and status 2."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except AccelsimError as error:
            message = str(error)
        except MemoryError:
            message = "out of memory; use a smaller trace or a smaller design"
        else:
            return
        # a file may be called anything: nothing in its name may act on the terminal
        inert = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message)
        typer.echo(f"accelsim: error: {inert}", err=True)
        raise typer.Exit(2)

    return wrapped


ArchOption = Annotated[list[str], typer.Option("--arch", "-a", metavar="NAME|FILE",
                                               help="A preset's name or a YAML file; repeat to compare.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE",
                                                     help="Change a config key (dram.gbps=25.6, too); repeatable.")]
PolicyOption = Annotated[str | None, typer.Option(metavar="NAME",
                                                  help="Load-balancing policy (default: the published one).")]
GbpsOption = Annotated[float | None, typer.Option("--dram-gbps", metavar="G",
                                                  help="DRAM bandwidth, 10^9 bytes per second (dram.gbps).")]
TableOption = Annotated[str | None, typer.Option("--energy-table", metavar="NAME|FILE",
                                                 help="Price with this table, not the config's (energy_table).")]
TraceArgument = Annotated[str, typer.Argument(metavar="TRACE", help="A shipped trace's name, or a trace file's path.")]
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="A trace, an architecture or an energy table.")]


@app.command()
@_plain_errors
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

    changes = _changes(set_, dram_gbps, energy_table)
    target = None if output is None else files.prepare(output)
    loaded = load_trace(trace)
    results = [simulate(loaded, name, engine.value, policy, changes) for name in arch]
    text = {"json": files.as_json, "csv": files.as_csv, "table": files.as_table}[format_.value](results)
    if target is not None:
        files.write(target, results)
    typer.echo(text)


@app.command()
@_plain_errors
def roofline(trace: TraceArgument, arch: ArchOption, set_: SetOption = None, dram_gbps: GbpsOption = None,
             policy: PolicyOption = None) -> None:
    """Show per layer which bound holds (compute, imbalance, on-chip, DRAM), and by how much."""
    from accelsim.report.views import roofline_text
    from accelsim.simulation import simulate
    from accelsim.workload.trace import load_trace

    loaded = load_trace(trace)
    changes = _changes(set_, dram_gbps, None)
    typer.echo(roofline_text([simulate(loaded, name, "kernel", policy, changes) for name in arch]))


@app.command()
@_plain_errors
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

    first = simulate(load_trace(trace), arch, "kernel", policy, _changes(set_, dram_gbps, tables[0]))
    typer.echo(energy_text([first, *(repriced(first, table) for table in [*tables[1:], *(more or [])])]))


@app.command()
@_plain_errors
def show(trace: TraceArgument) -> None:
    """Show the layers, densities and provenance of TRACE."""
    from accelsim.report.table import trace_text
    from accelsim.workload.trace import load_trace

    typer.echo(trace_text(load_trace(trace)))


@app.command("list")
@_plain_errors
def list_(what: Annotated[Shelf, typer.Argument(help="What to list.")]) -> None:
    """List what is shipped: archs, workloads, policies or traces."""
    from accelsim import shipped
    from accelsim.arch import kinds, machine

    if what is Shelf.policies:
        for kind in sorted(kinds()):
            for position, name in enumerate(machine(kind).policies):
                typer.echo(f"{kind:<14} {name}{'  (default)' if position == 0 else ''}")
    else:
        for name in shipped.names(what.value.removesuffix("s")):
            typer.echo(name)


@app.command()
@_plain_errors
def check(file: FileArgument) -> None:
    """Check a file; every mistake is reported with its place."""
    from accelsim.arch import load_arch, machine
    from accelsim.config import read_yaml
    from accelsim.hw.energy import load_energy_table
    from accelsim.workload.trace import load_trace

    if Path(file).suffix == ".safetensors":
        typer.echo(f"ok: {load_trace(file)!r}")
    elif {"actions", "scaled_from"} & set(read_yaml(Path(file))):
        table = load_energy_table(file)
        typer.echo(f"ok: energy table {table.name!r}, {len(table.actions)} actions")
    else:
        config = load_arch(file)
        table = load_energy_table(config.energy_table)
        for action in machine(config.kind).actions(config).values():
            table.price_pj(action)
        typer.echo(f"ok: architecture {config.name!r} of kind {config.kind!r}, energy table {table.name!r}")


@app.command()
@_plain_errors
def schema() -> None:
    """Print the JSON schema of architecture files, for editors."""
    from accelsim.arch import schema as arch_schema
    from accelsim.report.files import dump

    typer.echo(dump(arch_schema()))


def _changes(sets: list[str] | None, dram_gbps: float | None, energy_table: str | None) -> dict[str, Any]:
    """The config's changes from --set and its shorthands."""
    changes = _parse_sets(sets or [])
    shorthands = (("--dram-gbps", "dram.gbps", dram_gbps), ("--energy-table", "energy_table", energy_table))
    for option, key, value in shorthands:
        if value is None:
            continue
        if key in changes:
            raise ConfigError(f"{option} and --set {key}: both are given; give one")
        changes[key] = value
    return changes


def _parse_sets(items: list[str]) -> dict[str, Any]:
    from accelsim.config import read_scalar

    changes: dict[str, Any] = {}
    for item in items:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(f"--set {item[:60]!r}: wanted KEY=VALUE, for example --set pes=32")
        if key in changes:
            raise ConfigError(f"--set {key[:60]!r}: given twice; give each key once")
        changes[key] = read_scalar(value, f"--set {key[:60]}")
    return changes


def main() -> None:
    """Entry point: unexpected interruptions are one line too."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal may lack box characters
    try:
        app()
    except BrokenPipeError:  # the reader (head, less) went away
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # a full disk behind `> file`, for instance
        typer.echo(f"accelsim: error: cannot write the output ({error.strerror})", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
