"""What does the address stage of Eyeriss's reference cost a PE when a lookup takes several cycles? Worked by hand."""

import pytest

from accelsim.workload.matmul import linear

# From docs/machines/eyeriss.md, Time of a window in a PE. L = 6; two sums move up a cycle; one multiplier.


@pytest.mark.parametrize(("address_cycles", "words", "cost", "bubbles"), [
    (2, [1], 1, 0),  # looked up before the window begins, but for the last cycle
    (2, [0], 1, 1),  # so one cycle is left of an empty column's lookup
    (2, [0, 0], 3, 3),
    (2, [0, 1], 3, 2),  # dropped in cycle 0, looked up in 1 and 2, read in 2
    (2, [1, 0], 3, 2),
    (2, [1, 1], 3, 1),  # single words: each lookup takes a cycle more than the word before hides
    (2, [1, 1, 1], 5, 2),
    (2, [2, 1], 3, 0),
    (2, [1, 0, 1], 5, 3),
    (2, [3, 0, 1], 5, 1),  # lookups in 1 and 2, 3 and 4; the weight stage has nothing in 3
    (2, [4, 0, 1], 5, 0),
    (2, [4, 0], 4, 0),
    (2, [2, 2, 0], 5, 1),  # the second begins in 2, the third is looked up in 3 and 4
    (3, [1], 1, 0),
    (3, [0], 1, 1),
    (3, [0, 0], 4, 4),
    (3, [0, 1], 4, 3),
    (3, [1, 1], 4, 2),
    (3, [2, 1], 4, 1),
    (3, [3, 1], 4, 0),
    (3, [5, 0, 1], 7, 1),  # lookups in 1 to 3, 4 to 6; the weight stage has nothing in 5
    (3, [6, 0, 1], 7, 0),
    (3, [4, 3, 0], 8, 1),  # the second is looked up by 3, waits for 4; the third is looked up in 5 to 7
])
def test_lookups_are_bubbles_unless_hidden(check, simulate, address_cycles, words, cost, bubbles):
    # Input c meets words[c] weights, one a cycle. The window's 6 sums take 3 cycles, the pipeline 6.
    weight = [[int(m < n) for n in words] for m in range(6)]
    result = simulate(linear("columns", weight, [5] * len(words)), {"m0": 6, "c0": len(words)},
                      address_cycles=address_cycles)
    loading = -(-(12 * sum(words) + 7 * len(words)) // 24)
    check(result, loading + cost + 9, {name: n for name, n in (
        ("busy", sum(words)), ("bubble", bubbles), ("psum", 9), ("weight", loading)) if n}, iact_reads=len(words))


@pytest.mark.parametrize(("address_cycles", "taps", "last_end", "busy", "bubbles"), [
    (2, [1, 1], 9, 4, 1),  # windows of 3, 1, 0 and 1 cycles end at 4, 6, 7 and 9
    (3, [1, 1], 10, 4, 2),  # 4, 1, 0, 1: at 5, 7, 8, 10
    (2, [1, 0], 9, 2, 3),  # 3, 1, 0, 1, the last one a bubble
    (3, [1, 0], 10, 2, 4),
])
def test_each_window_begins_with_a_lookup_in_its_last_cycle(row_layer, check, simulate, address_cycles, taps, last_end,
                                                            busy, bubbles):
    # Inputs of the windows: both taps', the first's, none, the second's. Each adds a sum in a cycle; then 6 of
    # pipeline. Two addresses of 7 bits and one or two words of 12 take 2 cycles to load.
    check(simulate(row_layer([[taps]], [[4, 4, 0, 0, 4]]), {"s0": 2}, address_cycles=address_cycles), 2 + last_end + 6,
          {"busy": busy, "bubble": bubbles, "psum": 4 + 6, "weight": 2}, iact_reads=4)


@pytest.mark.parametrize("address_cycles", [2, 3])
def test_dense_mode_looks_nothing_up(check, simulate, address_cycles):
    # Four single words, 4 bytes in 2 cycles: a cycle each, then 1 and 6.
    check(simulate(linear("dense", [[1] * 4], [5] * 4), {"c0": 4, "compressed": False}, address_cycles=address_cycles),
          2 + 4 + 7, {"busy": 4, "psum": 7, "weight": 2}, iact_reads=4)
