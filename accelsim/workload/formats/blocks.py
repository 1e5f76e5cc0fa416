"""Cutting a matrix into blocks, zero-filled at its right and lower edges."""

import numpy as np


def cut(matrix: np.ndarray, block: tuple[int, int]) -> np.ndarray:
    """Blocks [block row, block col, rows of a block, cols of a block]."""
    rows, cols = (-(-n // b) for n, b in zip(matrix.shape, block, strict=True))
    if matrix.shape != (rows * block[0], cols * block[1]):
        whole = np.zeros((rows * block[0], cols * block[1]), matrix.dtype)
        whole[:matrix.shape[0], :matrix.shape[1]] = matrix
        matrix = whole
    return matrix.reshape(rows, block[0], cols, block[1]).transpose(0, 2, 1, 3)


def join(blocks: np.ndarray, matrix: np.ndarray) -> bool:
    """Put blocks as `cut` gives them into `matrix`; False when the zero-filled edge held something."""
    rows, cols, height, width = blocks.shape
    whole = blocks.transpose(0, 2, 1, 3).reshape(rows * height, cols * width)
    matrix[:] = whole[:matrix.shape[0], :matrix.shape[1]]
    return not (whole[matrix.shape[0]:].any() or whole[:, matrix.shape[1]:].any())
