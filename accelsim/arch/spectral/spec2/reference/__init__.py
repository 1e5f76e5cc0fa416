"""SPEC2 tick by tick. Rules: docs/machines/spec2.md."""

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.spectral.shared.reference.overlapped import Overlapped
from accelsim.arch.spectral.spec2.config import Spec2Config
from accelsim.workload.layer import Layer


class KernelsStay(Overlapped):
    """Kernels may be on chip for good."""

    weights_stay = True


def run(layer: Layer, config: Spec2Config, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, in floats."""
    return KernelsStay(config, policy).run(layer, config)
