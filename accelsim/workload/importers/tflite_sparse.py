"""Sparse tensors of TFLite files: a tree of dimensions, each dense or compressed, in an order of its own.

[TensorFlow Lite schema, SparsityParameters]: levels go in `traversalOrder`; a level past the tensor's rank is the inner
part of the dimension that `blockMap` names. A compressed level has, for each position of the level before, a segment of
indices.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

_COMPRESSED = 1


def densified(sparsity: Any, values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The dense tensor. Raises ValueError where the parts do not fit together."""
    order = _ints(sparsity.traversalOrder)
    blocks, levels = _ints(sparsity.blockMap), list(sparsity.dimMetadata or [])
    rank = len(shape)
    if sorted(order) != list(range(rank + len(blocks))) or len(levels) != len(order) or not all(
            0 <= b < rank for b in blocks):
        raise ValueError(f"its {len(order)} sparse levels are not those of a tensor of {rank} axes")
    inner = {b: int(levels[order.index(rank + i)].denseSize) for i, b in enumerate(blocks)}
    index = np.zeros((1, rank), np.int64)  # [position, axis] within the whole tensor
    for axis, level in zip(order, levels, strict=True):
        own = axis if axis < rank else blocks[axis - rank]
        step = inner.get(own, 1) if axis < rank else 1
        size = shape[own] // step if axis < rank else inner[own]
        parent, coordinate = _children(level, len(index), size, math.prod(shape))
        index = index[parent]
        index[:, own] += coordinate * step
    if len(index) != values.size:
        raise ValueError(f"it has {values.size} values for {len(index)} positions")
    dense = np.zeros(shape, values.dtype)
    dense[tuple(index.T)] = values  # IndexError for what lies outside
    return dense


def _children(level: Any, parents: int, size: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(parent, coordinate) of each position of a level."""
    if level.format != _COMPRESSED:
        if level.denseSize != size or parents * size > most:
            raise ValueError(f"a dense level of {level.denseSize}, wanted {size}")
        return np.repeat(np.arange(parents), size), np.tile(np.arange(size), parents)
    segments, indices = (np.array(_ints(part.values), np.int64) for part in (level.arraySegments, level.arrayIndices))
    counts = np.diff(segments)
    fits = (segments.size == parents + 1 and segments[0] == 0 and segments[-1] == indices.size and (counts >= 0).all()
            and (not indices.size or (indices.min() >= 0 and indices.max() < size)))
    if not fits:
        raise ValueError(f"a compressed level whose segments or indices do not fit {parents} x {size}")
    return np.repeat(np.arange(parents), counts), indices


def _ints(values: Any) -> list[int]:
    return [] if values is None else [int(n) for n in np.asarray(values).reshape(-1)]
