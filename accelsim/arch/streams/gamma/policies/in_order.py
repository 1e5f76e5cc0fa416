"""Rows as they come."""

import numpy as np

from accelsim.arch.streams.gamma.config import GammaConfig
from accelsim.arch.streams.shared.products import StreamProduct


def in_order(product: StreamProduct, config: GammaConfig) -> np.ndarray:
    """Row 0, 1, 2..."""
    return np.arange(product.a.count)
