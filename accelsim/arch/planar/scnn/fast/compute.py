"""The cycles of every round: simulated once, and again only where another design's queues change them."""

import numpy as np

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast import kernel
from accelsim.arch.planar.scnn.fast.lowering import ScnnWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


def compute(layer: Layer, lowered: ScnnWork, config: ScnnConfig) -> kernel.RoundOutcome:
    """The outcome of all rounds, kept with the layer.

    A round in which no bank had more than `peak` products waiting is the same with every queue that holds them.
    """
    plan = lowered.plan
    key = ("scnn outcome", plan.rows.key, plan.cols.key, plan.kc, plan.assignment.parts, config.index_bits,
           config.weight_order, config.bank_hash, config.banks, config.weight_vector, config.activation_vector,
           config.weight_fifo_entries, config.barrier)

    def with_this_queue() -> kernel.RoundOutcome:
        before: kernel.RoundOutcome = derived(layer, key, lambda: simulated(lowered, None))
        return simulated(lowered, before)

    outcome: kernel.RoundOutcome = derived(layer, (*key, config.bank_queue_entries), with_this_queue)
    return outcome


def simulated(lowered: ScnnWork, before: kernel.RoundOutcome | None) -> kernel.RoundOutcome:
    """`before`, of other queues, with the rounds simulated that this design's queues change; all without `before`."""
    plan = lowered.plan
    if before is None:
        outcome = kernel.no_outcome(plan.rounds, lowered.sequences, plan.assignment.pes)
        changed = np.arange(plan.rounds)
    else:
        changed = np.flatnonzero(before.peaks > lowered.lanes.queue_entries)
        if not len(changed):
            return before
        outcome = kernel.RoundOutcome(*(array.copy() for array in before))
        for array in outcome:
            array[changed] = 0
    operands = lowered.weights, lowered.landing, lowered.lanes
    units = lowered.sequences * plan.assignment.pes // plan.assignment.parts
    kernel.simulate(changed, lowered.activations, *operands, outcome, kernel.scratch_for(units, *operands))
    return outcome
