"""Descriptor of DaDianNao, the dense array that Cnvlutin is compared with. Rules: docs/machines/dadiannao.md."""

from typing import ClassVar

from accelsim.arch.facts import About, Count
from accelsim.arch.lanes.dadiannao.config import DadiannaoConfig
from accelsim.arch.lanes.dadiannao.policies import POLICIES
from accelsim.arch.lanes.shared.facts import COMMON_COUNTS, DENSE_STALLS
from accelsim.arch.machine import Machine

PUBLISHED_AREA_MM2 = 67.73  # one node with 16 tiles and its links, 28 nm [recalled, with a check of its peak]


class Dadiannao(Machine[DadiannaoConfig]):
    """DaDianNao (Chen et al., MICRO 2014). Exact: rounds, bricks, space-to-depth. Abstracted: eDRAM banks, links."""

    kind: ClassVar[str] = "dadiannao"
    version: ClassVar[int] = 1
    config = DadiannaoConfig
    about = About(
        title="DaDianNao", paper="Chen et al., MICRO 2014", slots="4,096 multipliers", skips="nothing",
        good_for="the dense baseline of Cnvlutin",
        equal="cycles of eight layers beside Cnvlutin's early simulator, and of two cross-checks",
        abstracted="pipeline, eDRAM latency and the links between nodes",
        policy="the order of outputs, which changes no cycle", bound="its own cycles",
        tile="a round of outputs of one product", waits="nothing",
        timeline=("the array", "a round's cycles (`compute`)", ""),
    )
    slot = "a multiplier"
    stalls = DENSE_STALLS
    counts = (
        *COMMON_COUNTS,
        Count("brick_fetches", "bricks read from the central memory: positions x rounds x bricks", "brick_fetch",
              "brick_bits", "activation"),
        Count("bricks_written", "bricks of outputs: positions x ceil(outputs / inputs_per_step)", "brick_write",
              "brick_bits", "output"),
    )
    policies = POLICIES
    mapping_keys = ("space_to_depth", "tiles", "filters_per_tile", "inputs_per_step")

    def area_mm2(self, config: DadiannaoConfig) -> float | None:
        """The recalled area of a node of 16 tiles of 16 x 16 multipliers, else None."""
        published = (config.tiles, config.filters_per_tile, config.inputs_per_step) == (16, 16, 16)
        return PUBLISHED_AREA_MM2 if published else None

    def sram_kbytes(self, config: DadiannaoConfig) -> float | None:
        return config.kbytes
