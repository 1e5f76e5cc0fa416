"""Parameters of an Eager Pruning design."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig
from accelsim.arch.training.shared.passes import LayerNames, Phase, PhaseList, check_named_once, passes_of

MAX_MULTIPLIERS = 1 << 14


class EagerPruningConfig(ArchConfig):
    """One design; docs/machines/eager_pruning.md says what each key does to the cycles."""

    kind: ClassVar[str] = "eager_pruning"
    multipliers: int = Field(ge=1, le=MAX_MULTIPLIERS, description="multipliers under one adder tree")
    gates: Literal["free", "fixed"] = Field(
        description="free: a kernel takes any run of multipliers; fixed: whole groups of them")
    group: int = Field(ge=1, le=MAX_MULTIPLIERS, description="multipliers of a group; counts only with fixed gates")
    load_width: int = Field(ge=1, le=MAX_MULTIPLIERS, description="weights loaded per cycle")
    double_buffer: bool = Field(description="load the next tile's weights while computing")
    phases: PhaseList
    input_layers: LayerNames
    sparse: bool = Field(description="false: dense training on the same multipliers")
    word_bits: int = Field(ge=1, le=64, description="bits of a weight, activation, gradient or sum")
    glb_words: int = Field(ge=1, le=1 << 40, description="words of the buffer for what is streamed")
    gradient_seed: int = Field(ge=0, le=(1 << 32) - 1, description="of the dL/dy that the reference draws")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.gates == "fixed" and self.multipliers % self.group:
            raise ValueError(f"group: groups of {self.group} do not divide {self.multipliers} multipliers; wanted a "
                             f"divisor of {self.multipliers}, or gates: free")
        check_named_once(self.phases)
        return self

    @property
    def drain_cycles(self) -> int:
        """Cycles from the multipliers to the end of the adder tree."""
        return (self.multipliers - 1).bit_length() + 1

    def passes(self, layer_name: str) -> tuple[Phase, ...]:
        """The passes that a layer of this name runs, in order of execution."""
        return passes_of(layer_name, self.phases, self.input_layers)
