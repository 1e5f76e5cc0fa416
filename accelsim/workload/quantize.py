"""From floats to the integers that traces hold."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from accelsim.errors import TraceError

_BLOCK = 1 << 20  # elements


def quantize(values: Any, bits: int = 8) -> tuple[np.ndarray, float]:
    """Symmetric linear quantization: integers q and a scale with values ~ q * scale.

    values: floats of any shape, all finite. bits: 2 to 16; int8 up to 8 bits, else int16. Zero stays exactly zero;
    a non-zero value that rounds to zero becomes zero, as it would in hardware. Raises TraceError on bad input.
    """
    array = np.asarray(values)
    if not 2 <= bits <= 16:
        raise TraceError(f"quantize: bits is {bits}, wanted 2 to 16")
    flat, result = array.reshape(-1), np.empty(array.size, np.int8 if bits <= 8 else np.int16)
    peak = 0.0
    for block in _blocks(flat.size):
        part = np.asarray(flat[block], np.float64)
        if not np.isfinite(part).all():
            raise TraceError("quantize: values hold NaN or infinity; clean them first")
        peak = max(peak, float(np.abs(part).max()))
    scale = peak / ((1 << (bits - 1)) - 1) if peak > 0 else 1.0
    for block in _blocks(flat.size):
        result[block] = np.rint(np.asarray(flat[block], np.float64) / scale)
    return result.reshape(array.shape), scale


def _blocks(size: int) -> Iterator[slice]:
    """Doubles of a large layer would take ten times its room, so they are made piece by piece."""
    return (slice(first, first + _BLOCK) for first in range(0, size, _BLOCK))
