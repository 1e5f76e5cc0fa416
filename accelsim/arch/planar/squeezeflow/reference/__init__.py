"""SqueezeFlow tick by tick: one weight a cycle to a plane of PEs, on real values.

Rules: docs/machines/squeezeflow.md.
"""

from accelsim.arch.planar.squeezeflow.reference.machine import run

__all__ = ["run"]
