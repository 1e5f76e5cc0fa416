"""SCNN, tick by tick: the obvious twin, which moves real values through vectors, bank queues and halo exchanges.

Source: Parashar et al., ISCA 2017 [paper] and the behaviour of DNNsim [DNNsim]; the rules, one by one, are in
docs/machines/scnn.md. Exact: every cycle, count and stall of those rules. Abstracted: sums have unlimited width,
weights arrive in time, and DRAM traffic is counted but takes no time here.

Data path of one round: IARAM and weight FIFO -> multiplier array (`pe.py`) -> bank queues -> accumulators (`banks.py`)
-> halo exchange, bias, OARAM (`post.py`). `blocks.py` has the compressed format, `tiles.py` who gets what,
`convolution.py` the geometry, `dram.py` what each round moves, `machine.py` puts it together on one SimPy clock.
"""

from accelsim.arch.planar.scnn.reference.machine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
