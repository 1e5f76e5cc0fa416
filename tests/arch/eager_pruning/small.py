"""Small designs of Eager Pruning: see arch/small.py."""

import numpy as np
from arch.small import Small

from accelsim.workload.conv2d import Conv2d

SIZE = {"multipliers": 8, "load_width": 3, "group": 4}
DESIGNS = {
    "": Small("eager_pruning", SIZE),
    "fixed groups": Small("eager_pruning_rigid", {**SIZE, "double_buffer": False, "glb_words": 20},
                          buffers={"glb_words": [1, 20, 50, 1000]}),
}


def least_bits(layer, config):
    """Channels of no weight are not fetched."""
    if isinstance(layer, Conv2d):
        used = (layer.weight != 0).reshape(layer.groups, -1, *layer.weight.shape[1:]).any(axis=(1, 3, 4))
        inputs = int(used.sum()) * layer.activation[:, 0].size
    else:
        inputs = int((layer.weight != 0).any(axis=1).sum()) * layer.activation.shape[1]
    return config.word_bits * np.count_nonzero(layer.weight), config.word_bits * inputs
