"""Parameters of a Gamma design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.streams.shared.config import StreamsConfig

BITS_PER_KBYTE = 8192


class GammaConfig(StreamsConfig):
    """One Gamma design; the meaning of each key is in docs/machines/gamma.md."""

    kind: ClassVar[str] = "gamma"
    pes: int = Field(ge=1, le=4096, description="PEs, each with a merger and a multiplier")
    radix: int = Field(ge=2, le=1 << 16, description="fibers that a PE merges at once")
    task_cycles: int = Field(ge=0, le=1 << 20, description="cycles at the begin of a task")
    cache_kbytes: float = Field(ge=0, le=1e9, description="FiberCache, KiB; 0 = all of B")
    ways: int = Field(ge=1, le=256, description="ways of a set of the FiberCache")
    rrip_bits: int = Field(ge=1, le=8, description="bits of a line's re-reference prediction")
    tile_rows: int = Field(ge=1, le=1 << 20, description="rows whose traffic is one tile of the memory timeline")

    @property
    def cache_sets(self) -> int:
        """Sets of the FiberCache; 0: every line stays."""
        if not self.cache_kbytes:
            return 0
        return max(1, int(self.cache_kbytes * BITS_PER_KBYTE // (self.line_bits * self.ways)))
