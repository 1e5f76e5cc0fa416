"""A sparse matrix as compressed rows (CSR): where each row starts, and the column and value of each non-zero."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsim.errors import TraceError, cut, told
from accelsim.workload.operands import checked_tensor, owned

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_SIDE = (1 << 31) - 1  # of an axis, and non-zeros of a matrix: columns and starts are int32
MAX_DENSE = 1 << 26  # positions of a matrix that is made dense


@dataclass(frozen=True, eq=False)
class CompressedRows:
    """A matrix [rows, cols]; columns ascend within each row, no position comes twice, no value is zero.

    starts: int32 [rows + 1]; columns: int32 [non-zeros]; values: int8, int16 or bool [non-zeros]. The arrays are its
    own and cannot be written.
    """

    shape: tuple[int, int]
    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        for name in ("starts", "columns", "values"):
            object.__setattr__(self, name, owned(getattr(self, name)))

    @property
    def nonzeros(self) -> int:
        return int(self.columns.size)

    @property
    def density(self) -> float:
        """The share of non-zeros."""
        return self.nonzeros / (self.shape[0] * self.shape[1])

    @property
    def matrix(self) -> "csr_array":
        """As a scipy matrix over the same arrays; a new object each time, so that nothing done to one stays."""
        from scipy.sparse import csr_array

        made = csr_array((self.values, self.columns, self.starts), shape=self.shape, copy=False)
        made.has_sorted_indices = made.has_canonical_format = True
        return made

    @cached_property
    def row_nonzeros(self) -> np.ndarray:
        """Non-zeros of each row, int64."""
        return np.diff(self.starts).astype(np.int64)

    @cached_property
    def column_nonzeros(self) -> np.ndarray:
        """Non-zeros of each column, int64."""
        return np.bincount(self.columns, minlength=self.shape[1])

    @property
    def pattern(self) -> "CompressedRows":
        """The same non-zeros as bools."""
        return CompressedRows(self.shape, self.starts, self.columns, np.ones(self.nonzeros, bool))

    def dense(self, what: str) -> np.ndarray:
        """As a dense array; TraceError, with `what` this is, when it would be large."""
        if self.shape[0] * self.shape[1] > MAX_DENSE:
            raise TraceError(f"{what} is {self.shape[0]:,} x {self.shape[1]:,}, too large to be made dense (at most "
                             f"{MAX_DENSE:,} positions); use what takes sparse operands, or a smaller matrix")
        array = np.zeros(self.shape, self.values.dtype)
        array[np.repeat(np.arange(self.shape[0]), self.row_nonzeros), self.columns] = self.values
        return array


def compressed_rows(name: str, role: str, value: Any) -> CompressedRows:
    """`value`, a scipy sparse matrix of any format or a dense array, checked; zeros that are stored are dropped.

    Values are integers (int8, int16; wider ones when they fit int16) or bool. Raises TraceError that names the layer
    and the role: for a position stored twice, indices out of range, an empty axis, other values.
    """
    from scipy.sparse import csr_array, issparse

    if not issparse(value):
        value = checked_tensor(name, role, value)
        if value.ndim == 2 and value.size:
            value = csr_array(value)
    if len(value.shape) != 2 or 0 in value.shape or max(value.shape) > MAX_SIDE:
        raise TraceError(f"layer {name!r}: {role} has shape {list(value.shape)}, wanted [rows, columns], each from 1 "
                         f"to {MAX_SIDE:,}")
    rows = _as_rows(name, role, value)
    values = checked_tensor(name, f"{role} (its stored values)", rows.data)
    real = values != 0
    if not real.all():
        before = np.concatenate([[0], np.cumsum(real)])
        return CompressedRows(rows.shape, before[rows.indptr].astype(np.int32), rows.indices[real].astype(np.int32),
                              values[real])
    return CompressedRows(rows.shape, rows.indptr.astype(np.int32), rows.indices.astype(np.int32), values)


def _as_rows(name: str, role: str, value: Any) -> "csr_array":
    """Any sparse matrix as a CSR of its own with sorted rows, each position once."""
    from scipy.sparse import csr_array

    try:
        if value.format in ("csr", "csc", "bsr"):
            value.check_format(full_check=True)
        stored = value.nnz if value.format == "coo" else None
        rows = csr_array(value, copy=True)
        rows.check_format(full_check=True)
        rows.has_sorted_indices = False  # a flag that anyone may have set
        rows.sort_indices()
    except (ValueError, TypeError, IndexError) as error:
        raise TraceError(f"layer {name!r}: {role} is not a well-formed sparse matrix ({cut(told(error), 200)}); build "
                         "it anew, for example as scipy.sparse.csr_array(x.toarray())") from None
    if rows.nnz > MAX_SIDE:
        raise TraceError(f"layer {name!r}: {role} has {rows.nnz:,} non-zeros, more than {MAX_SIDE:,}; split it by rows")
    same = rows.indices[1:] == rows.indices[:-1]
    first = np.zeros(rows.nnz + 1, bool)
    first[rows.indptr] = True
    repeated = int(np.count_nonzero(same & ~first[1:-1])) if rows.nnz else 0
    if stored is not None:
        repeated += stored - rows.nnz  # summed on the way to rows
    if repeated:
        raise TraceError(f"layer {name!r}: {role} stores {repeated:,} positions more than once; call its "
                         "sum_duplicates() if they are to be added up, or correct the file it is from")
    return rows
