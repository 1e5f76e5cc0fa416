"""SparseNN: Zhu et al., "SparseNN: An Energy-Efficient Neural Network Accelerator ...", DATE 2018."""

from functools import cache, partial

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Trend
from accelsim.workload.matmul import Matmul, linear

SHAPES = {"784x1000": (784, 1000, .2), "1000x1000": (1000, 1000, .3)}  # inputs, outputs, share of inputs
PLANTED_RANK, KEPT = 12, .3


@cache
def layer(name: str) -> Matmul:
    """Weights of low rank with noise, positive sums in about the rows that a direction of the inputs selects."""
    inputs, outputs, share = SHAPES[name]
    rng = np.random.default_rng(7)
    v = rng.standard_normal((PLANTED_RANK, inputs))
    vector = rng.integers(1, 100, inputs) * (rng.random(inputs) < share)
    u = rng.standard_normal((outputs, PLANTED_RANK))
    own = v @ vector
    wanted = np.where(rng.random(outputs) < KEPT, 1, -1)
    u *= (wanted * np.sign(u @ own))[:, None]
    weights = u @ v + .3 * rng.standard_normal((outputs, inputs))
    return linear(name, np.clip(np.rint(12 * weights), -127, 127).astype(np.int8), vector.astype(np.int8))


@cache
def run(name: str, predictor: str = "svd") -> RunNumbers:
    return measured(layer(name), "sparsenn", predictor=predictor)


def gain_percent(name: str) -> float:
    """Throughput over the same machine that sends all rows."""
    return 100 * (run(name, "off").cycles / run(name).cycles - 1)


def predictor_percent(name: str) -> float:
    """The predictor's multiplications over those of the dense layer."""
    return 100 * run(name).counts["predictor_macs"] / run(name).macs_dense


@cache
def dense_rows(inputs: int, share: float, seed: int) -> int:
    """Cycles of phase W on a mask of a third party."""
    vector = np.random.default_rng(seed).random(inputs) < share
    return measured(linear("w", np.ones((1000, inputs), bool), vector), "sparsenn", predictor="off").cycles


W_PHASE = Group(
    "Phase W on dense rows", "EIE-simulator, the authors' cycle simulator, with a bias of none",
    "masks drawn from given seeds, all weights non-zero, all rows kept",
    (Claim("w.784", "1000 x 784, 20 % of the inputs, cycles", Exact(2440), lambda: dense_rows(784, .2, 1)),
     Claim("w.1000", "1000 x 1000, 30 % of the inputs, cycles", Exact(4792), lambda: dense_rows(1000, .3, 3))))
GAINS = Group(
    "What predicted zeros save", "SparseNN paper, abstract",
    "8-bit weights of rank 12 with noise, drawn so that about 30 % of the outputs are above zero, a rank of 15; the "
    "paper's networks are not at hand",
    tuple(claim for name in SHAPES for claim in (
        Claim(f"{name}.gain", f"{name}: throughput gained", Trend("10 to 70", 10, 70),
              partial(gain_percent, name), "%"),
        Claim(f"{name}.predictor", f"{name}: predictor's multiplications over the layer's", Trend("below 5", high=5),
              partial(predictor_percent, name), "%"))))

CHAPTER = Chapter(
    "sparsenn", "SparseNN", ("sparsenn",),
    exact="Phase W equals the simulator of EIE's authors on dense rows.",
    abstracted="The predictor is a truncated SVD, the paper's is learned; phases never overlap; the tree is free.",
    groups=(W_PHASE, GAINS),
    unchecked=(("about half the power of designs that skip inputs alone", "no split of the power is known"),
               ("accuracy", "no property of a machine")))
