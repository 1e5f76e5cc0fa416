"""Stalls and counts that several machines of the family declare, in its order. Rules: docs/machines/lanes.md."""

from accelsim.arch.facts import BUSY, Count, Stall

ZERO_OPERAND = Stall("zero_operand", "wasted", "multiplies a zero", "a machine that skips that operand's zeros")
FRAGMENTATION = Stall("fragmentation", "no_work", "has no operand: the step is not full",
                      "larger units; layers with more channels")
UNUSED = Stall("unused", "no_work", "has no output: the round, or the row of outputs, is not full",
               "fewer outputs side by side; layers with more outputs; fewer groups")
EMPTY = Stall("empty", "wasted", "looks at a unit in which nothing is effectual", "a cost of 0 for empty units",
              bound="on-chip")
BARRIER = Stall("barrier", "imbalance", "waits for the slowest lane of its scope",
                "policy; a larger scope; `balanced` pruning")
OVERHEAD = Stall("overhead", "load_drain", "is in a cycle that every unit, position or scope costs on top",
                 "longer reductions")
FINISHED = Stall("finished", "imbalance", "its lanes are done with the product, others are not",
                 "policy; more positions")

MACS = Count("macs", "products of two non-zeros (= `busy`)")
MULTIPLIES = Count("multiplies", "products made: `busy` + `zero_operand`", "multiply")
WEIGHT_READS = Count("weight_reads", "words read from the weight buffer (= `multiplies`)", "{config.kind}_weight_read",
                     "weight_bits", "weight")
ACTIVATION_READS = Count("activation_reads", "words that lanes take: effectual positions, each once for each pass",
                         "{config.kind}_activation_read", "activation_bits", "activation")
SUM_UPDATES = Count("sum_updates", "partial sums added to: steps x outputs at work", "sum_update", "sum_bits", "output")
OUTPUTS_WRITTEN = Count("outputs_written", "outputs, zeros included: positions x outputs", "output_write",
                        "activation_bits", "output")

DENSE_STALLS = (BUSY, ZERO_OPERAND, FRAGMENTATION, UNUSED)
COMMON_COUNTS = (MACS, MULTIPLIES, WEIGHT_READS, ACTIVATION_READS, SUM_UPDATES, OUTPUTS_WRITTEN)
