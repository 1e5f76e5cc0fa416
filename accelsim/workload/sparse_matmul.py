"""Products of two sparse matrices, kept as compressed rows and never made dense: `accelsim.sparse_matmul`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from accelsim.errors import TraceError
from accelsim.workload.compressed import CompressedRows, compressed_rows
from accelsim.workload.layer import Layer, Operand, PlainLayers
from accelsim.workload.matmul import matmul
from accelsim.workload.operands import checked_name

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_MOST_MACS = 1 << 62  # of the dense product: results hold it in 64 bits


@dataclass(frozen=True, eq=False)
class SparseMatmul(Layer):
    """The product of `a_rows` [M, K] and `b_rows` [K, N], both sparse.

    `a` and `b` are the same as scipy matrices. In a dense machine's words a is the weight [out, in] and each column of
    b is one vector, so that `weight` is [1, M, K] and `activation` [1, N, K]; both only where they are small.
    """

    op: ClassVar[Literal["sparse_matmul"]] = "sparse_matmul"
    name: str
    a_rows: CompressedRows
    b_rows: CompressedRows
    bias: None = None

    @property
    def a(self) -> "csr_array":
        """The left operand [M, K]: sorted rows, int32 indices."""
        return self.a_rows.matrix

    @property
    def b(self) -> "csr_array":
        """The right operand [K, N]: sorted rows, int32 indices."""
        return self.b_rows.matrix

    @property
    def weight(self) -> np.ndarray:  # type: ignore[override]
        """a as a matmul's weight [1, M, K]. Raises TraceError where that is large."""
        return self.a_rows.dense(f"layer {self.name!r}: a")[None]

    @property
    def activation(self) -> np.ndarray:  # type: ignore[override]
        """b as a matmul's activation [1, N, K]. Raises TraceError where that is large."""
        return np.ascontiguousarray(self.b_rows.dense(f"layer {self.name!r}: b").T)[None]

    @property
    def tensors(self) -> Mapping[str, np.ndarray | None]:
        return {f"{role}_{part}": getattr(rows, part) for role, rows in (("a", self.a_rows), ("b", self.b_rows))
                for part in ("starts", "columns", "values")}

    @property
    def operands(self) -> Sequence[tuple[Operand, Operand]]:
        first, second = (Operand(rows.shape, rows.density, rows.values.dtype.name)
                         for rows in (self.a_rows, self.b_rows))
        return [(first, second)]

    @property
    def has_values(self) -> bool:
        return all(rows.values.dtype != bool for rows in (self.a_rows, self.b_rows))

    @property
    def geometry(self) -> dict[str, Any]:
        return {"a_shape": list(self.a_rows.shape), "b_shape": list(self.b_rows.shape)}

    @property
    def macs_dense(self) -> int:
        (rows, inner), cols = self.a_rows.shape, self.b_rows.shape[1]
        return rows * inner * cols

    @cached_property
    def macs_effectual(self) -> int:
        """The products: for each k the non-zeros of a's column times those of b's row."""
        return int(self.a_rows.column_nonzeros @ self.b_rows.row_nonzeros)

    @property
    def shape_text(self) -> str:
        return " * ".join(f"{rows.shape[0]}x{rows.shape[1]} ({rows.nonzeros:,} non-zeros)"
                          for rows in (self.a_rows, self.b_rows))

    def output(self) -> "csr_array":
        """The exact product, int64, as sorted compressed rows; sums that come to zero stay stored."""
        self.check_values()
        product = self.a.astype(np.int64) @ self.b.astype(np.int64)
        product.sort_indices()
        return product

    def agrees(self, output: Any) -> bool:
        """Sparse or dense, as the machine yields it; zeros that are stored are like those that are not."""
        from scipy.sparse import csr_array

        given, exact = csr_array(output), self.output()
        given.sum_duplicates()
        for matrix in (given, exact):
            matrix.eliminate_zeros()
        return given.shape == exact.shape and all(
            np.array_equal(getattr(given, part), getattr(exact, part)) for part in ("indptr", "indices", "data"))

    def renamed(self, name: str) -> Self:
        return replace(self, name=name)

    def pattern(self) -> Self:
        return replace(self, a_rows=self.a_rows.pattern, b_rows=self.b_rows.pattern)

    def with_weight(self, weight: np.ndarray) -> Self:
        """The same layer with another a, given as `weight` [1, M, K]."""
        if weight.shape != (1, *self.a_rows.shape):
            raise TraceError(f"layer {self.name!r}: weight has shape {list(weight.shape)}, wanted "
                             f"{[1, *self.a_rows.shape]}")
        return replace(self, a_rows=compressed_rows(self.name, "weight", weight[0]))

    def plainly(self) -> PlainLayers:
        """The dense matmul of the same matrices. Raises TraceError where one is large."""
        from scipy.sparse import csr_array

        def output(outputs: Sequence[np.ndarray]) -> "csr_array":
            return csr_array(outputs[0][0].T)  # [1, N, M], the vectors are b's columns

        plain = matmul(self.name, self.weight, self.activation)
        return PlainLayers([plain], "this machine knows no sparse_matmul: it ran the dense matmul of the same matrices "
                                    "(docs/sparse.md)", output)


def sparse_matmul(name: str, a: Any, b: Any) -> SparseMatmul:
    """The product of a [M, K] and b [K, N], each a scipy sparse matrix (any format) or a dense array.

    Integers (int8, int16; wider ones when their values fit int16) or bool patterns. Nothing is made dense: memory is
    linear in the non-zeros. Zeros that are stored are dropped. Raises TraceError when a position is stored twice, or a
    shape or a dtype does not fit.
    """
    checked_name("layer", name)  # before the operands' errors speak of it
    return joined_operands(name, compressed_rows(name, "a", a), compressed_rows(name, "b", b))


def joined_operands(name: str, a_rows: CompressedRows, b_rows: CompressedRows) -> SparseMatmul:
    """The layer of two operands that are checked already; TraceError when they do not fit each other."""
    checked_name("layer", name)
    if a_rows.shape[1] != b_rows.shape[0]:
        raise TraceError(f"layer {name!r}: a has {a_rows.shape[1]:,} columns, b {b_rows.shape[0]:,} rows; they must be "
                         "equal (a [M, K], b [K, N])")
    made = SparseMatmul(name, a_rows, b_rows)
    if made.macs_dense > _MOST_MACS:
        raise TraceError(f"layer {name!r}: a dense product of {made.macs_dense:,} multiply-accumulates is more than "
                         "any workload has; check the shapes")
    return made
