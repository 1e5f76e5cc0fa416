"""What SCNN does when: each PE from barrier to barrier, and post-processing.

Between two barriers a PE's steps follow each other without a gap, so that they are one slice with its slot-cycles;
drain and wait come after them. Rules: docs/machines/scnn.md, "Barriers" and "Where every slot-cycle goes".
"""

from collections.abc import Iterator

import numpy as np
from numba import njit

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast import kernel
from accelsim.arch.planar.scnn.fast.engine import Lowered, lowered, post_processing
from accelsim.arch.planar.shared.fast.rounds import Exposed, Round, exposed, rounds_in_time, table
from accelsim.workload.layer import Layer

(BUSY, FRAGMENTATION, PLACEHOLDER, OUTSIDE, BANK_CONFLICT, DRAIN, BARRIER, IDLE_TILE, HALO, POST, COMPUTE,
 HALO_EXCHANGE, POST_PROCESSING) = range(13)
LABELS = ("image", "temporal tile", "round", "channel")


def events(layer: Layer, config: ScnnConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs and the post-processing unit."""
    return Activity([f"PE {pe}" for pe in range(config.pes)], np.full(config.pes, config.lanes, np.int64),
                    ("compute", "halo exchange", "post-processing"), LABELS,
                    _chunks(lowered(layer, config, policy), config, window), others=("post-processing",))


def _chunks(layer: Lowered, config: ScnnConfig, window: Window) -> Iterator[Chunk]:
    plan, overlapped = layer.plan, config.post == "overlapped"
    sequence, parts = layer.conv.images * plan.temporal_tiles, plan.assignment.parts
    compute = np.zeros((plan.rounds, sequence), np.int64)
    kernel.simulate(layer.activations, layer.weights, layer.landing, layer.lanes,
                    np.zeros((plan.rounds, sequence, plan.assignment.pes), np.int64), compute,
                    np.zeros((plan.rounds, parts, plan.assignment.pes // parts), np.int64),
                    np.zeros((plan.rounds, kernel.TOTALS), np.int64))
    rounds = rounds_in_time(plan, compute.T.reshape(-1), *post_processing(layer.conv, plan, config), overlapped)
    for round_, waits in zip(rounds, exposed(rounds, overlapped), strict=False):
        if window.meets(waits[0].begin if waits else round_.begin, round_.post_end):
            yield _post(round_, waits, config.pes)
            if window.meets(round_.begin, round_.end):
                yield _round(layer, config, round_)
    yield _end(rounds[-1], list(exposed(rounds, overlapped))[-1], config.pes)


def _post(round_: Round, waits: list[Exposed], pes: int) -> Chunk:
    """All PEs while no round computes before this one; and what the post-processing unit does behind it."""
    unit = np.array([pes])
    rows = np.concatenate([_waiting(waits, pes), table(unit, HALO_EXCHANGE, round_.post_begin, round_.halo_end),
                           table(unit, POST_PROCESSING, round_.halo_end, round_.post_end)])
    return Chunk(rows, np.tile([*round_[:3], -1], (len(rows), 1)), round_.begin)


def _end(last: Round, waits: list[Exposed], pes: int) -> Chunk:
    """All PEs after the last round."""
    rows = _waiting(waits, pes)
    return Chunk(rows, np.tile([*last[:3], -1], (len(rows), 1)), last.post_end)


def _waiting(waits: list[Exposed], pes: int) -> np.ndarray:
    pe = np.arange(pes)
    slices = [table(pe, name, begin, end) for wait in waits
              for name, begin, end in ((HALO, wait.begin, wait.halo_end), (POST, wait.halo_end, wait.end))]
    return np.concatenate([np.zeros((0, 4), np.int64), *slices])


def _round(layer: Lowered, config: ScnnConfig, round_: Round) -> Chunk:
    """The PEs in one round, barrier by barrier."""
    plan, used = layer.plan, layer.plan.assignment.pes
    channels = layer.weights.starts.shape[1] if layer.lanes.channel_barrier else 1
    totals, cycles = np.zeros((channels, used, kernel.TOTALS), np.int64), np.zeros((channels, used), np.int64)
    sequence = round_.image * plan.temporal_tiles + round_.temporal_tile
    trace_round(round_.round, sequence, layer.conv.images * plan.temporal_tiles, layer.activations, layer.weights,
                layer.landing, layer.lanes, totals, cycles)
    holds = np.tile(plan.positions[round_.temporal_tile] > 0, plan.assignment.parts)
    pe, idle = np.arange(used), np.append(np.flatnonzero(~holds), np.arange(used, config.pes))
    ends = round_.begin + np.cumsum(cycles.max(axis=1))
    slices, labels, parts = [], [], []
    for channel, (begin, end) in enumerate(zip([round_.begin, *ends[:-1].tolist()], ends.tolist(), strict=True)):
        last_step = begin + cycles[channel] - totals[channel, :, kernel.DRAIN_CYCLES]
        own = begin + cycles[channel]
        rows = np.concatenate([table(pe, COMPUTE, begin, last_step), table(pe, DRAIN, last_step, own),
                               table(pe[holds], BARRIER, own[holds], end), table(idle, IDLE_TILE, begin, end)])
        slices.append(rows)
        own_parts = _parts(totals[channel], config.lanes)
        parts.append(np.where((rows[:, 1] == COMPUTE)[:, None], own_parts[rows[:, 0] % used], 0))
        labels.append(np.tile([*round_[:3], channel if channels > 1 else -1], (len(rows), 1)))
    return Chunk(np.concatenate(slices), np.concatenate(labels), round_.end, np.concatenate(parts), barriers=ends)


def _parts(totals: np.ndarray, lanes: int) -> np.ndarray:
    """Slot-cycles [pe, stall] of the steps behind totals[pe, TOTALS]."""
    steps, pairs, multiplies, useful, conflicts = (totals[:, i] for i in (
        kernel.STEPS, kernel.PAIRS, kernel.MULTIPLIES, kernel.USEFUL, kernel.CONFLICT_CYCLES))
    parts = np.zeros((len(totals), POST + 1), np.int64)
    parts[:, BUSY], parts[:, FRAGMENTATION], parts[:, PLACEHOLDER] = useful, lanes * steps - pairs, pairs - multiplies
    parts[:, OUTSIDE], parts[:, BANK_CONFLICT] = multiplies - useful, lanes * conflicts
    return parts


@njit(cache=True)
def trace_round(round_, sequence, sequences, activations, weights, landing, machine, totals, cycles):
    """Fills totals [barrier, part x tile, TOTALS] and cycles [barrier, part x tile] of one round of one sequence.

    The steps are the kernel's, PE by PE.
    """
    parts, tiles = machine.parts, cycles.shape[1] // machine.parts
    groups, channels, phases = weights.starts.shape
    bytes_ = -(-machine.banks // kernel.WORD) * kernel.WORD
    row = -(-machine.chunk_vectors * bytes_ // kernel.ROW) * kernel.ROW
    scratch = kernel.Scratch(np.zeros((parts, tiles, bytes_), np.uint8), np.zeros((parts, tiles), np.uint8),
                             np.zeros((parts, tiles), np.int64), np.zeros((1 + landing.rows_max) * row, np.uint8),
                             np.zeros(row, np.uint8), np.zeros(landing.rows_max, np.int64),
                             np.zeros((parts, tiles), np.int64), totals[0, 0])
    barrier = 0
    for channel in range(channels):
        for part in range(min(parts, groups - round_ * parts)):
            for phase in range(phases):
                first = ((channel * phases + phase) * sequences + sequence) * tiles
                block = (round_ * parts + part, channel, phase)
                if weights.counts[block] > 0 and activations.starts[first] < activations.starts[first + tiles]:
                    _trace_block(block, part, first, activations, weights, landing, machine, scratch, totals[barrier])
        if machine.channel_barrier or channel == channels - 1:
            for part in range(parts):
                for tile in range(tiles):
                    _drain(scratch, part, tile, totals[barrier, part * tiles + tile])
                    cycles[barrier, part * tiles + tile] = scratch.elapsed[part, tile]
                    totals[barrier, part * tiles + tile, kernel.USEFUL] = scratch.useful[part, tile]
                    scratch.elapsed[part, tile] = 0
                    scratch.useful[part, tile] = 0
            barrier += 1


@njit(cache=True)
def _drain(scratch, part, tile, totals):
    """A PE's banks run empty."""
    if scratch.elapsed[part, tile] > 0:
        held, spent = np.int64(scratch.waiting[part, tile].max()), np.int64(scratch.spent[part, tile])
        totals[kernel.DRAIN_CYCLES] += max(0, held - spent)
        scratch.elapsed[part, tile] += max(0, held - spent)
        scratch.waiting[part, tile] = 0
        scratch.spent[part, tile] = 0


@njit(cache=True)
def _trace_block(block, part, first, activations, weights, landing, machine, scratch, totals):
    """One weight block against the activation block of every PE of its part; totals [part x tile, TOTALS]."""
    tiles, phase = scratch.spent.shape[1], block[2]
    begin = weights.starts[block]
    end = begin + weights.counts[block]
    for low in range(begin, end, machine.chunk_vectors * machine.weight_vector):
        high = min(end, low + machine.chunk_vectors * machine.weight_vector)
        real = kernel._tabulate(low, high, phase, weights, landing, machine, scratch)
        for tile in range(tiles):
            one = slice(tile, tile + 1)
            alone = kernel.Scratch(scratch.waiting[:, one], scratch.spent[:, one], scratch.elapsed[:, one],
                                   scratch.table, scratch.sums, scratch.hits, scratch.useful[:, one],
                                   totals[part * tiles + tile])
            kernel._meet(activations.starts[first + tile:first + tile + 2], activations.classes, high - low, real,
                         machine, part, machine.fifo_bounded or low == begin, alone)
