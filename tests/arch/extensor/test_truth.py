"""ExTensor against the TeAAL compiler: every counter and the roof of five products, to the bit."""

from pathlib import Path

import numpy as np
import pytest
from arch.streams.drawn import golden

import accelsim

PATTERNS = (Path(__file__).resolve().parents[4] / "shared/golden/spgemm/patterns.npz",
            Path("/work/shared/golden/spgemm/patterns.npz"))
COUNTS = ("products", "a_bits", "b_bits", "z_read_bits", "z_write_bits", "k2_steps", "k1_steps", "k0_steps")
ROWS = [
    ("S16", 8, (346, 10304, 10368, 0, 24448, 1, 8, 1149), 76.955),
    ("S16", 16, (346, 8768, 8832, 0, 24448, 1, 1, 1263), 71.716),
    ("S32", 8, (331, 34688, 17856, 18304, 54784, 4, 64, 1693), 214.274),
    ("S64a", 16, (681, 66304, 33792, 43776, 125056, 4, 64, 6608), 458.675),
    ("tridiagonal", 4, (206, 19840, 12416, 4864, 19456, 8, 54, 334), 96.494),
]
TWO_FINGER = {("S16", 8): 1438, ("S16", 16): 1761, ("S32", 8): 1994, ("S64a", 16): 8003}


def product(case):
    if case == "tridiagonal":
        ones = np.tri(24, k=1, dtype=np.int8) - np.tri(24, k=-2, dtype=np.int8)
        return accelsim.sparse_matmul(case, ones, ones)
    for place in PATTERNS:
        if place.is_file():
            return golden(np.load(place), case)
    pytest.skip("../shared/golden/spgemm is not there")
    return None


def on(layer, pe_tile, **changes):
    changes = {"pe_tile": pe_tile, "llb_multipliers": 2} | changes
    return accelsim.simulate(layer, arch="extensor", set=changes).layers[0]


@pytest.mark.parametrize(("case", "pe_tile", "counts", "ns"), ROWS)
def test_every_counter_and_the_roof(case, pe_tile, counts, ns):
    layer = product(case)
    run = on(layer, pe_tile, time="roof")
    assert tuple(run.counts[name] for name in COUNTS) == counts
    assert run.mapping["roof_ns"] == pytest.approx(ns, abs=6e-4)
    assert run.cycles == -(-ns // 1)
    stepped = on(layer, pe_tile)
    assert stepped.counts == run.counts
    assert stepped.cycles >= counts[-1] / 128


@pytest.mark.parametrize(("case", "pe_tile"), TWO_FINGER)
def test_two_fingers(case, pe_tile):
    assert on(product(case), pe_tile, intersection="two_finger").counts["k0_steps"] == TWO_FINGER[case, pe_tile]


@pytest.mark.parametrize("case", ["S16", "S32", "tridiagonal"])
def test_values(case):
    layer = product(case)
    result = accelsim.simulate(layer, arch="extensor", engine="reference", set={"pe_tile": 8, "llb_multipliers": 2})
    assert layer.agrees(result.layers[0].output)


def test_behind_a_dram_a_roof_is_that_of_the_units():
    layer = product("tridiagonal")
    behind = on(layer, 4, time="roof", dram={"gbps": 1.0})
    moved = sum(behind.counts[name] for name in COUNTS[1:5])
    assert behind.cycles - sum(n for name, n in behind.stalls.items() if name.startswith("memory")) // 128 == 54
    assert behind.cycles >= moved / 8


def test_least_loaded_balances_what_one_inner_tile_has():
    a = np.ones((16, 2), np.int8)
    layer = accelsim.sparse_matmul("one inner tile", a, a.T.copy())
    small = {"pe_tile": 2, "llb_multipliers": 8, "pes": 4}
    one, all_four = (accelsim.simulate(layer, arch="extensor", policy=policy, set=small).layers[0]
                     for policy in ("by_inner_tile", "least_loaded"))
    assert one.cycles == 1 + 1 + 64 * 8  # K2's step, K1's first, 64 pairs of tiles of 8 steps on one PE
    assert all_four.cycles < one.cycles / 3
