"""SCNN's steps and products against a student's cycle loop (james98kr/SCNN_simulation, d5b33c6), run by others.

Its generator draws masks from an unseeded device, so the masks that it drew lie beside the checkout.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import accelsim

ROWS = Path(__file__).resolve().parents[4] / "shared" / "golden" / "third_party"
pytestmark = pytest.mark.skipif(not (ROWS / "scnn_student.json").exists(),
                                reason="the shared third-party rows are not beside this checkout")
KEYS = {"index_bits": 0, "weight_order": "filters_outer", "iaram_bits": 0, "oaram_bits": 0, "weight_fifo_entries": 0,
        "halo": "none", "post_entries_per_cycle": 0}


@pytest.mark.parametrize("number", range(2))
def test_steps_and_products(number):
    row = json.loads((ROWS / "scnn_student.json").read_text())[number]
    weights, inputs = (np.array([*(ROWS / f"scnn_student_{name}.txt").read_text().split()[number]], np.int8)
                       for name in ("w", "io"))
    layer = accelsim.conv2d("l", weights.reshape(row["K"], row["C"], row["filter"], row["filter"]),
                            inputs.reshape(1, row["C"], row["H"], row["W"]), padding=row["filter"] // 2)
    counts = accelsim.simulate(layer, "scnn", set=KEYS | {"kc_max": row["Kc"]}).layers[0].counts
    assert (counts["steps"], counts["multiplies"]) == (row["steps"], row["products"])
