"""ESE against worked schedules, and pruning with equal totals against the published example."""

import numpy as np
import pytest

import accelsim
from accelsim.arch.broadcast.ese.claims import of_product, of_step
from accelsim.workload.recurrent_cell import RecurrentCell
from accelsim.workload.recurrent_maker import recurrent


def dense_lstm(steps, batch, lengths=None, projected=None, inputs=8, cells=16, kind="lstm", **cell):
    rng, gates = np.random.default_rng(3), {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    weights = {"weight": rng.integers(1, 9, (gates * cells, inputs)),
               "recurrent_weight": rng.integers(1, 9, (gates * cells, projected or cells))}
    if projected:
        weights["projection"] = rng.integers(1, 9, (projected, cells))
    x = rng.integers(1, 9, (steps, batch, inputs))
    return recurrent("r", RecurrentCell(kind, **cell), x, weights, lengths=lengths)


def ran(layer, **changes):
    return accelsim.simulate(layer, "ese", set=changes).layers[0]


def test_a_step_is_its_parts():
    """Prologue, four products of x, four of h, an exposed slot, the projection: each as long as its unit."""
    step, parts = of_step(), {name: of_product(name).cycles for name in ("Wix", "Wir", "Wfr", "Wcr", "Wor", "Wym")}
    assert parts["Wix"] < 1072
    assert step.cycles == 6 * 1072 + parts["Wir"] + parts["Wfr"] + parts["Wcr"] + parts["Wor"] + parts["Wym"]


@pytest.mark.small
def test_short_products_wait_for_the_element_wise_unit():
    """Everything takes 16 + 100 cycles: the prologue and 8 products, three times."""
    layer = dense_lstm(3, 2)
    found = ran(layer, slot_overhead_cycles=100, channels=2)
    assert found.cycles == 3 * 9 * 116
    assert found.stalls["exposed"] == found.stalls["idle_channel"] == 0
    assert found.stalls["prologue"] == 3 * 116 * 64
    projected = ran(dense_lstm(3, 2, projected=16), slot_overhead_cycles=100, channels=2)
    assert projected.cycles == 3 * 11 * 116


@pytest.mark.small
@pytest.mark.parametrize(("kind", "cell", "slots"), [
    ("gru", {"linear_before_reset": True}, 7), ("gru", {"linear_before_reset": False}, 8), ("rnn", {}, 3)])
def test_slots_of_other_cells(kind, cell, slots):
    assert ran(dense_lstm(1, 1, kind=kind, **cell), slot_overhead_cycles=100).cycles == slots * 116


@pytest.mark.small
def test_voices_of_a_group_take_the_time_of_one():
    one, many, two_groups = (ran(dense_lstm(2, batch), channels=4) for batch in (1, 4, 5))
    assert one.cycles == many.cycles
    assert two_groups.cycles == 2 * one.cycles
    assert many.counts["macs"] == dense_lstm(2, 4).macs_effectual
    assert one.stalls["idle_channel"] == 3 * 32 * one.cycles


@pytest.mark.small
def test_sequences_that_end_leave_their_channel_idle():
    layer = dense_lstm(4, 2, lengths=[4, 1])
    found = ran(layer, channels=2)
    assert found.stalls["idle_channel"] == 3 * 32 * found.cycles // 4
    assert ran(dense_lstm(4, 3, lengths=[4, 4, 1]), channels=2).cycles == 5 * found.cycles // 4


@pytest.mark.small
def test_a_column_is_skipped_where_all_voices_are_zero():
    weights = np.ones((8, 12), np.int8)
    vectors = np.zeros((2, 12), np.int8)
    vectors[0, 3], vectors[1, 5] = 4, 5
    every = ran(accelsim.linear("l", weights, vectors), pes=4)
    some = ran(accelsim.linear("l", weights, vectors), pes=4, input_skip=True)
    assert every.counts["broadcasts"] == 2 * 12
    assert some.counts["broadcasts"] == 2 * 2
    assert every.counts["macs"] == some.counts["macs"] == 16
    assert some.stalls["zero_input"] == 16
    assert every.stalls["zero_input"] == 2 * 96 - 16


@pytest.mark.small
def test_balanced_pruning_of_the_published_example():
    """12 non-zeros on 4 PEs: 5, 2, 4 and 1 take 5 cycles, 3 each take 3."""
    weights = np.zeros((4, 12), np.int8)
    for pe, (first, count) in enumerate(((0, 5), (5, 2), (7, 4), (11, 1))):
        weights[pe, first:first + count] = np.arange(count) + 1
    dense = np.where(weights == 0, 0, weights)
    assert np.count_nonzero(dense, axis=1).max() == 5
    full = np.arange(1, 49, dtype=np.int8).reshape(4, 12)
    trace = accelsim.Trace([accelsim.linear("l", full, np.ones(12, np.int8))], name="t")
    pruned = accelsim.prune(trace, "balanced:4:0.75").layers[0].weight[0]
    assert np.count_nonzero(pruned, axis=1).tolist() == [3, 3, 3, 3]
    assert (pruned[:, 9:] == full[:, 9:]).all()
