"""Eager Pruning tick by tick: multipliers under a gated adder tree, on real values, in the three passes of training.

Rules: docs/machines/eager_pruning.md. `operands.py` says what a weight meets at which position, `packing.py` makes the
list and its tiles, `array.py` ticks through them, `memory.py` follows what DRAM moves, `machine.py` runs a layer.
"""

from accelsim.arch.training.eager_pruning.reference.machine import Values, passes, run

__all__ = ["Values", "passes", "run"]
