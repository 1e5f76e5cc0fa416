"""SIGMA as the house sees it: names, lowering, and the two engines.

Source: Qin et al., HPCA 2020; its public RTL; the cycles that the TeAAL artifact lists as reported. The rules, each
with its source, are in docs/machines/sigma.md. Exact: the controller's stationary' and packing on the real bitmaps,
folds, unicast loads, streaming under a bandwidth, the pipeline with its FAN levels, clusters over several folds.
Abstracted: without `dram`, SRAM capacity; the mesh between Flex-DPEs (its words are counted, its hops take no time),
the controller's own time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from accelsim.arch.base import LayerRun, Machine, Policy
from accelsim.arch.sigma import bitmap, kernel
from accelsim.arch.sigma.bound import any_placement_cycles
from accelsim.arch.sigma.config import SigmaConfig
from accelsim.arch.sigma.policies import POLICIES
from accelsim.arch.sigma.tiling import SUM_BITS, WORD_BITS, gemm_tiles
from accelsim.errors import ModelError
from accelsim.hw.energy import Action
from accelsim.hw.memory.tiles import Tiles
from accelsim.loads import PeWork
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

AREA_MM2, AREA_DPES, AREA_MULTIPLIERS = 65.10, 128, 128  # [paper], 28 nm, the published size alone
_OVERLAPS = {"none": kernel.OVERLAP_NONE, "drain": kernel.OVERLAP_DRAIN, "load": kernel.OVERLAP_LOAD}


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


class Sigma(Machine):
    """Sparse GEMM on flexible dot-product engines. Policies: see `accelsim.arch.sigma.policies`."""

    kind: ClassVar[str] = "sigma"
    version: ClassVar[int] = 1
    config = SigmaConfig
    stalls = ("busy", "streamed_zero", "unfilled", "bandwidth", "load", "drain")
    counts = ("macs", "multiplies", "stationary_reads", "streaming_reads", "words_sent", "dpe_inputs",
              "switch_traversals", "buffer_writes", "buffer_reads", "fan_adds", "dpu_adds", "psum_writes", "psum_reads",
              "outputs_written", "bitmap_bits_read", "bitmap_bits_written", "controller_ors", "controller_ands",
              "table_entries")
    policies = POLICIES
    stall_classes: ClassVar[Mapping[str, str]] = {"streamed_zero": "compute", "unfilled": "imbalance"}
    mapping_keys = ("flex_dpes", "multipliers_per_dpe", "streaming", "stationary_filter")

    def run(self, layer: Layer, config: SigmaConfig, policy: Policy) -> LayerRun:
        stalls, counts = np.zeros(len(self.stalls), np.int64), np.zeros(len(self.counts), np.int64)
        sides, folds, cycles = {"mk": 0, "kn": 0}, 0, 0
        work = np.zeros(config.slots, np.int64)
        tiles: list[Tiles] = []
        for index, product in enumerate(kept_products(layer)):
            gemm = Gemm(layer, index, product, config, policy)
            side = gemm.chosen_side()
            cycles += int(side.cycles.sum())
            stalls += gemm.stalls(side)
            counts += gemm.counts(side)
            work[:len(side.placement.filled)] += side.placement.filled.astype(np.int64) * side.vectors
            if config.dram is not None:
                tiles.append(gemm.tiles(side))
            sides[side.name] += 1
            folds += int(np.count_nonzero(side.placement.values))
        return LayerRun(
            cycles=cycles, slots=config.slots,
            stalls=dict(zip(self.stalls, map(int, stalls), strict=True)),
            counts=dict(zip(self.counts, map(int, counts), strict=True)),
            notes=_notes(sum(sides.values())),
            mapping={"gemms_mk_stationary": sides["mk"], "gemms_kn_stationary": sides["kn"], "folds": folds},
            tiles=None if config.dram is None else Tiles.joined(tiles).without_resident(
                config.resident_weights, config.resident_activations),
            work=PeWork.of(work.reshape(config.flex_dpes, -1), ("busy", "streamed_zero")),
        )

    def actions(self, config: SigmaConfig) -> Mapping[str, Action]:
        return {
            "multiplies": Action("multiply"),
            "fan_adds": Action("add"),
            "dpu_adds": Action("add"),
            "stationary_reads": Action("data_sram_read", bits=WORD_BITS),
            "streaming_reads": Action("data_sram_read", bits=WORD_BITS),
            "outputs_written": Action("data_sram_write", bits=SUM_BITS),
            "bitmap_bits_read": Action("data_sram_read", bits=1),
            "bitmap_bits_written": Action("data_sram_write", bits=1),
            "words_sent": Action("network_word", bits=WORD_BITS),
            "dpe_inputs": Action("register_write", bits=WORD_BITS),
            "switch_traversals": Action("switch", bits=WORD_BITS),
            "buffer_writes": Action("register_write", bits=WORD_BITS),
            "buffer_reads": Action("register_read", bits=WORD_BITS),
            "psum_writes": Action("accumulator_write", bits=SUM_BITS),
            "psum_reads": Action("accumulate", bits=SUM_BITS),
            "controller_ors": Action("gate"),
            "controller_ands": Action("gate"),
            "table_entries": Action("register_write", bits=2 * (config.multipliers_per_dpe.bit_length() - 1)),
        }

    def bound_cycles(self, layer: Layer, config: SigmaConfig, run: LayerRun) -> int:
        return sum(Gemm(layer, index, product, config, POLICIES["packed"]).bound_cycles()
                   for index, product in enumerate(kept_products(layer)))

    def area_mm2(self, config: SigmaConfig) -> float | None:
        """The published area, for the published size alone."""
        published = (config.flex_dpes, config.multipliers_per_dpe) == (AREA_DPES, AREA_MULTIPLIERS)
        return AREA_MM2 if published else None


class Gemm:
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

    def folds(self, name: str) -> tuple[np.ndarray, np.ndarray, kernel.Timing]:
        """What the recurrence over the folds takes when side `name` stays: values, words sent, and the scalars."""
        config, placement = self.config, self._placement(name)
        bounded = config.streaming == "limited" and config.bandwidth_words_per_cycle < config.multipliers_per_dpe
        sent = self._sources(name)[0] if bounded else np.zeros(len(placement.values), np.int64)
        occupied = placement.values > 0  # a policy may leave a fold empty: it is skipped
        timing = kernel.Timing(self.rows[_other(name)], config.bandwidth_words_per_cycle, config.slots,
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


_SIDE = {"mk": 0, "kn": 1}


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
                         "see accelsim.arch.sigma.policies for what it must return")


def _notes(gemms: int) -> tuple[str, ...]:
    return (f"run as {gemms:,} GEMMs (one per group), one after the other",) if gemms > 1 else ()
