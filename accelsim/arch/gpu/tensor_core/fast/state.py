"""What the kernel of the tensor cores works on: the machine and its grid, and a state that it moves on.

All arrays are int64. Rules: docs/machines/tensor_core.md, Machine.
"""

from typing import NamedTuple

import numpy as np

from accelsim.arch.gpu.tensor_core.fast.traffic import MemoryState, new_memory

NEVER = np.int64(1) << 62
NOTHING, START, STEP, WRITE = range(4)  # what a slot waits for
# Of slots[sm x occupancy + slot]: what it waits for and when that can happen; its CTA's first, next and last step; end
# of the step before (CTA's start before the first); blocks of A and B and issue time of step 0; bytes of C; the next
# step's stage.
WAITS_FOR, WHEN, FIRST, NEXT, LAST, FREE, ROW, COLUMN, ISSUE_AT, C_BYTES, STAGE, FIELDS = (*range(11), 16)
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


class State(NamedTuple):
    """A GPU in the middle of a grid. tree: see `_new_tree`; next_cta[0]: the first CTA that has no slot yet."""

    memory: MemoryState
    totals: np.ndarray
    sm_state: np.ndarray
    slots: np.ndarray
    arrivals: np.ndarray
    tree: np.ndarray
    next_cta: np.ndarray


def new_state(math: Math, layout: Layout, blocks: np.ndarray) -> State:
    """An idle GPU, every slot about to take its first CTA; blocks[block]: see `traffic`, copied."""
    slots = np.zeros((math.sms * math.occupancy, FIELDS), np.int64)
    slots[:, WAITS_FOR] = START
    ctas = layout.products * layout.slices * layout.tile_rows * layout.tile_columns
    return State(new_memory(blocks, math.sms), np.zeros(TOTALS, np.int64), np.zeros((math.sms, STATES), np.int64),
                 slots, np.zeros((len(slots), math.stages, 2), np.int64), _new_tree(math.sms),
                 np.array([min(ctas, len(slots))], np.int64))


def finish(state: State) -> None:
    """Complete the totals of a grid that has come to its end."""
    totals, last_end = state.totals, state.sm_state[:, LAST_END]
    totals[LAST_CTA_END], totals[MOST_CTAS] = last_end.max(), state.sm_state[:, CTAS].max()
    totals[EPILOGUE] += (last_end - state.sm_state[:, BUSY_UNTIL]).sum()
    totals[TAIL] += (totals[LAST_CTA_END] - last_end).sum()


def _new_tree(sms: int) -> np.ndarray:
    """tree[leaves + sm]: cycle of the SM's next event, 0; tree[i]: least of two children; tree[1]: the next of all."""
    leaves = 1 << (sms - 1).bit_length()
    tree = np.zeros(2 * leaves, np.int64)
    tree[0] = NEVER
    tree[leaves + sms:] = NEVER
    for node in range(leaves - 1, 0, -1):
        tree[node] = min(tree[2 * node], tree[2 * node + 1])
    return tree
