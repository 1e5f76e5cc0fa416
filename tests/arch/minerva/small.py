"""Small designs of Minerva: see arch/small.py."""

from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
AWAY = {"resident_weights": False, "resident_activations": False}
DESIGNS = {
    "": Small("minerva", {"lanes": 3, **AWAY}, buffers=BUFFERS),
    "tiny buffers": Small("minerva", {"lanes": 4, "threshold": 0, "layer_cycles": 2, **TINY, **AWAY}),
}


def least_bits(layer, config):
    return config.weight_bits * layer.weight.size, config.activation_bits * layer.activation.size
