"""The work of single PEs, for results that have it: a map of the grid, and a histogram."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.errors import ReportError
from accelsim.report import colours
from accelsim.report.figures.choices import WHOLE, Choices, groups_of, new_figure, readable, title
from accelsim.report.sources import Collected, Run
from accelsim.result.work import WorkRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heatmap(found: Collected, choices: Choices) -> "Figure":
    """Slot-cycles of work per PE on the grid, one panel per run that has it; a line of PEs is drawn as a strip."""
    works = _told(found, choices, "heatmap")
    columns = min(len(works), 1 if choices.width_inches < 5 else 2)
    maps = [_per_pe(work) for _, work in works]
    lines = [works[i:i + columns] for i in range(0, len(works), columns)]
    room = choices.width_inches / columns - 1.3
    heights = [max(0.3 if 1 in work.grid else room * min(1.4, max(0.25, work.grid[0] / work.grid[1]))
                   for _, work in line) + 0.62 for line in lines]
    figure = new_figure(choices.width_inches, sum(heights))
    places = figure.subplots(len(lines), columns, squeeze=False, height_ratios=heights)
    for axes, (label, work), per_pe in zip(places.flat, works, maps, strict=False):
        rows, cols = work.grid
        line_of_pes = 1 in work.grid
        wide, high = (rows * cols, 1) if line_of_pes else (cols, rows)
        image = axes.imshow(per_pe.reshape(1, -1) if line_of_pes else per_pe, cmap=colours.SEQUENTIAL, vmin=0,
                            extent=(-0.5, wide - 0.5, high - 0.5, -0.5), interpolation="nearest",
                            aspect="equal" if 0.25 <= high / wide <= 4 else "auto")
        axes.set_xlabel("PE" if line_of_pes else "PE column")
        axes.locator_params(axis="x", integer=True, nbins=6)
        if line_of_pes:
            axes.set_yticks([])
        else:
            axes.set_ylabel("PE row")
            axes.locator_params(axis="y", integer=True, nbins=6)
        title(axes, label)
        label = "slot-cycles\nper PE" if line_of_pes else "slot-cycles of work per PE"
        bar = figure.colorbar(image, ax=axes, label=label)
        readable(bar.ax.yaxis, 2 if line_of_pes else 5)
    for axes in list(places.flat)[len(works):]:
        axes.set_visible(False)
    return figure


def histogram(found: Collected, choices: Choices) -> "Figure":
    """How many PEs have how much work, one panel per run that has it."""
    works = _told(found, choices, "histogram")
    columns = min(len(works), 1 if choices.width_inches < 5 else 2)
    lines = -(-len(works) // columns)
    figure = new_figure(choices.width_inches, 1.55 * lines + 0.1)
    places = figure.subplots(lines, columns, squeeze=False)
    for axes, (label, work) in zip(places.flat, works, strict=False):
        bins = work.histogram
        single = bins.block == [1, 1]
        axes.bar([i * bins.width for i in range(len(bins.cells))], bins.cells, bins.width, align="edge",
                 color=colours.SERIES[0], edgecolor="white", linewidth=0.3)
        of = "PE" if single else f"block of {bins.block[0]} x {bins.block[1]} PEs"
        axes.set_xlabel(f"slot-cycles of work of a {of}")
        axes.set_ylabel("number of PEs" if single else "number of blocks")
        axes.locator_params(axis="y", integer=True, nbins=5)
        axes.set_xlim(left=0)
        readable(axes.xaxis)
        title(axes, label)
    for axes in list(places.flat)[len(works):]:
        axes.set_visible(False)
    return figure


def _told(found: Collected, choices: Choices, kind: str) -> list[tuple[str, WorkRecord]]:
    groups = groups_of(found, kind)
    runs = [run for group in groups for run in group.runs]
    layer = choices.layer
    names = list(dict.fromkeys(one.name for run in runs for one in run.record.layers))
    if layer is not None and layer not in names:
        raise ReportError(f"--layer {layer[:80]!r}: no run has such a layer; they have {', '.join(names)[:300]}")
    works = [(f"{run.label}, {layer or WHOLE}", work) for run in runs if (work := _work(run, layer)) is not None]
    if not works:
        raise ReportError(f"{kind} needs the work of each PE, which none of these results gives"
                          + ("" if layer else " for all layers on one grid; choose one with --layer NAME, or run again")
                          + "; not every machine reports it (docs/results.md)")
    return works


def _work(run: Run, layer: str | None) -> WorkRecord | None:
    """The work in a layer, or in all layers together if they have the same grid."""
    layers = [one for one in run.record.layers if layer is None or one.name == layer]
    works = [one.work for one in layers if one.work is not None]
    if not works or len(works) < len(layers) or len({(*work.grid, *work.block) for work in works}) > 1:
        return None
    if len(works) == 1:
        return works[0]
    return works[0].with_cells(np.sum([work.cells for work in works], axis=0))


def _per_pe(work: WorkRecord) -> np.ndarray:
    """Work per PE [block row, block column]; blocks at the lower and right edge have fewer PEs."""
    high, wide = (_block_sizes(side, block) for side, block in zip(work.grid, work.block, strict=True))
    per_pe: np.ndarray = np.reshape(work.cells, work.blocks) / np.outer(high, wide)
    return per_pe


def _block_sizes(side: int, block: int) -> np.ndarray:
    return np.array([min(block, side - start) for start in range(0, side, block)])
