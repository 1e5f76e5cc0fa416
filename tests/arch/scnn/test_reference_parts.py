"""Are the parts of SCNN's reference right? Compression, the bank hash, and queues that tick."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.planar.shared.reference.banks import AccumulatorBanks, xor_hash
from accelsim.arch.planar.shared.reference.blocks import RunEntry, compress, decode


def test_xor_hash():
    # k = 4: bit 4. p, q = 3: bit 4 each and bits 3, 2; together bit 4 cancels out.
    bank = xor_hash(32)
    assert [bank(0, 0, 0), bank(7, 0, 0), bank(0, 3, 0), bank(0, 0, 3), bank(1, 3, 3)] == [0, 19, 24, 20, 13]


def test_a_run_too_long_for_its_index_is_broken_up():
    assert compress([0] * 15 + [7], 4) == [RunEntry(15, 7)]
    assert compress([0] * 16 + [7, 0, 8], 4) == [RunEntry(15, 0), RunEntry(0, 7), RunEntry(1, 8)]
    assert compress([0] * 40 + [7, 0], 4) == [RunEntry(15, 0), RunEntry(15, 0), RunEntry(8, 7)]
    assert compress([0] * 40 + [7, 0], 0) == [RunEntry(40, 7)]


@given(st.lists(st.sampled_from([0, 0, 0, 5]), max_size=60), st.integers(0, 4))
def test_compressed_blocks_decode(values, index_bits):
    operands = decode(compress(values, index_bits), [(place,) for place in range(len(values))])
    assert all(values[place] == value for (place,), value in operands)
    assert [value for _, value in operands if value] == [value for value in values if value]


@given(st.lists(st.lists(st.integers(0, 3), max_size=6), max_size=12), st.integers(0, 5))
def test_ticking_queues_cost_what_the_rules_page_says(steps, entries):
    # Each step sends products to banks; the next may come as soon as no bank has more than `entries` left.
    banks, waiting = AccumulatorBanks(4), Counter()
    banks.begin([(k, 0, 0) for k in range(4)], xor_hash(4))
    for step in steps:
        for bank in step:
            banks.send((bank, 0, 0), 1)
        cost = 0
        while cost == 0 or banks.fullest > entries:
            banks.tick()
            cost += 1
        waiting.update(step)
        assert cost == max(1, max(waiting.values(), default=0) - entries)
        waiting = Counter({bank: max(0, n - cost) for bank, n in waiting.items()})
        assert banks.fullest == max(waiting.values(), default=0)


