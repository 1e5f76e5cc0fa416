"""Do compressed blocks come back as they were, and do pipes keep their clock?"""

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.gpu.tensor_core.reference import phases
from accelsim.arch.gpu.tensor_core.reference.blocks import OperandFormat, compress, pack, positions, unpack
from accelsim.arch.gpu.tensor_core.reference.pipe import Pipe


def structured(rng: np.random.Generator, rows: int, groups: int, keep: int, group: int) -> np.ndarray:
    """A block [rows, groups x group] with 0 .. keep non-zeros in each group."""
    chosen = rng.random((rows, groups, group)).argsort(axis=2) < rng.integers(0, keep, (rows, groups, 1), endpoint=True)
    return (chosen * rng.integers(1, 100, chosen.shape)).reshape(rows, -1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5),
       st.sampled_from(((2, 4), (1, 2), (1, 4), (3, 4), (4, 4), (2, 6), (3, 8), (1, 1), (2, 5))))
def test_metadata_bring_a_compressed_block_back(seed, rows, groups, pattern):
    keep, group = pattern
    block = structured(np.random.default_rng(seed), rows, groups, keep, group)
    form = OperandFormat("n_m", keep, group, 16)
    encoded = form.encode_a(block)
    assert encoded.values.shape == (rows, groups * keep)
    assert encoded.values_bytes == rows * groups * keep * 2
    bits_of_index = int(np.ceil(np.log2(group)))
    assert encoded.metadata_bytes == -(-rows * groups * keep * bits_of_index // 8)
    places = unpack(encoded.metadata, encoded.values.shape, form.index_bits)
    back = np.zeros_like(block)
    np.put_along_axis(back, positions(places, keep, group), encoded.values, axis=1)
    np.testing.assert_array_equal(back, block)


def test_places_of_a_group_ascend_and_differ():
    # No non-zero: the first two. One at 3: the first zero before it. One at 0: the first zero behind it.
    kept, places = compress(np.array([[0, 0, 0, 0, 0, 0, 0, 9, 8, 0, 0, 0, 0, 5, 6, 0]]), 2, 4)
    assert places.tolist() == [[0, 1, 0, 3, 0, 1, 1, 2]]
    assert kept.tolist() == [[0, 0, 0, 9, 8, 0, 5, 6]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_bitmap_brings_a_condensed_block_back(seed, rows, k):
    rng = np.random.default_rng(seed)
    block = rng.integers(-3, 4, (rows, k)) * (rng.random((rows, k)) < 0.5)
    for encode in (OperandFormat("dual_side", 1, 1, 8).encode_a, OperandFormat("dual_side", 1, 1, 8).encode_b):
        encoded = encode(block)
        assert (encoded.values_bytes, encoded.metadata_bytes) == (np.count_nonzero(block), -(-rows * k // 8))
        back = np.zeros((k, rows), np.int64)
        back[unpack(encoded.metadata, (k, rows), 1) == 1] = encoded.values
        np.testing.assert_array_equal(back.T, block)


@pytest.mark.parametrize("bits", [0, 1, 2, 3, 5])
def test_packed_numbers(bits):
    numbers = np.arange(21).reshape(3, 7) % (1 << bits)
    packed = pack(numbers, bits)
    assert (packed.dtype, len(packed)) == (np.uint8, -(-21 * bits // 8))
    np.testing.assert_array_equal(unpack(packed, (3, 7), bits), numbers)


@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 6), st.integers(1, 40)), min_size=1, max_size=12))
def test_pipe_is_a_byte_clock(rate, bookings):
    # Bookings (cycles after the one before, bytes). The page: F = max(F, t x rate) + bytes, done at ceil(F / rate).
    env, done = simpy.Environment(), {}
    pipe = Pipe(env, rate)

    def watch(number, event):
        yield event
        done[number] = env.now

    def book():
        for number, (gap, amount) in enumerate(bookings):
            yield env.timeout(gap)
            yield phases.turn(env, 0)
            env.process(watch(number, pipe.book(amount)))

    env.process(book())
    env.run()
    cycle = clock_bytes = 0
    for number, (gap, amount) in enumerate(bookings):
        cycle += gap
        clock_bytes = max(clock_bytes, cycle * rate) + amount
        assert done[number] == -(-clock_bytes // rate)


def test_phases_of_a_cycle():
    env, order = simpy.Environment(), []

    def wait(name, make):
        yield env.timeout(3)
        yield make()
        order.append((name, env.now))

    env.process(wait("turn 2", lambda: phases.turn(env, 2)))
    env.process(wait("turn 1", lambda: phases.turn(env, 1)))
    env.process(wait("choice", lambda: phases.choice(env)))
    env.process(wait("arrival", lambda: env.timeout(0)))
    env.run()
    assert order == [("arrival", 3), ("choice", 3), ("turn 1", 3), ("turn 2", 3)]
