"""What no placement of stationary values can beat on SIGMA (our own)."""

import numpy as np

from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.flexible.sigma.fast import bitmap


def any_placement_cycles(stationary: np.ndarray, streaming: np.ndarray, tile_width: int, config: SigmaConfig) -> int:
    """Lower bound over all placements of the packed bitmaps [row, word], the first one in the multipliers.

    Every K tile takes as many folds as its values fill and the words of its distinct k, or more; the drains are those
    of the array's fillings; what is loaded takes the bandwidth, less what may hide it.
    """
    everything = np.full(stationary.shape[1], np.iinfo(np.uint64).max, np.uint64)
    live = bitmap.column_or(streaming) if config.stationary_filter else everything
    values = bitmap.tile_counts(stationary, live, tile_width).sum(axis=1, dtype=np.int64)  # [tile]
    distinct = bitmap.tile_counts(bitmap.column_or(stationary)[None], live, tile_width)[:, 0]
    bandwidth, total = config.bandwidth_words_per_cycle, int(values.sum())
    if not total:
        return 0
    folds = -(-values // config.slots)
    steps = folds
    if config.streaming == "limited" and bandwidth < config.multipliers_per_dpe:
        steps = np.maximum(folds, -(-distinct // bandwidth))
    stream = len(streaming) * int(steps.sum())
    drains = int(folds.sum()) if config.drain_per_k_tile else max(1, total // config.slots)
    drains = 1 if config.overlap == "pipelined" else drains
    drain = drains * config.drain_cycles
    load = int((-(-values // bandwidth)).sum())
    hidden = {"none": 0, "pipelined": 0, "drain": drain, "load": drain + stream}[config.overlap]
    return stream + drain + max(1, load - hidden)
