"""Tensors inside trace files: as they are, or in the smallest storage format that represents them exactly.

A tensor's `encoding` is "values" (integers as they are), "bits" (bools packed to bits), or the name of a format in
`accelsim.workload.formats.CATALOGUE`, whose bit array is packed to bytes (numpy order, last byte zero-filled).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from accelsim.errors import TraceError
from accelsim.workload import formats
from accelsim.yaml import StrictModel

Encoding = Literal["values", "bits", "bitmap", "run_length", "coo", "csr", "csc", "block_4x4", "n_of_4", "n_of_16"]

MAX_EXPANSION = 256  # times that a compressed tensor may grow, so that a small file cannot fill the memory
_WORTH_BYTES = 64  # what a compressed tensor must save: its entry in the header is that much longer
_FREE_BYTES = 1 << 20  # growth to this size is always allowed
MAX_AXIS = 1 << 40  # longer axes are typing errors; also keeps sizes printable
_PLAIN = {"values": ("I8", "I16", "I32"), "bits": ("U8",)}
_COMPRESSED: tuple[Encoding, ...] = ("bitmap", "run_length", "coo", "csr", "csc", "block_4x4", "n_of_4", "n_of_16")


class TensorSpec(StrictModel):
    """Shape of a tensor and how it is stored; `dtype` and `bits` belong to compressed encodings."""

    shape: list[Annotated[int, Field(ge=1, le=MAX_AXIS)]] = Field(min_length=1, max_length=4)
    encoding: Encoding
    dtype: Literal["bool", "int8", "int16"] | None = None
    bits: int | None = Field(default=None, ge=0)


@dataclass(frozen=True)
class Stored:
    """A tensor's entry in the header, and the array that goes into the file."""

    spec: dict[str, Any]
    array: np.ndarray


def stored(tensor: np.ndarray, op: str, role: str) -> Stored:
    """`tensor` in the encoding that takes fewest bits; plain where none is smaller."""
    plain: Encoding = "bits" if tensor.dtype == bool else "values"
    shape = list(tensor.shape)
    if role in formats.MATRIX_ROLES:
        matrix = tensor.reshape(formats.matrix_shape(op, role, shape))
        plain_bits = tensor.size if plain == "bits" else 8 * tensor.nbytes
        for bits, encoding in sorted((formats.CATALOGUE[name].size_bits(matrix), name) for name in _COMPRESSED):
            if bits + 8 * _WORTH_BYTES < plain_bits and _may_grow(tensor.nbytes, -(-bits // 8)):
                spec = {"shape": shape, "encoding": encoding, "dtype": tensor.dtype.name, "bits": bits}
                return Stored(spec, np.packbits(formats.CATALOGUE[encoding].encode(matrix)))
    return Stored({"shape": shape, "encoding": plain},
                  np.packbits(tensor) if plain == "bits" else np.ascontiguousarray(tensor))


def restored(spec: TensorSpec, file: Any, key: str, op: str, role: str) -> np.ndarray:
    """The tensor behind a header entry: `key` of an open safetensors file, read once it is known to fit.

    Raises TraceError when the two do not belong together.
    """
    if spec.encoding in _PLAIN:
        return _plain(spec, file, key)
    if role not in formats.MATRIX_ROLES or spec.dtype is None or spec.bits is None:
        raise TraceError(f"tensor {key!r}: encoding {spec.encoding!r} needs dtype and bits, and is not for a {role}")
    _must_be(key, spec, file, ("U8",), [-(-spec.bits // 8)])
    dtype = np.dtype(spec.dtype)
    if not _may_grow(math.prod(spec.shape) * dtype.itemsize, -(-spec.bits // 8)):
        raise TraceError(f"tensor {key!r}: {spec.bits} bits would grow to shape {spec.shape}, more than "
                         f"{MAX_EXPANSION} times")
    bits = np.unpackbits(file.get_tensor(key), count=spec.bits)
    matrix = formats.CATALOGUE[spec.encoding].decode(bits, formats.matrix_shape(op, role, spec.shape), dtype)
    return matrix.reshape(spec.shape)


def restored_bytes(size: int, file: Any, key: str) -> np.ndarray:
    """`size` bytes, for parts with an encoding of their own."""
    array = file.get_slice(key)
    if array.get_dtype() != "U8" or array.get_shape() != [size]:
        raise TraceError(f"tensor {key!r} is {array.get_dtype()} {array.get_shape()}, wanted U8 {[size]}")
    found: np.ndarray = file.get_tensor(key)
    return found


def _plain(spec: TensorSpec, file: Any, key: str) -> np.ndarray:
    size = math.prod(spec.shape)
    _must_be(key, spec, file, _PLAIN[spec.encoding], [-(-size // 8)] if spec.encoding == "bits" else spec.shape)
    tensor: np.ndarray = file.get_tensor(key)
    if spec.encoding == "bits":
        return np.unpackbits(tensor, count=size).reshape(spec.shape).view(bool)
    return tensor


def _must_be(key: str, spec: TensorSpec, file: Any, dtypes: Sequence[str], shape: list[int]) -> None:
    array = file.get_slice(key)
    if array.get_dtype() not in dtypes or array.get_shape() != shape:
        raise TraceError(f"tensor {key!r} is {array.get_dtype()} {array.get_shape()}, wanted {spec.encoding} "
                         f"({' or '.join(dtypes)}) {shape}")


def _may_grow(to_bytes: int, from_bytes: int) -> bool:
    return to_bytes <= max(_FREE_BYTES, MAX_EXPANSION * from_bytes)
