"""Expected storage of independent random masks, in closed form: for the figure of storage against sparsity alone.

Everything else counts the bits of real matrices. The tests hold these expectations against counted draws.
"""

from collections.abc import Callable
from math import comb

from accelsim.workload.formats.fields import width_of
from accelsim.workload.formats.runs import MAX_RUN_BITS


def expected_bits(density: float, rows: int = 10_000, cols: int = 10_000, value_bits: int = 8) -> dict[str, float]:
    """Expected bits of a rows x cols matrix in each format that the figure may draw; every position is non-zero with
    probability `density`, independently of the others. Segments of the interleaved formats are taken as equally long.
    """
    n, nonzeros = rows * cols, density * rows * cols
    pointer = n.bit_length()
    best_run = min((nonzeros + _padding(density, n, b)) * (b + value_bits) for b in range(1, MAX_RUN_BITS + 1))
    expected = {
        "dense": n * value_bits,
        "bitmap": n + nonzeros * value_bits,
        "run_length": 4 + best_run,
        "coo": nonzeros * (width_of(rows) + width_of(cols) + value_bits),
        "csr": (rows + 1) * pointer + nonzeros * (width_of(cols) + value_bits),
        "csc": (cols + 1) * pointer + nonzeros * (width_of(rows) + value_bits),
        "block_4x4": _blocks(density, rows, cols, 4, value_bits),
        "n_of_4": _balanced(density, rows, cols, 4, value_bits),
        "n_of_16": _balanced(density, rows, cols, 16, value_bits),
        "csb": (n / 64 + 1) * pointer + n + nonzeros * value_bits,
        "eie_csc": _eie(density, rows, cols, 64, value_bits),
        "eyeriss_v2_csc": n / 16 * (7 + _words_of_16(density) * 2 * (4 + value_bits)),
    }
    return {name: float(bits) for name, bits in expected.items()}


def _padding(density: float, length: int, run_bits: int) -> float:
    """Padding entries of one segment: before position i lie k * 2^b zeros with chance q^(k * 2^b), if i >= that."""
    zero, step, total, k = 1 - density, 1 << run_bits, 0.0, 1
    if density == 0:
        return 0.0
    while k * step < length and (term := (length - k * step) * density * zero ** (k * step)) > 1e-9:
        total += term
        k += 1
    return total


def _blocks(density: float, rows: int, cols: int, side: int, value_bits: int) -> float:
    blocks = (rows / side) * (cols / side)
    kept = blocks * (1 - (1 - density) ** (side * side))
    return (rows / side + 1) * int(blocks).bit_length() + kept * (width_of(cols // side) + side * side * value_bits)


def _balanced(density: float, rows: int, cols: int, m: int, value_bits: int) -> float:
    """n is the fullest of all groups: its expectation is the sum over k of P(some group has k or more)."""
    groups = rows * cols / m
    at_least = _tails(density, m)
    n = sum(1 - (1 - at_least(k)) ** groups for k in range(1, m + 1))
    return m.bit_length() + groups * n * (width_of(m) + value_bits)


def _tails(density: float, m: int) -> Callable[[int], float]:
    chances = [comb(m, k) * density**k * (1 - density) ** (m - k) for k in range(m + 1)]
    return lambda k: min(1.0, sum(chances[k:]))


def _eie(density: float, rows: int, cols: int, pes: int, value_bits: int) -> float:
    segment = rows // pes
    entries = density * rows * cols + pes * cols * _padding(density, segment, 4)
    return pes * (cols + 1) * 16 + entries * (4 + value_bits)


def _words_of_16(density: float) -> float:
    """Expected words of two entries in a segment of 16 positions: (entries + P(odd number of entries)) / 2."""
    return (16 * density + (1 - (1 - 2 * density) ** 16) / 2) / 2
