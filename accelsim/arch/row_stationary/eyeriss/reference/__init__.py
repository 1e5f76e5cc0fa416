"""Eyeriss, tick by tick: the obvious twin, which moves real values through routers, scratchpads and psum columns.

Source: Chen et al., JETCAS 2019 [paper]; the rules, one by one, are in docs/machines/eyeriss.md. Exact: every cycle,
count and stall of those rules. Abstracted: what that page lists, and sums have unlimited width.

`convolution.py` is the layer, `schedule.py` what works where in each pass, `compressed.py` the forms of the data.
`mesh.py` and `bus.py` deliver them, `pe.py` multiplies, `column.py` sums up a column of PEs, `global_buffer.py` keeps
the sums from step to step, `array.py` runs one pass and `machine.py` the layer, whose inputs stay on chip as
`fetching.py` says.
"""

from accelsim.arch.row_stationary.eyeriss.reference.machine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
