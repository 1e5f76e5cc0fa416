"""The format of result files: results write these records, pages and figures read and check them.

Files of other versions may lack what has a default here, and have more keys.
"""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from accelsim.result.format import Amount, Count, FileRecord
from accelsim.result.roofline import Roofline
from accelsim.result.work import WorkRecord


class LayerIdentity(FileRecord):
    """The name, the operator and the shape of a layer."""

    name: str
    op: str
    shape: str


class Totals(FileRecord):
    """Quantities that a layer and a whole run both have."""

    cycles: Count
    time_us: Amount
    energy_pj: Amount
    utilization: Amount
    imbalance: Amount | None = None
    macs_dense: Count
    macs_effectual: Count


class LayerRecord(Totals, LayerIdentity):  # the keys of `LayerIdentity` come first in files
    """One layer of a run: the quantities of `LayerResult`."""

    slots: Count
    stalls: dict[str, Count]
    counts: dict[str, Count]
    energy_by_component: dict[str, Amount]
    energy_by_data: dict[str, Amount]
    roofline: Roofline
    mapping: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    work: WorkRecord | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total, wanted = sum(self.stalls.values()), self.slots * self.cycles
        if total != wanted or "busy" not in self.stalls:
            raise ValueError(f"stalls sum to {total:,}, wanted slots x cycles = {wanted:,}, busy among them")
        return self

    @property
    def dram_bytes(self) -> float | None:
        """Bytes from and to DRAM; None where memory was not modelled."""
        if "dram_read_bits" not in self.counts:
            return None
        return (self.counts["dram_read_bits"] + self.counts.get("dram_write_bits", 0)) / 8


class RunRecord(FileRecord):
    """One run: the quantities of `Result`."""

    run_id: str
    arch: str
    config: dict[str, Any]
    trace: str
    trace_digest: str
    policy: str
    engine: str
    model_version: int
    energy_table: str
    energy_table_digest: str
    area_mm2: Amount | None
    totals: Totals
    stalls: dict[str, Count]
    counts: dict[str, Count] = Field(default_factory=dict)
    energy_by_component: dict[str, Amount]
    energy_by_data: dict[str, Amount] = Field(default_factory=dict)
    layers: Annotated[list[LayerRecord], Field(min_length=1)]

    @property
    def clock_mhz(self) -> float:
        """The clock in the config; every config has one."""
        return float(self.config["clock_mhz"])

    @property
    def dram_gbps(self) -> float | None:
        """10^9 bytes per second; None where memory was not modelled or the config leaves it to a preset."""
        dram = self.config.get("dram")
        gbps = dram.get("gbps") if isinstance(dram, dict) else None
        return float(gbps) if isinstance(gbps, (int, float)) and gbps > 0 else None

    @model_validator(mode="after")
    def _config_is_one(self) -> Self:
        clock = self.config.get("clock_mhz")
        if isinstance(clock, bool) or not isinstance(clock, (int, float)) or not clock > 0:
            raise ValueError(f"config: clock_mhz is {clock!r}, wanted a number above 0")
        return self
