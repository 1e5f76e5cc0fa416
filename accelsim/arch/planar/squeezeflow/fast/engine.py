"""The fast engine of squeezeflow: a layer is lowered, its broadcasts counted, and every slot-cycle accounted."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.planar.squeezeflow.config import SqueezeFlowConfig
from accelsim.arch.planar.squeezeflow.fast.lowering import CutAxis, SqueezeWork, lowered
from accelsim.arch.planar.squeezeflow.fast.traffic import tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer


class TileTimes(NamedTuple):
    """Cycles [image, tile], by what happens in them."""

    broadcasts: np.ndarray
    empty_kernel: np.ndarray
    fill: np.ndarray
    write_back: np.ndarray

    @property
    def cycles(self) -> np.ndarray:
        """All of a tile."""
        return self.broadcasts + self.empty_kernel + self.fill + self.write_back


def run(layer: Layer, config: SqueezeFlowConfig, policy: Policy) -> LayerRun:
    """Simulate. Raises UnsupportedLayerError for what is no convolution."""
    work = lowered(layer, config, policy)
    times = _times(work, config)
    cycles = int(times.cycles.sum())
    return LayerRun(cycles, config.pes, _stalls(layer, work, times, config), _counts(layer, work, times, config),
                    mapping={"tile_rows": work.rows.height, "tile_cols": work.cols.height,
                             "tiles": work.live.shape[1], "zero_input_tiles": int(np.count_nonzero(~work.live))},
                    tiles=tiles(work, times.cycles, config),
                    work=PeWork.of(_products(work, times, config), ("busy", "zero_input", "padding")))


def _times(work: SqueezeWork, config: SqueezeFlowConfig) -> TileTimes:
    least = np.maximum(work.weights, config.c_min)
    runs = work.runs.astype(np.int64)
    broadcasts, cycles = (runs @ work.over_filters(kernels) for kernels in (work.weights, least))
    nothing = np.zeros_like(broadcasts)
    fill = nothing if config.hide_fill else _filters_at_work(work, least) * (
        (work.conv.cols.taps - 1) * np.repeat(work.rows.outputs, len(work.cols.outputs)))
    write_back = nothing if config.hide_write_back else nothing + work.conv.filters * (
        -(-work.tile_outputs // config.port_words))
    return TileTimes(broadcasts, cycles - broadcasts, fill, write_back)


def _filters_at_work(work: SqueezeWork, least: np.ndarray) -> np.ndarray:
    """Filters [image, tile] that take a cycle for some channel."""
    groups, per_group = work.conv.groups, least.shape[1]
    of_group = (least > 0).reshape(groups, -1, per_group)  # [group, filter, channel]
    images, tiles_of_image, _ = work.runs.shape
    runs = work.runs.reshape(images, tiles_of_image, groups, per_group).astype(np.float32)
    meets = np.einsum("itgc,gkc->itgk", runs, of_group.astype(np.float32)) > 0
    return np.count_nonzero(meets.reshape(images, tiles_of_image, -1), axis=2)


def _stalls(layer: Layer, work: SqueezeWork, times: TileTimes, config: SqueezeFlowConfig) -> dict[str, int]:
    outputs, busy = work.tile_outputs, layer.macs_effectual
    met, formed = int(_inside(work).sum()), int((times.broadcasts * outputs).sum())
    waits = {name: int((getattr(times, name) * outputs).sum()) for name in ("empty_kernel", "fill", "write_back")}
    return {"busy": busy, "zero_input": met - busy, "padding": formed - met} | waits | {
        "outside_tile": int((times.cycles * (config.pes - outputs)).sum())}


def _inside(work: SqueezeWork) -> np.ndarray:
    """Products [image] whose input lies in the plane."""
    conv = work.conv
    per_tap = conv.weight.reshape(conv.groups, -1, *conv.weight.shape[1:]).sum(axis=1)
    per_tap = per_tap.reshape(conv.channels, *conv.weight.shape[2:])  # weights of a channel and tap
    met = np.einsum("yr,xs,crs->yxc", work.rows.inside, work.cols.inside, per_tap, optimize=True)
    products: np.ndarray = np.einsum("itc,tc->i", work.runs.astype(np.int64), met.reshape(-1, conv.channels))
    return products


def _counts(layer: Layer, work: SqueezeWork, times: TileTimes, config: SqueezeFlowConfig) -> dict[str, int]:
    runs, outputs, planes = work.runs.astype(np.int64), work.tile_outputs, work.tile_inputs
    least = np.maximum(work.weights, config.c_min) > 0
    run_kernels, sent_kernels = (runs @ work.over_filters(kernels) for kernels in (least, work.weights > 0))
    all_kernels = work.weights.size * runs.shape[0] * runs.shape[1]
    return {
        "macs": layer.macs_effectual,
        "multiplies": int((times.broadcasts * outputs).sum()),
        "weights_broadcast": int(times.broadcasts.sum()),
        "kernels_run": int(run_kernels.sum()),
        "kernels_skipped": all_kernels - int(run_kernels.sum()),
        "weight_entries": work.entries * runs.shape[0] * runs.shape[1],
        "input_words": int((sent_kernels * planes).sum()),
        "neighbour_moves": int(((times.broadcasts - sent_kernels) * outputs).sum()),
        "output_writes": work.conv.outputs,
    }


def _products(work: SqueezeWork, times: TileTimes, config: SqueezeFlowConfig) -> np.ndarray:
    """Products [PE row, PE column], whatever their operands."""
    grid = times.broadcasts.sum(axis=0).reshape(len(work.rows.outputs), len(work.cols.outputs))
    products: np.ndarray = _holds(work.rows, config.tile_rows).T @ grid @ _holds(work.cols, config.tile_cols)
    return products


def _holds(axis: CutAxis, pes: int) -> np.ndarray:
    """[tile, PE] 1 where the PE has an output of the tile."""
    return (np.arange(pes) < axis.outputs[:, None]).astype(np.int64)
