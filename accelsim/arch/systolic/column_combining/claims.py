"""Column combining and CompAct: groups of the authors' packing program, and published bounds."""

import math
from functools import cache

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import LayerNumbers, measured
from accelsim.validation.target import Exact, Range, Trend
from accelsim.workload.matmul import linear
from accelsim.workload.trace import load_trace

ROWS = {  # seed, filters, columns, share of zeros, alpha, gamma: groups, weights left, rows counted
    (1, 16, 24, .8, 4, 0): (10, 76, 16), (1, 16, 24, .8, 4, .5): (6, 62, 16), (1, 16, 24, .8, 8, .5): (4, 50, 16),
    (2, 32, 64, .85, 8, 0): (18, 307, 32), (2, 32, 64, .85, 8, .5): (8, 226, 32), (3, 64, 96, .8, 8, .5): (14, 799, 64),
    (5, 128, 128, .875, 8, .25): (17, 1579, 128), (7, 256, 256, .8, 8, .5): (40, 8492, 256)}


@cache
def packed(seed: int, filters: int, columns: int, zeros: float, alpha: int, gamma: float) -> LayerNumbers:
    """float32 normal weights, the smallest of them zero, as whole numbers of 1/4096."""
    weights = np.random.RandomState(seed).standard_normal((filters, columns)).astype(np.float32)
    weights.ravel()[np.argsort(np.abs(weights).ravel())[:math.ceil(weights.size * zeros)]] = 0
    layer = linear("drawn", np.rint(weights * 4096).astype(np.int16), np.ones((1, columns), np.int8))
    return measured(layer, "column_combining_pruned", alpha=alpha, gamma=gamma).layers[0]


NETWORK = (128, 256, 512)  # filters of layers of the CIFAR-10 example, pruned by 80 %


@cache
def trained_alike(alpha: int, gamma: float) -> tuple[int, int]:
    """Tiles of 64 x 64, and cycles, of one layer of each size, filters x as many channels, on 1,024 vectors."""
    tiles = cycles = 0
    for filters in NETWORK:
        rng = np.random.default_rng(filters)
        weights = np.rint(4096 * rng.standard_normal((filters, filters))).astype(np.int16)
        weights[np.abs(weights) < np.quantile(np.abs(weights), .8)] = 0
        layer = linear("drawn", weights, np.ones((1024, filters), bool))
        run = measured(layer, "column_combining_pruned", alpha=alpha, gamma=gamma)
        tiles, cycles = tiles + run.layers[0].mapping["array_tiles"], cycles + run.cycles
    return tiles, cycles


def over_unpacked(what: int, gamma: float) -> float:
    """Tiles (0) or cycles (1) at alpha 8 over those at alpha 1."""
    return trained_alike(8, gamma)[what] / trained_alike(1, 0)[what]


@cache
def buffer_energy_saved() -> float:
    """Share of the energy of reading activations, over a buffer of values; both of the network that ships."""
    found = measured(load_trace("digits_cnn"), "compact")
    return 1 - found.counts["code_bits_read"] / (8 * found.counts["values_streamed"])


PACKING = Group(
    "Packing", "BradMcDanel/column-combine, run on these matrices", "normal weights, RandomState of the seed",
    tuple(Claim(f"{name}.{'-'.join(map(str, case))}",
                f"{what}: seed, filters, columns, zeros, alpha, gamma {', '.join(map(str, case))}",
                Exact(counted[place]),
                lambda case=case, name=name: packed(*case).mapping[name])
          for case, counted in ROWS.items()
          for place, (name, what) in enumerate((("groups", "groups"), ("nonzeros_left", "weights left"),
                                                ("rows_last_section", "rows")))), seconds=1)
TRENDS = Group(
    "Tiles and throughput", "authors' plot script: three trained networks",
    "normal weights, the smallest 80 % zero: not trained", (
        Claim("tiles.8-0", "tiles at alpha 8, gamma 0, over those at alpha 1",
              Trend("barely fewer: .90 to .98", .8, 1), lambda: over_unpacked(0, 0)),
        Claim("tiles.8-.5", "tiles at alpha 8, gamma .5, over those at alpha 1",
              Trend("a third to a quarter: .27 to .39", .1, .45), lambda: over_unpacked(0, .5)),
        Claim("throughput.8-.5", "throughput gained at alpha 8, gamma .5, times the tiles left",
              Trend("as 1 over the tiles: 1.01 to 1.07", .9, 1.15),
              lambda: over_unpacked(0, .5) / over_unpacked(1, .5))), seconds=2)
CHAPTER = Chapter(
    "packing", "Column combining, CompAct", ("column_combining", "compact"),
    exact="groups, weights left and rows of the authors' packing program",
    abstracted="rules are from third parties: no full paper could be read; conflicts are pruned here, once",
    groups=(PACKING, TRENDS, Group("CompAct", "TECS 2019, abstract: up to 62 % less",
                           "digits_cnn, sparse run lengths, bits read for energy", (
                               Claim("compact.buffer", "energy of the activation buffer saved", Range(0, .62),
                                     buffer_energy_saved),))),
    unchecked=(
        ("energy of LeNet, VGG and ResNet, their throughput and tiles to the digit (tiles .387, .288, .266)",
         "of networks that were retrained at each step; no such weights are public"),
        ("CompAct: 34 % less chip energy", "buffers and technology are not known")))
