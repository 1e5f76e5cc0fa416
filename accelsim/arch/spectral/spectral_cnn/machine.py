"""Spectral CNN as the house sees it. Rules: docs/machines/spectral_cnn.md and spectral.md."""

from typing import ClassVar

from accelsim.arch.facts import About, SurveyRow
from accelsim.arch.spectral.shared.alike import SpectralMachine
from accelsim.arch.spectral.shared.facts import COMMON_COUNTS, OVERLAPPED_STALLS, SCHEDULES
from accelsim.arch.spectral.spectral_cnn.config import SpectralCnnConfig
from accelsim.arch.spectral.spectral_cnn.policies import POLICIES


class SpectralCnn(SpectralMachine[SpectralCnnConfig]):
    """Spectral CNN (Niu et al., FPGA 2020). Exact: schedules, steps, loads. Abstracted: overlap inside of blocks."""

    kind: ClassVar[str] = "spectral_cnn"
    version: ClassVar[int] = 1
    config = SpectralCnnConfig
    about = About(
        title="Spectral CNN", paper="Niu et al., FPGA 2020", slots="576 complex multipliers",
        skips="pruned values of spectral kernels", good_for="3 x 3 convolutions over large planes",
        equal="optimal and heuristic schedules of a stated generator; VGG-16's cycles with 16 rows",
        abstracted="overlap of transforms and loads inside of a block; the paper's own heuristic is unknown",
        policy=SCHEDULES, bound="most entries of a kernel, or distinct indices over replicas",
        tile="a block of tiles and kernels", waits="transforms, at the end of a block",
        survey=(SurveyRow("Spectral CNN (2020)", "conv", "COO", "-", False, "-", "input act."),),
    )
    stalls = OVERLAPPED_STALLS
    counts = COMMON_COUNTS
    policies = POLICIES
