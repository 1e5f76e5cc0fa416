"""From tensors to the bitmaps of the kernel: products of a layer, cut into units, and dealt to lanes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY, Deal
from accelsim.arch.lanes.shared.fast.kernel import weighted_rows
from accelsim.arch.lanes.shared.products import LaneProduct
from accelsim.arch.lanes.shared.schedule import LaneMap, Schedule
from accelsim.workload.counting import column_nonzeros

WORD_BITS = 64
PACK_ELEMENTS = 1 << 24  # packed at once: bounds memory
NO_WORDS = np.zeros((0, 0), np.uint64)

Pattern = Callable[[np.ndarray], np.ndarray]  # bool of the same shape


@dataclass(frozen=True, eq=False)
class IndexSets:
    """A product as sets of reduction indices; L of them.

    weights uint64 [output, word]: stored weights; values uint64 [position, word, 1 or lane]; valid [word, 1 or lane]:
    indices that exist. Those that no lane looks at are empty arrays. unit_words [unit + 1], lane_units [lane].
    nonzeros [output, unit]: non-zero weights; fillers [output]. value_counts [L]: positions whose activation counts;
    matches [output, part]: products of two non-zeros: by unit (`weights`), by lane that shares the reduction, or all.
    row: positions of an output row.
    """

    weights: np.ndarray
    values: np.ndarray
    valid: np.ndarray
    unit_words: np.ndarray
    lane_units: np.ndarray
    nonzeros: np.ndarray
    fillers: np.ndarray
    value_counts: np.ndarray
    matches: np.ndarray
    positions: int
    row: int

    @property
    def outputs(self) -> int:
        return len(self.nonzeros)

    @property
    def reduction(self) -> int:
        return len(self.value_counts)


@dataclass(frozen=True, eq=False)
class Dealt:
    """Who has what. outputs: see `Deal`; slots [round, word, place, lane], the lanes being those with outputs, first;
    lane_of [round, lane]: which dealt lane; active, count [round]: lanes with outputs, outputs. moved [round, unit]:
    outputs that change their lane with the unit. kept bool [block, L] and block [round] of a shared index.
    """

    deal: Deal
    slots: np.ndarray
    lane_of: np.ndarray
    active: np.ndarray
    count: np.ndarray
    moved: np.ndarray
    kept: np.ndarray
    block: np.ndarray


def operands_of(product: LaneProduct, schedule: Schedule, counts: Pattern, stored: Pattern) -> IndexSets:
    """counts: which activations count for a match; stored: the stored weights of a pattern of non-zeros."""
    weights, values = product.weights != 0, counts(product.values)
    value_counts = column_nonzeros(values)
    shape = product.weights.shape[1], product.taps, product.channels
    shared, divided = (_cut_of(*shape, schedule, lane_map) for lane_map in ("shared", schedule.lane_map))
    nonzeros = np.concatenate([cut.sum(axis=3, dtype=np.int64)[:, 0] for _, cut in shared.cut_blocks(weights)])
    kept, fillers = weights, np.zeros(len(weights), np.int64)
    if schedule.effectual == "weights":
        kept = stored(weights)
        fillers = kept.sum(axis=1, dtype=np.int64) - nonzeros.sum(axis=1)
    by_weights = schedule.effectual in ("weights", "both", "block")
    by_values = schedule.effectual in ("activations", "both", "block")
    part_of, parts = np.zeros(len(value_counts), np.int64), schedule.reduction_lanes
    if schedule.effectual == "weights":
        part_of, parts = np.repeat(np.arange(nonzeros.shape[1]), shared.sizes[0]), nonzeros.shape[1]
    elif parts > 1:
        part_of = divided.lanes_of_indices()
    matches = np.zeros((len(weights), parts), np.int64)
    if schedule.effectual != "both":
        weighted_rows(weights.view(np.uint8), value_counts, part_of, matches)
    return IndexSets(
        weights=shared.packed(kept)[:, :, 0] if by_weights else NO_WORDS,
        values=divided.packed(values) if by_values else NO_WORDS[None], valid=divided.valid[0],
        unit_words=divided.unit_words, lane_units=(divided.sizes > 0).sum(axis=1), nonzeros=nonzeros, fillers=fillers,
        value_counts=value_counts, matches=matches, positions=len(product.values), row=product.row)


class _Cut:
    """How rows [length] of a product lie in units, and units in words."""

    def __init__(self, length: int, taps: int, channels: int, schedule: Schedule, lane_map: LaneMap) -> None:
        self.length, self.taps, self.channels = length, taps, channels
        self.schedule, self.lane_map = schedule, lane_map
        existing = self.cut(np.ones((1, length), bool))
        self.sizes = existing[0].sum(axis=2, dtype=np.int64)  # [lane, unit]
        widest = -(-self.sizes.max(axis=0) // WORD_BITS)
        self.unit_words = np.concatenate([[0], np.cumsum(widest)])
        unit_width = -(-existing.shape[3] // WORD_BITS)
        self._used = (np.arange(unit_width) < widest[:, None]).reshape(-1)
        self.valid = self._pack(existing)

    def cut(self, rows: np.ndarray) -> np.ndarray:
        """[row, lane, unit, place] from rows [row, L], filled up with zeros."""
        count, taps, channels = len(rows), self.taps, self.channels
        lanes = self.schedule.reduction_lanes
        walked = channels if not self.schedule.crosses_taps else (
            taps * channels // (lanes if self.lane_map == "slices" else 1))
        unit = min(self.schedule.unit or walked, walked)
        if self.lane_map == "slices":
            parts = rows.reshape(count, taps, lanes, channels // lanes).transpose(0, 2, 1, 3).reshape(count, lanes, -1)
            return _filled_up(parts, unit).reshape(count, lanes, -1, unit)
        if self.schedule.crosses_taps:
            return _filled_up(rows, unit).reshape(count, 1, -1, unit)
        units = _filled_up(rows.reshape(count, taps, channels), unit).reshape(count, -1, unit)
        if self.lane_map == "shared":
            return units[:, None]
        dealt = np.zeros((count, -(-units.shape[1] // lanes) * lanes, unit), rows.dtype)
        dealt[:, :units.shape[1]] = units
        return dealt.reshape(count, -1, lanes, unit).transpose(0, 2, 1, 3)

    def lanes_of_indices(self) -> np.ndarray:
        """[L]: the lane that has each index."""
        indices = self.cut(np.arange(1, self.length + 1)[None])[0]
        lanes = np.zeros(self.length + 1, np.int64)
        lanes[indices] = np.arange(len(indices))[:, None, None]
        return lanes[1:]

    def cut_blocks(self, rows: np.ndarray):
        """(first row, cut) of some rows at a time."""
        step = max(1, PACK_ELEMENTS // rows.shape[1])
        for low in range(0, len(rows), step):
            yield low, self.cut(rows[low:low + step])

    def packed(self, rows: np.ndarray) -> np.ndarray:
        """uint64 [row, word, lane] of bool rows [row, L]."""
        words = np.empty((len(rows), *self.valid.shape[1:]), np.uint64)
        for low, cut in self.cut_blocks(rows):
            words[low:low + len(cut)] = self._pack(cut)
        return words

    def _pack(self, cut: np.ndarray) -> np.ndarray:
        packed = np.packbits(cut, axis=3, bitorder="little")
        words = _filled_up(packed, WORD_BITS // 8).view(np.dtype("<u8")).reshape(*cut.shape[:2], -1)
        return words[:, :, self._used].transpose(0, 2, 1)


def _filled_up(rows: np.ndarray, unit: int) -> np.ndarray:
    """The last axis filled up with zeros to a multiple of `unit`."""
    missing = -rows.shape[-1] % unit
    if not missing:
        return np.ascontiguousarray(rows)
    filled = np.zeros((*rows.shape[:-1], rows.shape[-1] + missing), rows.dtype)
    filled[..., :rows.shape[-1]] = rows
    return filled


_cut_of = lru_cache(maxsize=256)(_Cut)  # the groups of a depthwise layer are cut alike


def unpacked(words: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """bool [row, L] from words [row, word] of units that lanes share; valid [word]."""
    bits, existing = (np.unpackbits(np.ascontiguousarray(some).view(np.uint8), axis=-1, bitorder="little")
                      for some in (words, valid))
    return bits[:, existing.view(bool)].view(bool)


def dealt_out(operands: IndexSets, deal: Deal, schedule: Schedule) -> Dealt:
    """Of all kinds but those with a shared index."""
    outputs = deal.outputs  # [round, span, lane, place]
    has = (outputs != NOBODY).any(axis=(1, 3))
    lane_of, active = np.argsort(~has, axis=1, kind="stable"), has.sum(axis=1)
    lane_of = lane_of[:, :active.max()]
    units = operands.nonzeros.shape[1]
    if schedule.effectual in ("weights", "both"):
        slots = _slots(operands, outputs, lane_of)
    else:
        slots = np.broadcast_to(operands.valid[None, :, None], (len(outputs), len(operands.valid), 1,
                                                                operands.valid.shape[1]))
        active = np.full(len(outputs), schedule.reduction_lanes)
    return Dealt(deal, np.array(slots), lane_of, active, (outputs[:, 0] != NOBODY).sum(axis=(1, 2)),
                 _moved(outputs, units), np.zeros((0, 0), bool), np.zeros(len(outputs), np.int64))


def _slots(operands: IndexSets, outputs: np.ndarray, lane_of: np.ndarray) -> np.ndarray:
    """[round, word, place, lane]: the words of each lane's outputs, 0 for nobody."""
    words = operands.weights.shape[1]
    span_of_word = np.zeros(words, np.int64)
    if outputs.shape[1] > 1:
        span_of_word = np.repeat(np.arange(outputs.shape[1]), np.diff(operands.unit_words))
    dealt = np.take_along_axis(outputs, lane_of[:, None, :, None], axis=2).transpose(0, 1, 3, 2)[:, span_of_word]
    found = operands.weights[dealt, np.arange(words)[None, :, None, None]]
    found[dealt == NOBODY] = 0
    return found


def _moved(outputs: np.ndarray, units: int) -> np.ndarray:
    """[round, unit]: outputs whose lane is not that of the unit before."""
    moved = np.zeros((len(outputs), units), np.int64)
    for r, spans in enumerate(outputs):
        if len(spans) > 1:
            lane_at = np.zeros((len(spans), outputs.max() + 1), np.int64)
            for span, lanes in enumerate(spans):
                lane, place = np.nonzero(lanes != NOBODY)
                lane_at[span, lanes[lane, place]] = lane
            moved[r, 1:] = (lane_at[1:] != lane_at[:-1]).sum(axis=1)
    return moved
