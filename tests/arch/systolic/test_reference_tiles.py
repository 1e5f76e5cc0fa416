"""What the systolic reference moves from and to DRAM, worked by hand from docs/machines/systolic.md."""

from typing import Any

import numpy as np
import pytest
from arch.tiles import reference_tiles

from accelsim import load_arch
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear


def tiles(layer: Layer, dataflow: str, **changes: Any) -> dict[str, list[int]]:
    """On 2 x 2 PEs."""
    config = load_arch("tpu_128x128", {"rows": 2, "cols": 2, "dataflow": dataflow, "dram.gbps": 1.0} | changes)
    return reference_tiles(layer, config)


# Three filters on two images of two channels, a plane being 4 words: K = 2 x 3, N = 2 x 2.
CONVOLUTION = conv2d("c", np.ones((3, 2, 1, 3), np.int8), np.ones((2, 2, 1, 4), np.int8))
PLANES = 2 * 4 * 16  # of a channel, or of an image


@pytest.mark.parametrize(("kbytes", "again"), [(None, 0), (256 / 8192, 0), (255 / 8192, PLANES)])
def test_weights_stay(kbytes, again):
    # K tiles k = 0 1, 2 3, 4 5 for filters 0 1, then for filter 2; the channels begin at k = 0 and 3.
    assert tiles(CONVOLUTION, "ws", data_sram_kbytes=kbytes) == {
        "compute_cycles": [2 + 4 + 2] * 6, "weight_bits": [4 * 16] * 3 + [2 * 16] * 3,
        "activation_bits": [PLANES, PLANES, 0, again, again, 0],
        "output_bits": [0, 0, 2 * 4 * 32, 0, 0, 1 * 4 * 32]}


@pytest.mark.parametrize(("kbytes", "again"), [(None, 0), (18 * 16 / 8192, 0), (255 / 8192, 3 * 2 * 16)])
def test_inputs_stay(kbytes, again):
    # The same K tiles for vectors 0 1 (image 0), then 2 3. Planes come once, whatever the buffer; the weights stream.
    assert tiles(CONVOLUTION, "is", data_sram_kbytes=kbytes) == {
        "compute_cycles": [2 + 3 + 2] * 6, "weight_bits": [3 * 2 * 16] * 3 + [again] * 3,
        "activation_bits": [PLANES, PLANES, 0, 0, 0, 0],
        "output_bits": [0, 0, 2 * 3 * 32, 0, 0, 2 * 3 * 32]}


@pytest.mark.parametrize(("kbytes", "again"), [(None, 0), (256 / 8192, 0), (255 / 8192, PLANES)])
def test_outputs_stay(kbytes, again):
    # Filters 0 1 with the vectors of image 0, of image 1; then filter 2 with both.
    assert tiles(CONVOLUTION, "os", data_sram_kbytes=kbytes) == {
        "compute_cycles": [6 + 2 * 2 + 2 - 2] * 4, "weight_bits": [2 * 6 * 16, 0, 6 * 16, 0],
        "activation_bits": [PLANES, PLANES, again, again], "output_bits": [4 * 32, 4 * 32, 2 * 32, 2 * 32]}


def test_double_buffered_tiles_begin_before_the_last_one_ends():
    # 4 inputs, 3 outputs, 1 vector: tiles begin every max(1, 2, 2) cycles, the last takes 2 + 1 + 2.
    layer = linear("l", np.ones((3, 4), np.int8), np.ones(4, np.int8))
    assert tiles(layer, "ws", double_buffer=True) == {
        "compute_cycles": [2, 2, 2, 5], "weight_bits": [64, 64, 32, 32], "activation_bits": [32, 32, 0, 0],
        "output_bits": [0, 64, 0, 32]}
    assert tiles(layer, "ws", resident_weights=True)["weight_bits"] == [0, 0, 0, 0]
    stay = tiles(layer, "ws", resident_activations=True)
    assert stay["activation_bits"] == stay["output_bits"] == [0, 0, 0, 0]
