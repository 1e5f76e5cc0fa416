"""Spectral CNN's released controller tick by tick. Rules: docs/machines/spectral_cnn_rtl.md."""

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.spectral.spectral_cnn_rtl.config import SpectralCnnRtlConfig
from accelsim.arch.spectral.spectral_cnn_rtl.reference.machine import SerialController
from accelsim.workload.layer import Layer


def run(layer: Layer, config: SpectralCnnRtlConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, in floats."""
    return SerialController(config, policy).run(layer, config)
