"""The keys of a design's memory."""

from typing import Literal, Self

from pydantic import Field, model_validator

from accelsim.yaml import StrictModel


class DramConfig(StrictModel):
    """The memory behind a design (docs/memory.md); a key left out is that of the model."""

    model: Literal["stream", "ddr4_3200", "lpddr4_3200", "hbm2"] = Field(
        default="stream", description="stream: bandwidth and latency alone; else a preset")
    gbps: float | None = Field(default=None, gt=0, le=1e6, description="bandwidth of all channels, 10^9 bytes/s")
    latency_ns: float | None = Field(default=None, ge=0, le=1e6, description="from a transfer's end to its arrival")
    burst_bytes: int | None = Field(default=None, ge=1, le=1 << 16, description="transfers are rounded up to this")
    channels: int = Field(default=1, ge=1, le=1024, description="channels of a preset")
    row_buffer: bool = Field(default=False, description="row hits and misses of a preset")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.model == "stream" and self.gbps is None:
            raise ValueError("model 'stream' has no bandwidth of its own; give dram.gbps, or a preset as dram.model")
        if self.model == "stream" and (self.row_buffer or self.channels != 1):
            raise ValueError("model 'stream' has no rows and no channels; give a preset as dram.model")
        return self
