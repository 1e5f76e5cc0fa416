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


TraceArgument = Annotated[str, typer.Argument(metavar="TRACE", help="A shipped trace's name, or a trace file's path.")]
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="A trace, an architecture or an energy table.")]


@app.command()
@_plain_errors
def run(
    trace: TraceArgument,
    arch: Annotated[list[str], typer.Option("--arch", "-a", metavar="NAME|FILE",
                                            help="A preset's name or a YAML file; repeat to compare.")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE",
                                                   help="Change a config key; repeatable.")] = None,
    policy: Annotated[str | None, typer.Option(metavar="NAME",
                                               help="Load-balancing policy (default: the published one).")] = None,
    engine: Annotated[Engine, typer.Option(help="kernel: fast; reference: tick by tick on values.")] = Engine.kernel,
    format_: Annotated[Format, typer.Option("--format", help="What is printed.")] = Format.table,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR",
                                                help="Also write result.json, layers.csv and table.txt there.")] = None,
) -> None:
    """Simulate TRACE on one or more architectures."""
    from accelsim.report import files
    from accelsim.simulation import simulate
    from accelsim.workload.trace import load_trace

    changes = _parse_sets(set_ or [])
    target = None if output is None else files.prepare(output)
    loaded = load_trace(trace)
    results = [simulate(loaded, name, engine.value, policy, changes) for name in arch]
    text = {"json": files.as_json, "csv": files.as_csv, "table": files.as_table}[format_.value](results)
    if target is not None:
        files.write(target, results)
    typer.echo(text)


@app.command()
@_plain_errors
def show(trace: TraceArgument) -> None:
    """Show the layers, densities and provenance of TRACE."""
    from accelsim.report.table import trace_text
    from accelsim.workload.trace import load_trace

    typer.echo(trace_text(load_trace(trace)))


@app.command()
@_plain_errors
def record(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An .onnx file, a TorchScript file, module:callable, or "
                                                              ".safetensors/.npz weights (with --network).")],
    input_: Annotated[list[str], typer.Option("--input", "-i", metavar="FILE",
                                              help="Image, .npy or .npz; repeatable, and more may follow each.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="TRACE", help="The trace file to write.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="More inputs.")] = None,
    network: Annotated[str | None, typer.Option(metavar="YAML", help="How weights are joined.")] = None,
    prune: Annotated[str | None, typer.Option(metavar="SPEC", help="Prune first, for example magnitude:0.9.")] = None,
    keep: Annotated[list[str] | None, typer.Option(metavar="PATTERN",
                                                   help="Layers to leave dense; repeatable.")] = None,
    samples: Annotated[int | None, typer.Option(metavar="N", help="Record at most so many samples.")] = None,
    bits: Annotated[int, typer.Option(help="Of weights and activations: 2 to 16.")] = 8,
    skip: Annotated[list[str] | None, typer.Option(metavar="OPERATOR", help="Leave operators out by type or name; the "
                                                                            "trace says so. Repeatable.")] = None,
    size: Annotated[str | None, typer.Option(metavar="HxW", help="Of images, where the model leaves it open.")] = None,
    mean: Annotated[str, typer.Option(metavar="R,G,B", help="Taken off pixels / 255.")] = "0",
    std: Annotated[str, typer.Option(metavar="R,G,B", help="What that is divided by.")] = "1",
    bgr: Annotated[bool, typer.Option("--bgr", help="Channels in the order blue, green, red.")] = False,
) -> None:
    """Run MODEL on inputs and record weights and real activations of every layer as a trace."""
    from accelsim.report.progress import progress
    from accelsim.workload.importers.samples import image_rule
    from accelsim.workload.record import drift_text
    from accelsim.workload.record import record as record_model
    from accelsim.workload.trace import writable

    writable(output)
    with progress("recording") as step:
        trace = record_model(model, [*input_, *(more or [])], prune, samples, bits, network=network, keep=keep or (),
                             skip=skip or (), image=image_rule(size, mean, std, bgr), progress=step)
    trace.save(output)
    typer.echo(f"{output}: {trace!r}, digest {trace.digest}")
    for name in trace.made_by["left_out"]:
        typer.echo(f"left out: {name}")
    for pruning in trace.made_by.get("pruning", []):
        typer.echo(f"{pruning['spec']}: weight sparsity {pruning['sparsity']:.1%}; {pruning['method']}")
        typer.echo(drift_text(pruning["drift"]))


@app.command()
@_plain_errors
def prune(
    trace: TraceArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="TRACE", help="The trace file to write.")],
    spec: Annotated[str | None, typer.Option(metavar="SPEC", help="For example magnitude:0.9, block:4x4:0.8 or "
                                                                 "filter:0.5 (docs/prune.md).")] = None,
    nm: Annotated[str | None, typer.Option("--nm", metavar="N:M", help="Short for --spec nm:N:M.")] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Layers to leave as they are; "
                                                                           "repeatable.")] = None,
) -> None:
    """Prune the weights of TRACE in one shot and say how far each layer's output drifts."""
    from accelsim.errors import PruneError
    from accelsim.report.table import pruning_text
    from accelsim.workload.prune import prune as prune_trace
    from accelsim.workload.trace import load_trace, writable

    if (spec is None) == (nm is None):
        raise PruneError("give one of --spec SPEC (for example --spec magnitude:0.9) and --nm N:M")
    writable(output)
    pruned = prune_trace(load_trace(trace), spec or f"nm:{nm}", skip or ())
    pruned.save(output)
    typer.echo(f"{pruning_text(pruned)}\n{output}: digest {pruned.digest}")


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
    elif "actions" in read_yaml(Path(file)):
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
