"""Small designs of Spectral CNN: see arch/small.py."""

import numpy as np
from arch.small import Small

SIZE = {"fft_size": 8, "parallel_tiles": 2, "parallel_kernels": 3, "replicas": 2}
DESIGNS = {
    "": Small("spectral_cnn", SIZE),
    "blocks": Small("spectral_cnn", {**SIZE, "alpha": 2, "psum_groups": 2, "kernel_block": 3, "tile_block": 2,
                                     "replica_write_words": 3, "fill_cycles": 5, "tile_format": "real"}),
}


def least_bits(layer, config):
    """Every kernel as its kept values, and every input (tiles have more)."""
    kernels = int(np.prod(layer.weight.shape[:2]))
    if layer.op == "matmul":
        kernels = layer.weight.size
    return kernels * config.kernel_bits, layer.activation.size * config.value_bits
