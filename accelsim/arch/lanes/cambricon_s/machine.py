"""Descriptor of Cambricon-S: what the machine declares of itself. Rules: docs/machines/cambricon_s.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, SurveyRow
from accelsim.arch.lanes.cambricon_s.config import CambriconSConfig
from accelsim.arch.lanes.cambricon_s.policies import POLICIES
from accelsim.arch.lanes.shared.facts import COMMON_COUNTS, EMPTY, FRAGMENTATION, UNUSED, ZERO_OPERAND
from accelsim.arch.machine import Machine

PUBLISHED_AREA_MM2 = 6.73  # 65 nm [summary of the paper]


class CambriconS(Machine[CambriconSConfig]):
    """Cambricon-S (Zhou et al., MICRO 2018). Exact: the shared index and windows. Abstracted: decoders keep up."""

    kind: ClassVar[str] = "cambricon_s"
    version: ClassVar[int] = 1
    config = CambriconSConfig
    about = About(
        title="Cambricon-S", paper="Zhou et al., MICRO 2018", slots="16 PEs x 16 multipliers",
        skips="blocks of weights, and activations", good_for="weights pruned in blocks of 16 outputs and more",
        equal="nothing outside: window and selector are our choices (the paper could not be read)",
        abstracted="Huffman and look-up decoders never delay",
        policy="whether weights that break the shared index are refused", bound="all slots busy with the useful work",
        tile="a round of outputs of one product", waits="nothing: PEs are in lock-step",
        timeline=("the array", "a round's cycles (`compute`)", ""),
        survey=(SurveyRow("Cambricon-S", "SpMM", "COO", "-", True, "group output neurons", "output"),),
    )
    slot = "a multiplier"
    stalls = (BUSY, ZERO_OPERAND, FRAGMENTATION, UNUSED, EMPTY)
    counts = (
        *COMMON_COUNTS,
        Count("selector_scans", "bits that the neuron selector looks at: positions x rounds x reduction",
              "selector_bit", data="activation"),
        Count("kept_positions", "reduction positions kept, of all blocks, each once"),
    )
    policies = POLICIES
    mapping_keys = ("pes", "multipliers", "window", "block_outputs", "min_window_cycles", "scan_weights")

    def area_mm2(self, config: CambriconSConfig) -> float | None:
        """The published area for 16 PEs of 16 multipliers, else None."""
        return PUBLISHED_AREA_MM2 if (config.pes, config.multipliers) == (16, 16) else None

    def sram_kbytes(self, config: CambriconSConfig) -> float | None:
        return config.kbytes
