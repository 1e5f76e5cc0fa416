"""The tables of published pruned models: what a YAML file in `workloads/` may hold.

A file has one list of layers, with complete shapes, and any number of `variants`, each with a weight and an activation
density for every layer and the source of each.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.yaml import StrictModel

PREVIOUS = "previous"  # in `after`, within a stack

Axis = Annotated[int, Field(ge=1, le=1 << 24)]
Pair = Annotated[list[Annotated[int, Field(ge=0, le=4096)]], Field(min_length=2, max_length=2)]
Density = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w.*+-]+$")]


class ConvShape(StrictModel):
    """A convolution: input [C, H, W] without padding, kernel [R, S]; stride and padding are (rows, columns)."""

    name: Name
    op: Literal["conv2d"]
    input: list[Axis] = Field(min_length=3, max_length=3, description="[C, H, W]")
    filters: Axis
    kernel: list[Axis] = Field(min_length=2, max_length=2, description="[R, S]")
    stride: Pair
    padding: Pair
    groups: Axis = 1
    after: list[Name] | None = Field(default=None, description="layers whose outputs come in; the one before if absent")

    @model_validator(mode="after")
    def _fits(self) -> "ConvShape":
        if self.input[0] % self.groups or self.filters % self.groups:
            raise ValueError(f"{self.name}: channels and filters must divide by groups {self.groups}")
        if min(self.stride) < 1 or any(p >= k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"{self.name}: stride must be at least 1 and padding smaller than the kernel")
        if any(side + 2 * p < k for side, p, k in zip(self.input[1:], self.padding, self.kernel, strict=True)):
            raise ValueError(f"{self.name}: the kernel does not fit the padded input")
        return self

    def weight_shape(self, batch: int) -> tuple[int, ...]:
        return (self.filters, self.input[0] // self.groups, *self.kernel)

    def activation_shape(self, batch: int) -> tuple[int, ...]:
        return (batch, *self.input)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image, padding included."""
        rows, cols = ((side + 2 * p - k) // s + 1 for side, p, k, s in
                      zip(self.input[1:], self.padding, self.kernel, self.stride, strict=True))
        return self.filters * self.input[0] // self.groups * self.kernel[0] * self.kernel[1] * rows * cols


class MatmulShape(StrictModel):
    """groups independent products of a matrix [outputs, inputs] with `vectors` rows [vectors, inputs].

    "linear" has weights, shared by a batch (its vectors multiply); "matmul" has two activations (attention), and a
    batch multiplies its groups.
    """

    name: Name
    op: Literal["linear", "matmul"]
    inputs: Axis
    outputs: Axis
    vectors: Axis = 1
    groups: Axis = 1
    after: list[Name] | None = None

    @model_validator(mode="after")
    def _fits(self) -> "MatmulShape":
        if self.op == "linear" and self.groups != 1:
            raise ValueError(f"{self.name}: a linear layer has one group; write op: matmul")
        return self

    def weight_shape(self, batch: int) -> tuple[int, ...]:
        return (1 if self.op == "linear" else batch * self.groups, self.outputs, self.inputs)

    def activation_shape(self, batch: int) -> tuple[int, ...]:
        if self.op == "linear":
            return (1, batch * self.vectors, self.inputs)
        return (batch * self.groups, self.vectors, self.inputs)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a batch of one."""
        return self.groups * self.outputs * self.inputs * self.vectors


Shape = Annotated[ConvShape | MatmulShape, Field(discriminator="op")]


class Stack(StrictModel):
    """The same layers `times` over; copy i of layer x is called `name.i.x`, i from 0.

    In `after`, a layer's own name means the one of the same copy, and `previous` the last layer before this copy.
    """

    op: Literal["stack"]
    name: Name
    times: Annotated[int, Field(ge=1, le=1000)]
    layers: list[Shape] = Field(min_length=1, max_length=1000)


class Source(StrictModel):
    """Where numbers come from, and how sure we are of them.

    confidence: read (in the source itself), counted (from its data), computed (by its rule), recalled (from memory of
    the source, cross-checked where `note` says so), assumed (our assumption).
    """

    cite: str = Field(min_length=1)
    confidence: Literal["read", "counted", "computed", "recalled", "assumed"]
    note: str | None = None


class Numbers(StrictModel):
    """Densities from one source: layer name -> share of non-zeros. `*` in a name stands for any text; a full name
    goes before a pattern. `n_of_m` [n, m]: the non-zeros are n of every m consecutive inputs.
    """

    source: Name
    density: dict[Name, Density] = Field(min_length=1)
    n_of_m: Annotated[list[Axis], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> "Numbers":
        if self.n_of_m is not None and any(d != self.n_of_m[0] / self.n_of_m[1] for d in self.density.values()):
            raise ValueError(f"densities beside n_of_m {self.n_of_m} must be {self.n_of_m[0] / self.n_of_m[1]}")
        return self


class Variant(StrictModel):
    """One pruned model: a weight and an activation density for each layer, but those it `omits` (layer -> why)."""

    about: str = Field(min_length=1)
    weights: list[Numbers] = Field(min_length=1)
    activations: list[Numbers] = Field(min_length=1)
    omits: dict[Name, str] = Field(default_factory=dict)


class WorkloadFile(StrictModel):
    """What a file in `workloads/` holds. graph: chain (each layer follows the one before, or those in `after`) or
    separate (unrelated layers). activation_values: positive (after a ReLU) or signed.
    """

    about: str = Field(min_length=1)
    graph: Literal["chain", "separate"]
    activation_values: Literal["positive", "signed"]
    layers: list[Annotated[ConvShape | MatmulShape | Stack, Field(discriminator="op")]] = Field(
        min_length=1, max_length=5000)
    sources: dict[Name, Source] = Field(min_length=1)
    variants: dict[Name, Variant] = Field(min_length=1)
