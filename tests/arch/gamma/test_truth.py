"""Gamma against the TeAAL compiler's counters: ../shared/golden/spgemm, and the roof that follows from them."""

from pathlib import Path

import numpy as np
import pytest
from arch.streams.drawn import golden

import accelsim

PATTERNS = Path(__file__).resolve().parents[4] / "shared" / "golden" / "spgemm" / "patterns.npz"
POINTER_LINE = 64  # of B in S32: TeAAL packs pointers of used fibers alone, and has one line less
ROWS = {  # A, B, Z bits; swaps; roof, ns
    "S16": (8192, 8128, 19136, 423, 32.247),
    "S32": (11392, 11200 + POINTER_LINE, 28736, 397, 46.683 + POINTER_LINE / 8 / (128 * 2**30) * 1e9),
    "S200": (86400, 84608, 314496, 4028, 441.56),
}
PRODUCTS = {"S16": 346, "S32": 331, "S200": 3305, "S64b": 10500, "S100x200x50": 29820}


@pytest.fixture(scope="module")
def patterns():
    for place in (PATTERNS, Path("/work/shared/golden/spgemm/patterns.npz")):
        if place.is_file():
            return np.load(place)
    pytest.skip("../shared/golden/spgemm is not there")
    return None


def roof_ns(counts):
    moved = counts["a_bits"] + counts["b_bits"] + counts["z_bits"]
    return max(moved / 8 / (128 * 2**30) * 1e9, counts["swaps"] / 32)


@pytest.mark.parametrize("case", ROWS)
def test_traffic_swaps_and_roof(patterns, case):
    counts = accelsim.simulate(golden(patterns, case), arch="gamma").layers[0].counts
    *exact, ns = ROWS[case]
    assert [counts[name] for name in ("a_bits", "b_bits", "z_bits", "swaps")] == exact
    assert roof_ns(counts) == pytest.approx(ns, rel=1e-3)


@pytest.mark.parametrize("case", PRODUCTS)
@pytest.mark.parametrize("policy", ["in_order", "affinity"])
def test_products_and_values(patterns, case, policy):
    layer = golden(patterns, case)
    kernel = accelsim.simulate(layer, arch="gamma", policy=policy).layers[0]
    assert kernel.counts["products"] == PRODUCTS[case]
    if case.startswith("S") and case != "S100x200x50":
        assert layer.agrees(accelsim.simulate(layer, arch="gamma", policy=policy, engine="reference").layers[0].output)


def test_a_long_row_is_a_tree_whose_root_is_full():
    """70 fibers of one element at radix 64: six tasks of two, whose results meet 58 fibers in the root."""
    a = np.ones((1, 70), np.int8)
    b = np.eye(70, dtype=np.int8)
    layer = accelsim.sparse_matmul("long", a, b)
    run = accelsim.simulate(layer, arch="gamma", set={"pes": 1}).layers[0]
    assert (run.counts["tasks"], run.counts["merged_elements"], run.cycles) == (7, 70 + 12, 82)
    many = accelsim.simulate(layer, arch="gamma", set={"pes": 8}).layers[0]
    assert many.cycles == 2 + 70
    assert many.stalls["dependency"] == 2


def test_rows_that_share_come_together():
    """Rows 0, 2, 4... read the first half of B, the others the second: in order every row misses all, by affinity
    only the first of each half does."""
    a = np.zeros((20, 8), np.int8)
    a[::2, :4], a[1::2, 4:] = 1, 1
    layer = accelsim.sparse_matmul("halves", a, np.ones((8, 16), np.int8))
    lines = 4 * (8 + 16)  # of one half
    small = {"pes": 1, "cache_kbytes": 64 * lines / 8192, "ways": lines}
    misses = {policy: accelsim.simulate(layer, arch="gamma", policy=policy, set=small).layers[0].counts["cache_misses"]
              for policy in ("in_order", "affinity")}
    assert misses["affinity"] == 2 * lines
    assert misses["in_order"] > 2 * lines


def test_a_policy_must_give_every_row_once():
    from accelsim.arch.streams.shared.order import checked_order

    with pytest.raises(accelsim.PolicyError, match="each of 3 rows once"):
        checked_order("gamma", [0, 1, 1], 3)
