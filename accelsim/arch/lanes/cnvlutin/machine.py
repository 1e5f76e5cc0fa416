"""Descriptor of Cnvlutin: what the machine declares of itself. Rules: docs/machines/cnvlutin.md."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import BUSY, About, Count, SurveyRow
from accelsim.arch.lanes.cnvlutin.config import CnvlutinConfig
from accelsim.arch.lanes.cnvlutin.policies import POLICIES
from accelsim.arch.lanes.dadiannao.machine import PUBLISHED_AREA_MM2
from accelsim.arch.lanes.shared.facts import (
    BARRIER,
    COMMON_COUNTS,
    EMPTY,
    OVERHEAD,
    UNUSED,
    ZERO_OPERAND,
)
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul

ADDED_AREA = 1.0449  # over DaDianNao [paper]


class Cnvlutin(Machine[CnvlutinConfig]):
    """Cnvlutin (Albericio et al., ISCA 2016).

    Exact: bricks, slices, passes and the meeting of all lanes at every output position, equal to the authors' early
    simulator with the preset `cnvlutin_early`. Abstracted: dispatcher, banks of the neuron memory and encoder keep up.
    """

    kind: ClassVar[str] = "cnvlutin"
    version: ClassVar[int] = 1
    config = CnvlutinConfig
    about = About(
        title="Cnvlutin", paper="Albericio et al., ISCA 2016", slots="16 lanes x 256 multipliers",
        skips="activations", good_for="convolutions behind a rectifier, with 256 channels and more",
        equal="eight layers of the authors' early simulator, skipping and dense, with preset `cnvlutin_early`",
        abstracted="dispatcher, neuron memory and encoder never delay; lanes of layers with few channels: our choice",
        policy="the order of outputs, which changes no cycle", bound="its own cycles",
        tile="a product", waits="lanes, at each output position",
        timeline=("lanes", "a position's steps (`compute`), its overhead, wait", ""),
        survey=(SurveyRow("Cnvlutin", "conv", "-", "COO (blocked)", True, "group neurons", "output"),),
    )
    slot = "a multiplier"
    stalls = (BUSY, ZERO_OPERAND, UNUSED, EMPTY, BARRIER, OVERHEAD)
    counts = (
        *COMMON_COUNTS,
        Count("brick_fetches", "bricks that the dispatcher takes, empty ones too: positions x bricks of all lanes",
              "brick_fetch", "brick_bits", "activation"),
        Count("bricks_written", "bricks of outputs that the encoder makes: positions x ceil(outputs / brick)",
              "brick_write", "brick_bits", "output"),
    )
    policies = POLICIES
    mapping_keys = ("tiles", "filters_per_tile", "space_to_depth", "neuron_lanes", "brick", "lane_map", "skip_zeros",
                    "first_layer", "fully_connected", "empty_brick_cycles")

    def design_for(self, config: CnvlutinConfig, first: bool) -> CnvlutinConfig:
        """The trace's own input is not encoded: with `first_layer: dense` its zeros take their steps."""
        return config.model_copy(update={"skip_zeros": False}) if first and config.first_layer == "dense" else config

    def notes(self, layer: Layer, config: CnvlutinConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        if config.skip_zeros and not mapping.get("skips", True):
            why, key = (("matrix product", "fully_connected") if isinstance(layer, Matmul)
                        else ("first layer of the trace, whose input is not encoded", "first_layer"))
            yield f"{why}: zeros take their steps ({key}: dense)"

    def area_mm2(self, config: CnvlutinConfig) -> float | None:
        """The paper's overhead on the recalled area of DaDianNao, for its geometry; else None."""
        published = (config.tiles, config.filters_per_tile, config.neuron_lanes) == (16, 16, 16)
        return ADDED_AREA * PUBLISHED_AREA_MM2 if published else None

    def sram_kbytes(self, config: CnvlutinConfig) -> float | None:
        return config.kbytes
