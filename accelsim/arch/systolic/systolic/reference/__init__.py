"""Systolic arrays, tick by tick: the obvious twin, which moves real values through a grid of PE registers.

Source: Jouppi et al., ISCA 2017 and SCALE-Sim; the rules, one by one, are in docs/machines/systolic.md. Exact: every
cycle, count and stall of those rules. Abstracted: values are the integers of the layer, sums have unlimited width.

`stationary.py` is the array whose weights or inputs stay, `output_stationary.py` the one whose outputs stay, `grid.py`
what both have, `traffic.py` counts what tiles fetch and write back, `engine.py` runs a layer.
"""

from accelsim.arch.systolic.systolic.reference.engine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
