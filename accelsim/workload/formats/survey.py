"""What each tensor of a trace takes in every format."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.errors import ConfigError, TraceError
from accelsim.workload import formats
from accelsim.workload.layer import Layer
from accelsim.workload.trace import Trace

PATTERN_VALUE_BITS = 8  # bits of a value of a pattern-only tensor, by default


@dataclass(frozen=True)
class TensorStorage:
    """One tensor: `bits` by format (None where it does not fit one), and the format with the fewest."""

    layer: str
    tensor: str
    shape: tuple[int, ...]
    nonzeros: int
    value_bits: int
    bits: Mapping[str, int | None]

    @property
    def positions(self) -> int:
        return math.prod(self.shape)

    @property
    def best(self) -> str:
        """The first of the smallest, in the order of the catalogue."""
        return min((name for name in self.bits if self.bits[name] is not None), key=lambda name: self.bits[name] or 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        return {"layer": self.layer, "tensor": self.tensor, "shape": list(self.shape), "positions": self.positions,
                "nonzeros": self.nonzeros, "value_bits": self.value_bits, "best": self.best, "bits": dict(self.bits)}


def storage_of(trace: Trace | Layer, value_bits: int | None = None) -> list[TensorStorage]:
    """Exact bits of the weights and activations of every layer, in every format of the catalogue.

    value_bits: bits per value; None takes the tensor's own, and 8 for patterns. Raises ConfigError for widths other
    than 1 to 32, TraceError when values do not fit.
    """
    if value_bits is not None and (isinstance(value_bits, bool) or not 1 <= value_bits <= 32):
        raise ConfigError(f"value_bits is {value_bits!r}, wanted a whole number from 1 to 32")
    layers = trace.layers if isinstance(trace, Trace) else (trace,)
    return [_storage(layer, role, tensor, value_bits) for layer in layers for role in formats.MATRIX_ROLES
            if (tensor := layer.tensors.get(role)) is not None]


def _storage(layer: Layer, role: str, tensor: np.ndarray, value_bits: int | None) -> TensorStorage:
    if value_bits is None:
        value_bits = PATTERN_VALUE_BITS if tensor.dtype == bool else 8 * tensor.itemsize
    matrix = tensor.reshape(formats.matrix_shape(layer.op, role, tensor.shape))
    slice_size = math.prod(tensor.shape[2:]) if (layer.op, role) == ("conv2d", "weight") else 1
    bits = formats.sizes(matrix, value_bits, slice_size)
    if bits["dense"] is None:
        raise TraceError(f"layer {layer.name!r}: values of the {role} do not fit {value_bits} bits; give more")
    return TensorStorage(layer.name, role, tensor.shape, int(np.count_nonzero(tensor)), value_bits, bits)
