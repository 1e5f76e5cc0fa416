"""A layer on Procrustes: the passes of training one after the other."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.loops import loops_of
from accelsim.arch.training.procrustes.reference.training_pass import TrainingPass
from accelsim.arch.training.procrustes.reference.values import Tensors
from accelsim.arch.training.shared.reference.gradient import output_gradient
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import output_shape
from accelsim.workload.planar import as_images, from_images

STALLS = ("busy", "ineffectual", "barrier", "unused", "threshold", "glb")
COUNTS = ("macs", "register_accesses", "glb_reads", "glb_writes", "mask_words", "pointer_reads", "displaced_words",
          "spilled_words", "sort_swaps", "gradients_filtered", "weights_recomputed", "dram_weight_reads",
          "dram_activation_reads", "dram_writes")
PHASES = ("forward", "backward", "weight_update")


class Values(NamedTuple):
    """Results of the three passes, int64: y like `layer.output()`, dx like the activation, dw like the weight."""

    y: np.ndarray
    dx: np.ndarray
    dw: np.ndarray


def run(layer: Layer, config: ProcrustesConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the forward output, int64, shaped as `layer.output()`.

    config: the parameters of docs/machines/procrustes.md. policy: (work[set, pe, lane]) -> load[set, pe],
    displaced[set], swaps[set]. mapping: cycles, tile and sets of every pass that is run.
    Raises TraceError for a pattern-only layer, UnsupportedLayerError when no tile of a pass fits or the operator is
    unknown, ModelError when the policy loses work.
    """
    phases = [phase for phase in PHASES if phase in config.phases]
    if layer.name in (config.input_layers or ()) and "backward" in phases:
        phases.remove("backward")
    done, tensors = _train(layer, config, policy, phases)
    if "forward" not in phases:
        _compute_output(tensors)
    stalls = sum((one.stalls for one in done), Counter[str]())
    counts = sum((one.counts for one in done), Counter[str]())
    mapping = {key: value for one in done for key, value in one.mapping.items()}
    work = sum((one.work for one in done), np.zeros((config.pe_rows, config.pe_cols), np.int64))
    return LayerRun(sum(one.cycles for one in done), config.pe_rows * config.pe_cols,
                    {name: stalls[name] for name in STALLS}, {name: counts[name] for name in COUNTS}, mapping=mapping,
                    output=from_images(layer, tensors.y), tiles=_tiles(done, config),
                    work=PeWork.of(work, ("busy", "ineffectual")))


def passes(layer: Layer, config: ProcrustesConfig, policy: Policy) -> Values:
    """y, dL/dx and dL/dW (zero where the mask is not set) as the array computes them, all three passes run.

    dL/dy is drawn as the page says. Raises as `run` does.
    """
    _, tensors = _train(layer, config, policy, list(PHASES))
    return Values(from_images(layer, tensors.y), from_images(layer, tensors.dx),
                  tensors.dw.reshape(layer.weight.shape))


def _train(layer: Layer, config: ProcrustesConfig, policy: Policy,
           phases: Sequence[str]) -> tuple[list[TrainingPass], Tensors]:
    """The passes, run in order, and the tensors they leave."""
    loops = loops_of(layer, config.sparse)
    tensors = Tensors(loops, as_images(layer, output_gradient(config.gradient_seed, output_shape(layer))))
    done = [TrainingPass(loops, config, phase) for phase in phases]
    for one in done:
        one.run(policy, tensors)
    return done, tensors


def _tiles(done: list[TrainingPass], config: ProcrustesConfig) -> Tiles:
    """What the passes move from and to DRAM, without what is resident; None where memory takes no time."""
    return Tiles.joined([one.tiles for one in done])


def _compute_output(tensors: Tensors) -> None:
    """The output that a run without a forward pass starts from: weight by weight, at no cost."""
    loops = tensors.loops
    for weight in loops.weights():
        tensors.multiply("forward", weight, range(loops.images), range(loops.rows.outputs), range(loops.cols.outputs))
