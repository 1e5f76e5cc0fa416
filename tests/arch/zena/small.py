"""Small designs of ZeNA: see arch/small.py."""

import numpy as np
from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
DESIGNS = {
    "": Small("zena", {"groups": 2, "pes_per_group": 3}, buffers=BUFFERS),
    "tiles": Small("zena", {"groups": 3, "pes_per_group": 2, "tile_positions": 2, "segment": 4,
                            "empty_segment_cycles": 1, **TINY}),
}


def least_bits(layer, config):
    return tuple(bits * int(np.count_nonzero(side)) for bits, side in (
        (config.weight_bits, layer.weight), (config.activation_bits, layer.activation)))
