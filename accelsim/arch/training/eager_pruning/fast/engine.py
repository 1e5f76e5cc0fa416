"""The fast engine of Eager Pruning: a layer's passes are packed, timed and accounted, one after the other."""

from collections import Counter

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.fast.lowering import extents_of, pass_of
from accelsim.arch.training.eager_pruning.fast.passes import mapping_of, run_pass
from accelsim.arch.training.eager_pruning.machine import EagerPruning
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

STALLS, COUNTS = names(EagerPruning.stalls), names(EagerPruning.counts)


def run(layer: Layer, config: EagerPruningConfig, policy: Policy) -> LayerRun:
    extents = extents_of(layer)
    runs = {phase: run_pass(layer, extents, phase, config, policy) for phase in config.passes(layer.name)}
    stalls = sum((one.stalls for one in runs.values()), Counter[str]())
    counts = sum((one.counts for one in runs.values()), Counter[str]())
    nonzeros = pass_of(layer, extents, "forward", sparse=True).mask.sum(axis=(0, 1))  # by tap
    useful = int(nonzeros @ extents.meets) * len(runs)
    stalls["ineffectual"] = stalls["busy"] - useful
    stalls["busy"] = useful
    work = sum((one.packed.work for one in runs.values()), np.zeros(config.multipliers, np.int64))
    return LayerRun(sum(one.cycles for one in runs.values()), config.multipliers,
                    {name: stalls[name] for name in STALLS}, {name: counts[name] for name in COUNTS},
                    mapping=mapping_of(runs), tiles=Tiles.joined([one.tiles for one in runs.values()]),
                    work=PeWork.of(work[None], ("busy", "ineffectual")))
