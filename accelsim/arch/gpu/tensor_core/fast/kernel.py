"""The fast engine of the tensor cores: one event per k-step, start and end of a CTA, in order of (cycle, SM, slot).

A tournament tree holds the next event of each SM; copies are booked in `traffic`. Nothing is done per cycle, per
instruction or per byte. Rules: docs/machines/tensor_core.md.
"""

from numba import njit

from accelsim.arch.gpu.tensor_core.fast import recorder
from accelsim.arch.gpu.tensor_core.fast.state import (
    BUSY_UNTIL,
    C_BYTES,
    COLUMN,
    COPY,
    CTAS,
    EPILOGUE,
    FIRST,
    FREE,
    INDICES,
    ISSUE,
    ISSUE_AT,
    ISSUED,
    LAST,
    LAST_END,
    METADATA_WAIT,
    MMA_LATENCY,
    NEVER,
    NEXT,
    NOTHING,
    PROLOGUE,
    ROW,
    SHARED,
    SHARED_READ,
    SHARED_WRITE,
    STAGE,
    START,
    STEP,
    STEPS,
    VALUES,
    WAITS_FOR,
    WHEN,
    WRITE,
)
from accelsim.arch.gpu.tensor_core.fast.traffic import HOT, copy_step, step_bytes, write_tile


@njit(**HOT)
def run_grid(math, layout, rates, issue_cycles, state, log=None):
    """Simulate a grid from where `state` stands to its end or, with a `recorder.Log`, until that is full.

    issue_cycles[(product, tile row), tile column, step] flat, or one for all: issue time of the busiest sub-core.
    """
    slots, sm_state, tree = state.slots, state.sm_state, state.tree
    ctas = layout.products * layout.slices * layout.tile_rows * layout.tile_columns
    while tree[1] < NEVER:
        if log is not None and recorder.is_full(log, math.occupancy):
            break
        now, sm = tree[1], _first_leaf(tree)
        first_slot = sm * math.occupancy
        chosen = _step_to_start(slots, first_slot, first_slot + math.occupancy, now, sm_state[sm, BUSY_UNTIL])
        for slot in range(first_slot, first_slot + math.occupancy):
            if slot == chosen:
                if log is not None:
                    recorder.begin_step(log, layout, state, sm, slot, now)
                _explain(state, slot, sm_state[sm, BUSY_UNTIL], now)
                _copy_later(math, rates, state, sm, slot, now)
                sm_state[sm, ISSUED] -= state.totals[ISSUE]
                sm_state[sm, BUSY_UNTIL] = _take_sm(math, rates, issue_cycles, state, slot, now)
                sm_state[sm, ISSUED] += state.totals[ISSUE]
                if log is not None:
                    recorder.end_step(log, state, sm)
            elif slots[slot, WHEN] == now and slots[slot, WAITS_FOR] == WRITE:
                slots[slot, WHEN] = write_tile(rates, state.memory, slots[slot, C_BYTES], sm, now)
                slots[slot, WAITS_FOR] = START
                sm_state[sm, LAST_END] = max(sm_state[sm, LAST_END], slots[slot, WHEN])
                if log is not None:
                    recorder.end_cta(log, state, slot, now)
            elif slots[slot, WHEN] == now and slots[slot, WAITS_FOR] == START:
                cta = (slot - first_slot) * math.sms + sm if now == 0 else state.next_cta[0]
                if cta < ctas:
                    state.next_cta[0] += now > 0
                    sm_state[sm, CTAS] += 1
                    _place_cta(layout, slots, slot, cta)
                    _start_cta(math, rates, state, sm, slot, now)
                    if log is not None:
                        recorder.begin_cta(log, slot, cta, now)
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
def _start_cta(math, rates, state, sm, slot, now):
    """Book a CTA's first copies, one less than there are stages."""
    slots = state.slots
    for ahead in range(math.stages - 1):
        slots[slot, NEXT], slots[slot, STAGE] = slots[slot, FIRST] + ahead - (math.stages - 1), ahead + 1
        _copy_later(math, rates, state, sm, slot, now)
    slots[slot, NEXT], slots[slot, STAGE], slots[slot, FREE] = slots[slot, FIRST], 0, now
    _await_step(state, slot)


@njit(inline="always")
def _copy_later(math, rates, state, sm, slot, now):
    """Book the copy that is stages - 1 steps ahead of the next step."""
    slots, arrivals = state.slots, state.arrivals
    step = slots[slot, NEXT] + math.stages - 1
    if step <= slots[slot, LAST]:
        stage = slots[slot, STAGE] - 1 if slots[slot, STAGE] > 0 else math.stages - 1  # the buffer of the step before
        arrivals[slot, stage, VALUES], arrivals[slot, stage, INDICES] = copy_step(
            rates, state.memory, slots[slot, ROW] + step, slots[slot, COLUMN] + step, sm, now)


@njit(inline="always")
def _await_step(state, slot):
    slots, arrivals, stage = state.slots, state.arrivals, state.slots[slot, STAGE]
    slots[slot, WAITS_FOR] = STEP
    slots[slot, WHEN] = max(slots[slot, FREE], arrivals[slot, stage, VALUES], arrivals[slot, stage, INDICES])


@njit(inline="always")
def _explain(state, slot, idle_from, now):
    """Why the SM idled from `idle_from` until this step starts."""
    slots, totals = state.slots, state.totals
    if now > idle_from:
        before = max(idle_from, min(now, slots[slot, FREE]))
        if slots[slot, NEXT] == slots[slot, FIRST]:
            totals[EPILOGUE] += before - idle_from
            totals[PROLOGUE] += now - before
        else:
            arrived = max(before, min(now, state.arrivals[slot, slots[slot, STAGE], VALUES]))
            totals[MMA_LATENCY] += before - idle_from
            totals[COPY] += arrived - before
            totals[METADATA_WAIT] += now - arrived


@njit(inline="always")
def _take_sm(math, rates, issue_cycles, state, slot, now):
    """Work on a step; until when the SM is taken."""
    slots, totals = state.slots, state.totals
    step = slots[slot, NEXT]
    a, b = step_bytes(rates, state.memory, slots[slot, ROW] + step, slots[slot, COLUMN] + step)
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
        _await_step(state, slot)
    return now + taken


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
