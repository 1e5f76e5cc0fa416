"""Column combining tick by tick: a grid of cells that each pick one of their group's streams, on real values.

Rules: docs/machines/column_combining.md. `packing.py` packs the weights of a product, `array.py` is the grid,
`traffic.py` what it fetches and writes, `machine.py` runs a layer.
"""

from accelsim.arch.systolic.column_combining.reference.machine import run

__all__ = ["run"]
