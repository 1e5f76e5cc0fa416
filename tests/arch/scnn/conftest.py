"""What the tests of SCNN's reference run: a config with the parameters of the rules page, and policies of their own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from accelsim.arch.machine import LayerRun
from accelsim.arch.planar.scnn.reference import COUNTS, STALLS, run
from accelsim.workload.layer import Layer

Tiles = tuple[int, list[int], list[int]]


@dataclass(frozen=True)
class Config:
    """The parameters of docs/machines/scnn.md with their `scnn` defaults."""

    pe_rows: int = 8
    pe_cols: int = 8
    weight_vector: int = 4
    activation_vector: int = 4
    banks: int = 32
    accumulator_entries: int = 1024
    bank_hash: str = "xor"
    bank_queue_entries: int = 8
    weight_order: str = "taps_outer"
    index_bits: int = 4
    value_bits: int = 16
    tiling: str = "input_plane"
    kc_rule: str = "accumulators"
    kc_max: int = 8
    barrier: str = "group"
    halo: str = "exchange"
    halo_entries_per_cycle: int = 4
    post: str = "overlapped"
    post_entries_per_cycle: int = 4
    iaram_bits: int = 81920
    oaram_bits: int = 81920
    weight_fifo_entries: int = 50
    clock_mhz: float = 1000.0
    dram: Any = None

    @property
    def entry_bits(self) -> int:
        return self.value_bits + self.index_bits

    def but(self, **changes: Any) -> "Config":
        return replace(self, **changes)


@pytest.fixture(scope="session")
def scnn() -> Config:
    """The published machine."""
    return Config()


@pytest.fixture(scope="session")
def one_pe() -> Config:
    return Config(pe_rows=1, pe_cols=1)


@pytest.fixture(scope="session")
def two_pes() -> Config:
    """Two PEs in a row."""
    return Config(pe_rows=1, pe_cols=2)


@pytest.fixture(scope="session")
def dnnsim() -> Config:
    """The choices of DNNsim."""
    return Config(bank_queue_entries=0, index_bits=0, tiling="padded_plane", kc_rule="output_tile", kc_max=0,
                  barrier="channel", halo="widest_neighbour", post="serial", post_entries_per_cycle=0, iaram_bits=0,
                  oaram_bits=0, weight_fifo_entries=0)


def equal_planes(nz: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int, filters: int) -> Tiles:
    return 1, _equal_cuts(nz.shape[0], rim[0], pe_rows), _equal_cuts(nz.shape[1], rim[1], pe_cols)


def balanced_planes(nz: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int, filters: int) -> Tiles:
    if not nz.any():
        return equal_planes(nz, rim, pe_rows, pe_cols, filters)
    return 1, _balanced_cuts(nz.sum(axis=1), pe_rows), _balanced_cuts(nz.sum(axis=0), pe_cols)


def output_channels_first(nz: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int, filters: int) -> Tiles:
    pes = pe_rows * pe_cols
    parts = max(n for n in range(1, pes + 1) if pes % n == 0 and n <= filters)
    rest = pes // parts
    rows = max(n for n in range(1, rest + 1) if rest % n == 0 and n * n <= rest)
    _, row_cuts, col_cuts = equal_planes(nz, rim, rows, rest // rows, filters)
    return parts, row_cuts, col_cuts


def _equal_cuts(size: int, rim: int, tiles: int) -> list[int]:
    step = -(-(size + 2 * rim) // tiles)
    return [min(max(i * step - rim, 0), size) for i in range(tiles + 1)]


def _balanced_cuts(weights: np.ndarray, tiles: int) -> list[int]:
    total, inner = int(weights.sum()), []
    for i in range(1, tiles):
        inner.append(next(h for h in range(len(weights) + 1) if tiles * int(weights[:h].sum()) >= i * total))
    return [0, *inner, len(weights)]


@pytest.fixture(scope="session")
def planes() -> SimpleNamespace:
    """The page's policies, written for these tests."""
    return SimpleNamespace(equal_planes=equal_planes, balanced_planes=balanced_planes,
                           output_channels_first=output_channels_first)


@pytest.fixture(scope="session")
def simulate(planes: SimpleNamespace) -> Callable[..., LayerRun]:
    """The reference, with the laws that hold for every layer, config and policy."""
    def simulated(layer: Layer, config: Config, policy: Callable[..., Tiles] = planes.equal_planes) -> LayerRun:
        result = run(layer, config, policy)
        assert result.output is not None
        assert result.output.dtype == np.int64
        np.testing.assert_array_equal(result.output, layer.output(), strict=True)
        assert tuple(result.stalls) == STALLS
        assert tuple(result.counts) == COUNTS
        assert result.slots == config.pe_rows * config.pe_cols * config.weight_vector * config.activation_vector
        assert sum(result.stalls.values()) == result.slots * result.cycles
        counts, stalls = result.counts, result.stalls
        assert counts["macs"] == layer.macs_effectual == stalls["busy"]
        assert counts["macs"] == counts["crossbar_transfers"] == counts["accumulator_updates"]
        assert counts["multiplies"] == stalls["busy"] + stalls["outside"]
        assert counts["steps"] == counts["weight_vector_reads"] >= counts["iaram_vector_reads"]
        assert counts["oaram_writes"] == layer.output().size
        assert result.cycles >= result.mapping["oracle_cycles"]
        return result
    return simulated
