"""Parameters of a Procrustes design."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig
from accelsim.arch.training.shared.passes import LayerNames, Phase, PhaseList, check_named_once, passes_of

MAX_PES = 1 << 14
WORD_BITS = 32  # everything is fp32 [authors' code]


class ProcrustesConfig(ArchConfig):
    """Procrustes [paper]; see docs/machines/procrustes.md for what each key does to the cycles.

    The lists `phases` and `input_layers` may be given as text with commas (`--set phases=forward,backward`).
    """

    kind: ClassVar[str] = "procrustes"
    pe_rows: int = Field(ge=1, le=MAX_PES, description="rows of PEs")
    pe_cols: int = Field(ge=1, le=MAX_PES, description="columns of PEs")
    register_file_words: int = Field(ge=3, le=1 << 20, description="32-bit words of a PE, for all operands")
    glb_words: int = Field(ge=1, le=1 << 40, description="32-bit words of the global buffer")
    glb_banks: int = Field(ge=1, le=1 << 16, description="banks of the global buffer")
    glb_words_per_line: int = Field(ge=1, le=1 << 10, description="32-bit words a bank moves per cycle")
    glb_bound: bool = Field(description="a pass lasts at least as long as the banks need for its words")
    dataflow: Literal["kn", "cn", "ck", "pq"] = Field(
        description="what lies on rows and columns: K,N / C,N / C,K / P,Q; named as in the forward pass")
    phases: PhaseList
    input_layers: LayerNames
    sparse: bool = Field(description="false: dense training on the same array")
    tile_lanes: int = Field(ge=1, le=1 << 12, description="most lanes of a PE tile along the axis in space")
    tile_depth: int = Field(ge=1, le=1 << 16, description="most channels of a PE tile along the other weight axis")
    tile_plane: int = Field(ge=1, le=64, description="most rows, and columns, of the plane tile")
    weight_fill_percent: int = Field(ge=1, le=100, description="share of the weight space that mean density may fill")
    threshold_unit: bool = Field(description="quantile threshold and weight recomputation in the weight update")
    gradients_per_cycle: int = Field(ge=1, le=1 << 16, description="gradients the threshold unit takes per cycle")
    gradient_seed: int = Field(ge=0, le=(1 << 32) - 1, description="of the dL/dy that the reference draws")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.slots > MAX_PES:
            raise ValueError(f"pe_rows x pe_cols = {self.slots:,} PEs, more than {MAX_PES:,}; give fewer")
        check_named_once(self.phases)
        return self

    @property
    def slots(self) -> int:
        """PEs of the whole array."""
        return self.pe_rows * self.pe_cols

    def passes(self, layer_name: str) -> tuple[Phase, ...]:
        """The passes that a layer of this name runs, in order of execution."""
        return passes_of(layer_name, self.phases, self.input_layers)
