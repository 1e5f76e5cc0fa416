"""What DCNN's reference moves from and to DRAM, worked by hand from docs/machines/dcnn.md. A value has 16 bits."""

from typing import Any

import numpy as np
import pytest
from arch.tiles import reference_tiles

from accelsim import load_arch
from accelsim.workload.conv2d import conv2d

# Two groups of a filter on a row of 8 inputs.
LAYER = conv2d("row", np.array([3, 4])[:, None, None, None], np.array([1, 0, 0, 2, 0, 0, 0, 3])[None, None, None])


def tiles(**changes: Any) -> dict[str, list[int]]:
    config = load_arch("dcnn", {"pe_rows": 1, "pe_cols": 1, "dot_width": 1, "kc_max": 1, "index_bits": 1,
                                "dram.gbps": 1.0} | changes)
    return reference_tiles(LAYER, config)


def test_all_fits():
    everything = {"compute_cycles": [8, 8], "weight_bits": [16, 16], "activation_bits": [128, 0],
                  "output_bits": [128, 128]}
    assert tiles(resident_activations=False) == everything
    assert tiles() == everything | {"activation_bits": [0, 0], "output_bits": [0, 0]}
    assert tiles(resident_weights=True)["weight_bits"] == [0, 0]


@pytest.mark.parametrize(("iaram_bits", "compress", "activation_bits"), [
    (64, False, [64, 0] * 2), (15, False, [16] * 16),  # halved; single inputs do not fit: streamed once a round
    # Entries of 17 bits, which count at most one zero: 1 0 0 2 and 0 0 0 3 take 3 and 2.
    (64, True, [3 * 17, 0, 2 * 17, 0]), (15, True, [17] * 2 + [0] * 4 + [17] * 2 + [0] * 6 + [17] * 2),
])
def test_temporal_tiles(iaram_bits, compress, activation_bits):
    moved = tiles(iaram_bits=iaram_bits, compress_dram=compress, oaram_bits=2 * 8 * 16 - 1)
    rounds = len(activation_bits)
    assert moved == {"compute_cycles": [16 // rounds] * rounds, "weight_bits": [16] * rounds,
                     "activation_bits": activation_bits, "output_bits": [16 * 16 // rounds] * rounds}
