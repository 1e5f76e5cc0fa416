"""EIE, tick by tick. `machine.py` puts the blocks together; start there."""

from accelsim.arch.broadcast.eie.reference.machine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
