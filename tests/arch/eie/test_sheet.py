"""EIE against answers of its authors' cycle simulator on drawn masks of other machines' shapes, without a bias."""

import numpy as np
import pytest

import accelsim

ESE = {"pes": 32, "weight_bits": 12}


def pruned(seed, rows, cols, nonzeros, balanced):
    """The largest of normally distributed weights: of all, or of each PE's rows."""
    weights = np.abs(np.random.default_rng(seed).standard_normal((rows, cols)))
    kept = np.zeros(weights.shape, bool)
    parts = [slice(k, None, 32) for k in range(32)] if balanced else [slice(None)]
    for part in parts:
        own = weights[part]
        order = np.argsort(-own.ravel(), kind="stable")[:nonzeros // len(parts)]
        found = np.zeros(own.size, bool)
        found[order] = True
        kept[part] = found.reshape(own.shape)
    return kept


def answered(weights, vector, **changes):
    layer = accelsim.simulate(accelsim.linear("l", weights, vector), "eie", set=changes).layers[0]
    counts = layer.counts
    return (layer.cycles, counts["arithmetic_slots"], layer.mapping["peak_entries_per_pe"], counts["spmat_row_reads"],
            counts["pointer_reads"])


@pytest.mark.parametrize(("shape", "seed", "balanced", "ring", "wanted"), [
    ((1024, 153, 15_648), 2017, True, 16, (553, 17_060, 540, 4276, 4896)),
    ((1024, 153, 15_648), 2017, False, 16, (575, 17_068, 561, 4278, 4896)),
    ((1024, 153, 15_648), 2017, True, 8, (566, 17_060, 540, 4276, 4896)),
    ((1024, 512, 52_416), 2021, True, 16, (1879, 57_320, 1816, 14_342, 16_384)),
    ((1024, 512, 52_416), 2021, False, 16, (1922, 57_299, 1858, 14_337, 16_384)),
    ((1024, 512, 52_416), 2021, True, 8, (1931, 57_320, 1816, 14_342, 16_384)),
    ((512, 1024, 52_416), 2025, True, 16, (1908, 52_416, 1638, 13_120, 32_768)),
    ((512, 1024, 52_416), 2025, False, 16, (1932, 52_416, 1728, 13_119, 32_768)),
    ((1024, 512, 59_360), 2021, True, 16, (2082, 63_781, 2018, 15_957, 16_384)),
])
def test_masks_of_ese(shape, seed, balanced, ring, wanted):
    weights = pruned(seed, *shape, balanced)
    found = answered(weights, np.ones(shape[1], bool), queue_entries=ring - 1, spmat_width_bits=64, **ESE)
    assert found == wanted


@pytest.mark.parametrize(("shape", "inputs", "rows", "seed", "wanted"), [
    ((1000, 784), .2, 1, 1, (2440, 40_256, 9728)),
    ((1000, 1000), .3, 1, 3, (4792, 78_680, 19_136)),
    ((1000, 1000), .3, .1, 5, (1244, 14_517, 19_776)),
])
def test_dense_rows_of_sparsenn(shape, inputs, rows, seed, wanted):
    rng = np.random.default_rng(seed)
    vector, kept = rng.random(shape[1]) < inputs, rng.random(shape[0]) < rows
    weights = np.ones(shape, bool) & kept[:, None]
    cycles, _, _, row_reads, pointers = answered(weights, vector, queue_entries=7, weight_bits=12)
    assert (cycles, row_reads, pointers) == wanted
    most = int(np.bincount(np.flatnonzero(kept) % 64).max())
    assert cycles == vector.sum() * most + 8


@pytest.mark.parametrize(("pes", "wanted"), [
    (64, (1227, 3647, 26_044, 16_704)), (128, (704, 1985, 31_993, 33_408)), (256, (450, 1145, 37_923, 66_816)),
])
def test_masks_of_masr(pes, wanted):
    rng = np.random.default_rng(6)
    vector, weights = rng.random(800) < .34, rng.random((800, 800)) < .34
    cycles, _, fullest, row_reads, pointers = answered(weights, vector, pes=pes, queue_entries=7, weight_bits=12)
    assert (cycles, fullest, row_reads, pointers) == wanted
