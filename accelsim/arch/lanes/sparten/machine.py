"""Descriptor of SparTen: what the machine declares of itself. Rules: docs/machines/sparten.md."""

from collections.abc import Mapping
from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, SurveyRow
from accelsim.arch.lanes.shared.facts import BARRIER, EMPTY, FINISHED, MACS, OUTPUTS_WRITTEN, OVERHEAD, UNUSED
from accelsim.arch.lanes.sparten.config import SpartenConfig
from accelsim.arch.lanes.sparten.policies import POLICIES
from accelsim.arch.machine import Machine

CLUSTER_AREA_MM2 = 0.766  # of 32 units, 45 nm [recalled, with a check by two published ratios]


class Sparten(Machine[SpartenConfig]):
    """SparTen (Gondimalla et al., MICRO 2019), and through its parameters three published models of it.

    Exact: chunks, inner joins, barriers, pairing of filters, clusters; equal to the SparTen baselines of two other
    papers' simulators with `sparten_bitsim` and `sparten_loas`. Abstracted: buffers always hold the next chunk.
    """

    kind: ClassVar[str] = "sparten"
    version: ClassVar[int] = 1
    config = SpartenConfig
    about = About(
        title="SparTen", paper="Gondimalla et al., MICRO 2019", slots="32 clusters x 32 units", skips="both operands",
        good_for="convolutions and products with both operands sparse; what pairing of filters gains",
        equal="seven layers of BitSim's SparTen and three products of LoAS's, cycles and matches, with presets "
              "`sparten_bitsim` and `sparten_loas`",
        abstracted="buffers hold the next chunk in time; the permute network is free unless it is given a width",
        policy="which filters a unit has; whether clusters take output positions from a queue",
        bound="between barriers all matches evenly divided over a cluster's units, and the longest filter",
        tile="a round of filters of one product", waits="units, at each barrier; clusters, at a product's end",
        timeline=("units", "a job's matches (`compute`), wait", ""),
        survey=(SurveyRow("SparTen", "SpMM", "BM", "BM", True, "precomputed greedy", "output"),),
    )
    slot = "a unit"
    stalls = (BUSY, UNUSED, EMPTY, BARRIER, OVERHEAD, FINISHED)
    counts = (
        MACS,
        Count("multiplies", "products made (= `macs`)", "multiply"),
        Count("joins", "matches found (= `macs`): priority encoder and two prefix sums", "inner_join"),
        Count("operand_reads", "pairs read from a unit's buffers, and their sum kept (= `macs`)", "operand_read"),
        Count("filter_chunks", "chunks of filters fetched by units: filters x chunks x the groups of positions"),
        Count("input_chunks", "chunks broadcast in a cluster: positions x rounds x chunks"),
        Count("permuted_sums", "partial sums that change their unit from one chunk to the next", "permuted_sum",
              "sum_bits", "output"),
        Count("unit_cycles", "slots x cycles", "unit_cycle"),
        OUTPUTS_WRITTEN,
    )
    policies = POLICIES
    mapping_keys = ("clusters", "units", "columns", "held", "chunk", "order", "barrier", "dispatch",
                    "empty_chunk_cycles", "join_cycles", "chunk_overhead_cycles", "output_cycles", "min_step_cycles",
                    "permute_words_per_cycle")

    def waiting_counts(self, config: SpartenConfig, cycles: int) -> Mapping[str, int]:
        return {"unit_cycles": config.schedule.slots * cycles}

    def area_mm2(self, config: SpartenConfig) -> float | None:
        """Clusters of 32 units, else None."""
        return config.clusters * CLUSTER_AREA_MM2 if (config.units, config.columns) == (32, 1) else None

    def sram_kbytes(self, config: SpartenConfig) -> float | None:
        return config.kbytes
