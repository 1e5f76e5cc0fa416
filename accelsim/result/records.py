"""What result files hold, checked: the parts that pages and figures read. More keys than these are allowed.

The keys are those of `Result.to_dict` and `PolicyComparison.to_dict`; units as there.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]
Cells = Annotated[list[Count], Field(min_length=1, max_length=1 << 20)]


class Record(BaseModel):
    """Base: types as in JSON, finite numbers, unknown keys ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Histogram(Record):
    """Bin i counts the blocks of PEs with i x width .. (i + 1) x width - 1 slot-cycles of work."""

    block: Annotated[list[Side], Field(min_length=2, max_length=2)]
    width: Side
    cells: Cells


class PeWork(Record):
    """Slot-cycles of work of each block of PEs, row by row; see docs/results.md."""

    format: Literal[1]
    stalls: Annotated[list[str], Field(min_length=1)]
    grid: Annotated[list[Side], Field(min_length=2, max_length=2)]
    block: Annotated[list[Side], Field(min_length=2, max_length=2)]
    cells: Cells
    imbalance: Amount
    histogram: Histogram

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        rows, cols = (math.ceil(size / block) for size, block in zip(self.grid, self.block, strict=True))
        return rows, cols

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rows, cols = self.blocks
        if len(self.cells) != rows * cols:
            raise ValueError(f"{len(self.cells)} cells, wanted {rows} x {cols} for grid and block")
        return self


class Ladder(Record):
    """The roofline of a layer: cycles."""

    compute_cycles: Amount
    balanced_cycles: Amount
    machine_cycles: Count
    dram_cycles: Count | None
    bound: str
    over_compute: Amount


class Totals(Record):
    """Of a whole run, or of a layer."""

    cycles: Count
    time_us: Amount
    energy_pj: Amount
    utilization: Amount
    macs_dense: Count
    macs_effectual: Count


class LayerRecord(Totals):
    """One layer of a run."""

    name: str
    op: str
    shape: str
    slots: Count
    stalls: dict[str, Count]
    counts: dict[str, Count]
    energy_by_component: dict[str, Amount]
    energy_by_data: dict[str, Amount]
    roofline: Ladder
    work: PeWork | None = None
    notes: list[str] = []

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


class RunRecord(Record):
    """One run."""

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
    energy_by_component: dict[str, Amount]
    layers: Annotated[list[LayerRecord], Field(min_length=1)]

    @property
    def clock_mhz(self) -> float:
        """Of the config, which every arch has."""
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


class PolicyRecord(Record):
    """One row of a comparison of policies; its stalls are keys `stall.NAME` beside these."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)

    design: str
    policy: str
    layer: str
    cycles: Count
    speedup: Amount
    energy_pj: Amount
    utilization: Amount
    imbalance: Amount | None
    bound_cycles: Count
    moved_stall: str
    moved_slot_cycles: int

    @property
    def stalls(self) -> dict[str, int]:
        """Slot-cycles by name."""
        extra = self.model_extra or {}
        return {key.removeprefix("stall."): n for key, n in extra.items() if key.startswith("stall.")}

    @model_validator(mode="after")
    def _stalls_are_counts(self) -> Self:
        wrong = [key for key, n in self.stalls.items() if isinstance(n, bool) or not isinstance(n, int) or n < 0]
        if wrong:
            raise ValueError(f"stall.{wrong[0]} is not a count")
        return self


class ComparisonRecord(Record):
    """A comparison of policies on one trace."""

    trace: str
    rows: Annotated[list[PolicyRecord], Field(min_length=1)]
