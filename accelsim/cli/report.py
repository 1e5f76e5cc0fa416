"""The commands that show results as a page or a figure: report and plot."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Checked

ResultsArgument = Annotated[list[Path], typer.Argument(metavar="RESULT...", help="result.json or policies.json, a "
                                                       "folder that -o wrote, or the store of a sweep; in any mix.")]


class Kind(StrEnum):
    """As in `accelsim.report.figures.KINDS`."""

    speedup = "speedup"
    energy = "energy"
    utilization = "utilization"
    stalls = "stalls"
    policies = "policies"
    roofline = "roofline"
    pareto = "pareto"
    heatmap = "heatmap"
    histogram = "histogram"


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    for command in (report, plot):
        app.command()(checked(command))


def report(
    results: ResultsArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAGE", help="The HTML file to write.")],
    title: Annotated[str, typer.Option(help="Of the page.")] = "accelsim report",
) -> None:
    """Make one HTML page of RESULTs that opens anywhere, without a network."""
    from accelsim.report.page import write_page

    write_page(results, output, title)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def plot(
    kind: Annotated[Kind, typer.Argument(help="What to draw.")],
    results: ResultsArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FIGURE", help="The .pdf, .svg or .png to write.")],
    wide: Annotated[bool, typer.Option("--wide", help="7 inches, a page, instead of 3.33, a column.")] = False,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Of heatmap and histogram (default: all layers "
                                                                  "added up).")] = None,
    axes: Annotated[str, typer.Option(metavar="COLUMN,COLUMN",
                                      help="Of pareto; -COLUMN is maximised.")] = "time,energy",
) -> None:
    """Draw RESULTs as a figure for a paper."""
    from accelsim.report.figures import draw

    draw(kind.value, results, output, width="page" if wide else "column", layer=layer, axes=axes.split(","))
    typer.echo(f"{output}")
