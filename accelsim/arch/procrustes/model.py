"""Procrustes as the house sees it: names, the passes of a layer, and the two engines.

Source: Yang et al., MICRO 2020, and the authors' simulator; the rules, each with its source, are in
docs/machines/procrustes.md. Exact: tiles, waves and barriers on the real masks, half-tile pairing, the threshold unit.
Abstracted: DRAM (words; time with `dram`, spread evenly over tiles), conflicts between banks (a bound on a pass's
words), the network (no time).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from accelsim.arch.base import LayerRun, Machine, Policy
from accelsim.arch.procrustes.config import Phase, ProcrustesConfig
from accelsim.arch.procrustes.geometry import loops_of
from accelsim.arch.procrustes.passes import PassRun, mask_of, pass_tiles, run_pass
from accelsim.arch.procrustes.policies import POLICIES
from accelsim.arch.procrustes.traffic import Words
from accelsim.hw.energy import Action
from accelsim.hw.memory.tiles import Tiles
from accelsim.loads import PeWork
from accelsim.workload.layer import Layer

WORD_BITS = 32  # everything is fp32 [authors' code]


class Procrustes(Machine):
    """Sparse training with waves of PE tiles. Policies: see `accelsim.arch.procrustes.policies`."""

    kind: ClassVar[str] = "procrustes"
    version: ClassVar[int] = 2
    config = ProcrustesConfig
    stalls = ("busy", "ineffectual", "barrier", "unused", "threshold", "glb")
    counts = ("macs", "register_accesses", *Words._fields[:6], "sort_swaps", "gradients_filtered",
              "weights_recomputed", *Words._fields[6:])
    policies = POLICIES
    stall_classes: ClassVar[Mapping[str, str]] = {"ineffectual": "compute", "barrier": "imbalance",
                                                  "unused": "imbalance"}
    mapping_keys = ("pe_rows", "pe_cols", "register_file_words", "dataflow", "phases", "input_layers", "sparse",
                    "tile_lanes", "tile_depth", "tile_plane", "weight_fill_percent")

    def run(self, layer: Layer, config: ProcrustesConfig, policy: Policy) -> LayerRun:
        loops = loops_of(layer)
        mask = mask_of(layer, loops, config.sparse)
        runs = {phase: run_pass(layer, loops, mask, phase, config, policy) for phase in config.passes(layer.name)}
        times = loops.images * loops.positions * len(runs)
        filtered = mask.bits if "weight_update" in runs and config.sparse and config.threshold_unit else 0
        stalls = {"busy": mask.nonzeros * times, "ineffectual": (mask.bits - mask.nonzeros) * times}
        stalls |= {name: sum(getattr(run.time, name) for run in runs.values()) for name in self.stalls[2:]}
        words = {name: sum(getattr(run.words, name) for run in runs.values()) for name in Words._fields}
        counts = {"macs": mask.bits * times, "register_accesses": 4 * mask.bits * times,
                  "sort_swaps": sum(run.swaps for run in runs.values()), "gradients_filtered": filtered,
                  "weights_recomputed": filtered, **words}
        return LayerRun(
            cycles=sum(run.time.cycles for run in runs.values()), slots=config.slots, stalls=stalls,
            counts={name: counts[name] for name in self.counts}, notes=_notes(config, layer),
            mapping=_mapping(runs),
            work=PeWork.of(_work(runs, config), ("busy", "ineffectual")),
            tiles=None if config.dram is None else Tiles.joined([pass_tiles(run) for run in runs.values()])
            .without_resident(config.resident_weights, config.resident_activations),
        )

    def actions(self, config: ProcrustesConfig) -> Mapping[str, Action]:
        bits = Action("dram_bit", bits=WORD_BITS)  # with `dram` the memory timeline prices its bursts
        dram = {} if config.dram else dict.fromkeys(Words._fields[6:], bits)
        read, write = Action("glb_read", bits=WORD_BITS), Action("glb_write", bits=WORD_BITS)
        return {
            "macs": Action("multiply_add"),
            "register_accesses": Action("register_file", bits=WORD_BITS),
            "glb_reads": read,
            "glb_writes": write,
            "mask_words": read,
            "pointer_reads": read,
            "displaced_words": write,
            "spilled_words": read,
            "sort_swaps": Action("swap"),
            "gradients_filtered": Action("threshold"),
            "weights_recomputed": Action("recompute"),
        } | dram

    def bound_cycles(self, layer: Layer, config: ProcrustesConfig, run: LayerRun) -> int:
        """The policy `ideal` is the optimum of all: loads differ by one bit at most, and nothing is displaced."""
        return self.run(layer, config, POLICIES["ideal"]).cycles

    def sram_kbytes(self, config: ProcrustesConfig) -> float:
        """Global buffer and register files."""
        return (config.glb_words + config.slots * config.register_file_words) * WORD_BITS / 8192


def _notes(config: ProcrustesConfig, layer: Layer) -> tuple[str, ...]:
    if config.passes(layer.name) == ("forward",):
        return ()
    return ("training passes: " + ", ".join(phase.replace("_", " ") for phase in config.passes(layer.name)),)


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
