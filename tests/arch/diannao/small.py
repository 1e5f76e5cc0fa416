"""Small designs of DianNao: see arch/small.py."""

from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
DESIGNS = {
    "": Small("diannao", {"outputs_per_step": 3, "inputs_per_step": 4}, buffers=BUFFERS),
    "tiny buffers": Small("diannao", {"outputs_per_step": 2, "inputs_per_step": 3, **TINY}),
}


def least_bits(layer, config):
    return config.weight_bits * layer.weight.size, config.activation_bits * layer.activation.size
