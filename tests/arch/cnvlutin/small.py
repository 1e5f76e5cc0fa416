"""Small designs of Cnvlutin: see arch/small.py."""

from arch.small import Small

TINY = {"weight_buffer_kbytes": 0.01, "input_buffer_kbytes": 0.02, "output_buffer_kbytes": 0.02}
BUFFERS = {"input_buffer_kbytes": [0.01, 0.1, 1.0, 0], "weight_buffer_kbytes": [0.01, 0.1, 0]}
AWAY = {"resident_weights": False, "resident_activations": False}
DESIGNS = {
    "": Small("cnvlutin", {"tiles": 2, "filters_per_tile": 2, "neuron_lanes": 3, "brick": 4, **AWAY}, buffers=BUFFERS),
    "early": Small("cnvlutin_early", {"tiles": 1, "filters_per_tile": 3, "neuron_lanes": 2, "brick": 3, **TINY,
                                      **AWAY}),
    "round robin": Small("cnvlutin_early", {"tiles": 1, "filters_per_tile": 2, "neuron_lanes": 3, "brick": 2,
                                            "lane_map": "brick_rr"}),
}


def least_bits(layer, config):
    return config.weight_bits * layer.weight.size, config.activation_bits * layer.activation.size
