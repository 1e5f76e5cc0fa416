"""Descriptor of SCNN: what the machine declares of itself."""

from collections.abc import Mapping
from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine, Policy
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.shared.policies import POLICIES


class Scnn(Machine[ScnnConfig]):
    """SCNN (Parashar et al., ISCA 2017), and through its parameters the variant of the simulator DNNsim.

    Exact: planes, groups, compressed blocks with placeholders, every step's products by bank from the real non-zero
    positions, bank queues, barriers, exposed post-processing. Abstracted: weights and activations arrive in time (DRAM
    is counted in bits), and outputs are counted without the zeros behind ReLU. Slots are multipliers. Rules and their
    sources: docs/machines/scnn.md. Policies: see `accelsim.arch.planar.shared.policies`.
    """

    kind: ClassVar[str] = "scnn"
    version: ClassVar[int] = 1
    config: ClassVar[type[ScnnConfig]] = ScnnConfig
    about = About(
        title="SCNN", paper="Parashar et al., ISCA 2017", slots="64 PEs x 16 multipliers", skips="both operands",
        good_for="convolutions with many channels. A fully connected layer reaches a quarter of the peak at best",
        equal="four layers of the simulator DNNsim, with preset `scnn_dnnsim`",
        abstracted="bank hash, queue depths and post-processing rates are other simulators' or ours; weights arrive in "
                   "time",
        policy="cuts of the plane, parts of the filters",
        bound="for the best grid, the largest of: all steps evenly divided, the fullest band of rows or columns at the "
              "best cuts, the fullest position, bank updates",
        tile="a round", waits="bank queues, barriers, halo exchange",
        timeline=("PEs", "all steps from barrier to barrier (`compute`), drain, wait", "the post-processing unit"),
        survey=(SurveyRow("SCNN", "conv", "CSC", "CSC", True, "N/A", "input act."),),
    )
    slot = "a multiplier"
    stalls = (
        BUSY,
        Stall("fragmentation", "no_work", "has no operand: a vector is not full",
              "smaller `weight_vector`, `activation_vector`; `kc_max`; larger tiles"),
        Stall("placeholder", "wasted", "meets an entry that only spans a long run of zeros", "`index_bits`"),
        Stall("outside", "wasted", "makes a product that falls outside the output plane",
              "fewer, larger tiles; it is the price of all with all"),
        Stall("bank_conflict", "conflict", "waits for a bank that gets several products",
              "`banks`, `bank_hash`, `bank_queue_entries`, `weight_order`"),
        Stall("drain", "load_drain", "waits for bank queues to empty before a barrier",
              "`barrier: group`; shorter queues"),
        Stall("barrier", "imbalance", "waits for the slowest PE of the round", "policy; `barrier: group`"),
        Stall("idle_tile", "no_work", "belongs to a PE without a part of the plane",
              "policy `output_channels_first`; fewer PEs"),
        Stall("halo", "operands", "waits for partial sums between neighbours",
              "`halo_entries_per_cycle`; fewer, larger tiles"),
        Stall("post", "load_drain", "waits for ReLU and compression", "`post_entries_per_cycle`; `post: overlapped`"),
    )
    counts = (
        Count("macs", "useful products (= `busy`)"),
        Count("multiplies", "products of two non-zeros (`busy` + `outside`)", "multiply"),
        Count("steps", "steps"),
        Count("crossbar_transfers", "= `macs`", "crossbar_transfer", data="output"),
        Count("accumulator_updates", "= `macs`", "bank_update", data="output"),
        Count("iaram_vector_reads",
              "activation vectors read: for each PE, round, channel, phase: chunks x activation vectors",
              "activation_ram_read", "activation_vector_bits", "activation"),
        Count("weight_vector_reads", "= `steps`", "weight_fifo_read", "weight_vector_bits", "weight"),
        Count("weight_fifo_writes",
              "weight vectors written into FIFOs: each block's vectors x PEs of its part whose piece is not empty, "
              "for each image, temporal tile, round", "weight_fifo_write", "weight_vector_bits", "weight"),
        Count("halo_entries", "sum of sent x nk", "halo_entry", data="output"),
        Count("oaram_writes",
              "sum of own x nk: outputs, zeros included (a bound: patterns alone do not tell the zeros behind ReLU)",
              "activation_ram_write", "entry_bits", "output"),
        Count("dram_weight_bits",
              "entries of all weight blocks of the layer x (value_bits + index_bits) x images x (tr x tc)", "dram", 1,
              "weight", behind_dram=True),
        Count("dram_activation_bits",
              "0 when tr = tc = 1 fits the IARAM (judged by the IARAM alone); else entries of all activation blocks "
              "(each once, whatever `parts`) x (value_bits + index_bits), x rounds if streamed", "dram", 1,
              "activation", behind_dram=True),
        Count("dram_output_bits",
              "0 when oaram_bits is 0 or for every PE: own (over all temporal tiles) x channels of its part x "
              "(value_bits + index_bits) <= oaram_bits; else N*K*P*Q x (value_bits + index_bits)", "dram", 1, "output",
              behind_dram=True),
    )
    policies: ClassVar[Mapping[str, Policy]] = POLICIES
    mapping_keys = ("pe_rows", "pe_cols", "tiling", "accumulator_entries", "kc_rule", "kc_max", "iaram_bits",
                    "value_bits", "index_bits", "bank_hash", "weight_order", "weight_vector", "activation_vector",
                    "banks", "bank_queue_entries", "barrier", "weight_fifo_entries")

    def area_mm2(self, config: ScnnConfig) -> float | None:
        """7.9 mm2 (16 nm) for the paper's own geometry, else None [paper]."""
        published = (config.pe_rows, config.pe_cols, config.lanes, config.banks) == (8, 8, 16, 32)
        return 7.9 if published else None
