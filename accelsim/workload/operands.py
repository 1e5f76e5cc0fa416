"""What a layer is made of, checked: tensors, strides, names. An error names the layer, the argument and a way out."""

from typing import Any

import numpy as np

from accelsim.errors import TraceError, cut, shown, told

VALUE_DTYPES = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(bool))
MAX_STEP = 1 << 16  # of stride, padding and dilation
MAX_NAME = 1000  # characters: enough for the paths that exporters use as names
MAX_OUTPUTS = 1 << 34  # a layer with more outputs is a typing error, not a workload
FLOAT_WAY_OUT = "pass x != 0 for a pattern-only layer, or quantize to int8/int16 first (accelsim.quantize)"


def checked_name(what: str, name: Any) -> str:
    """`name` if it is text that any terminal, file or page can show, else TraceError. `what` bears the name."""
    if not isinstance(name, str) or not name or not name.isprintable():
        raise TraceError(f"a {what}'s name must be text of printable characters, got {shown(name)}")
    if len(name) > MAX_NAME:
        raise TraceError(f"a {what}'s name has {len(name):,} characters, more than {MAX_NAME:,}: {shown(name)}; "
                         "give a shorter one")
    return name


def checked_tensor(name: str, role: str, value: Any) -> np.ndarray:
    """`value` as an array of int8, int16 or bool."""
    checked_name("layer", name)
    array = _whole_floats(_array(name, role, value))
    if array.dtype in VALUE_DTYPES:
        return array
    if array.dtype.kind not in "iu":
        raise TraceError(f"layer {name!r}: {role} has dtype {cut(str(array.dtype))}, wanted int8, int16 or bool; "
                         + FLOAT_WAY_OUT)
    return _narrow(name, role, array, np.int16)


def bias_vector(name: str, value: Any, outputs: int) -> np.ndarray | None:
    """`value` as an int32 or bool vector of one number per output, or None."""
    if value is None:
        return None
    array = _whole_floats(_array(name, "bias", value))
    if array.shape != (outputs,):
        raise TraceError(f"layer {name!r}: bias has shape {list(array.shape)}, wanted [{outputs}], one per output")
    if array.dtype.kind not in "iub":
        raise TraceError(f"layer {name!r}: bias has dtype {cut(str(array.dtype))}, wanted integers or bool; "
                         + FLOAT_WAY_OUT)
    return array if array.dtype == bool else _narrow(name, "bias", array, np.int32)


def owned(array: np.ndarray) -> np.ndarray:
    """`array` as one that nothing can change any more: C-ordered, over a bytes object, which Python never writes to."""
    if array.dtype == bool:
        stored = np.ascontiguousarray(array).view(np.uint8)
        array = array if stored.max(initial=0) <= 1 else stored != 0  # a view of other data may hold any bytes
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, bytes) and array.flags.c_contiguous:
        return array
    return np.ndarray(array.shape, array.dtype, array.tobytes())


def _array(name: str, role: str, value: Any) -> np.ndarray:
    parts = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        raise TraceError(f"layer {name!r}: {role} is a masked array, and a mask says nothing of what the machine reads "
                         "there; fill it first, for example with .filled(0)")
    try:
        return np.asarray(value)
    except Exception as error:  # any object may become an array by code of its own
        raise TraceError(f"layer {name!r}: {role} is not an array ({told(error)}); give one of equal rows") from None


def _whole_floats(array: np.ndarray) -> np.ndarray:
    """Floats that are all integers (numpy makes floats of most things) as int64; other arrays as they are."""
    if array.dtype.kind != "f" or not array.size or np.abs(array).max(initial=0) > 1 << 40:
        return array
    whole = array.astype(np.int64) if np.isfinite(array).all() else None
    return array if whole is None or (whole != array).any() else whole


def _narrow(name: str, role: str, array: np.ndarray, dtype: type) -> np.ndarray:
    limits = np.iinfo(dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise TraceError(f"layer {name!r}: {role} holds values outside {np.dtype(dtype)} "
                         f"({array.min()} .. {array.max()}); requantize it")
    return array.astype(dtype)


def check_axes(name: str, role: str, array: np.ndarray, axes: str) -> None:
    """TraceError unless `array` has the named axes, none of them empty."""
    if array.ndim != len(axes.split(",")) or 0 in array.shape:
        raise TraceError(f"layer {name!r}: {role} has shape {list(array.shape)}, wanted [{axes}], no axis empty")


def whole(name: str, key: str, value: Any, low: int, high: int) -> int:
    """`value` if it is a whole number from low to high."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise TraceError(f"layer {name!r}: {key} is {shown(value)}, wanted a whole number from {low} to {high:,}")
    return int(value)


def pair(name: str, key: str, value: Any, low: int) -> tuple[int, int]:
    """`value`, one number or two, as (rows, columns)."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        raise TraceError(f"layer {name!r}: {key} is {shown(value)}, wanted one number or a (rows, columns) pair")
    return whole(name, key, both[0], low, MAX_STEP), whole(name, key, both[1], low, MAX_STEP)


def check_outputs(name: str, outputs: int) -> None:
    """TraceError when a layer has more outputs than any workload."""
    if outputs > MAX_OUTPUTS:
        raise TraceError(f"layer {name!r} has {outputs:,} outputs, more than {MAX_OUTPUTS:,}; check its shapes")
