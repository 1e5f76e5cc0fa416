"""The fast engine of Spectral CNN. Rules: docs/machines/spectral_cnn.md."""

from accelsim.arch.spectral.shared.fast.overlapped import OverlappedEngine
from accelsim.arch.spectral.spectral_cnn.machine import SpectralCnn

ENGINE = OverlappedEngine(SpectralCnn)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
