"""The convolution a layer is: its integer tensors and the geometry of its two axes."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from accelsim.errors import TraceError, UnsupportedLayerError
from accelsim.workload.layer import Conv2d, Layer, Matmul

Phase = tuple[int, int]  # (row phase, column phase)


@dataclass(frozen=True)
class Axis:
    """Rows, or columns: how many input and output positions and taps there are, and how they meet."""

    inputs: int
    outputs: int
    taps: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def phase_of_input(self, position: int) -> int:
        """Which phase an input position is stored in."""
        return (position + self.padding) % self.stride

    def phase_of_tap(self, tap: int) -> int:
        """Which phase a tap belongs to; it meets the inputs of the same phase alone."""
        return tap * self.dilation % self.stride

    def tap_phases(self) -> list[int]:
        """The phases that have a tap, ascending."""
        return sorted({self.phase_of_tap(tap) for tap in range(self.taps)})

    def landing(self, position: int, tap: int) -> int:
        """Output position of the product of an input and a tap of equal phases; maybe outside the plane."""
        return (position + self.padding - tap * self.dilation) // self.stride

    def touched(self, inputs: range) -> range:
        """The output positions, inside the plane, between the first and the last that `inputs` (not empty) add to."""
        lowest = -(-(inputs[0] + self.padding - (self.taps - 1) * self.dilation) // self.stride)
        highest = (inputs[-1] + self.padding) // self.stride
        return range(max(0, lowest), min(self.outputs - 1, highest) + 1)

    def home(self, output: int) -> int:
        """The input position whose piece owns an output: the one under the centre tap, kept inside the plane."""
        centre = output * self.stride - self.padding + (self.taps - 1) * self.dilation // 2
        return min(max(centre, 0), self.inputs - 1)


@dataclass(frozen=True, eq=False)
class Convolution:
    """weight [K, C/groups, R, S], activation [N, C, H, W], bias [K], all int64; `rows` and `cols` give the geometry."""

    name: str
    weight: np.ndarray
    activation: np.ndarray
    bias: np.ndarray
    groups: int
    rows: Axis
    cols: Axis

    @property
    def images(self) -> int:
        return int(self.activation.shape[0])

    @property
    def channels(self) -> int:
        return int(self.activation.shape[1])

    @property
    def filters(self) -> int:
        return int(self.weight.shape[0])

    def phases(self) -> list[Phase]:
        """Every phase, row phase outer: what activations are stored in."""
        return list(product(range(self.rows.stride), range(self.cols.stride)))

    def worked_phases(self) -> list[Phase]:
        """The phases with a tap, row phase outer: what is worked on."""
        return list(product(self.rows.tap_phases(), self.cols.tap_phases()))

    def met(self, channel: int, filters: range) -> range:
        """Those of `filters` that belong to the convolution group of `channel`."""
        first = channel // self.weight.shape[1] * (self.filters // self.groups)
        return range(max(filters.start, first), min(filters.stop, first + self.filters // self.groups))

    def tap_weight(self, k: int, channel: int, r: int, s: int) -> int:
        """Weight of filter k for a channel it meets, the channel counted over the whole layer."""
        return int(self.weight[k, channel % self.weight.shape[1], r, s])


def as_convolution(layer: Layer) -> Convolution:
    """The convolution of a Conv2d or a Matmul: a matrix product is a 1x1 plane, one channel for each input.

    Raises TraceError for a pattern-only layer and UnsupportedLayerError for any other operator.
    """
    if not layer.has_values:
        raise TraceError(f"layer {layer.name!r} is pattern-only (bool tensors) and has no values to compute with; "
                         "give integer tensors, or use engine='kernel', which needs the pattern alone")
    if isinstance(layer, Conv2d):
        weight, activation, groups = layer.weight, layer.activation, layer.groups
        rows, cols = (Axis(activation.shape[2 + d], layer.out_plane[d], weight.shape[2 + d], layer.stride[d],
                           layer.padding[d], layer.dilation[d]) for d in (0, 1))
    elif isinstance(layer, Matmul):
        groups, out, n_in = layer.weight.shape
        weight = layer.weight.reshape(groups * out, n_in, 1, 1)
        activation = layer.activation.transpose(1, 0, 2).reshape(-1, groups * n_in, 1, 1)
        rows = cols = Axis(inputs=1, outputs=1, taps=1)
    else:
        raise UnsupportedLayerError(f"layer {layer.name!r}: SCNN has no rule for a {layer.op}; "
                                    "give a conv2d, linear or matmul layer")
    bias = np.zeros(weight.shape[0], np.int64)
    if layer.bias is not None:
        bias += np.resize(layer.bias, weight.shape[0])  # a batched matrix product repeats it for each group
    return Convolution(layer.name, weight.astype(np.int64), activation.astype(np.int64), bias, groups, rows, cols)


def in_layer_shape(layer: Layer, output: np.ndarray) -> np.ndarray:
    """The convolution's output [N, K, P, Q] in the shape of `layer.output()`."""
    if isinstance(layer, Conv2d):
        return output
    groups, out, _ = layer.weight.shape
    return output.reshape(-1, groups, out).transpose(1, 0, 2)
