"""What SCNN's reference moves from and to DRAM, worked by hand from docs/machines/scnn.md. An entry has 20 bits."""

from typing import Any

import numpy as np
import pytest
from arch.tiles import reference_tiles

from accelsim import load_arch
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear


def row_layer(weight: list, activation: list) -> Layer:
    """A convolution of planes of one row: weight [K, C, S], activation [C, W]."""
    return conv2d("row", np.array(weight)[:, :, None], np.array(activation)[None, :, None])


def tiles(layer: Layer, **changes: Any) -> dict[str, list[int]]:
    """On one PE, groups being of one filter; nothing stays that the case does not say."""
    config = load_arch("scnn", {"pe_rows": 1, "pe_cols": 1, "kc_max": 1, "dram.gbps": 1.0,
                                "resident_activations": False} | changes)
    return reference_tiles(layer, config)


@pytest.mark.parametrize(("post", "compute_cycles"), [("overlapped", [2, 2, 22]), ("serial", [10, 10, 10])])
def test_where_rounds_end(post, compute_cycles):
    # 2 cycles of compute and 8 of post a round. Overlapped: computed at 2, 4 and 12, all done at 26; serial: one round
    # after the other. A weight a round; 8 inputs with the first, 8 outputs with each.
    layer = row_layer([[[1]], [[2]], [[3]]], [list(range(1, 9))])
    assert tiles(layer, post=post, post_entries_per_cycle=1) == {
        "compute_cycles": compute_cycles, "weight_bits": [20] * 3, "activation_bits": [160, 0, 0],
        "output_bits": [160] * 3}


@pytest.mark.parametrize(("iaram_bits", "activation_bits"), [
    (80, [80, 0]), (40, [40, 0, 40, 0]), (19, [20] * 8)])  # whole, halved, streamed once a round
def test_temporal_tiles(iaram_bits, activation_bits):
    layer, rounds = row_layer([[[3]], [[4]]], [[1, 2, 3, 4]]), len(activation_bits)
    moved = tiles(layer, iaram_bits=iaram_bits)
    assert moved["weight_bits"] == [20] * rounds
    assert moved["activation_bits"] == activation_bits
    assert moved["output_bits"] == [8 * 20 // rounds] * rounds
    stay = tiles(layer, iaram_bits=iaram_bits, resident_activations=True)
    assert stay["activation_bits"] == ([0, 0] if iaram_bits == 80 else activation_bits)
    assert stay["output_bits"] == [0] * rounds


@pytest.mark.parametrize(("oaram_bits", "output_bits"), [(0, 0), (160, 0), (159, 80)])
def test_outputs_that_fit_stay(oaram_bits, output_bits):
    # The PE owns 2 x 4 outputs.
    moved = tiles(row_layer([[[3]], [[4]]], [[1, 2, 3, 4]]), oaram_bits=oaram_bits, resident_activations=True)
    assert moved["output_bits"] == [output_bits] * 2


def test_a_part_without_a_group_and_a_placeholder():
    # 3 filters on 2 parts: two weights, then one; both parts get the input, which is fetched once.
    moved = tiles(linear("fc", [[1], [2], [3]], [5]), pe_cols=2)
    assert (moved["weight_bits"], moved["activation_bits"], moved["output_bits"]) == ([40, 20], [20, 0], [40, 20])
    # Two zeros in a row are more than one bit counts: a placeholder before the 2. Entries have 17 bits.
    moved = tiles(row_layer([[[3]]], [[1, 0, 0, 2]]), index_bits=1, resident_weights=True)
    assert (moved["weight_bits"], moved["activation_bits"], moved["output_bits"]) == ([0], [3 * 17], [4 * 17])
