"""Parameters of a Spectral CNN design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.spectral.shared.config import MAX_CYCLES, FlexibleConfig


class SpectralCnnConfig(FlexibleConfig):
    """One Spectral CNN design; the meaning of each key is in docs/machines/spectral_cnn.md."""

    kind: ClassVar[str] = "spectral_cnn"
    fill_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of every group of a layer")
