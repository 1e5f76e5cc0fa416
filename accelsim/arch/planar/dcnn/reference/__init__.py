"""DCNN, tick by tick: the obvious twin, which moves real values through dot products, accumulators and halo exchanges.

Source: the dense baseline of Parashar et al., ISCA 2017 [paper]; the rules, with what is our assumption, are in
docs/machines/dcnn.md. Exact: every cycle, count and stall of those rules. Abstracted: sums have unlimited width,
weights arrive in time, post-processing is hidden behind compute, and DRAM traffic is counted but takes no time here.

Planar tiles, owners, output-channel groups and post-processing are SCNN's, so they are the family's, in
`planar/shared/reference`. `pe.py` has a PE, `machine.py` puts the whole machine together.
"""

from accelsim.arch.planar.dcnn.reference.machine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
