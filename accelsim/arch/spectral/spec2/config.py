"""Parameters of a SPEC2 design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.spectral.shared.config import MAX_CYCLES, SpectralConfig

ALL_TILES = 1 << 62


class Spec2Config(SpectralConfig):
    """One SPEC2 design; the meaning of each key is in docs/machines/spec2.md."""

    kind: ClassVar[str] = "spec2"
    fill_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of every group of a layer")

    @property
    def ports(self) -> int:
        return self.parallel_kernels

    @property
    def copies(self) -> int:
        return 1

    @property
    def wanted_block(self) -> tuple[int, int]:
        return self.parallel_kernels, ALL_TILES

    @property
    def held_groups(self) -> int:
        return 0
