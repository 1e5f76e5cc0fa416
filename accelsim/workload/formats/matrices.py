"""How a layer's tensors are laid out as matrices for storage."""

import math
from collections.abc import Sequence

# tensors of a layer that have storage formats; others are stored as they are
MATRIX_ROLES = ("weight", "recurrent_weight", "projection", "activation", "states", "inner")


def matrix_shape(op: str, role: str, shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of a tensor's matrix; its elements stay in C order, so a reshape is all it takes.

    A convolution's weight is [K, C/groups*R*S] (one filter per row), its activation [N*C, H*W] (one plane per row);
    a matmul's tensors are [groups*out, in] and [groups*batch, in]; rows of a recurrent layer's are gates and cells,
    or steps and sequences, of all directions.
    """
    rows_axes = 1 if (op, role) == ("conv2d", "weight") else 3 if role in ("states", "inner") else 2
    return math.prod(shape[:rows_axes]), math.prod(shape[rows_axes:])
