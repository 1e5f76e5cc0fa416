"""Tensor cores, event by event: the obvious twin, which moves real values from DRAM to accumulators.

Source: NVIDIA's A100 architecture paper, Sun et al., CUTLASS and Wang et al., ISCA 2021; the rules, one by one, are in
docs/machines/tensor_core.md. Exact: every cycle, count and stall of those rules. Abstracted: values are the integers
of the layer in accumulators of unlimited width, not the formats their widths in bits stand for.

Data path of one layer: `operands.py` orders K and checks N:M; `tiles.py` chooses a tile and `grid.py` lists its CTAs;
`blocks.py` encodes what a step copies. `memory.py` carries blocks through DRAM, L2 and ports, each a `pipe.py`, into
the stages of a CTA. In `sm.py` CTAs, slots and math units are SimPy processes, and `cores.py` multiplies what has
arrived. `accounting.py` says afterwards where every slot-cycle went, `machine.py` runs a grid, `engine.py` a layer.
`phases.py` keeps the order of processes within a cycle from mattering.
"""

from accelsim.arch.gpu.tensor_core.reference.engine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
