"""Descriptor of SIGMA: what the machine declares of itself.

Source: Qin et al., HPCA 2020; its public RTL; the cycles that the TeAAL artifact lists as reported. The rules, each
with its source, are in docs/machines/sigma.md. Exact: the controller's stationary' and packing on the real bitmaps,
folds, unicast loads, streaming under a bandwidth, the pipeline with its FAN levels, clusters over several folds.
Abstracted: without `dram`, SRAM capacity; the mesh between Flex-DPEs (its words are counted, its hops take no time),
the controller's own time.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.flexible.sigma.config import SUM_BITS, WORD_BITS, SigmaConfig
from accelsim.arch.flexible.sigma.policies import POLICIES
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer

AREA_MM2, AREA_DPES, AREA_MULTIPLIERS = 65.10, 128, 128  # [paper], 28 nm, the published size alone


class Sigma(Machine[SigmaConfig]):
    """Sparse GEMM on flexible dot-product engines. Policies: see `accelsim.arch.flexible.sigma.policies`."""

    kind: ClassVar[str] = "sigma"
    version: ClassVar[int] = 1
    config = SigmaConfig
    about = About(
        title="SIGMA", paper="Qin et al., HPCA 2020", slots="16,384 multipliers", skips="the stationary operand",
        good_for="sparse and irregular matrix products; the stationary operand's zeros cost nothing, the streaming "
                 "one's do",
        equal="five published cycle counts within 3 % (four with the stationary' filter on), ten dense speed-ups "
              "within 4 %",
        abstracted="the mesh between Flex-DPEs, the controller's own time",
        policy="where stationary values go", bound="folds, loads and drains of values without a gap",
        tile="a fold", waits="load, bandwidth of the data SRAM, drain",
        timeline=("Flex-DPEs", "load, streaming of all vectors and drain of a fold",
                  "the load path, where loads overlap with other work"),
        survey=(SurveyRow("SIGMA", "SpMM", "BM", "BM", True, "-", "input/weight"),),
    )
    slot = "a multiplier"
    stalls = (
        BUSY,
        Stall("streamed_zero", "wasted", "meets a zero of the streaming operand",
              "let the sparser operand stream less: `stationary`"),
        Stall("unfilled", "no_work", "holds no stationary value",
              "fewer `flex_dpes`; policy `packed`; wider K tiles (`streaming`)"),
        Stall("bandwidth", "operands", "waits for words of a step", "`bandwidth_words_per_cycle`"),
        Stall("load", "load_drain", "waits while stationary values are loaded",
              "`overlap: load`; `bandwidth_words_per_cycle`; more vectors per fold (a batch)"),
        Stall("drain", "load_drain", "waits for multipliers and adder trees to run out",
              "`drain_per_k_tile: false`; more vectors per fold"),
    )
    counts = (
        Count("multiplies", "n_f x V: bubbles included", "multiply"),
        Count("fan_adds", "adds inside Flex-DPEs: V x (n_f - segments of the fold)", "add"),
        Count("dpu_adds", "adds across Flex-DPEs: V x (segments - clusters of the fold)", "add"),
        Count("stationary_reads", "n_f: words read from the data SRAM for loads", "data_sram_read", WORD_BITS),
        Count("streaming_reads",
              "non-zero words read for streaming: for each vector, its non-zeros among the d_f k of the fold",
              "data_sram_read", WORD_BITS),
        Count("outputs_written", "set bits of the output bitmap", "data_sram_write", SUM_BITS),
        Count("bitmap_bits_read",
              "per GEMM R x K + V x K once, plus V x (width of its tile) per fold: the source counters scan the "
              "vectors again", "data_sram_read", 1),
        Count("bitmap_bits_written", "R x V per GEMM", "data_sram_write", 1),
        Count("words_sent", "words on the network between Flex-DPEs: n_f + d_f x V (streamed zeros are sent too)",
              "network_word", WORD_BITS),
        Count("dpe_inputs", "words that enter a Flex-DPE: n_f + V x (sum over its Flex-DPEs of their distinct k)",
              "register_write", WORD_BITS),
        Count("switch_traversals",
              "(n_f + n_f x V) x (2 log2 P + 1): one path of switches per value delivered to a multiplier", "switch",
              WORD_BITS),
        Count("buffer_writes", "n_f: stationary values written at their multiplier", "register_write", WORD_BITS),
        Count("buffer_reads", "n_f x V", "register_read", WORD_BITS),
        Count("psum_writes", "V x clusters: accumulator writes", "accumulator_write", SUM_BITS),
        Count("psum_reads",
              "psum_writes minus V x (rows of A that have a stationary' value): the first write of a row reads nothing",
              "accumulate", SUM_BITS),
        Count("controller_ors", "V x K per GEMM; 0 with `stationary_filter` false", "gate"),
        Count("controller_ands", "R x K per GEMM; 0 with `stationary_filter` false", "gate"),
        Count("table_entries", "source-destination pairs with both bits set (equals `macs`)", "register_write",
              "table_entry_bits"),
        Count("macs", "multiplications of two non-zeros (equals `busy`)"),
    )
    policies = POLICIES
    mapping_keys = ("flex_dpes", "multipliers_per_dpe", "streaming", "stationary_filter")

    def notes(self, layer: Layer, config: SigmaConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        gemms = mapping["gemms_mk_stationary"] + mapping["gemms_kn_stationary"]
        if gemms > 1:
            yield f"run as {gemms:,} GEMMs (one per group), one after the other"

    def area_mm2(self, config: SigmaConfig) -> float | None:
        """The published area, for the published size alone."""
        published = (config.flex_dpes, config.multipliers_per_dpe) == (AREA_DPES, AREA_MULTIPLIERS)
        return AREA_MM2 if published else None
