"""SPEC2 as the house sees it. Rules: docs/machines/spec2.md and spectral.md."""

from typing import ClassVar

from accelsim.arch.facts import About, SurveyRow
from accelsim.arch.spectral.shared.alike import SpectralMachine
from accelsim.arch.spectral.shared.facts import COMMON_COUNTS, OVERLAPPED_STALLS, SCHEDULES
from accelsim.arch.spectral.spec2.config import Spec2Config
from accelsim.arch.spectral.spec2.policies import POLICIES


class Spec2(SpectralMachine[Spec2Config]):
    """SPEC2 (Niu et al., HiPC 2019). Its timing is our choice: see the page."""

    kind: ClassVar[str] = "spec2"
    version: ClassVar[int] = 1
    config = Spec2Config
    about = About(
        title="SPEC2", paper="Niu et al., HiPC 2019", slots="64 complex multipliers",
        skips="pruned values of spectral kernels", good_for="the baseline of Spectral CNN",
        equal="nothing outside: its timing is our choice (the paper could not be read)",
        abstracted="split of the multipliers, buffers, transforms",
        policy=f"{SCHEDULES}, which changes no cycle here", bound="its own cycles",
        tile="a kernel group with all tiles", waits="transforms, at the end of a block",
        survey=(SurveyRow("SPEC2 (2019)", "conv", "COO", "-", False, "-", "weight/kernel"),),
    )
    stalls = OVERLAPPED_STALLS
    counts = COMMON_COUNTS
    policies = POLICIES
    weights_stay = True
