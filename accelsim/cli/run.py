"""The main job: run."""

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from accelsim.cli.options import (
    ArchOption,
    Checked,
    GbpsOption,
    OutputFormat,
    PolicyOption,
    SetOption,
    TableOption,
    ThreadsOption,
    TraceArgument,
    changes_of,
)

if TYPE_CHECKING:
    from accelsim.result.result import Result
    from accelsim.timelines.timeline import Timeline


TimelineOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write what happens when, as a "
                                                     "trace-event file for Perfetto.")]
WindowOption = Annotated[str | None, typer.Option(metavar="A:B", help="Cycles that the timeline shows, of the run or "
                                                  "of --timeline-layer; A or B may be left out.")]
LayerOption = Annotated[str | None, typer.Option(metavar="NAME", help="The one layer that the timeline shows.")]
LimitOption = Annotated[int | None, typer.Option(metavar="N", help="Most events of the timeline (default: 250,000); "
                                                 "a message says what is left out.")]


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
    format_: Annotated[OutputFormat, typer.Option("--format", help="What is printed.")] = OutputFormat.table,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR",
                                                help="Also write result.json, layers.csv and table.txt there.")] = None,
    timeline: TimelineOption = None,
    timeline_window: WindowOption = None,
    timeline_layer: LayerOption = None,
    timeline_limit: LimitOption = None,
    threads: ThreadsOption = None,
    top: Annotated[int | None, typer.Option(metavar="N", min=0, help="Layers in each design's table, those that take "
                                            "longest first (default: all, or what fits a screen).")] = None,
) -> None:
    """Simulate TRACE on one or more architectures. Of several, one that cannot run is left out, and the status is 1."""
    from accelsim.cli.designs import checked_designs, run_all
    from accelsim.report import files
    from accelsim.workload.trace import load_trace

    changes = changes_of(set_, dram_gbps, energy_table)
    target = None if output is None else files.prepare(output)
    drawing = _drawing(timeline, len(arch), {"window": timeline_window, "layer": timeline_layer,
                                             "limit": timeline_limit})
    designs = checked_designs(arch, policy, changes)
    outcome = run_all(designs, load_trace(trace), engine.value, threads)
    results = outcome.results
    drawn = None if drawing is None else drawing(results[0])
    text = (files.as_table(results, files.layers_that_fit(results) if top is None else top)
            if format_ is OutputFormat.table
            else {OutputFormat.json: files.as_json, OutputFormat.csv: files.as_csv}[format_](results))
    if target is not None:
        files.write(target, results)
    if drawn is not None and timeline is not None:
        drawn.save(timeline)
    typer.echo(text)
    if drawn is not None:
        typer.echo(f"timeline {timeline}: {drawn.summary}", err=True)
    if outcome.refusals:
        raise typer.Exit(1)


def _drawing(path: Path | None, archs: int, options: dict[str, Any]) -> "Callable[[Result], Timeline] | None":
    """What draws the timeline of a result, everything about it that can be checked before being right."""
    from accelsim.errors import ConfigError

    given = {name: value for name, value in options.items() if value is not None}
    if path is None:
        if given:
            raise ConfigError(f"--timeline-{next(iter(given))} is given without --timeline FILE; give both")
        return None
    if archs != 1:
        raise ConfigError(f"--timeline shows one architecture, and --arch is given {archs} times; give it once")
    if "window" in given:
        given["window"] = _window(given["window"])

    from accelsim.timelines.timeline import timeline
    from accelsim.timelines.trace_event import prepare

    prepare(path)
    return lambda result: timeline(result, **given)


def _window(text: str) -> tuple[int | None, int | None]:
    """Begin and end of A:B."""
    from accelsim.errors import ConfigError

    match = re.fullmatch(r"(\d{0,18}):(\d{0,18})", text, re.ASCII)
    if match is None:
        raise ConfigError(f"--timeline-window {text[:60]!r}: wanted A:B, two numbers of cycles such as 1000:2000 "
                          "(one may be left out)")
    begin, end = (int(part) if part else None for part in match.groups())
    return begin, end
