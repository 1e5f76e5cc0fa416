"""Small designs of SIGMA: see arch/small.py."""

import numpy as np
from arch.small import Small

from accelsim.workload.lowering import matrix_products

SIZE = {"flex_dpes": 2, "multipliers_per_dpe": 4}
DESIGNS = {
    "": Small("sigma", {**SIZE, "bandwidth_words_per_cycle": 3}, moves_once=True,
              timeline={"flex_dpes": 3, "multipliers_per_dpe": 8, "bandwidth_words_per_cycle": 4, "overlap": "load",
                        "dram.gbps": 2.0},
              buffers={"data_sram_kbytes": [0.005, 0.01, 0.02, 0.2, None], "buffering": [1, 2, 4, 64]}),
    "whole rows": Small("sigma", {**SIZE, "streaming": "unlimited", "stationary": "kn"}, policy="whole_rows",
                        moves_once=True),
    "tiny buffer": Small("sigma", {**SIZE, "data_sram_kbytes": 0.01}),
}


def least_bits(layer, config):
    products = list(matrix_products(layer))
    return (sum(16 * int(np.count_nonzero(p.matrix)) + p.matrix.size for p in products),
            sum(16 * int(np.count_nonzero(p.vectors)) + p.vectors.size for p in products))
