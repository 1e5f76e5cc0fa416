"""Operand A as a sparse tensor core holds it: the kept values of every group and the index of each within its group.

`mma.sp` multiplies kept value t of a row with the value of B that the index selects in the same group [PTX].
"""

from typing import NamedTuple

import numpy as np


class Compressed(NamedTuple):
    """values[row, groups x keep] and indices[row, groups x keep], ascending within a group.

    A group with fewer non-zeros holds zeros too: at the lowest free positions, so that indices stay distinct.
    """

    values: np.ndarray
    indices: np.ndarray


def compress(matrix: np.ndarray, keep: int, group: int) -> Compressed:
    """`matrix` [rows, k], k whole groups, at most `keep` non-zeros in each. Raises ValueError otherwise."""
    rows, k = matrix.shape
    if k % group:
        raise ValueError(f"{k} columns are not whole groups of {group}")
    lines = matrix.reshape(rows, k // group, group)
    present = lines != 0
    if (present.sum(axis=2) > keep).any():
        raise ValueError(f"a group has more than {keep} non-zeros of {group}")
    chosen = np.sort(np.argsort(~present, axis=2, kind="stable")[:, :, :keep], axis=2)
    values = np.take_along_axis(lines, chosen, axis=2)
    return Compressed(values.reshape(rows, -1), chosen.reshape(rows, -1).astype(np.uint8))


def expand(compressed: Compressed, keep: int, group: int) -> np.ndarray:
    """The matrix that was compressed."""
    rows, kept = compressed.values.shape
    out = np.zeros((rows, kept // keep, group), compressed.values.dtype)
    shape = (rows, kept // keep, keep)
    np.put_along_axis(out, compressed.indices.reshape(shape).astype(np.int64), compressed.values.reshape(shape), axis=2)
    return out.reshape(rows, -1)


def select_and_multiply(compressed: Compressed, vectors: np.ndarray, keep: int, group: int) -> np.ndarray:
    """C [vectors, rows] int64 by selection, as `mma.sp` computes it: every kept value meets the B its index selects."""
    kept = compressed.values.shape[1]
    column = np.arange(kept) // keep * group + compressed.indices  # [row, kept]
    selected = vectors.astype(np.int64)[:, column]  # [vector, row, kept]
    return np.einsum("vrk,rk->vr", selected, compressed.values.astype(np.int64))


def pack_metadata(indices: np.ndarray, bits: int) -> bytes:
    """Indices, row by row, `bits` each, lowest bit first, the last byte filled with zeros."""
    spread = (indices.reshape(-1, 1) >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(spread.astype(np.uint8).reshape(-1), bitorder="little").tobytes()


def unpack_metadata(packed: bytes, bits: int, shape: tuple[int, int]) -> np.ndarray:
    """The indices [rows, kept] that were packed."""
    spread = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")[:shape[0] * shape[1] * bits]
    weights = (1 << np.arange(bits)).astype(np.uint8)
    return (spread.reshape(-1, bits) * weights).sum(axis=1).astype(np.uint8).reshape(shape)
