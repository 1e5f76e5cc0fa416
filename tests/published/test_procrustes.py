"""What lies behind Procrustes's published figures: what the claims assume of mappings, policies and real masks."""

import pytest

import accelsim
from accelsim.arch.registry import machine
from accelsim.arch.training.procrustes.claims import NAMES, ROWS, iteration, row_layer
from accelsim.validation.measured import measured

POLICIES = tuple(machine("procrustes").policies)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_rows_hold_what_the_published_table_says(row):
    channels, (depth, lanes), factor = row
    run = measured(row_layer(channels, factor, 0), "procrustes", tile_depth=depth, phases=["forward"])
    assert run.layers[0].mapping["forward_tile"] == [lanes, depth, 2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_policies_are_ordered(name):
    cycles = {policy: iteration(name, policy=policy).cycles for policy in POLICIES}
    assert cycles["ideal"] <= cycles["half_tile"] < cycles["none"]
    assert cycles["ideal"] <= cycles["work_stealing"] < cycles["none"]


def test_imbalance_on_real_masks():
    """`digits_training`: masks of a real sparse training run. No published counterpart; what we claim of it."""
    trace = accelsim.load_trace("digits_training")
    whole = accelsim.simulate(trace, "procrustes_dense").cycles
    speedup = {policy: whole / accelsim.simulate(trace, "procrustes", policy=policy).cycles for policy in POLICIES}
    assert speedup["none"] < speedup["work_stealing"] < speedup["half_tile"] < speedup["ideal"]
    assert speedup["half_tile"] / speedup["none"] > 1.1
