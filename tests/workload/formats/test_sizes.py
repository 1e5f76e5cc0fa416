"""Bit counts worked by hand, and against other people's rules."""

import numba
import numpy as np
import pytest

from accelsim.arch.broadcast.shared.reference.encode import encode
from accelsim.workload import formats
from accelsim.workload.formats.index_tables import lowest_first

pytestmark = pytest.mark.small


def row(*values):
    return np.array([values], np.int8)


def test_dense_bitmap_and_coordinates():
    matrix = np.zeros((4, 8), np.int8)
    matrix[[0, 3], [1, 7]] = 5
    assert formats.Dense().size_bits(matrix) == 256
    assert formats.Bitmap().size_bits(matrix) == 32 + 2 * 8
    assert formats.Coordinates().size_bits(matrix) == 2 * (2 + 3 + 8)
    assert formats.Csr().size_bits(matrix) == 5 * 6 + 2 * (3 + 8)  # a pointer counts to 32: 6 bits
    assert formats.Csc().size_bits(matrix) == 9 * 6 + 2 * (2 + 8)


@pytest.mark.parametrize(("zeros", "entries"), [(0, 1), (15, 1), (16, 2), (31, 2), (32, 3)])
def test_run_length_padding(zeros, entries):
    """Four bits count to 15; a padding entry stands for 16 zeros."""
    assert formats.RunLength(run_bits=4).size_bits(row(*[0] * zeros, 7)) == entries * (4 + 8)


def test_run_length_does_not_store_the_last_zeros_and_takes_the_best_width():
    assert formats.RunLength(run_bits=4).size_bits(row(7, *[0] * 100)) == 12
    matrix = row(*([0] * 7 + [1]) * 9)
    by_hand = min(formats.RunLength(run_bits=b).size_bits(matrix) for b in range(1, 17))
    assert formats.RunLength().size_bits(matrix) == by_hand + 4 == 9 * (3 + 8) + 4


def test_two_of_four():
    """INT8: 32 bits become 16 bits of values and 4 bits of metadata."""
    matrix = np.tile(row(1, 0, 2, 0, 0, 3, 0, 4), (16, 4))
    assert formats.Balanced(m=4, n=2).size_bits(matrix) == matrix.size // 4 * 20
    assert formats.Balanced(m=4).size_bits(matrix) == matrix.size // 4 * 20 + 3  # it also stores n
    with pytest.raises(formats.DoesNotFitError, match=r"--nm 2:4"):
        formats.Balanced(m=4, n=2).size_bits(row(1, 2, 3, 0))


def test_blocks():
    matrix = np.zeros((8, 8), np.int8)
    matrix[5, 5] = 1
    assert formats.Block(block=(4, 4)).size_bits(matrix) == 3 * 3 + (1 + 16 * 8)
    assert formats.CompressedSparseBlock(block=(4, 4)).size_bits(matrix) == 5 * 7 + 64 + 8


def test_the_papers_example_of_a_column():
    """[0,0,1,2, 18 zeros, 3] of one PE is v = [1,2,0,3], z = [2,0,15,2]."""
    column = np.array([0, 0, 1, 2, *[0] * 18, 3], np.int8)[:, None]
    eie = formats.EieCsc(pes=1, value_bits=4)
    bits = eie.encode(column)
    assert eie.size_bits(column) == 2 * 16 + 4 * 8
    nibbles = np.packbits(bits[32:])
    assert [n for byte in nibbles for n in (byte >> 4, byte & 15)] == [2, 0, 15, 2, 1, 2, 0, 3]


@pytest.mark.parametrize("pes", [1, 4, 7])
def test_eie_stores_as_many_entries_as_its_reference_engine(pes):
    rng = np.random.default_rng(pes)
    matrix = (rng.integers(-8, 8, (90, 25)) * (rng.random((90, 25)) < 0.06)).astype(np.int8)
    memories = encode(matrix, np.arange(90) % pes, pes, index_bits=4).memories
    entries = sum(len(memory.entries) for memory in memories)
    assert formats.EieCsc(pes=pes).size_bits(matrix) == pes * 26 * 16 + entries * (4 + 8)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="minutes without the JIT")
def test_eie_refuses_more_entries_than_a_pointer_reaches():
    full = np.ones((256, 300), np.int8)
    with pytest.raises(formats.DoesNotFitError, match="76,800 entries"):
        formats.EieCsc(pes=1).size_bits(full)
    assert formats.sizes(np.ones((64 * 256, 300), bool))["eie_csc"] is None


def test_eyeriss_v2_pairs_entries_into_words():
    """16 x 8 tiles, 24-bit words of two entries, a 7-bit address per column."""
    matrix = np.zeros((16, 8), np.int8)
    matrix[[0, 3, 15], 0] = 1   # three entries: two words, half of one empty
    matrix[15, 5] = 1           # 15 zeros before it fit the 4-bit count
    assert formats.EyerissV2Csc().size_bits(matrix) == 8 * 7 + (2 + 1) * 24


def test_eyeriss_v2_addresses_restart_in_every_tile():
    bits = formats.EyerissV2Csc(tile_cols=2, segment_rows=2).encode(np.ones((2, 4), np.int8))
    assert (bits[:28].reshape(4, 7) @ (1 << np.arange(6, -1, -1))).tolist() == [1, 2, 1, 2]


def test_sizes_use_filter_slices_as_blocks():
    weight = np.ones((2, 3 * 9), np.int8)
    assert formats.sizes(weight, slice_size=9)["csb"] == formats.CompressedSparseBlock(block=(1, 9)).size_bits(weight)
    assert formats.sizes(weight != 0, value_bits=8) == formats.sizes(weight)


def test_formats_of_the_lanes():
    matrix = np.zeros((17, 40), np.int8)
    matrix[0, [0, 20, 39]] = 3
    matrix[16, 5] = 1
    assert formats.Zfnaf().size_bits(matrix) == 17 * 3 * 16 * (8 + 4)  # whatever it holds
    assert formats.StepIndex().size_bits(matrix) == 17 * 6 + (1 + 2 + 2 + 1) * (4 + 8)  # 19 and 18 zeros: a filler each
    assert formats.SharedIndex().size_bits(matrix) == 2 * 40 + (3 * 16 + 1) * 8
    assert formats.SparseMap().size_bits(matrix) == 17 * (128 + 32) + 4 * 8


def test_runs_of_values():
    stream = row(5, 6, 5, 0, 0, 0, 0, 7, 8, 1)
    assert formats.EqualRuns().size_bits(stream) == 7 * (8 + 4)
    assert formats.ZeroRuns().size_bits(stream) == 7 * 8 + 4
    assert formats.EqualRuns(run_bits=2).size_bits(row(*[4] * 9, *[0] * 4)) == (3 + 2) * (8 + 2)


def test_index_tables_of_the_authors_figure():
    """Four kernels of four values in seven positions: `lowest_index` needs six rows of two positions."""
    kernels = np.zeros((4, 7), np.int8)
    for kernel in range(4):
        kernels[kernel, kernel:kernel + 4] = 1
    tables = formats.IndexTables(kernels=4, replicas=2)
    assert tables.size_bits(kernels) == 32 + 6 * (2 * 3 + 4 * (1 + 1 + 8))


@pytest.mark.parametrize("seed", range(5))
def test_index_tables_follow_the_policy(seed):
    from accelsim.arch.registry import policies

    rng = np.random.default_rng(seed)
    mask = rng.random((9, 20)) < 0.4
    schedule = policies("spectral_cnn")["lowest_index"]([np.flatnonzero(kernel).tolist() for kernel in mask], 3)
    wanted = {entry: number for number, cycle in enumerate(schedule) for entry in cycle}
    kernel, index = np.nonzero(mask)
    found = dict(zip(zip(kernel.tolist(), index.tolist(), strict=True), lowest_first(mask, 3).tolist(), strict=True))
    assert found == wanted
