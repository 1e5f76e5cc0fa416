"""The command line. Every command is one call of the Python API; mistakes print one error and exit with status 2."""

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from accelsim.cli_options import ArchOption, GbpsOption, PolicyOption, SetOption, TableOption, TraceArgument, changes_of
from accelsim.errors import AccelsimError
from accelsim.report import commands as report_commands
from accelsim.study import commands as study_commands

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


FileArgument = Annotated[str, typer.Argument(metavar="FILE",
                                             help="A trace, an architecture, an energy table or a workload.")]


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

    changes = changes_of(set_, dram_gbps, energy_table)
    target = None if output is None else files.prepare(output)
    loaded = load_trace(trace)
    results = [simulate(loaded, name, engine.value, policy, changes) for name in arch]
    text = {"json": files.as_json, "csv": files.as_csv, "table": files.as_table}[format_.value](results)
    if target is not None:
        files.write(target, results)
    typer.echo(text)


@app.command()
@_plain_errors
def show(name: Annotated[str, typer.Argument(metavar="TRACE|WORKLOAD", help="A trace, or a published workload "
                                             "(NAME, NAME:VARIANT or a YAML file).")]) -> None:
    """Show the layers, densities and provenance of a trace or a published workload."""
    from accelsim import shipped

    if Path(name.partition(":")[0]).suffix == ".yaml" or name.partition(":")[0] in shipped.names("workload"):
        from accelsim.report.workload import workload_text
        from accelsim.workload.published import load_workload

        typer.echo(workload_text(load_workload(name)))
        return
    from accelsim.report.table import trace_text
    from accelsim.workload.trace import load_trace

    typer.echo(trace_text(load_trace(name)))


@app.command()
@_plain_errors
def formats(
    trace: TraceArgument,
    value_bits: Annotated[int | None, typer.Option(metavar="BITS", min=1, max=32, help="Bits per value (default: the "
                                                   "tensor's; 8 for patterns).")] = None,
    format_: Annotated[Format, typer.Option("--format", help="What is printed.")] = Format.table,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FIGURE",
                                                help="Also plot storage against sparsity (.png, .svg, .pdf).")] = None,
) -> None:
    """Count the bits that the tensors of TRACE take in every storage format."""
    from accelsim.report import storage
    from accelsim.workload.formats.survey import storage_of
    from accelsim.workload.trace import load_trace

    loaded = load_trace(trace)
    tensors = storage_of(loaded, value_bits)
    if output is not None:
        storage.plot(output, loaded.name, tensors)
    typer.echo(storage.as_csv(tensors) if format_ is Format.csv
               else {"json": storage.as_json, "table": storage.as_text}[format_.value](loaded.name, tensors))


@app.command("trace")
@_plain_errors
def trace_(
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A published workload: NAME, NAME:VARIANT or a "
                                                                     "YAML file.")],
    seed: Annotated[int, typer.Option(help="Same seed, same trace.", min=0)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="TRACE", help="The file to write.")],
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Images, or sequences.")] = 1,
    values: Annotated[bool, typer.Option("--values/--pattern-only", help="Make up int8 values too.")] = False,
    uniform: Annotated[bool, typer.Option("--uniform", help="Independent random masks, without the spread of "
                                                            "real networks.")] = False,
    layer: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only layers of this name (* stands for "
                                                                            "any text); repeatable.")] = None,
) -> None:
    """Draw the tensors of a published WORKLOAD: exact densities, spread as in recorded networks."""
    from accelsim.workload.synthetic import draw_trace

    drawn = draw_trace(workload, seed, batch, values, uniform, layers=layer)
    path = drawn.save(output)
    typer.echo(f"{path}: {drawn.name}, {len(drawn)} layers, digest {drawn.digest}")


@app.command("list")
@_plain_errors
def list_(what: Annotated[Shelf, typer.Argument(help="What to list.")]) -> None:
    """List what is shipped: archs, workloads, policies or traces."""
    from accelsim import shipped
    from accelsim.arch import kinds, policies

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


@app.command()
@_plain_errors
def check(file: FileArgument) -> None:
    """Check a file; every mistake is reported with its place."""
    from accelsim.arch import load_arch, machine
    from accelsim.config import read_yaml
    from accelsim.hw.energy import load_energy_table
    from accelsim.workload.published import load_workload, variants
    from accelsim.workload.trace import load_trace

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


@app.command()
@_plain_errors
def schema() -> None:
    """Print the JSON schema of architecture files, for editors."""
    from accelsim.arch import schema as arch_schema
    from accelsim.report.files import dump

    typer.echo(dump(arch_schema()))


report_commands.register(app, _plain_errors)
study_commands.register(app, _plain_errors)


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
