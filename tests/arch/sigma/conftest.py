"""Small SIGMA designs and layers, and an oracle: the rules of docs/machines/sigma.md, one value at a time."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.registry import load_arch


@pytest.fixture(scope="session")
def design() -> Callable[..., SigmaConfig]:
    """design(key=value...): the preset, 2 Flex-DPEs of 4 multipliers and 4 words per cycle, with other keys."""

    def make(**changes: Any) -> SigmaConfig:
        small = {"flex_dpes": 2, "multipliers_per_dpe": 4, "bandwidth_words_per_cycle": 4}
        config = load_arch("sigma", small | changes)
        assert isinstance(config, SigmaConfig)
        return config

    return make


@pytest.fixture(scope="session")
def oracle() -> Callable[..., dict[str, int]]:
    """oracle(stationary, streaming, config, policy name): what one GEMM costs, packed value by value."""
    return gemm


def gemm(a: np.ndarray, b: np.ndarray, config: SigmaConfig, policy: str) -> dict[str, int]:
    folds = [fold for tile in tiles(a, b, config) for fold in place(tile, config.slots, policy)]
    out: dict[str, int] = defaultdict(int)
    rows_seen, placed, before = set(), 0, (0, 0)
    for index, fold in enumerate(folds):
        dpes = defaultdict(list)
        for slot, row, k in fold:
            dpes[slot // config.multipliers_per_dpe].append((row, k))
        words = {k for _, _, k in fold}
        count_fold(out, fold, dpes, words, b, config)
        rows_seen |= {row for _, row, _ in fold}
        load = -(-len(fold) // config.bandwidth_words_per_cycle)
        if index:
            load = max(0, load - {"none": 0, "pipelined": 0, "drain": before[1], "load": sum(before)}[config.overlap])
        step = -(-len(words) // config.bandwidth_words_per_cycle) if config.streaming == "limited" else 1
        full = (placed + len(fold)) // config.slots > placed // config.slots
        placed += len(fold)
        drains = index == len(folds) - 1 or (config.overlap != "pipelined" and (config.drain_per_k_tile or full))
        drain = config.drain_cycles if drains else 0
        before = (len(b) * step, drain)
        out["cycles"] += load + before[0] + drain
        out["load"] += load * config.slots
        out["drain"] += drain * config.slots
        out["bandwidth"] += (step - 1) * len(b) * config.slots
        out["unfilled"] += (config.slots - len(fold)) * len(b)
    out["psum_reads"] = out["psum_writes"] - len(rows_seen) * len(b)
    out["outputs_written"] = int(((a.astype(int) @ b.astype(int).T) > 0).sum())
    return dict(out)


def tiles(a: np.ndarray, b: np.ndarray, config: SigmaConfig) -> list[list[list[tuple[int, int]]]]:
    """Per tile, per row: its (row, k)."""
    kept = a & b.any(axis=0) if config.stationary_filter else a
    width = config.multipliers_per_dpe if config.streaming == "limited" else a.shape[1]
    return [[[(row, int(k)) for k in low + np.flatnonzero(kept[row, low:low + width])] for row in range(len(a))]
            for low in range(0, a.shape[1], width)]


def place(tile: list[list[tuple[int, int]]], slots: int, policy: str) -> list[list[tuple[int, int, int]]]:
    """Folds of (slot, row, k)."""
    folds: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    position = 0
    for values in tile:
        if policy == "whole_rows" and position % slots and position % slots + len(values) > slots:
            position = (position // slots + 1) * slots
        for row, k in values:
            folds[position // slots].append((position % slots, row, k))
            position += 1
    return [folds[f] for f in sorted(folds)]


def count_fold(out: dict[str, int], fold: Any, dpes: Any, words: set[int], b: np.ndarray, config: SigmaConfig) -> None:
    vectors, clusters = len(b), len({row for _, row, _ in fold})
    segments = sum(len({row for row, _ in values}) for values in dpes.values())
    busy = sum(int(b[:, k].sum()) for _, _, k in fold)
    out["busy"] += busy
    out["streamed_zero"] += len(fold) * vectors - busy
    out["multiplies"] += len(fold) * vectors
    out["stationary_reads"] += len(fold)
    out["streaming_reads"] += sum(int(b[:, k].sum()) for k in words)
    out["words_sent"] += len(fold) + len(words) * vectors
    out["dpe_inputs"] += len(fold) + vectors * sum(len({k for _, k in values}) for values in dpes.values())
    out["fan_adds"] += vectors * (len(fold) - segments)
    out["dpu_adds"] += vectors * (segments - clusters)
    out["psum_writes"] += vectors * clusters
