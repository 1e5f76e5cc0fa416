"""Small designs of CompAct: see arch/small.py."""

from arch.small import Small

SIZE = {"rows": 4, "cols": 3, "lossy_threshold": 0, "resident_activations": False}
DESIGNS = {
    "": Small("compact", SIZE, moves_once=True,
              buffers={"activation_buffer_kbytes": [0.01, 0.1, 1.0, None]}),
    "tiny buffer": Small("compact", {**SIZE, "run_bits": 2, "wake_cycles": 0, "double_buffer": False,
                                     "activation_buffer_kbytes": 0.01}),
}


def least_bits(layer, config):
    return config.value_bits * layer.weight.size, config.value_bits * layer.activation.size
