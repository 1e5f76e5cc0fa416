"""What DCNN does when: each PE from barrier to barrier.

Within a round a PE's cycles follow each other without a gap, so that they are one slice with its slot-cycles; the wait
for the slowest PE comes after it. Rules: docs/machines/dcnn.md, "Cycles" and "Where every slot-cycle goes".
"""

from collections.abc import Iterator

import numpy as np
from numba import njit

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.fast.lowering import DcnnWork, landing_taps, lowered, over_pieces, reach
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.plan import PlanarPlan
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.arch.planar.shared.fast.rounds import Round, rounds_in_time, table
from accelsim.workload.layer import Layer

BUSY, ZERO_OPERAND, OUTSIDE, FRAGMENTATION, BARRIER, IDLE_TILE, COMPUTE = range(7)
LABELS = ("image", "temporal tile", "round")


def events(layer: Layer, config: DcnnConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs."""
    return Activity([f"PE {pe}" for pe in range(config.pes)], np.full(config.pes, config.dot_width, np.int64),
                    ("compute",), LABELS, _chunks(lowered(layer, config, policy), config, window))


def _chunks(work: DcnnWork, config: DcnnConfig, window: Window) -> Iterator[Chunk]:
    conv, plan = work.conv, work.plan
    # [temporal tile, tile]: products of one output channel that land in the output plane
    inside = plan.per_piece(over_pieces(plan.rows, landing_taps(conv.rows)),
                            over_pieces(plan.cols, landing_taps(conv.cols))) * conv.weight.shape[1]
    compute = np.tile(work.round_cycles.reshape(-1), conv.images)
    nothing = np.zeros_like(compute)
    for round_ in rounds_in_time(plan, compute, nothing, nothing, False):
        if window.meets(round_.begin, round_.end):
            yield _round(work, config, round_, inside[round_.temporal_tile])


def _round(work: DcnnWork, config: DcnnConfig, round_: Round, inside: np.ndarray) -> Chunk:
    """The PEs in one round; inside [tile]."""
    conv, plan, cycles = work.conv, work.plan, work.tile_cycles[round_.temporal_tile]
    channels, used = plan.channels_of[round_.round], plan.assignment.pes
    own = np.outer(channels, cycles).reshape(-1)  # [part x tile]
    filled = np.outer(channels, cycles // work.blocks).reshape(-1) * conv.weight.shape[1]
    landing = np.outer(channels, inside).reshape(-1)
    parts = np.zeros((used, IDLE_TILE + 1), np.int64)
    parts[:, BUSY] = _effectual(conv, plan, round_)
    parts[:, ZERO_OPERAND], parts[:, OUTSIDE] = landing - parts[:, BUSY], filled - landing
    parts[:, FRAGMENTATION] = own * config.dot_width - filled
    holds = np.tile(plan.positions[round_.temporal_tile] > 0, plan.assignment.parts)
    pe, idle = np.arange(used), np.append(np.flatnonzero(~holds), np.arange(used, config.pes))
    ends = round_.begin + own
    rows = np.concatenate([table(pe, COMPUTE, round_.begin, ends), table(pe[holds], BARRIER, ends[holds], round_.end),
                           table(idle, IDLE_TILE, round_.begin, round_.end)])
    return Chunk(rows, np.tile(round_[:3], (len(rows), 1)), round_.end,
                 np.where((rows[:, 1] == COMPUTE)[:, None], parts[rows[:, 0] % used], 0),
                 barriers=np.array([round_.end], np.int64))


def _effectual(conv: PatternConvolution, plan: PlanarPlan, round_: Round) -> np.ndarray:
    """Products of two non-zeros in the output plane [part x tile]."""
    rows, cols = (_extents(pieces) for pieces in (plan.rows, plan.cols))
    u, v = divmod(round_.temporal_tile, plan.cols.splits)
    lands = [reach(axis) for axis in (conv.rows, conv.cols)]
    found = np.zeros((plan.assignment.parts, len(rows), len(cols)), np.int64)
    for part in range(plan.assignment.parts):
        first = (round_.round * plan.assignment.parts + part) * plan.kc
        last = min(first + plan.kc, conv.filters)
        if first < last:
            count_effectual(conv.activation[round_.image], _weights(conv, first, last), lands[0], lands[1], rows[:, u],
                            cols[:, v], found[part])
    return found.reshape(-1)


def _weights(conv: PatternConvolution, first: int, last: int) -> np.ndarray:
    """Non-zero weights [channel, tap row, tap column] of the filters first .. last - 1 that meet each channel."""
    per_group, depth = conv.filters // conv.groups, conv.weight.shape[1]
    counts = np.zeros((conv.channels, *conv.weight.shape[2:]), np.int64)
    for group in range(first // per_group, (last - 1) // per_group + 1):
        own = slice(max(first, group * per_group), min(last, (group + 1) * per_group))
        counts[group * depth:(group + 1) * depth] = conv.weight[own].sum(axis=0)
    return counts


def _extents(pieces: AxisPieces) -> np.ndarray:
    """begin and end [tile, piece, 2]."""
    return np.stack([pieces.begin, pieces.end], axis=2)


@njit(cache=True, nogil=True)
def count_effectual(activation, weights, row_reach, col_reach, rows, cols, found):
    """Adds to found[tile row, tile col] the products of activation [channel, h, w] with weights [channel, r, s]."""
    for channel in range(activation.shape[0]):
        for i in range(len(rows)):
            for j in range(len(cols)):
                for h in range(rows[i, 0], rows[i, 1]):
                    for w in range(cols[j, 0], cols[j, 1]):
                        if activation[channel, h, w]:
                            for r in range(weights.shape[1]):
                                if row_reach[h, r]:
                                    for s in range(weights.shape[2]):
                                        if col_reach[w, s]:
                                            found[i, j] += weights[channel, r, s]
