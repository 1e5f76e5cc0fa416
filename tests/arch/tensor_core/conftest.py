"""Small tensor-core designs whose timing can be followed by hand, and N:M weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.registry import load_arch

SMALL: dict[str, Any] = {
    "sms": 1, "sub_cores_per_sm": 1, "mode": "dense", "mma_m": 2, "mma_n": 2, "mma_k": 2, "mma_issue_cycles": 2,
    "mma_latency_cycles": 3, "tile": "4x4_4x2", "warp_edge": 4, "swizzle": 1, "operand_bits": 8, "output_bits": 8,
    "accumulator_bits": 32, "shared_bytes_per_sm": 1 << 20, "shared_bytes_per_cycle": 1000, "warps_per_sm": 4,
    "port_bytes_per_cycle": 8, "l2_bytes": 1 << 20, "l2_bytes_per_cycle": 8, "l2_latency_cycles": 5,
    "dram_bytes_per_cycle": 8, "dram_latency_cycles": 7,
}


@pytest.fixture(scope="session")
def design() -> Callable[..., TensorCoreConfig]:
    """design(key=value...): one SM of one tensor core, 2 x 2 x 2 in 2 cycles, tiles 4x4_4x2, with other keys."""

    def make(**changes: Any) -> TensorCoreConfig:
        config = load_arch("a100_40gb", SMALL | changes)
        assert isinstance(config, TensorCoreConfig)
        return config

    return make


@pytest.fixture(scope="session")
def nm_pattern() -> Callable[..., np.ndarray]:
    """nm_pattern(rows, k, keep, group): bools with exactly `keep` of each whole group, at random places."""

    def make(rows: int, k: int, keep: int = 2, group: int = 4, seed: int = 0) -> np.ndarray:
        order = np.random.default_rng(seed).random((rows, -(-k // group), group)).argsort(axis=2)
        return (order < keep).reshape(rows, -1)[:, :k]

    return make
