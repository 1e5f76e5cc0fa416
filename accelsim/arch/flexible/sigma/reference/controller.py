"""SIGMA's global controller: from real bitmaps to stationary', folds, source-destination pairs and the output bitmap.

Source: Qin et al., HPCA 2020, the controller's steps [paper]; docs/machines/sigma.md, section Controller. Exact: what
it decides and what it reads and computes for that. Abstracted: its time (it works ahead; our assumption).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.machine import Policy
from accelsim.errors import ModelError


@dataclass(frozen=True)
class StationaryGemm:
    """One matrix product as SIGMA sees it: `stationary` [row, k] stays, the vectors `streaming` [vector, k] pass."""

    stationary: np.ndarray
    streaming: np.ndarray


@dataclass(frozen=True)
class Value:
    """A stationary non-zero: its row (the cluster it is reduced with), its k and its number."""

    row: int
    k: int
    number: int


@dataclass(frozen=True)
class Fold:
    """One filling of the multipliers: `slots[s]` is what multiplier s holds, of the K tile `tile`."""

    tile: range
    slots: tuple[Value | None, ...]

    @property
    def values(self) -> list[tuple[int, Value]]:
        """(slot, value), in slot order."""
        return [(slot, value) for slot, value in enumerate(self.slots) if value is not None]

    @property
    def sources(self) -> list[int]:
        """The distinct k that the fold's values ask for, ascending: what is sent for every vector."""
        return sorted({value.k for _, value in self.values})

    @property
    def rows(self) -> list[int]:
        """The rows with values in the fold: its clusters."""
        return sorted({value.row for _, value in self.values})


class Controller:
    """The controller on one GEMM. `counts` are its operations and the bits it reads and writes."""

    def __init__(self, gemm: StationaryGemm, config: SigmaConfig, policy: Policy) -> None:
        self.gemm, self.config = gemm, config
        self.slots = config.flex_dpes * config.multipliers_per_dpe
        self.counts: Counter[str] = Counter()
        self.stationary_bits = self._read(gemm.stationary)
        self.streaming_bits = self._read(gemm.streaming)
        self.kept_bits = self._filter() if config.stationary_filter else self.stationary_bits
        self.tiles = self._tiles()
        self.folds = self._fold(policy)
        self.output_bits = self._write_output_bitmap()

    def _read(self, matrix: np.ndarray) -> np.ndarray:
        self.counts["bitmap_bits_read"] += matrix.size
        return matrix != 0

    def _filter(self) -> np.ndarray:
        """stationary': REGOR ors the streamed vectors' bitmaps, then masks the bitmap of each stationary row."""
        regor = np.zeros(self.streaming_bits.shape[1], bool)
        for vector in self.streaming_bits:
            regor |= vector
            self.counts["controller_ors"] += len(vector)
        kept = np.zeros_like(self.stationary_bits)
        for row, bits in enumerate(self.stationary_bits):
            kept[row] = bits & regor
            self.counts["controller_ands"] += len(bits)
        return kept

    def _tiles(self) -> list[range]:
        inputs = self.gemm.stationary.shape[1]
        width = inputs if self.config.streaming == "unlimited" else self.config.multipliers_per_dpe
        return [range(first, min(first + width, inputs)) for first in range(0, inputs, width)]

    def _fold(self, policy: Policy) -> list[Fold]:
        """The folds of all tiles: values at the positions that the policy gives them. A fold left empty is skipped."""
        kept = [[[Value(row, k, int(self.gemm.stationary[row, k])) for k in tile if self.kept_bits[row, k]]
                 for row in range(len(self.kept_bits))] for tile in self.tiles]  # kept[tile][row]
        counts = np.array([[len(values) for values in rows] for rows in kept], np.int64)
        first = place_rows(policy, counts, self.slots)
        folds = []
        for tile, rows, row_positions in zip(self.tiles, kept, first, strict=True):
            position_of = {int(position) + i: value for position, values in zip(row_positions, rows, strict=True)
                           for i, value in enumerate(values)}
            for number in sorted({position // self.slots for position in position_of}):
                begin = number * self.slots
                folds.append(Fold(tile, tuple(position_of.get(begin + slot) for slot in range(self.slots))))
        return folds

    def match_sources(self, fold: Fold, vector: int) -> None:
        """The counters' pass over one streamed vector: a pair for every value of the fold that meets a non-zero."""
        bits = self.streaming_bits[vector]
        self.counts["bitmap_bits_read"] += len(fold.tile)
        self.counts["table_entries"] += sum(bool(bits[value.k]) for _, value in fold.values)

    def _write_output_bitmap(self) -> np.ndarray:
        output = np.zeros((len(self.stationary_bits), len(self.streaming_bits)), bool)
        for row, vector in np.ndindex(output.shape):
            output[row, vector] = (self.stationary_bits[row] & self.streaming_bits[vector]).any()
            self.counts["bitmap_bits_written"] += 1
            self.counts["outputs_written"] += bool(output[row, vector])
        return output


def place_rows(policy: Policy, counts: np.ndarray, slots: int) -> np.ndarray:
    """first[tile, row] from `policy`; ModelError unless positions ascend with the rows and no two rows overlap."""
    first = np.asarray(policy(counts, slots))
    name = getattr(policy, "__name__", policy)
    if first.shape != counts.shape or first.dtype.kind not in "iu":
        raise ModelError(f"policy {name}: returned {first!r:.80}, wanted whole numbers of shape {list(counts.shape)} "
                         "(tile, row); correct the policy")
    for tile, (row_positions, row_counts) in enumerate(zip(first, counts, strict=True)):
        free = 0
        for row in np.flatnonzero(row_counts):
            if row_positions[row] < free:
                raise ModelError(f"policy {name}: tile {tile}, row {row} starts at position {row_positions[row]}, "
                                 f"wanted {free} or later, behind the rows before it; correct the policy")
            free = int(row_positions[row]) + int(row_counts[row])
    return first


def source_ports(values: Sequence[Value | None]) -> tuple[list[int], list[int | None]]:
    """Of one Flex-DPE's multipliers: the k of each input port in use, and the port that each multiplier listens to."""
    ports = sorted({value.k for value in values if value is not None})
    return ports, [None if value is None else ports.index(value.k) for value in values]
