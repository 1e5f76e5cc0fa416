"""Small designs of Procrustes: see arch/small.py."""

import numpy as np
from arch.small import Small

SIZE = {"pe_rows": 2, "pe_cols": 3}
DESIGNS = {
    "": Small("procrustes", {**SIZE, "register_file_words": 80},
              timeline={"register_file_words": 256, "glb_bound": True, "dram.gbps": 2.0}),
    "tiny buffer": Small("procrustes", {**SIZE, "glb_words": 20}, buffers={"glb_words": [1, 20, 50, 1000]}),
}


def least_bits(layer, config):
    return 32 * int(np.count_nonzero(layer.weight)), 32 * layer.activation.size
