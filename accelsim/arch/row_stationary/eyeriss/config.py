"""Parameters of an Eyeriss design."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.yaml import Name

MAX_PES = 1 << 15
MAX_CLUSTERS = 1 << 11  # routes between all pairs are held in memory


class EyerissConfig(ArchConfig):
    """One design of the family; the meaning of each key is in docs/machines/eyeriss.md."""

    kind: ClassVar[str] = "eyeriss"
    cluster_rows: int = Field(ge=1, le=MAX_CLUSTERS, description="rows of clusters")
    cluster_cols: int = Field(ge=1, le=MAX_CLUSTERS, description="columns of clusters")
    pe_rows: int = Field(ge=1, le=MAX_PES, description="rows of PEs in a cluster")
    pe_cols: int = Field(ge=1, le=MAX_PES, description="columns of PEs in a cluster")
    macs_per_pe: int = Field(ge=1, le=64, description="weights of one column multiplied in a cycle")
    pe: Literal["skip", "gate"] = Field(description="zeros are skipped, or gated in their own cycle")
    network: Literal["hierarchical", "flat"] = Field(description="mesh of routers, or one bus per kind of data")
    pipeline_stages: int = Field(ge=1, le=1 << 10, description="stages of a PE")
    iact_words: int = Field(ge=1, le=256, description="inputs a PE holds")
    iact_addresses: int = Field(ge=1, le=1 << 16, description="segment addresses a PE holds")
    weight_words: int = Field(ge=1, le=1 << 20, description="words of macs_per_pe weights a PE holds")
    weight_addresses: int = Field(ge=1, le=1 << 16, description="weight columns a PE holds, compressed")
    psum_words: int = Field(ge=1, le=255, description="partial sums a PE holds")
    address_cycles: int = Field(default=1, ge=1, le=64, description="cycles to look up an input's weight column")
    psum_flush: Literal["ring", "batch"] = Field(default="ring", description="sums leave a PE one window at a time, or "
                                                 "when its scratchpad is full")
    hop_cycles: int = Field(default=0, ge=0, le=64, description="cycles for sums to pass a PE on their way up")
    config_cycles: int = Field(default=0, ge=0, le=1 << 20, description="cycles to configure the array for a layer")
    value_bits: int = Field(ge=1, le=32, description="bits of a weight or an input")
    count_bits: int = Field(ge=1, le=16, description="bits of a zero count")
    psum_bits: int = Field(ge=1, le=64, description="bits of a partial sum")
    iact_address_bits: int = Field(ge=1, le=32, description="bits of a segment address")
    weight_address_bits: int = Field(ge=1, le=32, description="bits of a weight column address")
    glb_iact_banks: int = Field(ge=1, le=64, description="input banks, and input routers, of a cluster")
    glb_iact_bytes: int = Field(ge=1, le=1 << 40, description="global buffer of a cluster for inputs")
    glb_psum_bytes: int = Field(ge=1, le=1 << 40, description="global buffer of a cluster for partial sums")
    iact_port_bits: int = Field(ge=1, le=1 << 16, description="width of an input port, link or bus")
    weight_port_bits: int = Field(ge=1, le=1 << 16, description="width of a weight port, link or bus")
    psum_port_bits: int = Field(ge=1, le=1 << 16, description="width of a partial-sum port or bus")
    dram_run_bits: int = Field(default=0, ge=0, le=16, description="zero-run bits of inputs in DRAM; 0: as on chip")
    mappings: dict[Name, RowStationaryMapping] = Field(default_factory=dict,
                                                       description="mapping of a layer, by the layer's name")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.pes > MAX_PES or self.clusters > MAX_CLUSTERS:
            raise ValueError(f"{self.clusters:,} clusters of {self.pe_rows * self.pe_cols:,} PEs; wanted at most "
                             f"{MAX_CLUSTERS:,} clusters and {MAX_PES:,} PEs")
        if self.psum_port_bits < self.psum_bits:
            raise ValueError(f"psum_port_bits is {self.psum_port_bits}, less than one partial sum of "
                             f"{self.psum_bits} bits; widen the port")
        return self

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return self.cluster_rows * self.cluster_cols

    @property
    def rows(self) -> int:
        """Rows of PEs of the whole array, YR."""
        return self.cluster_rows * self.pe_rows

    @property
    def cols(self) -> int:
        """Columns of PEs of the whole array, XC."""
        return self.cluster_cols * self.pe_cols

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.rows * self.cols

    @property
    def slots(self) -> int:
        """Multipliers of the whole array."""
        return self.pes * self.macs_per_pe

    @property
    def exit_cycles(self) -> int:
        """From a PE's last window to the end of its pipeline; a PE that stops for it fills it anew, too."""
        return self.pipeline_stages - (self.psum_flush == "ring")

    @property
    def glb_psums(self) -> int:
        """Partial sums that the global buffer holds."""
        return 8 * self.glb_psum_bytes * self.clusters // self.psum_bits

    @property
    def glb_iact_bits(self) -> int:
        """Bits of the global buffer for inputs."""
        return 8 * self.glb_iact_bytes * self.clusters

    @property
    def entry_bits(self) -> int:
        """A value in a scratchpad, with its count of zeros where the PE skips them."""
        return self.value_bits + (self.count_bits if self.pe == "skip" else 0)

    @property
    def weight_word_bits(self) -> int:
        """A word of weights: one entry for each multiplier."""
        return self.entry_bits * self.macs_per_pe

    @property
    def pe_word_bits(self) -> int:
        """Values that a PE works on at once."""
        return self.value_bits * self.macs_per_pe

    @property
    def arithmetic_bits(self) -> int:
        """The multiplier of the energy table that fits the values."""
        return 8 if self.value_bits <= 8 else 16

    @property
    def buffer_action(self) -> str:
        """What an access to the global buffer is in the energy table: one buffer, or a bank in each cluster."""
        return "buffer" if self.network == "flat" else "bank"

    @property
    def wire_action(self) -> str:
        """What a bit on the network is in the energy table."""
        return "bus_bit" if self.network == "flat" else "hop_bit"
