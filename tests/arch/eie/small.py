"""Small designs of EIE: see arch/small.py."""

import numpy as np
from arch.small import Small

SPLIT = {"pes": 2, "resident_weights": False, "spmat_kbytes": 0.02, "pointer_kbytes": 0.02}
DESIGNS = {
    "": Small("eie", {"pes": 4, "resident_weights": False}, buffers={"buffering": [1, 2, 4, 64]},
              timeline={"queue_entries": 2, "dram.gbps": 1.5, "spmat_kbytes": 0.1}),
    "split": Small("eie", SPLIT, may_not_fit=True, buffers={"spmat_kbytes": [0.02, 0.04, 0.08, 0.5, 128],
                                                            "pointer_kbytes": [0.01, 0.02, 0.5]}),
}


def least_bits(layer, config):
    return 8 * int(np.count_nonzero(layer.weight)), 16 * layer.activation.size
