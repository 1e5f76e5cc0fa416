"""The fast engine of procrustes: a layer is lowered, simulated and accounted."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.fast.geometry import loops_of
from accelsim.arch.training.procrustes.fast.passes import PassRun, mask_of, pass_tiles, run_pass
from accelsim.arch.training.procrustes.fast.traffic import Words
from accelsim.arch.training.procrustes.machine import Procrustes
from accelsim.arch.training.procrustes.policies import POLICIES
from accelsim.arch.training.shared.passes import Phase
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

STALLS, COUNTS = names(Procrustes.stalls), names(Procrustes.counts)


def run(layer: Layer, config: ProcrustesConfig, policy: Policy) -> LayerRun:
    loops = loops_of(layer)
    mask = mask_of(layer, loops, config.sparse)
    runs = {phase: run_pass(layer, loops, mask, phase, config, policy) for phase in config.passes(layer.name)}
    times = loops.images * loops.positions * len(runs)
    filtered = mask.bits if "weight_update" in runs and config.sparse and config.threshold_unit else 0
    stalls = {"busy": mask.nonzeros * times, "ineffectual": (mask.bits - mask.nonzeros) * times}
    stalls |= {name: sum(getattr(run.time, name) for run in runs.values()) for name in STALLS[2:]}
    words = {name: sum(getattr(run.words, name) for run in runs.values()) for name in Words._fields}
    counts = {"macs": mask.bits * times, "register_accesses": 4 * mask.bits * times,
              "sort_swaps": sum(run.swaps for run in runs.values()), "gradients_filtered": filtered,
              "weights_recomputed": filtered, **words}
    return LayerRun(
        cycles=sum(run.time.cycles for run in runs.values()), slots=config.slots, stalls=stalls,
        counts={name: counts[name] for name in COUNTS},
        mapping=_mapping(runs),
        work=PeWork.of(_work(runs, config), ("busy", "ineffectual")),
        tiles=Tiles.joined([pass_tiles(run) for run in runs.values()]),
    )


def _work(runs: Mapping[Phase, PassRun], config: ProcrustesConfig) -> np.ndarray:
    """Products of each PE [row, column] in all passes."""
    total: np.ndarray = sum((run.work for run in runs.values()), np.zeros((config.pe_rows, config.pe_cols), np.int64))
    return total


def _mapping(runs: Mapping[Phase, PassRun]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for phase, run in runs.items():
        mapping = run.mapping
        facts |= {f"{phase}_cycles": run.time.cycles, f"{phase}_sets": run.sets,
                  f"{phase}_tile": [mapping.lanes, mapping.depth, *mapping.plane]}
    return facts


def bound_cycles(layer: Layer, config: ProcrustesConfig, _: LayerRun) -> int:
    """The policy `ideal` is the optimum of all: loads differ by one bit at most, and nothing is displaced."""
    return run(layer, config, POLICIES["ideal"]).cycles
