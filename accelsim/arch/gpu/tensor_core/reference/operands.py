"""A layer as operands A and B of its products: the order of K, and the N:M check.

Source: docs/machines/tensor_core.md, section From a layer to a grid of CTAs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.machine import Policy
from accelsim.errors import ModelError, UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct

Order = Sequence[int]  # the channel at each position of a tap, -1 where there is none


@dataclass(frozen=True)
class GemmOperands:
    """All products of a layer: a[product] is A [M, K], b[product] is B [N, K], int64.

    b_share: bytes of B in L2 and DRAM per byte copied, below 1 where im2col repeats activations.
    """

    runs: str
    a: tuple[np.ndarray, ...]
    b: tuple[np.ndarray, ...]
    b_share: Fraction


def prepare(layer: Layer, products: Sequence[MatrixProduct], config: TensorCoreConfig, policy: Policy) -> GemmOperands:
    """The operands of a layer's products.

    policy: (lines[row x taps + tap, channel], n, m) -> order or None; see the page. Raises UnsupportedLayerError for a
    layer that breaks N:M, ModelError for an order that is none.
    """
    taps = int(np.prod(layer.weight.shape[2:])) if isinstance(layer, Conv2d) else 1
    matrices = [channels_last(product.matrix, taps) for product in products]
    vectors = [channels_last(product.vectors, taps) for product in products]
    channels = matrices[0].shape[2]
    orders = _orders(layer, matrices, config, policy) if config.mode == "n_m" else None
    if orders is None:
        runs: str = "dense" if config.mode == "n_m" else config.mode
        orders = [range(channels)] * len(products)
    else:
        runs = "n_m"
        _check(layer, matrices, orders, config)
    return GemmOperands(runs, tuple(map(_arranged, matrices, orders)), tuple(map(_arranged, vectors, orders)),
                    _b_share(layer, vectors[0].size))


def channels_last(matrix: np.ndarray, taps: int) -> np.ndarray:
    """Rows [rows, (c, tap)] of a lowered operand as [rows, tap, c]."""
    return matrix.reshape(len(matrix), -1, taps).transpose(0, 2, 1)


def _b_share(layer: Layer, b_elements: int) -> Fraction:
    if not isinstance(layer, Conv2d):
        return Fraction(1)
    return min(Fraction(1), Fraction(layer.activation.size // layer.groups, b_elements))


def _arranged(operand: np.ndarray, order: Order) -> np.ndarray:
    """Rows [rows, tap, c] with channels in order and zeros where there is none, as [rows, K]."""
    arranged = np.zeros((*operand.shape[:2], len(order)), np.int64)
    for position, channel in enumerate(order):
        if channel >= 0:
            arranged[:, :, position] = operand[:, :, channel]
    return arranged.reshape(len(operand), -1)


def _orders(layer: Layer, matrices: Sequence[np.ndarray], config: TensorCoreConfig,
            policy: Policy) -> list[Order] | None:
    """The policy's order for each product, or None when it runs one of them dense, and so all."""
    orders = []
    for matrix in matrices:
        channels = matrix.shape[2]
        order = policy(matrix.reshape(-1, channels), config.nm_keep, config.nm_group)
        if order is not None:
            length = -(-channels // config.nm_group) * config.nm_group
            wanted = [*[-1] * (length - channels), *range(channels)]
            if sorted(order) != wanted:
                raise ModelError(f"layer {layer.name!r}: the policy's order of channels is {list(order)}, wanted 0 .. "
                                 f"{channels - 1} once each and {length - channels} times -1")
            order = [int(channel) for channel in order]
        orders.append(order)
    return None if any(order is None for order in orders) else orders


def _check(layer: Layer, matrices: Sequence[np.ndarray], orders: Sequence[Order], config: TensorCoreConfig) -> None:
    """Raises UnsupportedLayerError for the first group with too many non-zeros."""
    keep, group = config.nm_keep, config.nm_group
    for product, (matrix, order) in enumerate(zip(matrices, orders, strict=True)):
        rows, taps, _ = matrix.shape
        for row, tap in np.ndindex(rows, taps):
            for first in range(0, len(order), group):
                members = [channel for channel in order[first:first + group] if channel >= 0]
                found = sum(matrix[row, tap, channel] != 0 for channel in members)
                if found > keep:
                    where = f"row {product * rows + row} of the weight, "
                    if taps > 1:
                        where += "tap ({}, {}), ".format(*divmod(tap, layer.weight.shape[3]))
                    raise UnsupportedLayerError(
                        f"layer {layer.name!r}: {where}group {first // group} (channels {', '.join(map(str, members))})"
                        f" has {found} non-zeros, wanted at most {keep} of every {group}; prune the model with "
                        f"`accelsim prune --nm {keep}:{group}`, or take policy dense_fallback, which runs such a layer "
                        "dense, or permute_channels, which looks for an order of channels that fits")
