"""Spectral CNN tick by tick. Rules: docs/machines/spectral_cnn.md."""

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.spectral.shared.reference.overlapped import Overlapped
from accelsim.arch.spectral.spectral_cnn.config import SpectralCnnConfig
from accelsim.workload.layer import Layer


def run(layer: Layer, config: SpectralCnnConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, in floats."""
    return Overlapped(config, policy).run(layer, config)
