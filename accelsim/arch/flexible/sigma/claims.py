"""SIGMA: Qin et al., "SIGMA: A Sparse and Irregular GEMM Accelerator with Flexible Interconnects for DNN Training",
HPCA 2020, and the figures that the TeAAL artifact lists of it."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, bitmap, measured
from accelsim.validation.target import Range, Table
from accelsim.workload.matmul import Matmul, linear

Shape = tuple[int, int, int]  # M, N, K
UNLIMITED: dict[str, Any] = {"streaming": "unlimited", "stationary_filter": False}
REPORTED: dict[Shape, int] = {
    (128, 2048, 4096): 66_454, (1632, 36548, 1024): 880_058, (1024, 16, 500_000): 1_012_524, (31999, 1024, 84): 38_454,
    (2048, 1, 128): 470}
BARS: dict[Shape, tuple[float, float]] = {  # speed-up over the 128 x 128 array: dense, sparse
    (128, 2048, 4096): (1.0625, 4.5), (320, 3072, 4096): (1.21875, 5.5), (1632, 36548, 1024): (1.0625, 5),
    (2048, 4096, 32): (4, 16), (1024, 16, 500_000): (1 / .1125, 1 / .1125), (35, 8457, 2560): (3.375, 11),
    (31999, 1024, 84): (1.3125, 8), (84, 1024, 4096): (1.625, 6), (2048, 1, 128): (1.125, 5),
    (256, 256, 2048): (1.3125, 6)}
LONG, SINGLE = (1024, 16, 500_000), (2048, 1, 128)
DENSE_DESIGNS: dict[str, tuple[str, dict[str, Any]]] = {  # name: preset and changes
    "sigma": ("sigma", UNLIMITED), "128x128": ("tpu_128x128", {}), "256x64": ("tpu_256x64", {}),
    "512x32": ("tpu_512x32", {}), "64x256": ("tpu_128x128", {"rows": 64, "cols": 256}),
    "32x512": ("tpu_128x128", {"rows": 32, "cols": 512})}
SPARSE_DESIGNS: dict[str, tuple[str, dict[str, Any]]] = {
    "sigma": ("sigma", UNLIMITED), "preset": ("sigma", {}), "128x128": ("tpu_128x128", {})}
K_ALONG_ROWS, K_ALONG_COLUMNS = ("128x128", "256x64", "512x32"), ("128x128", "64x256", "32x512")


def gemm(shape: Shape, densities: tuple[float, float]) -> Matmul:
    """Random bitmaps of these densities, the stationary side's first; all ones where both are 1."""
    m, n, k = shape
    if densities == (1, 1):
        return linear("gemm", np.ones((m, k), bool), np.ones((n, k), bool))
    return linear("gemm", bitmap(m, k, densities[0], 1), bitmap(n, k, densities[1], 2))


def name(shape: Shape) -> str:
    return "-".join(map(str, shape))


@cache
def reported(shape: Shape) -> dict[str, RunNumbers]:
    """Cycles are reported at densities .2 and .9."""
    layer = gemm(shape, (.2, .9))
    return {"plain": measured(layer, "sigma", stationary_filter=False), "preset": measured(layer, "sigma")}


@cache
def dense(shape: Shape) -> dict[str, RunNumbers]:
    layer = gemm(shape, (1, 1))
    return {key: measured(layer, arch, **changes) for key, (arch, changes) in DENSE_DESIGNS.items()}


@cache
def sparse(shape: Shape) -> dict[str, RunNumbers]:
    layer = gemm(shape, (.2, .7))
    return {key: measured(layer, arch, **changes) for key, (arch, changes) in SPARSE_DESIGNS.items()}


Runs = Callable[[Shape], dict[str, RunNumbers]]


def speedup(runs: Runs, shape: Shape, over: tuple[str, ...] = ("128x128",)) -> float:
    """SIGMA's over the fastest of the arrays `over`."""
    return min(runs(shape)[key].cycles for key in over) / runs(shape)["sigma"].cycles


def geometric(number: Callable[[Shape], float]) -> float:
    """Mean over the ten GEMMs."""
    return float(np.exp(np.mean([np.log(number(shape)) for shape in BARS])))


def _percent(runs: Runs, keys: tuple[str, ...]) -> float:
    """Percent of peak of the best of `keys`, mean over the ten GEMMs."""
    return 100 * float(np.mean([max(runs(shape)[key].utilization for key in keys) for shape in BARS]))


def _energy(key: str) -> float:
    """The array's energy over that of SIGMA, sparse, mean over the ten GEMMs."""
    return float(np.mean([sparse(shape)["128x128"].energy_pj / sparse(shape)[key].energy_pj for shape in BARS]))


FILTERED = ("the controller's filter drops the weights that meet no input: a tenth, when one vector of density .9 is "
            "streamed; the reported figure seems to do without it")
CYCLES = Group(
    "Cycles as reported", "TeAAL artifact, column 'reported' for SIGMA (densities .2 and .9, 128 words per cycle)",
    "random bitmaps, seeds 1 and 2; drawn once with the controller's filter off, once with the preset as it is",
    tuple(claim for shape in REPORTED for claim in (
        Claim(f"reported.{name(shape)}", f"{name(shape)}, filter off", Table(REPORTED[shape], rel=.03),
              lambda shape=shape: reported(shape)["plain"].cycles, "cycles"),
        Claim(f"reported.{name(shape)}.preset", f"{name(shape)}, preset", Table(REPORTED[shape], rel=.03),
              lambda shape=shape: reported(shape)["preset"].cycles, "cycles",
              miss=FILTERED if shape == SINGLE else ""))),
    seconds=6)


def _waste() -> float:
    return 100 * (1 - measured(gemm(LONG, (1, 1)), "tpu_128x128", dataflow="is").utilization)


DENSE = Group(
    "Dense GEMMs", "SIGMA paper, Figs. 11 and 12a (bars digitised by a third party) and text",
    "streaming bandwidth unlimited, as the paper says of its evaluation; filter off; the ten GEMMs of the figure; the "
    "paper does not say which averages: the bars' geometric mean is 1.87, the arithmetic one 2.5, so speeds are "
    "geometric means; efficiencies are arithmetic ones, the systolic array's that of the best of three shapes",
    (*(Claim(f"dense.{name(shape)}", f"{name(shape)}: speed over the systolic array", Table(bars[0], rel=.04),
             partial(speedup, dense, shape)) for shape, bars in BARS.items()),
     Claim("dense.fig11", f"Fig. 11: {name(LONG)}, cycles over the systolic array's", Table(.1125, rel=.04),
           lambda: 1 / speedup(dense, LONG)),
     Claim("dense.efficiency", "efficiency, dense", Table(82, rel=.1), lambda: _percent(dense, ("sigma",)), "%"),
     Claim("dense.efficiency_rows", "efficiency of the systolic array, dense, K along the rows", Table(59, rel=.1),
           lambda: _percent(dense, K_ALONG_ROWS), "%"),
     Claim("dense.efficiency_columns", "efficiency of the systolic array, dense, K along the columns",
           Table(59, rel=.1), lambda: _percent(dense, K_ALONG_COLUMNS), "%"),
     Claim("dense.speedup", "speed over the square systolic array, dense, average", Table(2, rel=.1),
           lambda: geometric(partial(speedup, dense)), note="printed as about 2"),
     Claim("dense.speedup_best", "speed over the best of three systolic arrays, dense, average", Table(2, rel=.1),
           lambda: geometric(lambda shape: speedup(dense, shape, K_ALONG_ROWS)),
           miss="efficiencies of 82 % and 59 % leave no 2x over the best of three either"),
     Claim("dense.waste", f"{name(LONG)}, inputs stationary: share of the systolic array that is wasted",
           Table(87.5, abs=3), _waste, "%", note="87.5 % of the columns are empty; ours also counts load and skew")),
    seconds=4)


def _per_area() -> float:
    """Speed-up over the ratio of areas."""
    sigma, array = (sparse(SINGLE)[key].area_mm2 or 0.0 for key in ("sigma", "128x128"))
    return geometric(partial(speedup, sparse)) * array / sigma


SPARSE = Group(
    "Sparse GEMMs", "SIGMA paper, Fig. 12b (bars digitised by a third party to about 0.5) and text",
    "densities .2 and .7, that party's assumption; random bitmaps, seeds 1 and 2; streaming bandwidth unlimited, "
    "filter off; speeds are geometric means over the ten GEMMs against the array of 128 x 128, efficiencies and "
    "energies arithmetic ones; energies at 45 nm, gemm_45nm",
    (*(Claim(f"sparse.{name(shape)}", f"{name(shape)}: speed over the systolic array, sparse", Table(bars[1], rel=.2),
             partial(speedup, sparse, shape),
             miss="the digitised bar is the dense one's height, given for both choices of the stationary operand, "
                  "though the text says that they differ; ours are 12.5 and 5.0" if shape == LONG else "")
       for shape, bars in BARS.items()),
     Claim("sparse.speedup", "speed over the systolic array, sparse, average", Table(5.7, rel=.2),
           lambda: geometric(partial(speedup, sparse)), note="printed as about 6, and as 5.7",
           miss="the bars themselves give 7.0: the paper averages over combinations of densities that it does not "
                "list"),
     Claim("sparse.efficiency", "efficiency, sparse", Table(40, rel=.2), lambda: _percent(sparse, ("sigma",)), "%"),
     Claim("sparse.efficiency_tpu", "efficiency of the systolic array, sparse", Range(high=10),
           lambda: _percent(sparse, ("128x128",)), "%"),
     Claim("sparse.energy", "energy of the systolic array over SIGMA's, sparse, preset", Table(3, rel=.2),
           lambda: _energy("preset")),
     Claim("sparse.energy_unlimited", "energy of the systolic array over SIGMA's, sparse, unlimited streaming",
           Table(3, rel=.2), lambda: _energy("sigma"),
           miss="a fold spans the whole K, so few rows share a streamed word, and SRAM reads dominate; on "
                "1024-16-500000 each of 342 folds reads the bitmap of the streamed side again, 512 Mbit"),
     Claim("sparse.per_watt", "speed over the systolic array, sparse, at twice its power", Table(3.2, rel=.2),
           lambda: geometric(partial(speedup, sparse)) / 2, note="printed as effective TFLOPS/W; powers as printed"),
     Claim("sparse.per_area", "speed over the systolic array, sparse, per area", Table(5, rel=.1), _per_area,
           note="printed as about 5; areas as printed")),
    seconds=9)


@cache
def busy() -> dict[str, RunNumbers]:
    """The largest GEMM, dense: every multiplier at work."""
    layer = gemm((1632, 36548, 1024), (1, 1))
    return {arch: measured(layer, arch, energy_table="gemm_28nm", **(UNLIMITED if arch == "sigma" else {}))
            for arch in ("sigma", "tpu_128x128")}


CHIP = Group(
    "The chip", "SIGMA paper, 28 nm",
    "power while 1632-36548-1024, dense, runs as above; public prices at 45 nm scaled to 28 nm, gemm_28nm, wires "
    "between Flex-DPEs left out",
    (Claim("power", "power", Table(22.33, rel=.2), lambda: busy()["sigma"].power_mw / 1e3, "W"),
     Claim("power.ratio", "power over the systolic array's", Table(2, rel=.2),
           lambda: busy()["sigma"].power_mw / busy()["tpu_128x128"].power_mw, note="printed as about 2"),
     Claim("peak", "peak", Table(16.38, rel=.01), lambda: busy()["sigma"].peak_tops, "TFLOPS")),
    seconds=1)


CHAPTER = Chapter(
    "sigma", "SIGMA", ("sigma",),
    exact="Nothing published of SIGMA comes from silicon or from a simulator that is at hand: the reported cycles are "
          "its authors' own model. Folds, loads, streaming, drains and bitmaps are simulated on the real non-zeros of "
          "both operands.",
    abstracted="The mesh between Flex-DPEs and the controller's own time. The reported cycles and the bars of Fig. 12 "
               "need two streaming bandwidths; the preset has the first. Prices are public ones for each part, not the "
               "paper's.",
    groups=(CYCLES, DENSE, SPARSE, CHIP),
    unchecked=(
        ("3x over EIE, SCNN, OuterSPACE, Eyeriss v2, Packed Systolic and Cambricon-X (Fig. 14)",
         "bars without values, and the "
         "matrices and sparsities behind each are not stated"),
        ("area, 65.10 mm2, and 37.7 % more than the systolic array", "inputs: the presets state them"),
        ("10.8 effective TFLOPS", "the GEMMs behind it are not stated"),
        ("FAN against ART and a linear array (Fig. 6)", "no competing reduction network is modelled"),
        ("size study of Flex-DPEs, 28 to 12 nm", "without values, and a projection"),
        ("sizes of the bitmap and of run lengths", "`accelsim formats` counts both; the paper prints ranges alone"),
    ))
