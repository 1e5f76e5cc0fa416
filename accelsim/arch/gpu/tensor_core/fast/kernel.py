"""The fast engine of the tensor cores: one event per k-step, start and end of a CTA, in order of (cycle, SM, slot).

A tournament tree holds the next event of each SM; copies are booked in `traffic`. Nothing is done per cycle, per
instruction or per byte. Rules: docs/machines/tensor_core.md.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.gpu.tensor_core.fast.traffic import HOT, PORTS, copy_step, new_recency, step_bytes, write_tile

NEVER = np.int64(1) << 62
NOTHING, START, STEP, WRITE = range(4)  # what a slot waits for
# Of slots[sm x occupancy + slot]: what it waits for and when that can happen; its CTA's first, next and last step; end
# of the step before (CTA's start before the first); blocks of A and B and issue time of step 0; bytes of C; the next
# step's stage.
WAITS_FOR, WHEN, FIRST, NEXT, LAST, FREE, ROW, COLUMN, ISSUE_AT, C_BYTES, STAGE, FIELDS = range(12)
VALUES, INDICES = 0, 1  # of arrivals[slot, stage]
# Of sm_state[sm]: end of its last step, end of its last CTA, CTAs worked off, issue time of its busiest sub-cores.
BUSY_UNTIL, LAST_END, CTAS, ISSUED, STATES = range(5)
# Of totals: idle SM-cycles first.
(PROLOGUE, COPY, METADATA_WAIT, MMA_LATENCY, EPILOGUE, TAIL, SHARED, ISSUE, SHARED_READ, SHARED_WRITE, STEPS,
 LAST_CTA_END, MOST_CTAS, TOTALS) = range(14)


class Math(NamedTuple):
    """The SMs and what a step takes there; `a_readers` and `b_readers`: warps that read each byte of A and of B."""

    sms: int
    occupancy: int
    stages: int
    chain_cycles: int
    latency: int
    shared_rate: int
    a_readers: int
    b_readers: int


class Layout(NamedTuple):
    """The grid: tiles, steps, slices, and the extents that decide what a CTA writes."""

    products: int
    tile_rows: int
    tile_columns: int
    steps: int
    slices: int
    swizzle: int
    rows: int
    vectors: int
    tile_m: int
    tile_n: int
    written_bits: int


@njit(cache=True, error_model="numpy")
def run_grid(math, layout, rates, blocks, issue_cycles):
    """Simulate a grid: totals[PROLOGUE ..], the meters of `traffic`, and the cycles in which each SM issues [sm].

    blocks[block]: see `traffic`, changed. issue_cycles[(product, tile row), tile column, step] flat, or one for all:
    issue time of the busiest sub-core.
    """
    totals, meters = np.zeros(TOTALS, np.int64), np.zeros(PORTS + math.sms, np.int64)
    recency, tree = new_recency(len(blocks)), _new_tree(math.sms)
    sm_state, slots = np.zeros((math.sms, STATES), np.int64), np.zeros((math.sms * math.occupancy, FIELDS), np.int64)
    arrivals = np.zeros((len(slots), math.stages, 2), np.int64)
    _run(math, layout, rates, blocks, issue_cycles, totals, meters, recency, sm_state, slots, arrivals, tree)
    totals[LAST_CTA_END], totals[MOST_CTAS] = sm_state[:, LAST_END].max(), sm_state[:, CTAS].max()
    totals[EPILOGUE] += (sm_state[:, LAST_END] - sm_state[:, BUSY_UNTIL]).sum()
    totals[TAIL] += (totals[LAST_CTA_END] - sm_state[:, LAST_END]).sum()
    return totals, meters, sm_state[:, ISSUED].copy()


@njit(**HOT)
def _run(math, layout, rates, blocks, issue_cycles, totals, meters, recency, sm_state, slots, arrivals, tree):
    ctas = layout.products * layout.slices * layout.tile_rows * layout.tile_columns
    next_cta = min(ctas, len(slots))
    for slot in range(len(slots)):
        slots[slot, WAITS_FOR], slots[slot, WHEN] = START, 0
    while tree[1] < NEVER:
        now, sm = tree[1], _first_leaf(tree)
        first_slot = sm * math.occupancy
        chosen = _step_to_start(slots, first_slot, first_slot + math.occupancy, now, sm_state[sm, BUSY_UNTIL])
        for slot in range(first_slot, first_slot + math.occupancy):
            if slot == chosen:
                _explain(totals, math, slots, arrivals, slot, sm_state[sm, BUSY_UNTIL], now)
                _copy_later(math, rates, blocks, recency, meters, slots, arrivals, sm, slot, now)
                sm_state[sm, ISSUED] -= totals[ISSUE]
                sm_state[sm, BUSY_UNTIL] = _take_sm(math, rates, blocks, issue_cycles, slots, arrivals, totals, slot,
                                                    now)
                sm_state[sm, ISSUED] += totals[ISSUE]
            elif slots[slot, WHEN] == now and slots[slot, WAITS_FOR] == WRITE:
                slots[slot, WHEN] = write_tile(rates, meters, slots[slot, C_BYTES], sm, now)
                slots[slot, WAITS_FOR] = START
                sm_state[sm, LAST_END] = max(sm_state[sm, LAST_END], slots[slot, WHEN])
            elif slots[slot, WHEN] == now and slots[slot, WAITS_FOR] == START:
                cta = (slot - first_slot) * math.sms + sm if now == 0 else next_cta
                if cta < ctas:
                    next_cta += now > 0
                    sm_state[sm, CTAS] += 1
                    _place_cta(layout, slots, slot, cta)
                    _start_cta(math, rates, blocks, recency, meters, slots, arrivals, sm, slot, now)
                else:
                    slots[slot, WAITS_FOR], slots[slot, WHEN] = NOTHING, NEVER
        _set_leaf(tree, sm, _next_event(slots, first_slot, first_slot + math.occupancy, sm_state[sm, BUSY_UNTIL]))


@njit(inline="always")
def _step_to_start(slots, low, high, now, busy_until):
    """The slot whose step starts now: the one ready first, or -1."""
    chosen, best = -1, now + 1
    if busy_until <= now:
        for slot in range(low, high):
            if slots[slot, WAITS_FOR] == STEP and slots[slot, WHEN] < best:
                chosen, best = slot, slots[slot, WHEN]
    return chosen


@njit(inline="always")
def _next_event(slots, low, high, busy_until):
    soonest = NEVER
    for slot in range(low, high):
        when = slots[slot, WHEN]
        if slots[slot, WAITS_FOR] == STEP:
            when = max(when, busy_until)
        soonest = min(soonest, when)
    return soonest


@njit(**HOT)
def _place_cta(layout, slots, slot, cta):
    """Which tile and slice a CTA is, written into its slot."""
    tiles = layout.tile_rows * layout.tile_columns
    part, index = cta // tiles, cta % tiles
    product, piece = part // layout.slices, part % layout.slices
    in_group = layout.tile_rows * layout.swizzle
    left = index // in_group * layout.swizzle
    width = min(layout.swizzle, layout.tile_columns - left)
    row, column = index % in_group // width, left + index % in_group % width
    slots[slot, ROW] = (product * layout.tile_rows + row) * layout.steps
    slots[slot, COLUMN] = (product * layout.tile_columns + column) * layout.steps
    slots[slot, ISSUE_AT] = slots[slot, ROW] * layout.tile_columns + column * layout.steps
    high = min(layout.tile_m, layout.rows - row * layout.tile_m)
    wide = min(layout.tile_n, layout.vectors - column * layout.tile_n)
    slots[slot, C_BYTES] = (high * wide * layout.written_bits + 7) // 8
    slots[slot, FIRST] = piece * layout.steps // layout.slices
    slots[slot, LAST] = (piece + 1) * layout.steps // layout.slices - 1


@njit(**HOT)
def _start_cta(math, rates, blocks, recency, meters, slots, arrivals, sm, slot, now):
    """Book a CTA's first copies, one less than there are stages."""
    for ahead in range(math.stages - 1):
        slots[slot, NEXT], slots[slot, STAGE] = slots[slot, FIRST] + ahead - (math.stages - 1), ahead + 1
        _copy_later(math, rates, blocks, recency, meters, slots, arrivals, sm, slot, now)
    slots[slot, NEXT], slots[slot, STAGE], slots[slot, FREE] = slots[slot, FIRST], 0, now
    _await_step(math, slots, arrivals, slot)


@njit(inline="always")
def _copy_later(math, rates, blocks, recency, meters, slots, arrivals, sm, slot, now):
    """Book the copy that is stages - 1 steps ahead of the next step."""
    step = slots[slot, NEXT] + math.stages - 1
    if step <= slots[slot, LAST]:
        stage = slots[slot, STAGE] - 1 if slots[slot, STAGE] > 0 else math.stages - 1  # the buffer of the step before
        arrivals[slot, stage, VALUES], arrivals[slot, stage, INDICES] = copy_step(
            rates, blocks, recency, meters, slots[slot, ROW] + step, slots[slot, COLUMN] + step, sm, now)


@njit(inline="always")
def _await_step(math, slots, arrivals, slot):
    stage = slots[slot, STAGE]
    slots[slot, WAITS_FOR] = STEP
    slots[slot, WHEN] = max(slots[slot, FREE], arrivals[slot, stage, VALUES], arrivals[slot, stage, INDICES])


@njit(inline="always")
def _explain(totals, math, slots, arrivals, slot, idle_from, now):
    """Why the SM idled from `idle_from` until this step starts."""
    if now > idle_from:
        before = max(idle_from, min(now, slots[slot, FREE]))
        if slots[slot, NEXT] == slots[slot, FIRST]:
            totals[EPILOGUE] += before - idle_from
            totals[PROLOGUE] += now - before
        else:
            arrived = max(before, min(now, arrivals[slot, slots[slot, STAGE], VALUES]))
            totals[MMA_LATENCY] += before - idle_from
            totals[COPY] += arrived - before
            totals[METADATA_WAIT] += now - arrived


@njit(inline="always")
def _take_sm(math, rates, blocks, issue_cycles, slots, arrivals, totals, slot, now):
    """Work on a step; until when the SM is taken."""
    step = slots[slot, NEXT]
    a, b = step_bytes(rates, blocks, slots[slot, ROW] + step, slots[slot, COLUMN] + step)
    read = a * math.a_readers + b * math.b_readers
    issue = issue_cycles[slots[slot, ISSUE_AT] + step if len(issue_cycles) > 1 else 0]
    taken = max(issue, (a + b + read + math.shared_rate - 1) // math.shared_rate)
    totals[ISSUE] += issue
    totals[SHARED] += taken - issue
    totals[SHARED_READ] += read
    totals[SHARED_WRITE] += a + b
    totals[STEPS] += 1
    slots[slot, FREE] = now + max(taken, math.chain_cycles)
    if step == slots[slot, LAST]:
        slots[slot, WAITS_FOR], slots[slot, WHEN] = WRITE, slots[slot, FREE] + math.latency
    else:
        slots[slot, NEXT] = step + 1
        slots[slot, STAGE] = slots[slot, STAGE] + 1 if slots[slot, STAGE] + 1 < math.stages else 0
        _await_step(math, slots, arrivals, slot)
    return now + taken


@njit(cache=True)
def _new_tree(sms):
    """tree[leaves + sm]: cycle of the SM's next event, 0; tree[i]: least of two children; tree[1]: the next of all."""
    leaves = 1
    while leaves < sms:
        leaves *= 2
    tree = np.full(2 * leaves, NEVER)
    for sm in range(sms):
        _set_leaf(tree, sm, 0)
    return tree


@njit(inline="always")
def _set_leaf(tree, sm, when):
    node = len(tree) // 2 + sm
    tree[node] = when
    while node > 1:
        node >>= 1
        tree[node] = min(tree[2 * node], tree[2 * node + 1])


@njit(inline="always")
def _first_leaf(tree):
    """The lowest SM with the next event."""
    node = 1
    while node < len(tree) // 2:
        node = 2 * node if tree[2 * node] == tree[1] else 2 * node + 1
    return node - len(tree) // 2
