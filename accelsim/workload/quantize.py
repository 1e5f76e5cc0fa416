"""From floats to the integers that traces hold."""

from typing import Any

import numpy as np

from accelsim.errors import TraceError


def quantize(values: Any, bits: int = 8) -> tuple[np.ndarray, float]:
    """Symmetric linear quantization: integers q and a scale with values ~ q * scale.

    values: floats of any shape, all finite. bits: 2 to 16; int8 up to 8 bits, else int16. Zero stays exactly zero;
    a non-zero value that rounds to zero becomes zero, as it would in hardware. Raises TraceError on bad input.
    """
    array = np.asarray(values, dtype=np.float64)
    if not 2 <= bits <= 16:
        raise TraceError(f"quantize: bits is {bits}, wanted 2 to 16")
    if not np.isfinite(array).all():
        raise TraceError("quantize: values hold NaN or infinity; clean them first")
    top = (1 << (bits - 1)) - 1
    peak = float(np.abs(array).max(initial=0.0))
    scale = peak / top if peak > 0 else 1.0
    return np.rint(array / scale).astype(np.int8 if bits <= 8 else np.int16), scale
