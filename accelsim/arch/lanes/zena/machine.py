"""Descriptor of ZeNA: what the machine declares of itself. Rules: docs/machines/zena.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, SurveyRow
from accelsim.arch.lanes.shared.facts import BARRIER, COMMON_COUNTS, EMPTY, FINISHED, UNUSED
from accelsim.arch.lanes.zena.config import ZenaConfig
from accelsim.arch.lanes.zena.policies import POLICIES
from accelsim.arch.machine import Machine


class Zena(Machine[ZenaConfig]):
    """ZeNA (Kim et al., DATE 2017). Exact: matches of bit vectors, rounds, groups. Abstracted: what feeds PEs."""

    kind: ClassVar[str] = "zena"
    version: ClassVar[int] = 1
    config = ZenaConfig
    about = About(
        title="ZeNA", paper="Kim et al., DATE 2017", slots="14 groups x 12 PEs", skips="both operands",
        good_for="what allocation of kernels by their zeros gains",
        equal="nothing outside: nearly all below the abstract is our choice (the paper could not be read)",
        abstracted="distribution of vectors and values; all loops but the groups'",
        policy="which kernels share a round; whether groups take tiles from a queue",
        bound="all matches of a tile evenly divided over a group's PEs, and its longest kernel, over groups",
        tile="a round of kernels of one product", waits="PEs, at each round's end; groups, at a product's",
        timeline=("PEs", "a job's steps (`compute`), wait", ""),
        survey=(SurveyRow("ZeNA", "conv", "BM", "BM", True, "dynamic group allocation", "N/A"),),
    )
    slot = "a PE"
    stalls = (BUSY, UNUSED, EMPTY, BARRIER, FINISHED)
    counts = (
        *COMMON_COUNTS,
        Count("segment_joins", "pairs of vector segments joined: positions x kernels x segments", "segment_join",
              "segment"),
    )
    policies = POLICIES
    mapping_keys = ("groups", "pes_per_group", "tile_positions", "segment", "empty_segment_cycles")

    def sram_kbytes(self, config: ZenaConfig) -> float | None:
        return config.kbytes
