"""Small designs of Gamma: see arch/small.py."""

import numpy as np
from arch.small import Small

DESIGNS = {
    "": Small("gamma", {"pes": 3, "tile_rows": 2}),
    "small cache": Small("gamma", {"pes": 2, "radix": 2, "task_cycles": 1, "cache_kbytes": 0.1, "ways": 2,
                                   "tile_rows": 3}),
}


def least_bits(layer, config):
    """Only what meets something is fetched of B, so that nothing is sure of it."""
    return config.value_bits * int(np.count_nonzero(layer.weight)), 0
