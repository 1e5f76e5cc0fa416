"""Procrustes, wave by wave: the obvious twin, which moves real values through the three passes of training.

Source: Yang et al., MICRO 2020 [paper] and the authors' simulator [authors' code]; the rules, one by one, are in
docs/machines/procrustes.md. Exact: every cycle, count and stall of those rules, the output and both gradients.
Abstracted: sums have unlimited width; DRAM traffic is counted but takes no time; dL/dy is drawn, not trained.

Data path of one pass: `loops.py` has the tensors and dimensions, `gradient.py` draws dL/dy, `tiling.py` chooses the
tile, `sets.py` says which PE holds which weights, `balance.py` who multiplies them. The PEs walk wave by wave
(`weights_in_space.py`, `plane_in_space.py`), move values (`values.py`) and words (`traffic.py`); finished gradients go
through the threshold unit (`threshold.py`). `training_pass.py` runs a pass, `machine.py` a layer.
"""

from accelsim.arch.training.procrustes.reference.machine import COUNTS, STALLS, Values, passes, run

__all__ = ["COUNTS", "STALLS", "Values", "passes", "run"]
