"""Column combining and CompAct: groups of the authors' packing program, and published bounds."""

import math
from functools import cache

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import LayerNumbers, measured
from accelsim.validation.target import Exact, Range
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
CHAPTER = Chapter(
    "packing", "Column combining, CompAct", ("column_combining", "compact"),
    exact="groups, weights left and rows of the authors' packing program",
    abstracted="rules are from third parties: no full paper could be read; conflicts are pruned here, once",
    groups=(PACKING, Group("CompAct", "TECS 2019, abstract: up to 62 % less",
                           "digits_cnn, sparse run lengths, bits read for energy", (
                               Claim("compact.buffer", "energy of the activation buffer saved", Range(0, .62),
                                     buffer_energy_saved),))),
    unchecked=(
        ("throughput, energy and tiles of LeNet, VGG and ResNet (tiles .387, .288, .266)",
         "of networks that were retrained at each step; no such weights are public"),
        ("CompAct: 34 % less chip energy", "buffers and technology are not known")))
