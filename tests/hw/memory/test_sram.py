"""Buffers: what fits, and what bank conflicts cost."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import CapacityError
from accelsim.hw.memory.sram import Sram


def test_words_and_accesses():
    sram = Sram("spad", bits=1000, width_bits=64, banks=2, ports=2)
    assert sram.words(24) == 41
    assert [sram.accesses(bits) for bits in (0, 1, 64, 65)] == [0, 1, 1, 2]
    assert [sram.stream_cycles(bits) for bits in (0, 64, 256, 257)] == [0, 1, 1, 2]
    sram.require("fc", "a row", 1000, "")
    with pytest.raises(CapacityError, match=r"a row needs 1,001 bits, spad holds 1,000 \(1 too many\).*; widen it"):
        sram.require("fc", "a row", 1001, "widen it")


@given(st.integers(1, 5), st.integers(1, 3), st.data())
def test_conflicts(banks, ports, data):
    steps = data.draw(st.lists(st.lists(st.integers(-1, banks - 1), min_size=4, max_size=4), min_size=1, max_size=6))
    wanted = 0
    for lanes in steps:
        waiting, cycles = Counter(b for b in lanes if b >= 0), 0
        while waiting.total():
            waiting -= Counter(dict.fromkeys(waiting, ports))
            cycles += 1
        wanted += max(0, cycles - 1)
    assert Sram("s", 1, 1, banks, ports).conflict_cycles(np.array(steps)) == wanted
