"""Small SCNN designs and the layers of the variant with known answers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accelsim.arch import load_arch
from accelsim.arch.scnn.config import ScnnConfig
from accelsim.workload.layer import Conv2d, conv2d


@pytest.fixture(scope="session")
def design() -> Callable[..., ScnnConfig]:
    """design(key=value...): the preset `scnn` on 2 x 2 PEs with other keys."""

    def make(**changes: Any) -> ScnnConfig:
        config = load_arch("scnn", {"pe_rows": 2, "pe_cols": 2} | changes)
        assert isinstance(config, ScnnConfig)
        return config

    return make


@pytest.fixture(scope="session")
def variant_layer() -> Callable[..., Conv2d]:
    """variant_layer(C, X, K, R, padding, weight density, activation density): DNNsim's test data, as patterns."""

    def make(channels: int, size: int, filters: int, taps: int, padding: int, weights: float, active: float) -> Conv2d:
        rng = np.random.default_rng(0)
        weight = rng.standard_normal((filters, channels, taps, taps)).astype(np.float32)
        weight[np.abs(weight) < np.quantile(np.abs(weight), 1 - weights)] = 0
        activation = np.abs(rng.standard_normal((1, channels, size, size))).astype(np.float32) + np.float32(.05)
        activation[rng.random(activation.shape) >= active] = 0
        return conv2d("variant", weight != 0, activation != 0, padding=padding)

    return make
