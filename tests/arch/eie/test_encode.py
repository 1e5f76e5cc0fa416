"""Does the reference's encoding hold the matrix it was given, with padding where the rules want it?"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.broadcast.shared.reference.encode import Entry, encode, encode_sub_column


def test_paper_example():
    # The column [0, 0, 1, 2, 18 zeros, 3] of the paper: v = [1, 2, 0, 3], z = [2, 0, 15, 2].
    assert encode_sub_column([0, 0, 1, 2, *[0] * 18, 3], 4) == [Entry(1, 2), Entry(2, 0), Entry(0, 15), Entry(3, 2)]


def test_padding_stands_for_one_zero_itself():
    # Two index bits hold gaps of 0..3: nine zeros are 3 + its own zero, twice, then 1.
    assert encode_sub_column([0] * 9 + [5], 2) == [Entry(0, 3), Entry(0, 3), Entry(5, 1)]
    assert encode_sub_column([0] * 3 + [5], 2) == [Entry(5, 3)]
    assert encode_sub_column([0] * 4 + [5], 2) == [Entry(0, 3), Entry(5, 0)]
    assert encode_sub_column([0, 0, 5], 0) == [Entry(0, 0), Entry(0, 0), Entry(5, 0)]
    assert encode_sub_column([0] * 40, 4) == []  # trailing zeros need no entry


@given(st.data())
def test_encoded_matrix_decodes_to_itself(data):
    out, n_in, pes = (data.draw(st.integers(1, high), name) for name, high in (("out", 30), ("in", 4), ("pes", 4)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), "seed"))
    matrix = rng.integers(-300, 301, (out, n_in)) * (rng.random((out, n_in)) < rng.choice([0.05, 0.3, 1.0]))
    pe_of_row = rng.integers(0, pes, out)
    index_bits = data.draw(st.integers(0, 4))
    encoded = encode(matrix, pe_of_row, pes, index_bits)
    decoded = np.zeros_like(matrix)
    for pe, memory in enumerate(encoded.memories):
        assert list(memory.global_rows) == [row for row in range(out) if pe_of_row[row] == pe]
        for column in range(n_in):
            local_row = -1
            for code, gap in memory.entries[memory.pointers[column]:memory.pointers[column + 1]]:
                assert 0 <= gap < 2**index_bits
                local_row += gap + 1
                decoded[memory.global_rows[local_row], column] = encoded.codebook[code]
    np.testing.assert_array_equal(decoded, matrix)
