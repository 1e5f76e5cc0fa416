"""Small designs of Minerva: see arch/small.py."""

from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
DESIGNS = {
    "": Small("minerva", {"lanes": 3, "resident_weights": False, "resident_activations": False}, buffers={"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}),
    "tiny buffers": Small("minerva", {"lanes": 4, "threshold": 0, "layer_cycles": 2, **TINY, "resident_weights": False, "resident_activations": False}),
}


def least_bits(layer, config):
    return config.weight_bits * layer.weight.size, config.activation_bits * layer.activation.size
