"""Compressed rows inside trace files: lengths and columns in as few bits as the shape allows, then the values.

Each part is one byte array in the file, so that what a header promises can be held against it before it is read.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from accelsim.errors import TraceError
from accelsim.workload.compressed import MAX_SIDE, CompressedRows
from accelsim.yaml import StrictModel

ReadBytes = Callable[[str, int], np.ndarray]  # by part, and how many there must be
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
_STEP = 1 << 20  # numbers packed at once, a multiple of 8: bounds memory


class RowsSpec(StrictModel):
    """The entry of one operand in a trace's header."""

    shape: tuple[Side, Side]
    nonzeros: int = Field(ge=0, le=MAX_SIDE)
    dtype: Literal["bool", "int8", "int16"]

    @property
    def widths(self) -> tuple[int, int]:
        """Bits of a row's length, and of a column."""
        return self.shape[1].bit_length(), max(1, (self.shape[1] - 1).bit_length())

    def rows(self, role: str, read: ReadBytes) -> CompressedRows:
        """The operand. Raises TraceError where its parts do not make one."""
        of_length, of_column = self.widths
        value_bytes = 0 if self.dtype == "bool" else np.dtype(self.dtype).itemsize
        lengths = _unpacked(read("lengths", -(-self.shape[0] * of_length // 8)), self.shape[0], of_length)
        columns = _unpacked(read("columns", -(-self.nonzeros * of_column // 8)), self.nonzeros, of_column)
        stored = read("values", self.nonzeros * value_bytes)
        values = stored.view(np.dtype(self.dtype).newbyteorder("<")) if value_bytes else np.ones(self.nonzeros, bool)
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        if starts[-1] != self.nonzeros:
            raise TraceError(f"{role}: its rows have {starts[-1]:,} non-zeros, the header says {self.nonzeros:,}")
        follows = np.diff(columns.astype(np.int64), prepend=-1) > 0
        follows[starts[:-1][lengths > 0]] = True
        if not follows.all() or (columns >= self.shape[1]).any() or not values.all():
            raise TraceError(f"{role}: columns must ascend within each row and lie within {self.shape[1]:,}, values "
                             "must not be zero")
        return CompressedRows(self.shape, starts.astype(np.int32), columns.astype(np.int32),
                              values.astype(self.dtype, copy=False))


def stored_rows(rows: CompressedRows) -> tuple[RowsSpec, dict[str, np.ndarray]]:
    """The entry of an operand, and its parts as bytes."""
    spec = RowsSpec.model_validate({"shape": rows.shape, "nonzeros": rows.nonzeros, "dtype": rows.values.dtype.name})
    of_length, of_column = spec.widths
    little = np.ascontiguousarray(rows.values.astype(rows.values.dtype.newbyteorder("<"), copy=False))
    values = np.zeros(0, np.uint8) if rows.values.dtype == bool else little.view(np.uint8)
    return spec, {"lengths": _packed(rows.row_nonzeros, of_length), "columns": _packed(rows.columns, of_column),
                  "values": values}


def _packed(numbers: np.ndarray, width: int) -> np.ndarray:
    """Bytes of `width` bits a number, the lowest bit first."""
    places = np.arange(width, dtype=np.int64)
    parts = [np.packbits((numbers[low:low + _STEP, None].astype(np.int64) >> places & 1).astype(bool),
                         bitorder="little") for low in range(0, len(numbers), _STEP)]
    return np.concatenate([np.zeros(0, np.uint8), *parts])


def _unpacked(stored: np.ndarray, count: int, width: int) -> np.ndarray:
    numbers = np.zeros(count, np.int64)
    for low in range(0, count, _STEP):
        some = min(_STEP, count - low)
        first = low * width // 8
        bits = np.unpackbits(stored[first:first - (-some * width // 8)], count=some * width, bitorder="little")
        for place, bit in enumerate(bits.reshape(some, width).T):
            numbers[low:low + some] |= bit.astype(np.int64) << place
    return numbers
