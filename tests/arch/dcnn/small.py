"""Small designs of DCNN: see arch/small.py."""

import numpy as np
from arch.small import Small

SIZE = {"pe_rows": 2, "pe_cols": 2, "dot_width": 2}
DESIGNS = {
    "": Small("dcnn", {**SIZE, "resident_activations": False}, timeline={"pe_cols": 3, "dram.gbps": 2.0}),
    "small RAM": Small("dcnn_opt", {**SIZE, "iaram_bits": 300, "oaram_bits": 300}, counts_moves=True,
                       buffers={"iaram_bits": [100, 200, 400, 800, 81920]}),
}


def least_bits(layer, config):
    inputs = 20 * np.count_nonzero(layer.activation) if config.compress_dram else 16 * layer.activation.size
    return 16 * layer.weight.size, inputs
