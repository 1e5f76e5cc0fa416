"""Small designs of SparseNN: see arch/small.py."""

from arch.small import Small

DESIGNS = {"": Small("sparsenn", {"pes": 4, "rank": 2, "least_rows": 4})}


def least_bits(layer, config):
    return 16 * layer.weight.size, 16 * layer.activation.size if layer.op != "conv2d" else 0
