"""Points: layers under the roofs of their machines, and design points with the front of those no other beats."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelsim.errors import ReportError
from accelsim.report import colours
from accelsim.report.figures.choices import (
    Choices,
    groups_of,
    legend_below,
    legend_inches,
    new_figure,
    plain,
    readable,
    title,
)
from accelsim.report.sources import Collected, Run
from accelsim.study.pareto import Objective, costs, pareto_rows, parse_objectives
from accelsim.study.where import column_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_RASTER_POINTS = 2000  # more are drawn as an image inside of the figure
_TITLES = {"time_us": "time, µs", "energy_pj": "energy, µJ", "area_mm2": "area, mm²", "sram_kbytes": "SRAM, KiB",
           "cycles": "cycles", "utilization": "utilization, share of slot-cycles"}
_TIMES = {"energy_pj": 1e-6}  # from a column's unit to that of its axis
_UNITS = {"stall.": "slot-cycles", "count.": "count", "energy_pj.": "pJ"}


def roofline(found: Collected, choices: Choices) -> "Figure":
    """Effectual MACs per second against MACs per byte of DRAM traffic, under min(slots, bandwidth)."""
    runs = [run for group in groups_of(found, "roofline") for run in group.runs if run.record.dram_gbps]
    points = {id(run): _layers_with_traffic(run) for run in runs}
    runs = [run for run in runs if points[id(run)]]
    if not runs:
        raise ReportError("roofline is drawn over DRAM traffic, which none of these runs has; run with --dram-gbps G")
    labels = [run.label if len(found.groups) == 1 else f"{run.label}, {run.record.trace}" for run in runs]
    figure = new_figure(choices.width_inches, 2.3 + legend_inches(labels, choices.width_inches))
    axes = figure.subplots()
    ridges = [_peak(run) / (run.record.dram_gbps or 1.0) for run in runs]
    sides = [x for run in runs for x, _ in points[id(run)]] + ridges
    low, high = min(sides) / 3, max(sides) * 3
    handles = []
    for place, (run, ridge) in enumerate(zip(runs, ridges, strict=True)):
        colour = colours.SERIES[place % len(colours.SERIES)]
        roof = [min(_peak(run), x * (run.record.dram_gbps or 0.0)) for x in (low, ridge, high)]
        axes.plot([low, ridge, high], roof, color=colour)
        xs, ys = zip(*points[id(run)], strict=True)
        handles.append(axes.plot(xs, ys, _MARKERS[place % len(_MARKERS)], color=colour, markersize=4,
                                 markeredgecolor="white", markeredgewidth=0.3)[0])
    axes.set_xscale("log")
    axes.set_yscale("log")
    readable(axes.xaxis)
    readable(axes.yaxis)
    axes.set_xlabel("effectual MACs per byte of DRAM traffic")
    axes.set_ylabel("10⁹ effectual MACs per second")
    axes.grid(linewidth=0.3, color="#d0d3d8")
    legend_below(figure, handles, labels, choices.width_inches)
    return figure


def pareto(found: Collected, choices: Choices) -> "Figure":
    """Design points, one panel per sweep (runs on one trace count as one), and their front as a line."""
    across, up = _two(choices.axes)
    panels = [(sweep.label, sweep.finished) for sweep in found.sweeps]
    panels += [(group.label, [_as_row(run) for run in group.runs]) for group in found.groups]
    panels = [(label, rows) for label, rows in panels if rows]
    if not panels:
        raise ReportError("pareto is drawn from the store of a sweep or from runs; none with a finished point was "
                          "given")
    archs = list(dict.fromkeys(str(row["arch"]) for _, rows in panels for row in rows))
    legend = legend_inches(archs, choices.width_inches) if len(archs) > 1 else 0.0
    figure = new_figure(choices.width_inches, 2.2 * len(panels) + legend)
    colour = colours.of_series(archs)
    handles: dict[str, Any] = {}
    for axes, (label, rows) in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        handles |= _points(axes, rows, (across, up), colour)
        if len(panels) > 1:
            title(axes, label)
    if len(archs) > 1:
        legend_below(figure, [handles[arch] for arch in archs], archs, choices.width_inches)
    return figure


def _points(axes: "Axes", rows: Sequence[Mapping[str, Any]], objectives: tuple[Objective, Objective],
            colour: Mapping[str, str]) -> dict[str, Any]:
    handles = {}
    for arch in dict.fromkeys(str(row["arch"]) for row in rows):
        own = [_place(row, objectives) for row in rows if str(row["arch"]) == arch]
        xs, ys = zip(*own, strict=True)
        handles[arch] = axes.plot(xs, ys, "o", color=colour[arch], markersize=2 if len(rows) > 200 else 3.5, alpha=0.7,
                                  markeredgewidth=0, rasterized=len(rows) > _RASTER_POINTS)[0]
    best = pareto_rows(rows, objectives)
    for digest in dict.fromkeys(row.get("trace_digest") for row in best):
        front = sorted(_place(row, objectives) for row in best if row.get("trace_digest") == digest)
        xs, ys = zip(*front, strict=True)
        axes.plot(xs, ys, color="#202124", linewidth=0.8, marker="o", markersize=3.5, markerfacecolor="none",
                  markeredgewidth=0.7, drawstyle="steps-post" if objectives[0].sign > 0 else "steps-pre")
    for objective, set_label, set_scale in ((objectives[0], axes.set_xlabel, axes.set_xscale),
                                            (objectives[1], axes.set_ylabel, axes.set_yscale)):
        column = column_name(objective.column, rows[0])
        set_label(_title(column))
        if all(row[column] > 0 for row in rows):
            set_scale("log")
    readable(axes.xaxis)
    readable(axes.yaxis)
    axes.grid(linewidth=0.3, color="#d0d3d8")
    return handles


def _place(row: Mapping[str, Any], objectives: Sequence[Objective]) -> tuple[float, float]:
    x, y = (cost * objective.sign * _TIMES.get(objective.column, 1)
            for cost, objective in zip(costs(row, objectives), objectives, strict=True))
    return x, y


def _two(names: Sequence[str]) -> tuple[Objective, Objective]:
    objectives = parse_objectives(names)
    if len(objectives) != 2:
        raise ReportError(f"--axes {','.join(names)}: wanted two columns, for example time,energy")
    return objectives[0], objectives[1]


def _as_row(run: Run) -> dict[str, Any]:
    record = run.record
    sizes = {} if record.area_mm2 is None else {"area_mm2": record.area_mm2}
    return {"run_id": record.run_id, "arch": run.label, "trace_digest": record.trace_digest,
            **record.totals.model_dump(), **sizes}


def _title(column: str) -> str:
    for prefix, unit in _UNITS.items():
        if column.startswith(prefix):
            return f"{plain(column.removeprefix(prefix))}, {unit}"
    return _TITLES.get(column, plain(column.removeprefix("config.")))


def _layers_with_traffic(run: Run) -> list[tuple[float, float]]:
    """(MACs per byte, 10^9 MACs per second) of each layer that has both."""
    return [(layer.macs_effectual / layer.dram_bytes, layer.macs_effectual / layer.time_us / 1e3)
            for layer in run.record.layers if layer.dram_bytes and layer.macs_effectual and layer.time_us]


def _peak(run: Run) -> float:
    """10^9 slots per second."""
    return max(layer.slots for layer in run.record.layers) * run.record.clock_mhz / 1e3
