"""Small designs of SparTen: see arch/small.py."""

import numpy as np
from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
DESIGNS = {
    "": Small("sparten", {"clusters": 2, "units": 3, "chunk": 4}, buffers=BUFFERS),
    "BitSim's": Small("sparten_bitsim", {"units": 2, "columns": 3, "chunk": 5, "min_step_cycles": 2}),
    "LoAS's": Small("sparten_loas", {"units": 2, "held": 3, "chunk": 4, **TINY}),
    "NeuroFlex's": Small("sparten_neuroflex", {"clusters": 3, "chunk": 4}),
    "barrier at outputs": Small("sparten", {"clusters": 2, "units": 2, "chunk": 3, "barrier": "output"}),
    "narrow network": Small("sparten", {"clusters": 1, "units": 2, "chunk": 3, "permute_words_per_cycle": 1},
                            policy="gb_h"),
}


def least_bits(layer, config):
    return tuple(bits * int(np.count_nonzero(side)) for bits, side in (
        (config.weight_bits, layer.weight), (config.activation_bits, layer.activation)))
