"""Energy of one SRAM access for any size and width, from a fit over published CACTI points.

Points: CACTI 7 at 45 nm, one read/write port, one bank, as hwcomponents-cacti 1.0.40 gives them (widths below 32 bits
are a 32-bit run scaled by that wrapper). Fits for reads and for writes, with least squares of the relative errors:

    pJ = sqrt(bytes) x (line_pj + bit_pj x width_bits)

The square root is the length of the wires across the array; a line that each access moves, and one per bit of the word
(our assumption). It is positive and grows with both. Its errors are in docs/energy.md.
"""

from functools import cache
from math import sqrt

import numpy as np

from accelsim.errors import ConfigError

# bytes, width_bits, read pJ, write pJ
POINTS_45NM = (
    (64, 8, 0.31899, 0.52494),
    (256, 16, 0.55011, 1.14224),
    (512, 16, 0.86042, 1.34256),
    (1024, 8, 1.3593, 1.7728),
    (2048, 16, 1.86009, 2.42594),
    (4096, 32, 2.86168, 3.73221),
    (8192, 64, 6.13702, 7.87807),
    (16384, 64, 11.6097, 10.6968),
    (32768, 64, 17.0418, 15.3975),
    (65536, 64, 25.8695, 19.6486),
    (131072, 64, 32.2859, 26.065),
    (262144, 64, 44.7157, 38.4949),
    (262144, 512, 199.379, 228.259),
    (524288, 64, 68.3493, 51.346),
    (1048576, 64, 93.5192, 76.1829),
    (2097152, 64, 127.527, 110.19),
)
MIN_BYTES, MAX_BYTES, MIN_BITS, MAX_BITS = 64, 1 << 21, 8, 512  # what the points span


def access_pj(access: str, size_bytes: int, width_bits: int) -> float:
    """pJ of one "read" or "write" of `width_bits` at 45 nm. Raises ConfigError outside of what the points span."""
    if not (MIN_BYTES <= size_bytes <= MAX_BYTES and MIN_BITS <= width_bits <= MAX_BITS):
        raise ConfigError(f"no SRAM energy for {size_bytes:,} bytes and {width_bits:,} bits: the fit spans {MIN_BYTES} "
                          f"to {MAX_BYTES:,} bytes and {MIN_BITS} to {MAX_BITS} bits; cut the SRAM into banks, or "
                          "give pj")
    line_pj, bit_pj = coefficients(access)
    return sqrt(size_bytes) * (line_pj + bit_pj * width_bits)


@cache
def coefficients(access: str) -> tuple[float, float]:
    """(line_pj, bit_pj) of the fit."""
    table = np.array(POINTS_45NM)
    pj = table[:, 2 if access == "read" else 3]
    terms = np.sqrt(table[:, 0:1]) * np.column_stack([np.ones(len(table)), table[:, 1]])
    line_pj, bit_pj = np.linalg.lstsq(terms / pj[:, None], np.ones(len(table)), rcond=None)[0].tolist()
    return line_pj, bit_pj
