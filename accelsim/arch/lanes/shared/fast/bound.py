"""What no deal of outputs to lanes can beat. Rules: docs/machines/lanes.md, "Work of each PE, and the bound"."""

import numpy as np
from numba import njit

from accelsim.arch.lanes.shared.fast.jobs import groups_of
from accelsim.arch.lanes.shared.fast.kernel import popcount
from accelsim.arch.lanes.shared.fast.lowering import IndexSets
from accelsim.arch.lanes.shared.schedule import Schedule


def product_bound(operands: IndexSets, schedule: Schedule) -> int:
    """Of kinds whose lanes have outputs of their own."""
    if schedule.effectual == "weights":
        cycles = _of_weights(operands, schedule)
    else:
        cycles = -(-int(even_spans(
            operands.weights, operands.values[:, :, 0], operands.unit_words, groups_of(operands, schedule),
            (schedule.scope == "unit", schedule.columns > 1, schedule.scope == "position"),
            schedule.dealt_lanes * schedule.columns)) // schedule.sections)
    return cycles + schedule.costs.product


def _of_weights(operands: IndexSets, schedule: Schedule) -> int:
    """All positions take the same steps."""
    stored = operands.nonzeros.copy()
    stored[:, 0] += operands.fillers  # 0 with more units than one
    steps = -(-stored // schedule.inputs)  # [output, unit]
    if schedule.scope != "unit":
        steps = steps.sum(axis=1, keepdims=True)
    if schedule.scope == "product":
        steps *= operands.positions
    spans = np.maximum(-(-steps.sum(axis=0) // schedule.dealt_lanes), steps.max(axis=0))
    return int(spans.sum()) * (1 if schedule.scope == "product" else operands.positions)


@njit(cache=True, nogil=True)
def even_spans(weights, values, unit_words, groups, by, lanes):
    """Sum over groups and spans of max(ceil(all matches / lanes), the largest item).

    weights [output, word], values [position, word]. by: whether a unit is a span, else all of them; whether an item is
    that of one position; whether it is that of one unit and position.
    """
    total = np.int64(0)
    by_unit, by_position, by_both = by
    for g in range(len(groups) - 1):
        for span in range(len(unit_words) - 1 if by_unit else 1):
            first, last = (span, span + 1) if by_unit else (0, len(unit_words) - 1)
            matches, largest = np.int64(0), np.int64(0)
            for output in range(len(weights)):
                own = np.int64(0)
                for position in range(groups[g], groups[g + 1]):
                    here = np.int64(0)
                    for unit in range(first, last):
                        met = np.int64(0)
                        for w in range(unit_words[unit], unit_words[unit + 1]):
                            met += popcount(weights[output, w] & values[position, w])
                        here += met
                        largest = max(largest, met if by_both else 0)
                    own += here
                    largest = max(largest, here if by_position else 0)
                matches += own
                largest = max(largest, 0 if by_both or by_position else own)
            total += max(largest, (matches + lanes - 1) // lanes)
    return total
