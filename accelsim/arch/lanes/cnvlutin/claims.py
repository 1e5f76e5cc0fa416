"""Machines of lanes: what other people's simulators answer, and what of the papers is not compared yet."""

from functools import cache

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

EARLY = {  # name: channels, plane, filters, taps, stride, padding, density of inputs, seed: cycles dense, skipping
    "A4": ((64, 4, 256, 3, 1, 0, .3, 1), (200, 113)), "A5": ((64, 5, 256, 3, 2, 1, .05, 2), (450, 111))}


@cache
def early(name: str, skips: bool) -> RunNumbers:
    (channels, size, filters, taps, stride, padding, density, seed), _ = EARLY[name]
    inputs = np.random.default_rng(seed).random((1, channels, size, size)) < density
    layer = conv2d("conv", np.ones((filters, channels, taps, taps), bool), inputs, stride, padding)
    return measured(layer, "cnvlutin_early", skip_zeros=skips)


def bitsim() -> RunNumbers:
    rng = np.random.default_rng(3)
    weights, inputs = rng.random((32, 3, 3, 3)) < .8, rng.random((1, 3, 16, 16)) < 1
    return measured(conv2d("conv", weights, inputs, 1, 1), "sparten_bitsim")


def loas() -> RunNumbers:
    return measured(linear("fc", np.ones((16, 128), bool), np.ones((32, 128), bool)), "sparten_loas")


CHAPTER = Chapter(
    "lanes", "DianNao, DaDianNao, Cnvlutin, Minerva, Cambricon-X and -S, ZeNA, SparTen",
    ("diannao", "dadiannao", "cnvlutin", "minerva", "cambricon_x", "cambricon_s", "zena", "sparten"),
    exact="bricks, lanes and passes of Cnvlutin's early simulator; chunks and matches of two simulators of SparTen",
    abstracted="rules are from third parties: no full paper could be read",
    groups=(
        Group("Cnvlutin's early simulator", "iniverno/MIsim, Oct-Nov 2015, read and run",
              "none: cycles depend on the drawn inputs alone", tuple(
                  Claim(f"early.{name}.{'skip' if skips else 'dense'}", f"{name}, {'skipping' if skips else 'dense'}",
                        Exact(cycles[skips]), lambda name=name, skips=skips: early(name, skips).cycles, "cycles")
                  for name, (_, cycles) in EARLY.items() for skips in (False, True)), seconds=1),
        Group("SparTen in two other papers' simulators", "BitSim (MICRO 2024) and LoAS (MICRO 2024), read and run",
              "none: cycles depend on the drawn masks alone", (
                  Claim("bitsim.S4", "BitSim, 3 x 16 x 16, 32 filters", Exact(384), lambda: bitsim().cycles, "cycles"),
                  Claim("bitsim.S4.matches", "the same: matches", Exact(166_614), lambda: bitsim().counts["joins"]),
                  Claim("loas.O6", "LoAS, 32 x 128 x 16, dense", Exact(4_096), lambda: loas().cycles, "cycles")),
              seconds=1)),
    unchecked=(
        ("Cnvlutin 1.24x to 1.55x, Cambricon-X 7.23x, Cambricon-S 1.71x, SparTen 4.7x, ZeNA 4x and 5.2x",
         "not compared yet; most figures need unpublished traces"),
        ("Minerva: 11,820 predictions/s, 8.1x in power", "not compared yet; it gates and skips nothing")))
