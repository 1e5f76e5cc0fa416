"""What the family's machines are alike in. Rules: docs/machines/spectral.md."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from accelsim.arch.machine import Machine
from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.expected import expected_output
from accelsim.workload.layer import Layer

Design = TypeVar("Design", bound=SpectralConfig)


class SpectralMachine(Machine[Design]):
    """Machines that prune the spectra of kernels. weights_stay: whether a layer's kernels may stay on chip."""

    slot: ClassVar[str] = "a complex multiplier"
    approximates: ClassVar[bool] = True
    weights_stay: ClassVar[bool] = False
    mapping_keys: ClassVar[tuple[str, ...]] = ("fft_size", "alpha", "parallel_kernels")

    def expected_output(self, layer: Layer, config: Design) -> np.ndarray:
        return expected_output(layer, config)

    def notes(self, layer: Layer, config: Design, mapping: Mapping[str, Any]) -> Iterable[str]:
        if config.alpha > 1:
            yield (f"kernels are pruned here, once, to {config.kept} of {config.positions} spectral values: the output "
                   "is an approximation (alpha 1 keeps all)")
        if layer.op == "matmul":
            yield "runs as a convolution over planes of 1 x 1, for which a transform is of no use"
