"""The convolution a layer is: its integer tensors and the geometry of its two axes."""

from itertools import product

from accelsim.workload.layer import Layer
from accelsim.workload.planar import Planar, PlanarAxis, planar

Phase = tuple[int, int]  # (row phase, column phase)


class PhasedAxis(PlanarAxis):
    """Rows, or columns: how inputs, taps and outputs meet."""

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


class PhasedConvolution(Planar[PhasedAxis]):
    """A layer whose channels are stored by phase."""

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


def as_convolution(layer: Layer) -> PhasedConvolution:
    """The convolution of a Conv2d or a Matmul, as `planar` reads it, which raises what is said there."""
    return PhasedConvolution(**vars(planar(layer, PhasedAxis, "SCNN")))
