"""Broadcasts by hand, and the switches."""

import numpy as np

import accelsim


def run(layer, **changes):
    return accelsim.simulate(layer, "squeezeflow", set={"tile_rows": 4, "tile_cols": 4, **changes}).layers[0]


WEIGHT = np.zeros((2, 2, 3, 3), np.int8)
WEIGHT[0, 0, 1, 1], WEIGHT[0, 0, 0, 2], WEIGHT[1, 1, 2, 2] = 1, 2, 3
PLANES = np.zeros((1, 2, 6, 6), np.int8)
PLANES[0, 0, :3] = 1  # channel 1 and the lower rows of channel 0 are empty
LAYER = accelsim.conv2d("c", WEIGHT, PLANES, padding=1)


def test_one_weight_a_cycle_for_each_tile():
    """Four tiles; the lower two begin at output row 4, whose plane (input rows 3 to 5) is empty."""
    assert run(LAYER, skip_zero_tiles=False).cycles == 4 * 3
    skipping = run(LAYER)
    assert skipping.cycles == 2 * 2
    assert skipping.mapping == {"tile_rows": 4, "tile_cols": 4, "tiles": 4, "zero_input_tiles": 6}
    assert (skipping.counts["kernels_run"], skipping.counts["kernels_skipped"]) == (2, 14)


def test_empty_kernels_may_cost_a_cycle():
    assert run(LAYER, skip_zero_tiles=False, c_min=1).cycles == 4 * (2 + 1 + 1 + 1)


def test_exposed_fill_and_write_back():
    """Two columns of taps a tile row, and ceil(outputs / 3) for each filter; 4 x 4, 4 x 2, 2 x 4 and 2 x 2 outputs."""
    plain = run(LAYER, skip_zero_tiles=False)
    both = run(LAYER, skip_zero_tiles=False, hide_fill=False, hide_write_back=False, port_words=3)
    fill = 2 * 2 * (4 + 4 + 2 + 2)
    write_back = 2 * (6 + 3 + 3 + 2)
    assert both.cycles == plain.cycles + fill + write_back


def test_weight_skipping_alone_on_vgg16():
    """The published 2.9x lies below the 3.05x that these densities allow; one layer of each stage."""
    trace = accelsim.draw_trace("vgg16:deep_compression", seed=0, uniform=True, layers="conv[345]_2")
    dense = accelsim.Trace([layer.with_weight(np.ones_like(layer.weight)) for layer in trace.layers])
    slow, fast = (accelsim.simulate(t, "squeezeflow", set={"skip_zero_tiles": False}) for t in (dense, trace))
    for layer, alone, skipping in zip(trace.layers, slow.layers, fast.layers, strict=True):
        assert alone.cycles / skipping.cycles == layer.weight.size / np.count_nonzero(layer.weight)
