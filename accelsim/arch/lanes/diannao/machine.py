"""Descriptor of DianNao, the dense array that Cambricon-X is compared with. Rules: docs/machines/diannao.md."""

from typing import ClassVar

from accelsim.arch.facts import About
from accelsim.arch.lanes.diannao.config import DiannaoConfig
from accelsim.arch.lanes.diannao.policies import POLICIES
from accelsim.arch.lanes.shared.facts import COMMON_COUNTS, DENSE_STALLS
from accelsim.arch.machine import Machine

PUBLISHED_AREA_MM2 = 3.02  # 16 x 16 multipliers with their buffers, 65 nm [recalled]


class Diannao(Machine[DiannaoConfig]):
    """DianNao (Chen et al., ASPLOS 2014). Exact: rounds and steps. Abstracted: pipeline and buffers."""

    kind: ClassVar[str] = "diannao"
    version: ClassVar[int] = 1
    config = DiannaoConfig
    about = About(
        title="DianNao", paper="Chen et al., ASPLOS 2014", slots="256 multipliers", skips="nothing",
        good_for="the dense baseline of Cambricon-X", equal="nothing: the paper could not be read",
        abstracted="the three pipeline stages; loop order and tiles of the buffers are our choice",
        policy="the order of outputs, which changes no cycle", bound="its own cycles",
        tile="a round of outputs of one product", waits="nothing",
        timeline=("the array", "a round's cycles (`compute`)", ""),
    )
    slot = "a multiplier"
    stalls = DENSE_STALLS
    counts = COMMON_COUNTS
    policies = POLICIES
    mapping_keys = ()  # what is kept are the products' matches: any design uses them

    def area_mm2(self, config: DiannaoConfig) -> float | None:
        """The recalled area for 16 x 16 multipliers, else None."""
        return PUBLISHED_AREA_MM2 if (config.outputs_per_step, config.inputs_per_step) == (16, 16) else None

    def sram_kbytes(self, config: DiannaoConfig) -> float | None:
        return config.kbytes
