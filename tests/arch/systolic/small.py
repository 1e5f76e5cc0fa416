"""Small designs of the systolic array: see arch/small.py."""

from arch.small import Small

SIZE = {"rows": 4, "cols": 3}
DESIGNS = {
    "": Small("tpu_128x128", {**SIZE, "dataflow": "ws", "double_buffer": True}, moves_once=True,
              timeline={"rows": 5, "cols": 4, "dataflow": "best", "dram.gbps": 1.0},
              buffers={"data_sram_kbytes": [0.01, 0.1, 1.0, None]}),
    "is": Small("tpu_128x128", {**SIZE, "dataflow": "is"}, moves_once=True, buffers={"buffering": [1, 2, 4, 64]}),
    "os": Small("tpu_128x128", {**SIZE, "dataflow": "os", "double_buffer": True}, moves_once=True,
                buffers={"data_sram_kbytes": [0.01, 0.1, 1.0, None]}),
    "tiny buffer": Small("tpu_128x128", {**SIZE, "dataflow": "os", "data_sram_kbytes": 0.01}),
}


def least_bits(layer, config):
    return 16 * layer.weight.size, 16 * layer.activation.size
