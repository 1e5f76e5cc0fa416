"""Small designs of Eyeriss: see arch/small.py."""

import numpy as np
from arch.small import Small

SIZES = [1, 10, 40, 160, 4608]
DESIGNS = {
    # of the timeline: weights that arrive after their load; what a pass does after that wait is drawn, too
    "": Small("eyeriss_v2", {"cluster_rows": 1, "cluster_cols": 2, "glb_iact_bytes": 40},
              timeline={"pe_rows": 3, "pe_cols": 2, "clock_mhz": 333.0, "glb_iact_bytes": 4608, "dram.gbps": 0.3,
                        "dram.burst_bytes": 8, "resident_activations": True}, buffers={"glb_iact_bytes": SIZES}),
    "v1": Small("eyeriss_v1", {"pe_rows": 4, "pe_cols": 5, "glb_iact_bytes": 40}, buffers={"glb_iact_bytes": SIZES}),
}


def least_bits(layer, config):
    return 8 * int(np.count_nonzero(layer.weight)), 0  # inputs that a stride passes over are not read
