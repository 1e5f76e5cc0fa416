"""From a product to a packed matrix: groups of columns, what conflicts leave, and the numbers that time depends on."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.notes import refused
from accelsim.errors import ModelError
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct
from accelsim.workload.packing import surviving


class Packed(NamedTuple):
    """A packed product. sizes [group], columns [place]: group after group; rows: filters with a weight.

    macs: products of two non-zeros that are left. last_rows: rows with a non-zero in the last section.
    """

    sizes: np.ndarray
    columns: np.ndarray
    rows: int
    last_rows: int
    left: int
    pruned: int
    macs: int


def packed(layer: Layer, index: int, product: MatrixProduct, config: ColumnCombiningConfig, policy: Policy) -> Packed:
    """Kept with the layer. Raises UnsupportedLayerError for conflicts that the design, or a pattern, cannot solve."""
    key = ("packed", index, policy, config.alpha, config.gamma, config.section, config.conflicts)
    found: Packed = derived(layer, key, lambda: _pack(layer, product, config, policy))
    return found


def _pack(layer: Layer, product: MatrixProduct, config: ColumnCombiningConfig, policy: Policy) -> Packed:
    weights = product.matrix
    groups = [list(map(int, group)) for group in policy(weights, config.alpha, config.gamma, config.section)]
    _check_groups(groups, weights, config.alpha)
    stays = weights != 0
    nonzeros = int(np.count_nonzero(stays))
    sizes = np.array([len(group) for group in groups], np.int64)
    columns = np.array([column for group in groups for column in group], np.int64)
    left = _left(stays, sizes, columns)
    if left < nonzeros:
        _refuse(layer, groups, stays, config)
        stays = surviving(weights, groups)
    begin = (weights.shape[1] - 1) // config.section * config.section
    return Packed(sizes, columns, int(stays.any(axis=1).sum()), int((weights[:, begin:] != 0).any(axis=1).sum()), left,
                  nonzeros - left, int(column_nonzeros(stays) @ column_nonzeros(product.vectors)))


def _check_groups(groups: list[list[int]], weights: np.ndarray, alpha: int) -> None:
    given, wanted = sorted(c for group in groups for c in group), np.flatnonzero((weights != 0).any(axis=0)).tolist()
    if given != wanted or not all(1 <= len(group) <= alpha for group in groups):
        raise ModelError(f"the policy gave {len(groups)} groups of {len(given)} columns; wanted every one of the "
                         f"{len(wanted)} columns with a non-zero in just one group of 1 .. {alpha}")


def _left(nonzero: np.ndarray, sizes: np.ndarray, columns: np.ndarray) -> int:
    """(row, group) pairs with a non-zero."""
    if not len(sizes):
        return 0
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return int(np.count_nonzero(np.logical_or.reduceat(nonzero[:, columns], starts, axis=1)))


def _refuse(layer: Layer, groups: list[list[int]], nonzero: np.ndarray, config: ColumnCombiningConfig) -> None:
    """UnsupportedLayerError unless conflicts are pruned and there are magnitudes to prune by."""
    if config.conflicts == "prune" and layer.weight.dtype != bool:
        return
    for number, group in enumerate(groups):
        in_row = nonzero[:, group].sum(axis=1)
        if in_row.max() > 1:
            row = int((in_row > 1).argmax())
            raise refused(layer.name, number, group, row, int(in_row[row]), config)
