"""The commands that make traces of your own models: record and prune."""

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Checked, TraceArgument
from accelsim.workload.importers.limits import Limits


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    for command in (record, prune):
        app.command()(checked(command))



def record(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An .onnx, .tflite, .pt2 or TorchScript file, "
                                                              "module:callable, or weights (.safetensors, their index, "
                                                              ".npz, a saved state dict; with --network). TorchScript "
                                                              "and .pt2 files are programs: only known operators "
                                                              "run.")],
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
    activation_bits: Annotated[int | None, typer.Option(help="Of activations alone.")] = None,
    per_channel: Annotated[bool, typer.Option("--per-channel", help="A weight scale per output.")] = False,
    unrolled: Annotated[bool, typer.Option("--unrolled", help="Recurrent cells as their steps' products.")] = False,
    skip: Annotated[list[str] | None, typer.Option(metavar="OPERATOR", help="Leave operators out by type or name; the "
                                                                            "trace says so. Repeatable.")] = None,
    size: Annotated[str | None, typer.Option(metavar="HxW", help="Of images, where the model leaves it open.")] = None,
    mean: Annotated[str, typer.Option(metavar="R,G,B", help="Taken off pixels / 255.")] = "0",
    std: Annotated[str, typer.Option(metavar="R,G,B", help="What that is divided by.")] = "1",
    bgr: Annotated[bool, typer.Option("--bgr", help="Channels in the order blue, green, red.")] = False,
    max_seconds: Annotated[float, typer.Option(help="CPU time of one run of the model.")] = Limits.seconds,
    max_gib: Annotated[float, typer.Option(help="Memory of what one run makes, beside the weights.")] = Limits.gib,
    max_constant_mib: Annotated[float, typer.Option(help="Memory of one constant that the model computes."
                                                    )] = Limits.constant_mib,
) -> None:
    """Run MODEL on inputs and record weights and real activations of every layer as a trace."""
    from accelsim.report.progress import progress
    from accelsim.workload.importers.samples import image_rule
    from accelsim.workload.output_drift import drift_text
    from accelsim.workload.record import record as record_model
    from accelsim.workload.trace import writable

    writable(output)
    with progress("recording") as step:
        trace = record_model(model, [*input_, *(more or [])], prune, samples, bits, activation_bits=activation_bits,
                             per_channel=per_channel, unrolled=unrolled, network=network, keep=keep or (),
                             skip=skip or (), image=image_rule(size, mean, std, bgr),
                             limits=Limits(max_seconds, max_gib, max_constant_mib), progress=step)
    trace.save(output)
    typer.echo(f"{output}: {trace!r}, digest {trace.digest}")
    for name in trace.made_by["left_out"]:
        typer.echo(f"left out: {name}")
    for pruning in trace.made_by.get("pruning", []):
        typer.echo(f"{pruning['spec']}: weight sparsity {pruning['sparsity']:.1%}; {pruning['method']}")
        typer.echo(f"output drift against the dense model: {drift_text(pruning['drift'])}")
    typer.echo(f"output drift of {bits}-bit operands against floats: {drift_text(trace.made_by['rounding_drift'])}")
    if "warning" in trace.made_by:
        typer.echo(f"warning: {trace.made_by['warning']}", err=True)


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
    from accelsim.report.workloads import pruning_text
    from accelsim.workload.prune import prune as prune_trace
    from accelsim.workload.trace import load_trace, writable

    if (spec is None) == (nm is None):
        raise PruneError("give one of --spec SPEC (for example --spec magnitude:0.9) and --nm N:M")
    writable(output)
    pruned = prune_trace(load_trace(trace), spec or f"nm:{nm}", skip or ())
    pruned.save(output)
    typer.echo(f"{pruning_text(pruned)}\n{output}: digest {pruned.digest}")
