"""The fast engine of SPEC2. Rules: docs/machines/spec2.md."""

from accelsim.arch.spectral.shared.fast.overlapped import OverlappedEngine
from accelsim.arch.spectral.spec2.machine import Spec2

ENGINE = OverlappedEngine(Spec2)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
