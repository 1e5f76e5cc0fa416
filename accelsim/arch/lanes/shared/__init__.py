"""What the machines of lanes have in common: one language for who works on what, and where lanes wait for each other.

Rules: docs/machines/lanes.md. The words, from the outside in:

product    one matrix product of a layer: outputs x positions x reduction. Products follow one another.
deal       what a policy gives: which outputs a lane has in which round (`deal.Deal`).
group      neighbouring positions that one section works on together; a job is one group in one round.
section    lanes that share a sequence of jobs (SparTen's cluster, ZeNA's PE group); sections meet when a product ends.
scope      the span after which the lanes of a section wait for each other: a unit, a position, a job, the product.
unit       consecutive positions of the reduction that are looked at together: brick, chunk, window, segment.
step       one cycle of a lane: up to `inputs` effectual reduction positions meet `outputs` outputs.

Time = sum over scopes of the maximum over lanes of the sum over units. A design is a `schedule.Schedule`, which its
config states; the kernel and the reference read nothing else of a design but widths and what its page adds.
"""
