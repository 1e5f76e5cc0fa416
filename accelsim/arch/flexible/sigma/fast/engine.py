"""The fast engine of sigma: a layer is lowered, simulated and accounted."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.flexible.sigma.fast import bitmap, kernel
from accelsim.arch.flexible.sigma.fast.bound import any_placement_cycles
from accelsim.arch.flexible.sigma.fast.traffic import gemm_tiles
from accelsim.arch.flexible.sigma.machine import Sigma
from accelsim.arch.flexible.sigma.policies import POLICIES
from accelsim.arch.machine import LayerRun, Policy
from accelsim.errors import ModelError
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

_OVERLAPS = {"none": kernel.OVERLAP_NONE, "drain": kernel.OVERLAP_DRAIN, "load": kernel.OVERLAP_LOAD,
             "pipelined": kernel.OVERLAP_PIPELINED}
_SIDE = {"mk": 0, "kn": 1}
STALLS = names(Sigma.stalls)
COUNTS = ("macs", "multiplies", "stationary_reads", "streaming_reads", "words_sent", "dpe_inputs",
          "switch_traversals", "buffer_writes", "buffer_reads", "fan_adds", "dpu_adds", "psum_writes", "psum_reads",
          "outputs_written", "bitmap_bits_read", "bitmap_bits_written", "controller_ors", "controller_ands",
          "table_entries")


def run(layer: Layer, config: SigmaConfig, policy: Policy) -> LayerRun:
    stalls, counts = np.zeros(len(STALLS), np.int64), np.zeros(len(COUNTS), np.int64)
    sides, folds, cycles = {"mk": 0, "kn": 0}, 0, 0
    work = np.zeros(config.slots, np.int64)
    tiles: list[Tiles] = []
    for index, product in enumerate(kept_products(layer)):
        gemm = PlacedGemm(layer, index, product, config, policy)
        side = gemm.chosen_side()
        cycles += int(side.cycles.sum())
        stalls += gemm.stalls(side)
        counts += gemm.counts(side)
        work[:len(side.placement.filled)] += side.placement.filled.astype(np.int64) * side.vectors
        tiles.append(gemm.tiles(side))
        sides[side.name] += 1
        folds += int(np.count_nonzero(side.placement.values))
    return LayerRun(
        cycles=cycles, slots=config.slots,
        stalls=dict(zip(STALLS, map(int, stalls), strict=True)),
        counts=dict(zip(COUNTS, map(int, counts), strict=True)),
        mapping={"gemms_mk_stationary": sides["mk"], "gemms_kn_stationary": sides["kn"], "folds": folds},
        tiles=Tiles.joined(tiles),
        work=PeWork.of(work.reshape(config.flex_dpes, -1), ("busy", "streamed_zero")),
    )


class Bitmaps(NamedTuple):
    """Both sides of a GEMM, "mk" (the matrix) first: packed[row, word] and non-zeros per k."""

    packed: tuple[np.ndarray, np.ndarray]
    per_k: tuple[np.ndarray, np.ndarray]


class Placement(NamedTuple):
    """A stationary side, placed: live[word], first[tile, row], first_fold[tile + 1], values[fold], totals
    and filled[slot] of `kernel.fill_folds`.
    """

    live: np.ndarray
    first: np.ndarray
    first_fold: np.ndarray
    values: np.ndarray
    totals: np.ndarray
    filled: np.ndarray


@dataclass(frozen=True)
class Side:
    """One choice of the stationary operand: cycles[load, steps, bandwidth waits, drain], those of each fold that is not
    empty, and how it was placed.
    """

    name: str
    vectors: int
    placement: Placement
    cycles: np.ndarray
    fold_cycles: np.ndarray


class PlacedGemm:
    """One matrix product on one design: what depends on both, computed once per layer where it can be shared."""

    def __init__(self, layer: Layer, index: int, product: MatrixProduct, config: SigmaConfig, policy: Policy) -> None:
        self.layer, self.index, self.config, self.policy = layer, index, config, policy
        self.rows = {"mk": len(product.matrix), "kn": len(product.vectors)}
        self.k = product.matrix.shape[1]
        self.bitmaps: Bitmaps = derived(layer, ("sigma bitmaps", index), lambda: _bitmaps(product))
        self.macs = int(self.bitmaps.per_k[0] @ self.bitmaps.per_k[1])

    def chosen_side(self) -> Side:
        """The side that `stationary` names; for `best` the faster one, "mk" if equal."""
        return min(map(self._side, self._names), key=lambda side: int(side.cycles.sum()))

    def bound_cycles(self) -> int:
        """Cycles below which no placement can take the GEMM."""
        packed = self.bitmaps.packed
        return min(any_placement_cycles(packed[_SIDE[name]], packed[_SIDE[_other(name)]], self.tile_width, self.config)
                   for name in self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        return ("mk", "kn") if self.config.stationary == "best" else (self.config.stationary,)

    def stalls(self, side: Side) -> np.ndarray:
        load, steps, waits, drain = side.cycles
        filled = int(side.placement.values.sum()) * side.vectors
        slots = self.config.slots
        return np.array([self.macs, filled - self.macs, slots * steps - filled, slots * waits, slots * load,
                         slots * drain])

    def counts(self, side: Side) -> np.ndarray:
        vectors, rows, placement, config = side.vectors, self.rows[side.name], side.placement, self.config
        values = int(placement.values.sum())
        clusters, segments, occupied = map(int, placement.totals)
        distinct, (dpe_words, streamed) = self._sources(side.name)
        filled, filtered = values * vectors, config.stationary_filter
        scanned = rows * self.k + vectors * self.k + vectors * self._scanned_k(placement)
        outputs = self._outputs()
        return np.array([
            self.macs, filled, values, streamed,
            values + int(distinct.sum()) * vectors, values + int(dpe_words) * vectors,
            (values + filled) * config.benes_levels, values, filled,
            vectors * (values - segments), vectors * (segments - clusters),
            vectors * clusters, vectors * (clusters - occupied), outputs,
            scanned, rows * vectors, filtered * vectors * self.k, filtered * rows * self.k, self.macs])

    def tiles(self, side: Side) -> Tiles:
        """What the memory timeline fetches and writes, fold by fold."""
        held, streamed, placement = side.name, _other(side.name), side.placement
        per_k = (self.bitmaps.per_k[_SIDE[held]], self.bitmaps.per_k[_SIDE[streamed]])
        rows = (self.rows[held], self.rows[streamed])
        return gemm_tiles(side.name == "mk", per_k, rows, (placement.first_fold, placement.values, side.fold_cycles),
                          self._outputs(), self.tile_width, self.config)

    def _outputs(self) -> int:
        return derived(self.layer, ("sigma outputs", self.index),
                       lambda: int(bitmap.pairs_that_meet(*self.bitmaps.packed)))

    def _side(self, name: str) -> Side:
        return Side(name, self.rows[_other(name)], self._placement(name), *kernel.run_folds(*self.folds(name)))

    def folds(self, name: str) -> tuple[np.ndarray, np.ndarray, kernel.FoldTiming]:
        """What the recurrence over the folds takes when side `name` stays: values, words sent, and the scalars."""
        config, placement = self.config, self._placement(name)
        bounded = config.streaming == "limited" and config.bandwidth_words_per_cycle < config.multipliers_per_dpe
        sent = self._sources(name)[0] if bounded else np.zeros(len(placement.values), np.int64)
        occupied = placement.values > 0  # a policy may leave a fold empty: it is skipped
        timing = kernel.FoldTiming(self.rows[_other(name)], config.bandwidth_words_per_cycle, config.slots,
                               config.drain_cycles, config.drain_per_k_tile, _OVERLAPS[config.overlap])
        return placement.values[occupied], sent[occupied], timing

    def operands(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The side that stays, packed[row, word], and the other's non-zeros per k."""
        return self.bitmaps.packed[_SIDE[name]], self.bitmaps.per_k[_SIDE[_other(name)]]

    @property
    def tile_width(self) -> int:
        if self.config.streaming == "limited":
            return self.config.multipliers_per_dpe
        return 64 * self.bitmaps.packed[0].shape[1]

    def _key(self, what: str, name: str) -> tuple[Any, ...]:
        config = self.config
        return (what, self.index, name, self.policy, config.stationary_filter, self.tile_width, config.slots,
                config.multipliers_per_dpe)

    def _placement(self, name: str) -> Placement:
        return derived(self.layer, self._key("sigma placement", name), lambda: self._place(name))

    def _place(self, name: str) -> Placement:
        stationary, streaming = (self.bitmaps.packed[_SIDE[n]] for n in (name, _other(name)))
        if self.config.stationary_filter:
            live = bitmap.column_or(streaming)
        else:
            live = np.full(stationary.shape[1], np.iinfo(np.uint64).max, np.uint64)
        counts, slots = bitmap.tile_counts(stationary, live, self.tile_width), self.config.slots
        first = np.asarray(self.policy(counts, slots), np.int64)
        _check(self.layer, counts, first)
        first_fold = kernel.first_folds(counts, first, slots)
        values, totals, filled = kernel.fill_folds(counts, first, slots, self.config.multipliers_per_dpe, first_fold)
        return Placement(live, first, first_fold, values, totals, filled)

    def _sources(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        placement = self._placement(name)
        return derived(self.layer, self._key("sigma sources", name), lambda: kernel.walk_sources(
            self.bitmaps.packed[_SIDE[name]], placement.live, placement.first, self.config.slots,
            self.config.multipliers_per_dpe, self.tile_width, placement.first_fold,
            self.bitmaps.per_k[_SIDE[_other(name)]]))

    def _scanned_k(self, placement: Placement) -> int:
        """Width of its tile, summed over the folds."""
        tiles = np.arange(len(placement.first_fold) - 1, dtype=np.int64)
        widths = np.minimum(self.tile_width, np.maximum(0, self.k - tiles * self.tile_width))
        starts = placement.first_fold[:-1][np.diff(placement.first_fold) > 0]
        filled = np.add.reduceat(placement.values > 0, starts, dtype=np.int64) if len(starts) else starts
        return int(widths[np.diff(placement.first_fold) > 0] @ filled)


def _other(name: str) -> str:
    return "kn" if name == "mk" else "mk"


def _bitmaps(product: MatrixProduct) -> Bitmaps:
    sides = (product.matrix, product.vectors)
    return Bitmaps((bitmap.pack_rows(sides[0]), bitmap.pack_rows(sides[1])),
                   (column_nonzeros(sides[0]), column_nonzeros(sides[1])))


def _check(layer: Layer, counts: np.ndarray, first: np.ndarray) -> None:
    """A policy's positions ascend with the row and do not overlap."""
    ends = np.where(counts > 0, first + counts, 0)
    before = np.maximum.accumulate(ends, axis=1)[:, :-1]
    if first.shape != counts.shape or (first < 0)[counts > 0].any() or (
            before > first[:, 1:])[counts[:, 1:] > 0].any():
        raise ModelError(f"layer {layer.name!r}: the policy's positions overlap or do not ascend; "
                         "see accelsim.arch.flexible.sigma.policies for what it must return")


def bound_cycles(layer: Layer, config: SigmaConfig, run: LayerRun) -> int:
    return sum(PlacedGemm(layer, index, product, config, POLICIES["packed"]).bound_cycles()
               for index, product in enumerate(kept_products(layer)))
