"""Small designs of column combining: see arch/small.py."""

import numpy as np
from arch.small import Small

from accelsim.workload.conv2d import Conv2d

SIZE = {"rows": 3, "cols": 4, "alpha": 3, "resident_activations": False}
DESIGNS = {
    "": Small("column_combining", SIZE, buffers={"data_sram_kbytes": [0.01, 0.1, 1.0, None]}),
    "bit serial": Small("column_combining", {**SIZE, "arithmetic": "bit_serial", "sum_bits": 8, "double_buffer": False,
                                             "row_permutation": False, "section": 5, "data_sram_kbytes": 0.01}),
}


def least_bits(layer, config):
    """Columns of filters that are all zeros are not fetched."""
    if isinstance(layer, Conv2d):
        used = (layer.weight != 0).reshape(layer.groups, -1, *layer.weight.shape[1:]).any(axis=(1, 3, 4))
        inputs = int(used.sum()) * layer.activation[:, 0].size
    else:
        inputs = int((layer.weight != 0).any(axis=1).sum()) * layer.activation.shape[1]
    return config.cell_bits * np.count_nonzero(layer.weight), config.activation_bits * inputs
