"""What a storage format is: an exact bit count, and the bits themselves."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from accelsim.errors import ConfigError, TraceError
from accelsim.workload.formats.fields import Reader, pack

MATRIX_DTYPES = (np.dtype(bool), np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32))


class DoesNotFitError(TraceError):
    """A matrix that a format with fixed parameters cannot hold."""


@dataclass(frozen=True)
class Format(ABC):
    """One way to store a matrix [rows, cols] of bool, int8, int16 or int32.

    value_bits: bits per stored value; those of the dtype when None (bool: 1). Shape, dtype and the format's
    parameters are known to the decoder and cost nothing; what depends on the data is in the bits. For every matrix
    `len(encode(x)) == size_bits(x)` and `decode(encode(x), x.shape, x.dtype)` equals x. All three raise TraceError
    on what is no such matrix, and DoesNotFitError where parameters fixed by a machine are too small for it.
    """

    value_bits: int | None = None
    name: ClassVar[str]

    def __post_init__(self) -> None:
        self._whole("value_bits", self.value_bits, 1, 32, optional=True)

    def size_bits(self, matrix: Any) -> int:
        """Bits that `encode` gives, counted without encoding."""
        matrix = self._checked(matrix)
        return int(self._size(matrix, self._value_width(matrix.dtype)))

    def encode(self, matrix: Any) -> np.ndarray:
        """The stored bits as a bool array, one element per bit (numpy.packbits makes bytes of it)."""
        matrix = self._checked(matrix)
        return np.concatenate([np.empty(0, bool), *self._encode(matrix, self._value_width(matrix.dtype))])

    def decode(self, bits: Any, shape: tuple[int, int], dtype: Any) -> np.ndarray:
        """The matrix [rows, cols] of `dtype` behind `bits`."""
        dtype = np.dtype(dtype)
        if len(shape) != 2 or min(shape) < 1 or dtype not in MATRIX_DTYPES:
            raise TraceError(f"{self.name}: shape {list(shape)} of {dtype} is no matrix; wanted two axes, none empty, "
                             "of bool, int8, int16 or int32")
        reader = Reader(bits, self.name)
        matrix = np.zeros(shape, dtype)
        self._decode(reader, matrix, self._value_width(dtype))
        reader.end()
        return matrix

    @abstractmethod
    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        """`size_bits` of a checked matrix."""

    @abstractmethod
    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        """The bits of a checked matrix, in pieces."""

    @abstractmethod
    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        """Fill `matrix`, which holds zeros, from `reader`."""

    def _checked(self, matrix: Any) -> np.ndarray:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or 0 in matrix.shape or matrix.dtype not in MATRIX_DTYPES:
            raise TraceError(f"{self.name}: got {matrix.dtype} of shape {list(matrix.shape)}, wanted a matrix "
                             "[rows, cols], no axis empty, of bool, int8, int16 or int32")
        width = self._value_width(matrix.dtype)
        if width < _bits_of(matrix.dtype):
            low, high = (0, (1 << width) - 1) if matrix.dtype == bool else (-(1 << width - 1), (1 << width - 1) - 1)
            if matrix.min() < low or matrix.max() > high:
                raise DoesNotFitError(f"{self.name}: values {matrix.min()} .. {matrix.max()} do not fit {width} bits; "
                                      "raise value_bits or requantize")
        return matrix

    def _value_width(self, dtype: np.dtype[Any]) -> int:
        return _bits_of(dtype) if self.value_bits is None else self.value_bits

    def _whole(self, key: str, value: Any, low: int, high: int, optional: bool = False) -> None:
        if optional and value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(f"{self.name}: {key} is {value!r}, wanted a whole number from {low} to {high}")


def _bits_of(dtype: np.dtype[Any]) -> int:
    return 1 if dtype.kind == "b" else 8 * dtype.itemsize


def pack_values(values: np.ndarray, value_bits: int) -> np.ndarray:
    """Values as fields of `value_bits`, two's complement."""
    return pack(values.astype(np.int64), value_bits)


def take_values(reader: Reader, count: int, value_bits: int, dtype: np.dtype[Any]) -> np.ndarray:
    """`count` values as `pack_values` stored them, in `dtype`."""
    return as_values(reader.take(count, value_bits), value_bits, dtype)


def as_values(fields: np.ndarray, value_bits: int, dtype: np.dtype[Any]) -> np.ndarray:
    """Fields of `value_bits` read as the numbers of `dtype` that they stand for."""
    if dtype.kind != "b":
        fields = np.where(fields >> (value_bits - 1), fields - (1 << value_bits), fields)
    return fields.astype(dtype)
