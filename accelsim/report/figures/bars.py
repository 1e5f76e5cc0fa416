"""Bars of each run beside each other, layer by layer: speed-up, energy, utilization."""

from collections.abc import Callable
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
    plain,
    readable,
    title,
)
from accelsim.report.sources import Collected, Run, TraceRuns
from accelsim.result.records import Totals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Value = Callable[[Totals, Totals], float]  # of a part of a run (all of it, or a layer) and the same of the first run
_PANEL_INCHES = 0.65  # title and axis of a panel


def speedup(found: Collected, choices: Choices) -> "Figure":
    """Time of the first run on a trace over that of each run."""
    return _grouped(groups_of(found, "speedup"), choices, lambda group: f"speed-up over\n{plain(group.runs[0].label)}",
                    lambda part, first: first.time_us / part.time_us if part.time_us else 0.0, line_at=1)


def energy(found: Collected, choices: Choices) -> "Figure":
    """Energy of each run, nJ."""
    return _grouped(groups_of(found, "energy"), choices, lambda group: "energy, nJ",
                    lambda part, first: part.energy_pj / 1e3)


def utilization(found: Collected, choices: Choices) -> "Figure":
    """Busy share of all slot-cycles."""
    return _grouped(groups_of(found, "utilization"), choices, lambda group: "utilization, % of slot-cycles",
                    lambda part, first: 100 * part.utilization)


def _grouped(groups: list[TraceRuns], choices: Choices, label: Callable[[TraceRuns], str], value: Value,
             line_at: float | None = None) -> "Figure":
    most = max(len(group.runs) for group in groups)
    bars = [len(layer_names(group.runs[0])) * (len(group.runs) + 1) for group in groups]
    names = list(dict.fromkeys(run.label for group in groups for run in group.runs))
    if len(names) > len(colours.SERIES):
        raise ReportError(f"{len(names)} runs are more than the {len(colours.SERIES)} colours that can be told apart; "
                          "give fewer, or look at accelsim report")
    legend = legend_inches(names, choices.width_inches) if len(names) > 1 else 0.0
    fixed = _PANEL_INCHES * len(groups) + legend
    bar_inches = min(0.085, (MAX_HEIGHT_INCHES - fixed) / sum(bars))
    check_legible(bar_inches * (most + 1), "bars")
    figure = new_figure(choices.width_inches, fixed + max(0.6, bar_inches * sum(bars)))
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=bars)[:, 0]
    colour = colours.of_series(names)
    handles: dict[str, object] = {}
    for group, axes in zip(groups, panels, strict=True):
        handles |= _panel(axes, group, value, colour, bar_inches)
        axes.set_xlabel(label(group))
        if line_at is not None:
            axes.axvline(line_at, color="#202124", linestyle="--", linewidth=0.7)
        if len(groups) > 1:
            title(axes, group.label)
    if len(names) > 1:
        legend_below(figure, list(handles.values()), handles, choices.width_inches)
    return figure


def _panel(axes: "Axes", group: TraceRuns, value: Value, colour: dict[str, str],
           bar_inches: float) -> dict[str, object]:
    names = layer_names(group.runs[0])
    height = 1 / (len(group.runs) + 1)
    first = _parts(group.runs[0])
    handles: dict[str, object] = {}
    for place, run in enumerate(group.runs):
        parts = _parts(run)
        middle = [row + (place - (len(group.runs) - 1) / 2) * height for row in range(len(names))]
        values = [value(part, start) for part, start in zip(parts, first, strict=True)]
        handles[run.label] = axes.barh(middle, values, height * 0.92, color=colour[run.label])
    name_rows(axes, names, bar_inches * (len(group.runs) + 1))
    axes.grid(axis="x", linewidth=0.3, color="#d0d3d8")
    axes.set_axisbelow(True)
    axes.margins(x=0.02)
    readable(axes.xaxis)
    return handles


def _parts(run: Run) -> list[Totals]:
    return [run.record.totals, *run.record.layers]
