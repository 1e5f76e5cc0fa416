"""Every format: the counted bits are the encoded bits, and decoding gives the matrix back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accelsim.errors import AccelsimError, TraceError
from accelsim.workload import formats

pytestmark = pytest.mark.small

# besides the catalogue: parameters that make padding, odd edges and fixed fields happen on small matrices
VARIANTS = dict(formats.CATALOGUE) | {
    "run_length 1 bit": formats.RunLength(run_bits=1),
    "run_length 2 bits": formats.RunLength(run_bits=2),
    "csr 20-bit pointers": formats.Csr(pointer_bits=20),
    "block 3x2": formats.Block(block=(3, 2)),
    "csb 1x9": formats.CompressedSparseBlock(block=(1, 9)),
    "balanced of 7": formats.Balanced(m=7),
    "balanced 5:5": formats.Balanced(m=5, n=5),
    "eie 1 PE": formats.EieCsc(pes=1, index_bits=1),
    "eie 3 PEs": formats.EieCsc(pes=3, index_bits=2, pointer_bits=12),
    "zfnaf of 3": formats.Zfnaf(brick=3),
    "steps of 1 bit": formats.StepIndex(index_bits=1),
    "shared by 3": formats.SharedIndex(block_rows=3),
    "chunks of 5": formats.SparseMap(chunk=5, pointer_bits=10),
    "equal runs of 3": formats.EqualRuns(run_bits=2),
    "zero runs of 1": formats.ZeroRuns(run_bits=1),
    "tables of 4 kernels": formats.IndexTables(kernels=4, replicas=2),
    "eyeriss_v2 padded": formats.EyerissV2Csc(segment_rows=9, tile_cols=3, count_bits=1, address_bits=8),
}
RANGES = {"bool": (0, 1), "int8": (-128, 127), "int16": (-(1 << 15), (1 << 15) - 1),
          "int32": (-(1 << 31), (1 << 31) - 1)}


@st.composite
def matrices(draw):
    dtype = draw(st.sampled_from(sorted(RANGES)))
    shape = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    mask = draw(hnp.arrays(bool, shape, elements=st.booleans(), fill=st.just(draw(st.booleans()))))
    values = draw(hnp.arrays(np.int64, shape, elements=st.integers(*RANGES[dtype]), fill=st.just(1)))
    return (mask * values).astype(dtype)


@pytest.mark.parametrize("name", sorted(VARIANTS))
@given(matrix=matrices())
def test_round_trip(name, matrix):
    chosen = VARIANTS[name]
    bits = chosen.encode(matrix)
    assert bits.dtype == bool and bits.ndim == 1
    assert len(bits) == chosen.size_bits(matrix)
    back = chosen.decode(bits, matrix.shape, matrix.dtype)
    assert back.dtype == matrix.dtype
    np.testing.assert_array_equal(back, matrix)


@pytest.mark.parametrize("name", sorted(VARIANTS))
@given(matrix=matrices(), wider=st.integers(1, 32))
def test_other_value_widths(name, matrix, wider):
    chosen = replace(VARIANTS[name], value_bits=wider)
    try:
        bits = chosen.encode(matrix)
    except formats.DoesNotFitError:
        assert wider < 32
        with pytest.raises(formats.DoesNotFitError):
            chosen.size_bits(matrix)
        return
    assert len(bits) == chosen.size_bits(matrix)
    np.testing.assert_array_equal(chosen.decode(bits, matrix.shape, matrix.dtype), matrix)


@pytest.mark.parametrize("name", sorted(VARIANTS))
@given(bits=st.lists(st.booleans(), max_size=200), rows=st.integers(1, 12), cols=st.integers(1, 12),
       dtype=st.sampled_from(sorted(RANGES)))
def test_any_bits_decode_or_say_why_not(name, bits, rows, cols, dtype):
    try:
        matrix = VARIANTS[name].decode(np.array(bits, bool), (rows, cols), dtype)
    except TraceError:
        return
    assert matrix.shape == (rows, cols) and matrix.dtype == np.dtype(dtype)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_cut_bits_are_refused_or_give_another_matrix(name):
    matrix = np.random.default_rng(0).integers(-3, 4, (20, 30)).astype(np.int8)
    bits = VARIANTS[name].encode(matrix)
    for kept in range(0, len(bits), 97):
        try:
            back = VARIANTS[name].decode(bits[:kept], matrix.shape, matrix.dtype)
        except TraceError:
            continue
        assert not np.array_equal(back, matrix)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_views_in_any_memory_order(name):
    matrix = np.random.default_rng(1).integers(-1, 2, (40, 33)).astype(np.int8)
    chosen = VARIANTS[name]
    for view in (matrix.T, matrix[::-1, ::2], np.asfortranarray(matrix)):
        assert len(chosen.encode(view)) == chosen.size_bits(view) == chosen.size_bits(np.ascontiguousarray(view))
        np.testing.assert_array_equal(chosen.decode(chosen.encode(view), view.shape, view.dtype), view)


@pytest.mark.parametrize("bad", [np.zeros(3, np.int8), np.zeros((0, 3), np.int8), np.zeros((2, 2)), "text",
                                 np.zeros((2, 2), object)])
def test_what_is_no_matrix(bad):
    for chosen in VARIANTS.values():
        with pytest.raises(TraceError):
            chosen.size_bits(bad)
        with pytest.raises(TraceError):
            chosen.encode(bad)


@pytest.mark.parametrize("make", [
    lambda: formats.Bitmap(value_bits=0), lambda: formats.Bitmap(value_bits=33),
    lambda: formats.Bitmap(value_bits=True),
    lambda: formats.RunLength(run_bits=0), lambda: formats.RunLength(run_bits=17), lambda: formats.Balanced(m=0),
    lambda: formats.Balanced(m=4, n=5), lambda: formats.Block(block=(0, 4)), lambda: formats.EieCsc(pes=0),
    lambda: formats.EyerissV2Csc(address_bits=6), lambda: formats.CompressedSparseBlock(block=(1, 0)),
])
def test_impossible_parameters(make):
    with pytest.raises(AccelsimError):
        make()
