"""What SIGMA's reference moves from and to DRAM, worked by hand from docs/machines/sigma.md."""

from typing import Any

import pytest
from arch.tiles import reference_tiles

from accelsim import load_arch
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul

# K tiles of two. No vector has k = 0, 1 or 5, so that values stay at k = 2 and 3 alone: two folds of the middle tile.
STATIONARY = [[5, 0, 1, 2, 0, 0], [6, 7, 3, 0, 0, 9]]
STREAMED = [[0, 0, 1, 1, 2, 0], [0, 0, 0, 1, 0, 0]]


def tiles(layer: Layer, **changes: Any) -> dict[str, list[int]]:
    config = load_arch("sigma", {"flex_dpes": 1, "multipliers_per_dpe": 2, "bandwidth_words_per_cycle": 1,
                                 "stationary": "mk", "dram.gbps": 1.0} | changes)
    return reference_tiles(layer, config)


@pytest.mark.parametrize(("kbytes", "again"), [(None, 0), (52 / 8192, 0), (51 / 8192, 52)])
def test_two_folds_of_one_k_tile_of_three(kbytes, again):
    # Fold 0: load 2, 2 vectors of 2 words, drain 2; fold 1: load 1, 2 vectors of 1 word, drain 2.
    # Fold 0 fetches the first two tiles: stationary bitmaps 4 + 4, 5 6 7 that no fold holds, its own 1 2; streamed
    # bitmaps 4 + 4, non-zeros 1 1 1. Fold 1: its own 3, and, as the last one, the third tile: 4 and 9, 4 and 2.
    # The middle tile's 4 + 48 streamed bits come again when they do not fit. Outputs: 3 of 4 are set.
    held, streamed = [8 + 3 * 16 + 2 * 16, 16 + 4 + 16], [8 + 3 * 16, 4 + 16 + again]
    layer = linear("weights stay", STATIONARY, STREAMED)
    assert tiles(layer, data_sram_kbytes=kbytes) == {
        "compute_cycles": [8, 5], "weight_bits": held, "activation_bits": streamed, "output_bits": [0, 4 + 3 * 32]}
    swapped = linear("inputs stay", STREAMED, STATIONARY)
    assert tiles(swapped, data_sram_kbytes=kbytes, stationary="kn") == {
        "compute_cycles": [8, 5], "weight_bits": streamed, "activation_bits": held, "output_bits": [0, 4 + 3 * 32]}


def test_a_product_without_folds_is_one_tile():
    # The second of two products has no partner for its weight: bitmaps 2, the values 5 and 3, no set output.
    layer = matmul("two", [[[1, 0]], [[5, 0]]], [[[2, 0]], [[0, 3]]])
    assert tiles(layer) == {"compute_cycles": [1 + 1 + 2, 0], "weight_bits": [2 + 16, 2 + 16],
                            "activation_bits": [2 + 16, 2 + 16], "output_bits": [1 + 32, 1]}
    assert tiles(layer, resident_weights=True)["weight_bits"] == [0, 0]
    stay = tiles(layer, resident_activations=True)
    assert stay["activation_bits"] == stay["output_bits"] == [0, 0]
