"""The parameters of an SCNN design."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig

MAX_COUNT = 255  # the kernel counts a bank's waiting products in bytes


class ScnnConfig(ArchConfig):
    """One SCNN design; the meaning of each key is in docs/machines/scnn.md, the published values in `scnn.yaml`."""

    kind: ClassVar[str] = "scnn"
    pe_rows: int = Field(ge=1, le=256, description="rows of the PE mesh")
    pe_cols: int = Field(ge=1, le=256, description="columns of the PE mesh")
    weight_vector: int = Field(ge=1, le=32, description="F, weights multiplied in one cycle")
    activation_vector: int = Field(ge=1, le=32, description="I, activations multiplied in one cycle")
    banks: int = Field(ge=1, le=256, description="accumulator banks of a PE")
    accumulator_entries: int = Field(ge=1, le=1 << 24, description="partial sums in one of a PE's two buffers")
    bank_hash: Literal["xor", "address"] = Field(description="how an output finds its bank")
    bank_queue_entries: int = Field(ge=0, le=128, description="products that may wait before each bank; 0 = hard stall")
    weight_order: Literal["taps_outer", "filters_outer"] = Field(description="order of the weights inside a block")
    index_bits: int = Field(ge=0, le=16, description="bits of a zero run; 0 = runs of any length")
    value_bits: int = Field(ge=1, le=64, description="bits of a stored weight or activation")
    tiling: Literal["input_plane", "padded_plane"] = Field(description="the plane that is divided among PEs")
    kc_rule: Literal["accumulators", "output_tile"] = Field(description="what bounds the output channels of a group")
    kc_max: int = Field(ge=0, le=1 << 20, description="upper bound of output channels in a group; 0 = none")
    barrier: Literal["group", "channel"] = Field(description="where all PEs wait for the slowest")
    halo: Literal["none", "exchange", "widest_neighbour"] = Field(description="cycles of the halo exchange")
    halo_entries_per_cycle: int = Field(ge=1, le=1 << 20, description="partial sums a PE sends in a cycle")
    post: Literal["overlapped", "serial"] = Field(description="post-processing beside the next group, or after it")
    post_entries_per_cycle: int = Field(ge=0, le=1 << 20, description="outputs a PE finishes in a cycle; 0 = free")
    iaram_bits: int = Field(ge=0, le=1 << 40, description="input activation RAM of a PE; 0 = unbounded")
    oaram_bits: int = Field(ge=0, le=1 << 40, description="output activation RAM of a PE; 0 = unbounded")
    weight_fifo_entries: int = Field(ge=0, le=1 << 20, description="weight vectors a FIFO holds; 0 = unbounded")

    @model_validator(mode="after")
    def _waiting_products_fit(self) -> "ScnnConfig":
        worst = self.lanes + self.bank_queue_entries
        if worst > MAX_COUNT:
            raise ValueError(f"weight_vector x activation_vector + bank_queue_entries is {worst}, wanted at most "
                             f"{MAX_COUNT}; shrink the vectors or the queues")
        return self

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.pe_rows * self.pe_cols

    @property
    def lanes(self) -> int:
        """Multipliers of one PE."""
        return self.weight_vector * self.activation_vector

    @property
    def entry_bits(self) -> int:
        """Bits of one compressed entry: its value and the zero run before it."""
        return self.value_bits + self.index_bits

    @property
    def activation_vector_bits(self) -> int:
        """Width of a read of activations."""
        return self.activation_vector * self.entry_bits

    @property
    def weight_vector_bits(self) -> int:
        """Width of a read of weights."""
        return self.weight_vector * self.entry_bits
