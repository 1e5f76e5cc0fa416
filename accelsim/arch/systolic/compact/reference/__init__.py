"""CompAct tick by tick: the systolic array's reference, fed by banks that expand run-length codes.

Rules: docs/machines/compact.md. `codes.py` codes the streams, `machine.py` is the array behind its banks.
"""

from accelsim.arch.systolic.compact.reference.machine import run

__all__ = ["run"]
