"""Descriptor of Minerva: what the machine declares of itself. Rules: docs/machines/minerva.md."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.lanes.minerva.config import MinervaConfig
from accelsim.arch.lanes.minerva.policies import POLICIES
from accelsim.arch.lanes.shared.facts import (
    ACTIVATION_READS,
    MACS,
    MULTIPLIES,
    OUTPUTS_WRITTEN,
    OVERHEAD,
    SUM_UPDATES,
    UNUSED,
    WEIGHT_READS,
    ZERO_OPERAND,
)
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer


class Minerva(Machine[MinervaConfig]):
    """Minerva (Reagen et al., ISCA 2016). It gates: cycles never depend on data. Abstracted: voltages, faults."""

    kind: ClassVar[str] = "minerva"
    version: ClassVar[int] = 1
    config = MinervaConfig
    about = About(
        title="Minerva", paper="Reagen et al., ISCA 2016", slots="16 multiply-accumulate lanes",
        skips="nothing (small activations are gated)",
        good_for="what gating alone saves in small fully connected networks",
        equal="the cycles of five published networks, by their shapes",
        abstracted="undervolted SRAM with its faults; the pipeline is a fixed number of cycles behind each group",
        policy="the order of outputs, which changes no cycle", bound="its own cycles",
        tile="a round of outputs of one product", waits="the pipeline's drain",
        timeline=("lanes", "a group's inputs (`compute`), its drain", ""),
        survey=(SurveyRow("Minerva", "FC", "-", "-", True, "N/A", "-"),),
    )
    slot = "a lane"
    stalls = (
        BUSY,
        ZERO_OPERAND,
        Stall("gated", "wasted", "is switched off: its activation is below the threshold",
              "a machine that skips; gating saves energy, not time"),
        UNUSED,
        OVERHEAD,
    )
    counts = (
        MACS, MULTIPLIES,
        Count("gated_multiplies", "multiplications that a small activation switches off (= `gated`)"),
        WEIGHT_READS, ACTIVATION_READS,
        Count("threshold_compares", "activations compared with the threshold (= `activation_reads`)",
              "threshold_compare", "activation_bits", "activation"),
        SUM_UPDATES, OUTPUTS_WRITTEN,
    )
    policies = POLICIES
    mapping_keys = ()  # what is kept are the layer and its products: any design uses them

    def notes(self, layer: Layer, config: MinervaConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        if mapping.get("threshold", 0) > 1:
            yield (f"activations below {mapping['threshold']} are taken for zero: the output is that of the pruned "
                   "activations")

    def sram_kbytes(self, config: MinervaConfig) -> float | None:
        return config.kbytes
