"""From floats to the integers that traces hold."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from accelsim.arguments import whole
from accelsim.errors import TraceError, cut, shown, told

_BLOCK = 1 << 20  # elements


def quantize(values: Any, bits: int = 8, scale: float | None = None) -> tuple[np.ndarray, float]:
    """Symmetric linear quantization: integers q and a scale with values ~ q * scale.

    values: floats of any shape, all finite. bits: 2 to 16; int8 up to 8 bits, else int16. scale: by default the one
    that gives the largest magnitude the largest integer; with a smaller one, what lies beyond is saturated. Zero stays
    exactly zero; a non-zero value that rounds to zero becomes zero, as it would in hardware. Raises TraceError on bad
    input.
    """
    array, limit = _numbers(values), largest(whole("bits", bits, TraceError, 2, 16))
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, (int, float, np.number))
                              or not 0 < scale < 1e308):
        raise TraceError(f"scale is {shown(scale)}, wanted a number above 0")
    peak = magnitude(array)
    scale = step(peak, bits) if scale is None else scale
    flat, result = array.reshape(-1), np.empty(array.size, np.int8 if bits <= 8 else np.int16)
    for block in _blocks(flat.size):
        result[block] = np.clip(np.rint(_floats(flat[block], scale) / scale), -limit, limit)
    return result.reshape(array.shape), scale


def _numbers(values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
    except Exception as error:  # any object may become an array by code of its own
        raise TraceError(f"values are no array ({told(error)}); wanted floats") from None
    if array.dtype.kind not in "fiub" or isinstance(values, np.ma.MaskedArray):
        raise TraceError(f"values are of dtype {cut(str(array.dtype))}{' with a mask' * (array.dtype.kind in 'fiub')}, "
                         "wanted floats")
    return array


def quantize_rows(values: np.ndarray, bits: int, scales: np.ndarray) -> np.ndarray:
    """`quantize` with a scale of its own for each row of `values` [rows, ...]."""
    result = np.empty(values.shape, np.int8 if bits <= 8 else np.int16)
    for row, scale in enumerate(scales):
        result[row], _ = quantize(values[row], bits, float(scale))
    return result


def largest(bits: int) -> int:
    """The largest integer of so many bits; its negative is the smallest that is used."""
    if not 2 <= bits <= 16:
        raise TraceError(f"quantize: bits is {bits}, wanted 2 to 16")
    return (1 << (bits - 1)) - 1


def step(peak: float, bits: int) -> float:
    """The scale that gives `peak` the largest integer: a float32, as which models multiply by it, if that is normal."""
    scale = peak / largest(bits) if peak > 0 else 1.0
    return float(np.float32(scale)) if scale >= np.finfo(np.float32).tiny else scale


def magnitude(values: np.ndarray) -> float:
    """The largest magnitude, 0 of nothing. TraceError for NaN and infinity."""
    flat, peak = values.reshape(-1), 0.0
    for block in _blocks(flat.size):
        part = flat[block]
        low, high = float(part.min()), float(part.max())
        if not np.isfinite([low, high]).all():
            raise TraceError("quantize: values hold NaN or infinity; clean them first")
        peak = max(peak, -low, high)
    return peak


def _floats(values: np.ndarray, scale: float) -> np.ndarray:
    """`values` as float32 where they and the scale are: models divide in float32, and so must what mirrors them."""
    exact = values.dtype == np.float32 and scale == np.float32(scale)
    return np.asarray(values, np.float32 if exact else np.float64)


def _blocks(size: int) -> Iterator[slice]:
    """Doubles of a large layer would take ten times its room, so they are made piece by piece."""
    return (slice(first, first + _BLOCK) for first in range(0, size, _BLOCK))
