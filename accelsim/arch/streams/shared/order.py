"""What a policy gives: every row of A, once."""

from typing import Any

import numpy as np

from accelsim.errors import PolicyError


def checked_order(kind: str, order: Any, rows: int) -> np.ndarray:
    """`order` as int64 [row]. Raises PolicyError where it is no order of the rows."""
    found = np.asarray(order)
    if found.shape != (rows,) or found.dtype.kind not in "iu" or not np.array_equal(np.sort(found), np.arange(rows)):
        raise PolicyError(f"{kind}: a policy must give each of {rows:,} rows once, as whole numbers")
    return found.astype(np.int64)
