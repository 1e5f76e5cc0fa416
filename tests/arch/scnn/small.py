"""Small designs of SCNN: see arch/small.py."""

import numpy as np
from arch.small import Small

SIZE = {"pe_rows": 2, "pe_cols": 2}
DESIGNS = {
    "": Small("scnn", {**SIZE, "resident_activations": False}, buffers={"buffering": [1, 2, 4]},
              timeline={"pe_cols": 3, "dram.gbps": 2.0}),
    "small RAM": Small("scnn", {**SIZE, "iaram_bits": 300, "oaram_bits": 300}, counts_moves=True,
                       buffers={"iaram_bits": [100, 200, 400, 800, 81920], "oaram_bits": [100, 1000, 81920]}),
    "DNNsim's choices": Small("scnn_dnnsim", SIZE, counts_moves=True),
}


def least_bits(layer, config):
    return tuple(config.entry_bits * int(np.count_nonzero(side)) for side in (layer.weight, layer.activation))
