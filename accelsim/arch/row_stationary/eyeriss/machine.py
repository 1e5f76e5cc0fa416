"""Descriptor of Eyeriss: what the machine declares of itself.

Source: Chen et al., JETCAS 2019 (v2), ISCA 2016 and JSSC 2017 (v1); the rules, each with its source, are in
docs/machines/eyeriss.md. Exact: tiles, windows and passes on the real non-zeros, the bubble rule, the sums of a column
waiting for its slowest PE, loads of every port and link per pass. Abstracted: bursts within a pass, latencies of hops,
bank conflicts, the schedule that the papers do not print.
"""

from collections.abc import Mapping
from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.policies import POLICIES


class Eyeriss(Machine[EyerissConfig]):
    """The Eyeriss family. Slots are multipliers. Policies: see `accelsim.arch.row_stationary.eyeriss.policies`."""

    kind: ClassVar[str] = "eyeriss"
    version: ClassVar[int] = 4
    config = EyerissConfig
    about = About(
        title="Eyeriss v1, v1.5, v2", paper="Chen et al., JSSC 2017, JETCAS 2019",
        slots="192 PEs x 2 multipliers (`eyeriss_v2`)", skips="both operands (v1 gates)",
        good_for="pruned convolutions on a small chip; what a network between PEs is worth",
        equal="multiply-accumulates and weight words of four public layers",
        abstracted="the schedule, v1's bus widths; per-layer densities of its sparse AlexNet are assumptions",
        policy="the mapping", bound="all slots busy with useful work: true of every mapping, seldom reached",
        tile="a pass: all PEs' weights, which it loads, with the rows of inputs they meet",
        waits="loads of all routers' ports and links, columns, barrier",
        timeline=("PEs", "in each `pass`: `weight`; `windows`, the first to the last with moving their sums and the "
                  "waits between them; `column` and `psum` until its sums have left; `barrier`; `iact` or `psum` when "
                  "that network is slower than the PEs", ""),
        survey=(SurveyRow("Eyeriss", "conv", "-", "-", True, "-", "row"),
                SurveyRow("Eyeriss v2", "SpMM", "CSC", "CSC", True, "activation queuing", "row")),
    )
    slot = "a multiplier"
    stalls = (
        BUSY,
        Stall("ineffectual", "wasted", "holds a zero operand (gating PEs, dense mode), or a placeholder",
              "`pe: skip`; smaller `m0` or more `count_bits` against placeholders"),
        Stall("simd_idle", "no_work", "its PE's word is not full: a column has too few non-zeros",
              "`macs_per_pe: 1`; larger `m0`; denser columns"),
        Stall("bubble", "wasted", "its PE passes empty weight columns, or looks one up",
              "larger `m0`: fuller columns; `address_cycles`; pruning that empties whole channels", bound="on-chip"),
        Stall("column", "imbalance", "waits for the slowest PE of its column",
              "larger `psum_words` (windows in flight); smaller `column`; smaller `m0`"),
        Stall("psum", "load_drain",
              "moves sums up its column, or waits for them to leave: pipeline, or the psum network",
              "larger windows (`c0`, `s0`); smaller `column`; `psum_port_bits`, `psum_words`"),
        Stall("barrier", "imbalance", "waits for the slowest lane of the pass",
              "larger chunks (`glb_psum_bytes`); another mapping"),
        Stall("iact", "operands", "waits for the input network, at the end of a pass",
              "`iact_port_bits`, `inner`; `network: hierarchical`"),
        Stall("weight", "operands", "waits for weights, at the begin of a pass",
              "a batch; `weight_port_bits`; more `row_lanes`; `network: hierarchical`"),
        Stall("config", "load_drain", "waits while the array is configured for the layer", "`config_cycles`; a batch"),
        Stall("fragmentation", "no_work", "belongs to a PE without work in this pass",
              "policy `most_pes`; another mapping"),
    )
    counts = (
        Count("macs",
              "multiplications that happen: compressed: both operands non-zero; dense: non-zero inputs x filters of "
              "the tile, zero weights too (only zero inputs gate [v1])", "multiply_add_{config.arithmetic_bits}"),
        Count("gated_macs",
              "entries that are gated: compressed: placeholders met; dense: zero inputs (padding too) x filters",
              "gated_multiply_add_{config.arithmetic_bits}"),
        Count("iact_address_reads", "compressed: per window and mapped PE ceil(taps/v); dense 0", "iact_address",
              "iact_address_bits", "activation"),
        Count("iact_reads", "per window and mapped PE: compressed: its non-zero inputs; dense: channels x taps",
              "iact_read", "entry_bits", "activation"),
        Count("iact_writes",
              "per item and mapped PE: compressed: non-zeros of its stream; dense: columns x channels of its stream",
              "iact_write", "entry_bits", "activation"),
        Count("weight_address_reads", "compressed: = `iact_reads`; dense 0", "weight_address", "weight_address_bits",
              "weight"),
        Count("weight_reads",
              "words: compressed: of the columns of non-zero inputs; dense: ceil(filters/V) per non-zero input",
              "weight_read", "weight_word_bits", "weight"),
        Count("weight_writes",
              "words, per pass and mapped PE: compressed: of its tile; dense: channels x taps x ceil(filters/V)",
              "weight_write", "weight_word_bits", "weight"),
        Count("psum_reads", "`macs`, and the tile's filters per window and mapped PE (out of the column)", "psum_read",
              "psum_bits", "output"),
        Count("psum_writes", "`macs`", "psum_write", "psum_bits", "output"),
        Count("psum_passes", "sums handed from PE to PE: per window of a lane: filters x (mapped PEs of the lane - 1)",
              "psum_pass", "psum_bits", "output"),
        Count("glb_iact_read_bits", "bits of the needed streams, per pass", "{config.buffer_action}_read", 1,
              "activation"),
        Count("glb_iact_write_bits", "bits (network's form) of the streams that passes *fetch*",
              "{config.buffer_action}_write", 1, "activation"),
        Count("glb_psum_reads",
              "sums: per window and lane, filters if z > 0; filters if z < Z - 1 (the last step's go off-chip)",
              "{config.buffer_action}_read", "psum_bits", "output"),
        Count("glb_psum_writes",
              "sums: per window and lane, filters if z > 0; filters if z < Z - 1 (the last step's go off-chip)",
              "{config.buffer_action}_write", "psum_bits", "output"),
        Count("iact_hop_bits", "bits x (links of the route + destinations); flat: bits", "{config.wire_action}", 1,
              "activation"),
        Count("weight_hop_bits",
              "per row of the array, bits x (links in between + destinations); flat: bits of each distinct (group, "
              "filter tile, strip) tile once", "{config.wire_action}", 1, "weight"),
        Count("psum_hop_bits",
              "ps x (1 + yb - yt), and for z > 0 again ps x (1 + yb - yt); flat: ps, and for z > 0 again ps",
              "{config.wire_action}", 1, "output"),
        Count("pe_cycles", "PEs x cycles; while the machine waits for memory its clock runs: these cycles count too",
              "pe_cycle", "pe_word_bits"),
        Count("dram_weight_bits",
              "per pass, each distinct (group, filter tile, strip) tile of its mapped PEs once: weights do not stay "
              "in the global buffer [paper]", "dram_bit", 1, "weight", behind_dram=True),
        Count("dram_activation_bits", "bits, in DRAM's form, of the streams that passes *fetch*", "dram_bit", 1,
              "activation", behind_dram=True),
        Count("dram_output_bits", "outputs x value_bits", "dram_bit", 1, "output", behind_dram=True),
    )
    policies = POLICIES
    mapping_keys = ("pe", "macs_per_pe", "psum_words", "count_bits")

    def waiting_counts(self, config: EyerissConfig, cycles: int) -> Mapping[str, int]:
        """The clock runs on."""
        return {"pe_cycles": config.pes * cycles}

    def sram_kbytes(self, config: EyerissConfig) -> float:
        """Global buffer and the data scratchpads of all PEs (without their addresses)."""
        entry = config.value_bits + (config.count_bits if config.pe == "skip" else 0)
        pe_bits = config.iact_words * entry + config.weight_words * config.macs_per_pe * entry \
            + config.psum_words * config.psum_bits
        return (config.clusters * (config.glb_iact_bytes + config.glb_psum_bytes) * 8 + config.pes * pe_bits) / 8192
