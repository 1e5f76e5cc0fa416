"""What the tests of Procrustes' reference run: a config with the parameters of the rules page, and its policies.

The policies are written here once more, from the page and without numba, so that they check the shipped ones too.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from accelsim.arch.machine import LayerRun
from accelsim.arch.training.procrustes.reference import COUNTS, STALLS, run
from accelsim.workload.layer import Layer

Answer = tuple[np.ndarray, np.ndarray, np.ndarray]  # load[set, pe], displaced[set], swaps[set]


@dataclass(frozen=True)
class Config:
    """The parameters of docs/machines/procrustes.md with their preset values."""

    pe_rows: int = 16
    pe_cols: int = 16
    register_file_words: int = 256
    glb_words: int = 32768
    glb_banks: int = 16
    glb_words_per_line: int = 2
    glb_bound: bool = False
    dataflow: str = "kn"
    phases: tuple[str, ...] = ("forward", "backward", "weight_update")
    input_layers: tuple[str, ...] = ()
    sparse: bool = True
    tile_lanes: int = 32
    tile_depth: int = 32
    tile_plane: int = 2
    weight_fill_percent: int = 75
    threshold_unit: bool = True
    gradients_per_cycle: int = 4
    gradient_seed: int = 0
    clock_mhz: float = 500.0
    dram: str | None = None  # the reference asks only whether there is any
    resident_weights: bool = False
    resident_activations: bool = False

    def but(self, **changes: Any) -> "Config":
        return replace(self, **changes)


def none(work: np.ndarray) -> Answer:
    return work.sum(axis=2), np.zeros(len(work), np.int64), np.zeros(len(work), np.int64)


def ideal(work: np.ndarray) -> Answer:
    pes = work.shape[1]
    load = [[int(bits) // pes + (pe < int(bits) % pes) for pe in range(pes)] for bits in work.sum(axis=(1, 2))]
    return np.array(load), np.zeros(len(work), np.int64), np.zeros(len(work), np.int64)


def half_tile(work: np.ndarray) -> Answer:
    n = 2 * work.shape[1]
    swaps = n * next(b for b in range(64) if 2**b >= n)
    answers = [_pair(one) for one in work]
    return (np.array([load for load, _ in answers]), np.array([lanes for _, lanes in answers]),
            np.full(len(work), swaps, np.int64))


def _pair(work: np.ndarray) -> tuple[list[int], int]:
    pes, cut = len(work), -(-work.shape[1] // 2)
    halves = [(pe, part) for pe in range(pes) for part in (work[pe, :cut], work[pe, cut:])]
    halves.sort(key=lambda half: -half[1].sum())  # stable: the lower PE, then its first half, comes first
    pairs = [(halves[i], halves[-1 - i]) for i in range(pes)]
    given: dict[int, int] = {}
    for i, pair in enumerate(pairs):
        for owner, _ in pair:
            if owner not in given:
                given[owner] = i
                break
    left = [i for i in range(pes) if i not in given.values()]
    given.update(zip([pe for pe in range(pes) if pe not in given], left, strict=True))
    load = [sum(int(part.sum()) for _, part in pairs[given[pe]]) for pe in range(pes)]
    displaced = sum(int((part > 0).sum()) for pe in range(pes) for owner, part in pairs[given[pe]] if owner != pe)
    return load, displaced


def work_stealing(work: np.ndarray) -> Answer:
    answers = [_steal(one) for one in work]
    return (np.array([load for load, _ in answers]), np.array([taken for _, taken in answers]),
            np.zeros(len(work), np.int64))


def _steal(work: np.ndarray) -> tuple[list[int], int]:
    """Bit by bit: in every tick the free PEs, lowest first, begin a lane."""
    queues = [deque(int(bits) for bits in lanes if bits) for lanes in work]
    left = [queue.popleft() if queue else 0 for queue in queues]  # bits of the lane begun
    load, taken = list(left), 0
    while any(queues) or any(left):
        for pe in range(len(work)):
            if left[pe] == 0 and any(queues):
                if queues[pe]:
                    left[pe] = queues[pe].popleft()
                else:
                    left[pe] = max(queues, key=sum).pop()  # the first of equals
                    taken += 1
                load[pe] += left[pe]
        left = [max(0, bits - 1) for bits in left]
    return load, taken


POLICIES = {policy.__name__: policy for policy in (half_tile, none, ideal, work_stealing)}


@pytest.fixture(scope="session")
def preset() -> Config:
    """The published machine."""
    return Config()


@pytest.fixture(scope="session")
def small() -> Config:
    """2 x 2 PEs, no threshold unit."""
    return Config(pe_rows=2, pe_cols=2, threshold_unit=False)


@pytest.fixture(scope="session")
def own_policies() -> dict[str, Callable[[np.ndarray], Answer]]:
    """The page's policies by name."""
    return POLICIES


@pytest.fixture(scope="session")
def simulate() -> Callable[..., LayerRun]:
    """The reference, with the laws that hold for every layer, config and policy."""
    def simulated(layer: Layer, config: Config, policy: Callable[[np.ndarray], Answer] = half_tile) -> LayerRun:
        result = run(layer, config, policy)
        assert result.output is not None
        assert result.output.dtype == np.int64
        np.testing.assert_array_equal(result.output, layer.output(), strict=True)
        assert tuple(result.stalls) == STALLS
        assert tuple(result.counts) == COUNTS
        assert all(type(n) is int and n >= 0 for n in (result.cycles, *result.stalls.values(),
                                                       *result.counts.values()))
        assert result.slots == config.pe_rows * config.pe_cols
        assert sum(result.stalls.values()) == result.slots * result.cycles
        ran = [p for p in config.phases if p != "backward" or layer.name not in config.input_layers]
        bits = np.count_nonzero(layer.weight) if config.sparse else layer.weight.size
        stalls, counts = result.stalls, result.counts
        assert counts["macs"] == len(ran) * bits * (layer.macs_dense // layer.weight.size)
        assert counts["macs"] == stalls["busy"] + stalls["ineffectual"]
        assert counts["register_accesses"] == 4 * counts["macs"]
        assert stalls["busy"] == len(ran) * np.count_nonzero(layer.weight) * (layer.macs_dense // layer.weight.size)
        assert set(result.mapping) == {f"{p}_{what}" for p in ran for what in ("cycles", "tile", "sets")}
        assert sum(result.mapping[f"{p}_cycles"] for p in ran) == result.cycles
        return result
    return simulated


@pytest.fixture(scope="session")
def check(simulate: Callable[..., LayerRun]) -> Callable[..., LayerRun]:
    """Laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    def checked(layer: Layer, config: Config, cycles: int, stalls: dict[str, int],
                policy: Callable[[np.ndarray], Answer] = half_tile, **counts: int) -> LayerRun:
        result = simulate(layer, config, policy)
        assert result.cycles == cycles
        assert {name: n for name, n in result.stalls.items() if n} == stalls
        assert {name: result.counts[name] for name in counts} == counts
        return result
    return checked


@pytest.fixture(scope="session")
def dram_words(simulate: Callable[..., LayerRun]) -> Callable[[Layer, Config, str], list[int]]:
    """Of one pass: words of weights read, of activations read, and written."""
    def words(layer: Layer, config: Config, phase: str) -> list[int]:
        counts = simulate(layer, config.but(phases=(phase,))).counts
        return [counts[f"dram_{what}"] for what in ("weight_reads", "activation_reads", "writes")]
    return words
