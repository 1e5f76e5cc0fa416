"""Descriptor of Cambricon-X: what the machine declares of itself. Rules: docs/machines/cambricon_x.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.lanes.cambricon_x.config import CambriconXConfig
from accelsim.arch.lanes.cambricon_x.policies import POLICIES
from accelsim.arch.lanes.shared.facts import (
    ACTIVATION_READS,
    BARRIER,
    EMPTY,
    FRAGMENTATION,
    MACS,
    OUTPUTS_WRITTEN,
    SUM_UPDATES,
    UNUSED,
    WEIGHT_READS,
    ZERO_OPERAND,
)
from accelsim.arch.machine import Machine

PUBLISHED_AREA_MM2 = 6.38  # 65 nm [paper]


class CambriconX(Machine[CambriconXConfig]):
    """Cambricon-X (Zhang et al., MICRO 2016). Exact: windows, steps and fillers, scopes. Abstracted: index module."""

    kind: ClassVar[str] = "cambricon_x"
    version: ClassVar[int] = 1
    config = CambriconXConfig
    about = About(
        title="Cambricon-X", paper="Zhang et al., MICRO 2016", slots="16 PEs x 16 multipliers", skips="weights",
        good_for="pruned weights of any pattern; a zero activation still takes its place",
        equal="nothing outside: index width, scope and loop order are our choices (the paper could not be read)",
        abstracted="the indexing module and the fat tree never delay",
        policy="which outputs share a round",
        bound="for each scope, all steps evenly divided over PEs, and the longest",
        tile="a round of outputs of one product", waits="PEs, at each scope's end",
        timeline=("PEs", "a scope's steps (`compute`), wait", ""),
        survey=(SurveyRow("Cambricon-X", "SpMM", "CSC", "-", True, "N/A", "output"),),
    )
    slot = "a multiplier"
    stalls = (
        BUSY, ZERO_OPERAND,
        Stall("filler", "wasted", "has an entry that only spans a long run of zeros", "`index_bits`; `index: window`"),
        FRAGMENTATION, UNUSED, EMPTY, BARRIER,
    )
    counts = (
        MACS,
        Count("multiplies", "products made, fillers too: `busy` + `zero_operand` + `filler`", "multiply"),
        WEIGHT_READS, ACTIVATION_READS, SUM_UPDATES, OUTPUTS_WRITTEN,
        Count("index_reads", "steps decoded: stored entries of the outputs, fillers too, x positions",
              "cambricon_x_index_read", "index_bits", "weight"),
        Count("fillers", "fillers among the stored entries, each once"),
    )
    policies = POLICIES
    mapping_keys = ("index", "window", "index_bits", "multipliers", "pes", "scope", "min_window_cycles")

    def area_mm2(self, config: CambriconXConfig) -> float | None:
        """The published area for 16 PEs of 16 multipliers, else None."""
        return PUBLISHED_AREA_MM2 if (config.pes, config.multipliers) == (16, 16) else None

    def sram_kbytes(self, config: CambriconXConfig) -> float | None:
        return config.kbytes
