"""Systolic arrays: the baseline beside SIGMA, and the first TPU (Jouppi et al., ISCA 2017)."""

from functools import cache

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Table
from accelsim.workload.matmul import linear

REPORTED = {  # M, N, K: cycles
    (128, 2048, 4096): 73_728, (1632, 36548, 1024): 3_827_616, (1024, 16, 500_000): 5_000_960,
    (31999, 1024, 84): 257_688, (2048, 1, 128): 2_304}


def gemm_cycles(shape: tuple[int, int, int]) -> int:
    m, n, k = shape
    return measured(linear("gemm", np.ones((m, k), bool), np.ones((n, k), bool)), "tpu_128x128").cycles


BASELINE = Group(
    "The array of 128 x 128 beside SIGMA",
    "TeAAL artifact, column 'reported' for the TPU (a model of the authors, not silicon)",
    "none: a dense array's cycles do not depend on the data; load, streaming and skew are paid in sequence, the better "
    "operand is stationary",
    tuple(Claim(f"reported.{'-'.join(map(str, shape))}", "-".join(map(str, shape)), Exact(cycles),
                lambda shape=shape: gemm_cycles(shape), "cycles") for shape, cycles in REPORTED.items()),
    seconds=1)


@cache
def one_tile(batch: int, arch: str = "tpu_v1") -> RunNumbers:
    """256 inputs and 256 outputs: one tile of weights."""
    return measured(linear("fc", np.ones((256, 256), bool), np.ones((batch, 256), bool)), arch)


@cache
def small_batch() -> float:
    """Cycles for each tile of weights when a batch of 16 waits for 16 tiles."""
    weight = np.random.default_rng(0).integers(1, 9, (1024, 1024))
    return measured(linear("fc", weight, np.ones((16, 1024), np.int8)), "tpu_v1_dram").cycles / 16


TPU = Group(
    "The first TPU", "TPU paper, section 2",
    "preset tpu_v1, with DRAM tpu_v1_dram; 16-bit words, where the chip has 8-bit ones, so a tile is twice as large",
    (Claim("tpu.batch", "cycles of one more batch of 256 vectors through a tile", Exact(256),
           lambda: one_tile(512).cycles - one_tile(256).cycles, "cycles", note="B x 256 takes B cycles"),
     Claim("tpu.peak", "peak", Table(92, rel=.01), lambda: one_tile(256).peak_tops, "TOPS"),
     Claim("tpu.weights", "cycles to bring a tile of 64 Ki words at 34 GB/s", Table(2 * 65_536 / 34 * .7, rel=.05),
           small_batch, "cycles", note="1,349 for the chip's 8-bit words, twice that for ours")))


CHAPTER = Chapter(
    "systolic", "Systolic arrays", ("systolic",),
    exact="Five published cycle counts, to the integer: tile load, streaming and skew of every tile.",
    abstracted="Bias, the accumulators' capacity and whatever is not the matrix unit: host, activation, pooling.",
    groups=(BASELINE, TPU),
    unchecked=(
        ("TPU paper, Table 3: array active, weight stall, weight shift, TOPS of six applications",
         "the networks are not public; that a small batch is bound by its weights is checked above"),
        ("efficiency and waste beside SIGMA", "in SIGMA's chapter"),
        ("75 W, 40 W, half speed for 8 x 16 bits", "power of the whole card; words are 16 bits here"),
        ("column combining: throughput, power and tiles of LeNet, VGG and ResNet",
         "weights are packed by retraining, which the "
         "array does not do; no pruned models are at hand"),
    ))
