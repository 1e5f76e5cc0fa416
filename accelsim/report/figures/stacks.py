"""Bars made of parts: where the slot-cycles of runs went, and the cycles of policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accelsim.errors import ReportError
from accelsim.report import colours
from accelsim.report.figures.choices import (
    MAX_HEIGHT_INCHES,
    Choices,
    check_legible,
    groups_of,
    layer_names,
    legend_below,
    legend_inches,
    name_rows,
    new_figure,
    readable,
    title,
)
from accelsim.report.sources import Collected
from accelsim.result.comparison import TOTAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class _Panel:
    """Rows of parts under each other; marks: a line on each row."""

    title: str
    label: str
    names: Sequence[str]
    parts: Sequence[Mapping[str, float]]
    marks: Sequence[float] = ()


def stalls(found: Collected, choices: Choices) -> "Figure":
    """Shares of all slot-cycles, per run and layer."""
    panels = []
    for group in groups_of(found, "stalls"):
        where = f" on {group.label}" if len(found.groups) > 1 else ""
        for run in group.runs:
            rows = [run.record.stalls, *(layer.stalls for layer in run.record.layers)]
            shares = [{name: 100 * n / (sum(row.values()) or 1) for name, n in row.items()} for row in rows]
            panels.append(_Panel(f"{run.label}{where}", "share of slot-cycles, %", layer_names(run), shares))
    return _stacked(panels, choices)


def policies(found: Collected, choices: Choices) -> "Figure":
    """Cycles of every policy, split by what the slots did; a black line is the bound. One panel per design."""
    if not found.comparisons:
        raise ReportError("policies are drawn from comparisons, and none was given; add a policies.json that "
                          "accelsim policies -o wrote")
    panels = []
    for comparison in found.comparisons:
        where = f" on {comparison.label}" if len(found.comparisons) > 1 else ""
        totals = [row for row in comparison.record.rows if row.layer == TOTAL]
        for design in dict.fromkeys(row.design for row in totals):
            rows = [row for row in totals if row.design == design]
            parts = [{name: row.cycles * n / (sum(row.stalls.values()) or 1) for name, n in row.stalls.items()}
                     for row in rows]
            panels.append(_Panel(f"{design}{where}", "cycles, split by what the slots did",
                                 [row.policy for row in rows], parts, [row.bound_cycles for row in rows]))
    return _stacked(panels, choices)


def _stacked(panels: Sequence[_Panel], choices: Choices) -> "Figure":
    present = dict.fromkeys(name for panel in panels for row in panel.parts for name, n in row.items() if n)
    names = sorted(present, key=lambda name: name.startswith("memory_"))  # stable: else in the machines' order
    columns = 1 if choices.width_inches < 5 or len(panels) == 1 else 2
    lines = [panels[i:i + columns] for i in range(0, len(panels), columns)]
    rows = [max(len(panel.names) for panel in line) for line in lines]
    fixed = 0.52 * len(lines) + legend_inches(names, choices.width_inches)
    row_inches = min(0.15, (MAX_HEIGHT_INCHES - fixed) / sum(rows))
    check_legible(row_inches, "stacked bars")
    figure = new_figure(choices.width_inches, fixed + row_inches * sum(rows))
    places = figure.subplots(len(lines), columns, squeeze=False, height_ratios=rows)
    handles: dict[str, object] = {}
    for axes, panel in zip(places.flat, panels, strict=False):
        handles |= _draw(axes, panel, names, row_inches)
    for axes in list(places.flat)[len(panels):]:
        axes.set_visible(False)
    legend_below(figure, [handles[name] for name in names], names, choices.width_inches)
    return figure


def _draw(axes: "Axes", panel: _Panel, names: Sequence[str], row_inches: float) -> dict[str, object]:
    left = [0.0] * len(panel.names)
    handles: dict[str, object] = {}
    for name, colour in colours.of_stalls(names).items():
        widths = [row.get(name, 0.0) for row in panel.parts]
        handles[name] = axes.barh(range(len(left)), widths, 0.8, left, color=colour, edgecolor="white", linewidth=0.25)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for row, mark in enumerate(panel.marks):
        axes.plot([mark, mark], [row - 0.45, row + 0.45], color="black", linewidth=1.4, solid_capstyle="butt")
    name_rows(axes, panel.names, row_inches)
    axes.set_xlim(0, None if panel.marks else 100)
    readable(axes.xaxis)
    axes.set_xlabel(panel.label)
    title(axes, panel.title)
    return handles
