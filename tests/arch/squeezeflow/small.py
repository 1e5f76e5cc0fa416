"""Small designs of SqueezeFlow: see arch/small.py."""

import numpy as np
from arch.small import Small

from accelsim.workload.conv2d import Conv2d

SIZE = {"tile_rows": 2, "tile_cols": 3}
DESIGNS = {
    "": Small("squeezeflow", SIZE, buffers={"weight_buffer_kbytes": [0.01, 0.1, 1.0, None],
                                            "input_buffer_kbytes": [0.01, 0.1, 1.0, None]}),
    "all exposed": Small("squeezeflow", {**SIZE, "c_min": 1, "skip_zero_tiles": False, "hide_fill": False,
                                         "hide_write_back": False, "port_words": 2, "input_buffer_kbytes": 0.01}),
}


def least_bits(layer, config):
    """Inputs that some tap meets."""
    met = np.ones(layer.activation.shape, bool)
    if isinstance(layer, Conv2d):
        met = np.zeros(layer.activation.shape, bool)
        for r, s in np.ndindex(*layer.weight.shape[2:]):
            (rows, cols), _ = layer.taps(r, s)
            met[:, :, rows, cols] = True
    return config.value_bits * np.count_nonzero(layer.weight), config.value_bits * np.count_nonzero(met)
