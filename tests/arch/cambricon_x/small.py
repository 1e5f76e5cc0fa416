"""Small designs of Cambricon-X: see arch/small.py."""

import numpy as np
from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
DESIGNS = {
    "": Small("cambricon_x", {"pes": 3, "multipliers": 2, "window": 8}, buffers=BUFFERS),
    "steps": Small("cambricon_x", {"pes": 2, "multipliers": 3, "index": "step4", "index_bits": 1, **TINY}),
    "async": Small("cambricon_x", {"pes": 3, "multipliers": 2, "window": 5, "scope": "async"}),
}


def least_bits(layer, config):
    return config.weight_bits * int(np.count_nonzero(layer.weight)), config.activation_bits * layer.activation.size
