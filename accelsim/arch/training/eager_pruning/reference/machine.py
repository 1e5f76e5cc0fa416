"""A layer on Eager Pruning: the passes of training one after the other."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.reference.array import MultiplierArray
from accelsim.arch.training.eager_pruning.reference.memory import PassMemory
from accelsim.arch.training.eager_pruning.reference.operands import Operands
from accelsim.arch.training.eager_pruning.reference.packing import weight_list
from accelsim.arch.training.shared.passes import PHASES
from accelsim.arch.training.shared.reference.gradient import output_gradient
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import output_shape
from accelsim.workload.planar import Planar, PlanarAxis, as_images, from_images, planar

STALLS = ("busy", "ineffectual", "outside", "fragmented", "unused", "load", "drain")
COUNTS = ("macs", "tree_adds", "weight_reads", "mask_bits", "activation_reads", "sum_writes", "sum_reads",
          "dram_weight_bits", "dram_activation_bits", "dram_output_bits")


class Values(NamedTuple):
    """Results of the three passes, int64: y like `layer.output()`, dx like the activation, dw like the weight."""

    y: np.ndarray
    dx: np.ndarray
    dw: np.ndarray


class TrainingLayer:
    """A layer's tensors, and what its passes add up to."""

    def __init__(self, layer: Layer, config: EagerPruningConfig, policy: Policy) -> None:
        self.layer, self.config, self.policy = layer, config, policy
        self.planar: Planar[PlanarAxis] = planar(layer, PlanarAxis, "Eager Pruning")
        self.dy = as_images(layer, output_gradient(config.gradient_seed, output_shape(layer)))
        self.cycles = 0
        self.stalls, self.counts = Counter[str](), Counter[str]()
        self.mapping: dict[str, int] = {}
        self.tiles: list[Tiles] = []
        self.work = np.zeros(config.multipliers, np.int64)

    def run(self, phase: str) -> np.ndarray:
        """One pass. Returns y, dL/dx (as images) or dL/dW."""
        operands = Operands(self.planar, self.dy, phase, self.config.sparse)
        weights = weight_list(operands, self.config, self.policy)
        preset = np.zeros((operands.owners, len(operands.positions)), np.int64)
        if phase == "forward":
            preset += self.planar.bias[:, None]
        array = MultiplierArray(operands, weights, self.config, preset)
        array.run()
        tiles = PassMemory(operands, weights, self.config).tiles(array.stream_ends, array.cycle)
        self.cycles += array.cycle
        self.stalls.update(array.stalls)
        self.counts.update(array.counts)
        self.counts.update(mask_bits=weights.mask_bits * self.config.sparse,
                           dram_weight_bits=int(tiles.weight_bits.sum()),
                           dram_activation_bits=int(tiles.activation_bits.sum()),
                           dram_output_bits=int(tiles.output_bits.sum()))
        self.work += array.products
        self.tiles.append(tiles)
        self.mapping |= {f"{phase}_cycles": array.cycle, f"{phase}_tiles": len(weights.tiles)}
        if phase == "weight_update":
            return array.gradients
        like = self.planar.activation if phase == "backward" else self.dy
        images, _, height, width = like.shape
        return array.sums.reshape(-1, images, height, width).swapaxes(0, 1)


def run(layer: Layer, config: EagerPruningConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the forward output, which a run without that pass starts from."""
    phases = [phase for phase in PHASES if phase in config.phases]
    if layer.name in config.input_layers and "backward" in phases:
        phases.remove("backward")
    whole = TrainingLayer(layer, config, policy)
    results = {phase: whole.run(phase) for phase in phases}
    output = results["forward"] if "forward" in results else TrainingLayer(layer, config, policy).run("forward")
    return LayerRun(whole.cycles, config.multipliers, {name: whole.stalls[name] for name in STALLS},
                    {name: whole.counts[name] for name in COUNTS}, mapping=whole.mapping,
                    output=from_images(layer, output), tiles=Tiles.joined(whole.tiles),
                    work=PeWork.of(whole.work[None], ("busy", "ineffectual")))


def passes(layer: Layer, config: EagerPruningConfig, policy: Policy) -> Values:
    """y, dL/dx and dL/dW (zero where the mask drops the weight) as the multipliers compute them."""
    whole = TrainingLayer(layer, config, policy)
    y, dx, dw = (whole.run(phase) for phase in PHASES)
    return Values(from_images(layer, y), from_images(layer, dx), dw.reshape(layer.weight.shape))
