"""A layer on the reference of any kind of the family."""

from collections import Counter

import numpy as np

from accelsim.arch.lanes.shared.deal import checked_deal
from accelsim.arch.lanes.shared.products import lane_products
from accelsim.arch.lanes.shared.reference.product import SectionsAtWork
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.lanes.shared.reference.traffic import Traffic
from accelsim.arch.lanes.shared.reference.units import reduction_units
from accelsim.arch.machine import LayerRun, Policy
from accelsim.result.work import PeWork
from accelsim.workload.lowering import assemble


def run(rules: Rules, policy: Policy) -> LayerRun:
    """Simulate a layer by the rules of a kind. Raises TraceError for a layer without values."""
    layer, schedule = rules.layer, rules.schedule
    layer.check_values()
    cycles, rounds, products = 0, 0, 0
    slots, takes, more = Counter[str](), Counter[str](), Counter[str]()
    results, work, traffic = [], [], Traffic(rules)
    lowered = lane_products(rules.lowered(), schedule.order, schedule.pad_channels)
    for number, (product, original) in enumerate(zip(lowered, lane_products(layer, schedule.order), strict=True)):
        units = reduction_units(product, schedule)
        nonzeros = np.stack([np.count_nonzero(product.weights[:, unit], axis=1) for unit in units], axis=1)
        rules.begin(product, original, number, checked_deal(policy, nonzeros, schedule))
        done = SectionsAtWork(rules).run()
        cycles += done.cycles
        slots += done.slots
        takes += done.takes
        takes["outputs_written"] += done.sums.size
        more += Counter(rules.more_counts(done.slots, len(done.outputs), done.groups))
        results.append(done.sums if product.bias is None else done.sums + product.bias)
        work.append(done.work)
        traffic.add(done)
        rounds, products = rounds + len(done.outputs), products + 1
    counts = rules.counted(slots, takes) | more | ({"unit_cycles": schedule.slots * cycles}
                                                   if "unit_cycles" in rules.counts else {})
    return LayerRun(
        cycles=cycles, slots=schedule.slots, stalls={name: slots[name] for name in rules.stalls},
        counts={name: counts.get(name, 0) for name in rules.counts}, output=assemble(layer, results),
        mapping={"products": products, "rounds": rounds} | rules.mapping(), tiles=traffic.tiles(),
        work=PeWork.of(np.sum(work, axis=0)))
