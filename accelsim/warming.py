"""Kernels compiled ahead, for containers, clusters, and whoever does not want to wait at the first run."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.errors import CapacityError, ConfigError, UnsupportedLayerError, shown
from accelsim.shipped import names
from accelsim.simulation import simulate
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear
from accelsim.yaml import did_you_mean


def checked_kinds(wanted: list[str]) -> list[str]:
    """The kinds of `wanted`, all of them when it is empty. Raises ConfigError for one that there is not."""
    for name in wanted:
        if name not in kinds():
            raise ConfigError(f"no kind of machine is called {shown(name)}{did_you_mean(name, kinds())}")
    return list(dict.fromkeys(wanted)) or sorted(kinds())


def warm(kind: str) -> int:
    """Runs small layers on every shipped design of `kind`, under every policy; the number of runs.

    Two processes that warm at the same time take turns: numba's cache is not made for two that write.
    """
    runs = 0
    with _alone():
        for design in designs_of(kind):
            for policy in machine(kind).policies:
                for layer in sample_layers():
                    with contextlib.suppress(UnsupportedLayerError, CapacityError):
                        simulate(layer, design, policy=policy, threads=1)
                        runs += 1
    return runs


def designs_of(kind: str) -> list[ArchConfig]:
    """The shipped designs of a kind."""
    return [design for design in map(load_arch, names("arch")) if design.kind == kind]


def sample_layers() -> list[Layer]:
    """Layers of every type of tensor that kernels are compiled for."""
    rng = np.random.default_rng(1)
    layers: list[Layer] = []
    for dtype in (np.int8, np.int16, np.bool_):
        weight, plane = (rng.integers(0, 2, shape).astype(dtype) for shape in ((16, 8, 3, 3), (1, 8, 6, 6)))
        layers.append(conv2d("conv", weight, plane, padding=1))
        layers.append(linear("linear", weight.reshape(16, -1), plane.reshape(4, -1)))
    return layers


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    path = Path(tempfile.gettempdir()) / f"accelsim-warm-{os.getuid()}.lock"
    try:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:  # no place for a lock: the turns are lost, not the work
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
