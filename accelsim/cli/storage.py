"""The commands about tensors on disk: formats and trace."""

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Checked, OutputFormat, TraceArgument


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    app.command()(checked(formats))
    app.command("trace")(checked(trace_))


def formats(
    trace: TraceArgument,
    value_bits: Annotated[int | None, typer.Option(metavar="BITS", min=1, max=32, help="Bits per value (default: the "
                                                   "tensor's; 8 for patterns).")] = None,
    format_: Annotated[OutputFormat, typer.Option("--format", help="What is printed.")] = OutputFormat.table,
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
    typer.echo(storage.as_csv(tensors) if format_ is OutputFormat.csv
               else {"json": storage.as_json, "table": storage.as_text}[format_.value](loaded.name, tensors))


def trace_(
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A published workload (NAME, NAME:VARIANT or a "
                                                                     "YAML file), a SCALE-Sim topology (.csv), a list "
                                                                     "of STONNE's (.txt) or a matrix (.mtx, .smtx).")],
    seed: Annotated[int, typer.Option(help="Same seed, same trace.", min=0)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="TRACE", help="The file to write.")],
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Images, or sequences.")] = 1,
    values: Annotated[bool, typer.Option("--values/--pattern-only", help="Make up int8 values too.")] = False,
    uniform: Annotated[bool, typer.Option("--uniform", help="Independent random masks, without the spread of "
                                                            "real networks.")] = False,
    layer: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only layers of this name (* stands for "
                                                                            "any text); repeatable.")] = None,
    weight_density: Annotated[float | None, typer.Option(metavar="D", help="Share of non-zeros, for files that have "
                                                                           "shapes alone.")] = None,
    activation_density: Annotated[float | None, typer.Option(metavar="D", help="The same of activations.")] = None,
) -> None:
    """Draw the tensors of a published WORKLOAD: exact densities, spread as in recorded networks."""
    from accelsim.workload.synthetic import draw_trace
    from accelsim.workload.trace import writable

    writable(output)
    drawn = draw_trace(workload, seed, batch, values, uniform, layers=layer, weight_density=weight_density,
                       activation_density=activation_density)
    path = drawn.save(output)
    typer.echo(f"{path}: {drawn.name}, {len(drawn)} layers, digest {drawn.digest}")
