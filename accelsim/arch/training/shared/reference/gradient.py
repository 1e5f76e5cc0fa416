"""dL/dy, which no trace has: drawn from a seeded generator, element by element."""

import math

import numpy as np

WORD = 2**32


def element(seed: int, index: int) -> int:
    """Element `index` (C order over the layer's output) of dL/dy, in -7 .. 7."""
    v = (seed + index + 1) * 2654435761 % WORD
    v ^= v << 13 & WORD - 1
    v ^= v >> 17
    v ^= v << 5 & WORD - 1
    return v % 15 - 7


def output_gradient(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """dL/dy int64 in the shape of the layer's output."""
    return np.array([element(seed, i) for i in range(math.prod(shape))], np.int64).reshape(shape)
