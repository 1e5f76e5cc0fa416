"""One simulation reduced to its numbers, so that runs can be kept for several claims without their tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.simulation import simulate
from accelsim.workload.layer import Layer
from accelsim.workload.trace import Trace


@dataclass(frozen=True)
class LayerNumbers:
    """Numbers of one layer; every field means what it means in `LayerResult`."""

    name: str
    slots: int
    cycles: int
    energy_pj: float
    mapping: Mapping[str, Any]
    counts: Mapping[str, int]
    stalls: Mapping[str, int]


@dataclass(frozen=True)
class RunNumbers:
    """Numbers of a run; every field means what it means in `Result`."""

    cycles: int
    time_us: float
    energy_pj: float
    utilization: float
    macs_dense: int
    area_mm2: float | None
    clock_mhz: float
    counts: Mapping[str, int]
    stalls: Mapping[str, int]
    energy_by_component: Mapping[str, float]
    layers: tuple[LayerNumbers, ...]

    @property
    def power_mw(self) -> float:
        return self.energy_pj / self.time_us / 1e3

    @property
    def peak_tops(self) -> float:
        """10^12 operations per second: a multiplication and an addition of every slot in every cycle."""
        return 2 * self.layers[0].slots * self.clock_mhz / 1e6


def measured(trace: Trace | Layer, arch: str, policy: str | None = None, **changes: Any) -> RunNumbers:
    """`simulate` with `changes` of config keys; a double underscore in a key stands for a dot."""
    result = simulate(trace, arch, policy=policy, set={key.replace("__", "."): v for key, v in changes.items()})
    layers = tuple(LayerNumbers(x.name, x.slots, x.cycles, x.energy_pj, x.mapping, x.counts, x.stalls)
                   for x in result.layers)
    return RunNumbers(result.cycles, result.time_us, result.energy_pj, result.utilization, result.macs_dense,
                   result.area_mm2, result.config.clock_mhz, result.counts, result.stalls, result.energy_by_component,
                   layers)


def bitmap(rows: int, columns: int, density: float, seed: int) -> np.ndarray:
    """Random bools [rows, columns], independent, drawn a few rows at a time."""
    rng, out = np.random.default_rng(seed), np.empty((rows, columns), bool)
    step = max(1, (1 << 24) // columns)
    for low in range(0, rows, step):
        part = out[low:low + step]
        np.less(rng.integers(0, 1 << 16, part.shape, np.uint16), density * (1 << 16), out=part)
    return out
