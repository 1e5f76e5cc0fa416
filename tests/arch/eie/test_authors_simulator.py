"""Fresh rows of the EIE authors' simulator (RalphMao/EIE-simulator, 7ee0029), run by others on these masks.

Its bias was off, and it was stopped when its own done condition had held for a while; an SRAM row holds four entries.
"""

import numpy as np
import pytest

import accelsim


def simulated(weights: np.ndarray, inputs: np.ndarray, pes: int, queue: int) -> accelsim.LayerResult:
    keys = {"pes": pes, "queue_entries": queue - 1, "index_bits": 4, "weight_bits": 12, "spmat_width_bits": 64}
    return accelsim.simulate(accelsim.linear("l", weights, inputs), "eie", set=keys).layers[0]


def largest(rows: int, cols: int, nonzeros: int, seed: int, parts: int) -> np.ndarray:
    """The largest of normal weights: of the whole matrix (parts 1), or of every 32nd row (parts 32), equally many."""
    weights, mask = np.abs(np.random.default_rng(seed).standard_normal((rows, cols))), np.zeros((rows, cols), bool)
    for part in range(parts):
        own = weights[part::parts]
        kept = np.argsort(-own, axis=None, kind="stable")[:nonzeros // parts]
        piece = np.zeros(own.size, bool)
        piece[kept] = True
        mask[part::parts] = piece.reshape(own.shape)
    return mask


@pytest.mark.parametrize(("shape", "seed", "parts", "queue", "cycles", "sram_rows", "pointers"), [
    ((1024, 153, 15_648), 2017, 32, 16, 553, 4_276, 4_896), ((1024, 153, 15_648), 2017, 1, 16, 575, 4_278, 4_896),
    ((1024, 153, 15_648), 2017, 32, 8, 566, 4_276, 4_896),
    ((1024, 512, 52_416), 2021, 32, 16, 1_879, 14_342, 16_384),
    ((1024, 512, 52_416), 2021, 1, 16, 1_922, 14_337, 16_384),
    ((1024, 512, 52_416), 2021, 32, 8, 1_931, 14_342, 16_384),
    ((512, 1024, 52_416), 2025, 32, 16, 1_908, 13_120, 32_768),
    ((512, 1024, 52_416), 2025, 1, 16, 1_932, 13_119, 32_768),
    ((1024, 512, 59_360), 2021, 32, 16, 2_082, 15_957, 16_384)])
def test_gates_of_a_speech_model(shape, seed, parts, queue, cycles, sram_rows, pointers):
    """Matrices of the size of ESE's layers, all inputs non-zero."""
    layer = simulated(largest(*shape, seed, parts), np.ones(shape[1], bool), 32, queue)
    assert (layer.cycles, layer.counts["spmat_row_reads"], layer.counts["pointer_reads"]) == (
        cycles, sram_rows, pointers)


@pytest.mark.parametrize(("shape", "p", "q", "seed", "kept_inputs", "cycles", "sram_rows", "pointers"), [
    ((1000, 784), .2, 1, 1, 152, 2_440, 40_256, 9_728), ((1000, 1000), .3, 1, 3, 299, 4_792, 78_680, 19_136),
    ((1000, 1000), .3, .1, 5, 309, 1_244, 14_517, 19_776)])
def test_rows_that_a_predictor_leaves(shape, p, q, seed, kept_inputs, cycles, sram_rows, pointers):
    generator = np.random.default_rng(seed)
    inputs = generator.random(shape[1]) < p
    weights = np.repeat((generator.random(shape[0]) < q)[:, None], shape[1], axis=1)
    layer = simulated(weights, inputs, 64, 8)
    assert np.count_nonzero(inputs) == kept_inputs
    assert (layer.cycles, layer.counts["spmat_row_reads"], layer.counts["pointer_reads"]) == (
        cycles, sram_rows, pointers)


@pytest.mark.parametrize(("pes", "cycles", "sram_rows", "pointers"), [
    (64, 1_227, 26_044, 16_704), (128, 704, 31_993, 33_408), (256, 450, 37_923, 66_816)])
def test_a_layer_sparse_on_both_sides(pes, cycles, sram_rows, pointers):
    generator = np.random.default_rng(6)
    inputs = generator.random(800) < .34
    layer = simulated(generator.random((800, 800)) < .34, inputs, pes, 8)
    assert (layer.cycles, layer.counts["spmat_row_reads"], layer.counts["pointer_reads"]) == (
        cycles, sram_rows, pointers)
