"""What SCNN does when: each PE from barrier to barrier, and post-processing.

Between two barriers a PE's steps follow each other without a gap, so that they are one slice with its slot-cycles;
drain and wait come after them. Rules: docs/machines/scnn.md, "Barriers" and "Where every slot-cycle goes".
"""

from collections.abc import Iterator

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast import kernel
from accelsim.arch.planar.scnn.fast.compute import compute
from accelsim.arch.planar.scnn.fast.lowering import ActivationBlocks, ScnnWork, lowered, one_sequence
from accelsim.arch.planar.scnn.fast.post_processing import post_processing
from accelsim.arch.planar.shared.fast.rounds import Exposed, Round, exposed, rounds_in_time, table
from accelsim.workload.layer import Layer

(BUSY, FRAGMENTATION, PLACEHOLDER, OUTSIDE, BANK_CONFLICT, DRAIN, BARRIER, IDLE_TILE, HALO, POST, COMPUTE,
 HALO_EXCHANGE, POST_PROCESSING) = range(13)
LABELS = ("image", "temporal tile", "round", "channel")


def events(layer: Layer, config: ScnnConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs and the post-processing unit."""
    work = lowered(layer, config, policy)
    return Activity([f"PE {pe}" for pe in range(config.pes)], np.full(config.pes, config.lanes, np.int64),
                    ("compute", "halo exchange", "post-processing"), LABELS,
                    _chunks(work, compute(layer, work, config), config, window), others=("post-processing",))


def _chunks(layer: ScnnWork, outcome: kernel.RoundOutcome, config: ScnnConfig, window: Window) -> Iterator[Chunk]:
    plan, overlapped = layer.plan, config.post == "overlapped"
    rounds = rounds_in_time(plan, outcome.compute_cycles.T.reshape(-1), *post_processing(layer.conv, plan, config),
                            overlapped)
    sequence, own = -1, layer.activations
    for round_, waits in zip(rounds, exposed(rounds, overlapped), strict=False):
        if window.meets(waits[0].begin if waits else round_.begin, round_.post_end):
            yield _post(round_, waits, config.pes)
            if window.meets(round_.begin, round_.end):
                if sequence != round_.image * plan.temporal_tiles + round_.temporal_tile:
                    sequence = round_.image * plan.temporal_tiles + round_.temporal_tile
                    own = one_sequence(layer.activations, sequence, plan.assignment.pes // plan.assignment.parts)
                yield _round(layer, own, config, round_)
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


def _round(layer: ScnnWork, activations: ActivationBlocks, config: ScnnConfig, round_: Round) -> Chunk:
    """The PEs in one round, barrier by barrier; activations: of its image and temporal tile alone."""
    plan, used = layer.plan, layer.plan.assignment.pes
    channels = layer.weights.starts.shape[1] if layer.lanes.channel_barrier else 1
    log = np.zeros((channels, used, kernel.RECORDED), np.int64)
    operands = layer.weights, layer.landing, layer.lanes
    kernel.simulate(np.array([round_.round]), activations, *operands, kernel.no_outcome(plan.rounds, 1, used),
                    kernel.scratch_for(used // plan.assignment.parts, *operands), log)
    cycles = log[:, :, kernel.CYCLES]
    holds = np.tile(plan.positions[round_.temporal_tile] > 0, plan.assignment.parts)
    pe, idle = np.arange(used), np.append(np.flatnonzero(~holds), np.arange(used, config.pes))
    ends = round_.begin + np.cumsum(cycles.max(axis=1))
    slices, labels, parts = [], [], []
    for channel, (begin, end) in enumerate(zip([round_.begin, *ends[:-1].tolist()], ends.tolist(), strict=True)):
        last_step = begin + cycles[channel] - log[channel, :, kernel.DRAIN_CYCLES]
        own = begin + cycles[channel]
        rows = np.concatenate([table(pe, COMPUTE, begin, last_step), table(pe, DRAIN, last_step, own),
                               table(pe[holds], BARRIER, own[holds], end), table(idle, IDLE_TILE, begin, end)])
        slices.append(rows)
        own_parts = _parts(log[channel], config.lanes)
        parts.append(np.where((rows[:, 1] == COMPUTE)[:, None], own_parts[rows[:, 0] % used], 0))
        labels.append(np.tile([*round_[:3], channel if channels > 1 else -1], (len(rows), 1)))
    return Chunk(np.concatenate(slices), np.concatenate(labels), round_.end, np.concatenate(parts), barriers=ends)


def _parts(log: np.ndarray, lanes: int) -> np.ndarray:
    """Slot-cycles [pe, stall] of the steps behind log[pe, RECORDED]."""
    steps, pairs, multiplies, useful, drained, cycles = log.T
    parts = np.zeros((len(log), POST + 1), np.int64)
    parts[:, BUSY], parts[:, FRAGMENTATION], parts[:, PLACEHOLDER] = useful, lanes * steps - pairs, pairs - multiplies
    parts[:, OUTSIDE], parts[:, BANK_CONFLICT] = multiplies - useful, lanes * (cycles - drained - steps)
    return parts
