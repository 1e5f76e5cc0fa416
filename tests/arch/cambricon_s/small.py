"""Small designs of Cambricon-S: see arch/small.py."""

import numpy as np
from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
DESIGNS = {
    "": Small("cambricon_s", {"pes": 2, "multipliers": 2, "window": 8, "block_outputs": 2}, policy="union",
              refused_by=("strict",), buffers=BUFFERS),
    "larger blocks": Small("cambricon_s", {"pes": 2, "multipliers": 3, "window": 5, "block_outputs": 4,
                                           "scan_weights": 2, "min_window_cycles": 1, **TINY}, policy="union",
                           refused_by=("strict",)),
}


def least_bits(layer, config):
    return config.weight_bits * int(np.count_nonzero(layer.weight)), config.activation_bits * layer.activation.size
