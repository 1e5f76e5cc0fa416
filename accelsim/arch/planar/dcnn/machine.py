"""Descriptor of DCNN. A dense machine's time is geometry: whole arrays of it, no event loop."""

from collections.abc import Mapping
from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine, Policy
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.shared.policies import POLICIES


class Dcnn(Machine[DcnnConfig]):
    """DCNN and DCNN-opt, the dense baselines of the SCNN paper (Parashar et al., ISCA 2017).

    Exact: tiling, lanes without a channel, products outside the plane, waiting PEs, gated lanes. Abstracted:
    post-processing and memory never delay it. Slots are multipliers. Rules and their sources: docs/machines/dcnn.md.
    """

    kind: ClassVar[str] = "dcnn"
    version: ClassVar[int] = 1
    config: ClassVar[type[DcnnConfig]] = DcnnConfig
    about = About(
        title="DCNN, DCNN-opt", paper="Parashar et al., ISCA 2017", slots="64 PEs x 16 multipliers",
        skips="nothing (`dcnn_opt` gates)", good_for="the denominator of SCNN's published ratios",
        equal="nothing: its insides were not published",
        abstracted="the dot product over channels, hidden post-processing and weight broadcast are our assumptions",
        policy="cuts of the plane, parts of the filters", bound="the optimum of all cuts and parts (memories aside)",
        tile="a round", waits="barriers",
        timeline=("PEs", "a round's cycles (`compute`), wait", ""),
    )
    slot = "a multiplier"
    stalls = (
        BUSY,
        Stall("zero_operand", "wasted", "multiplies a zero", "a sparse machine; gating saves its energy, not its time"),
        Stall("outside", "wasted", "makes a product that falls outside the output plane",
              "fewer, larger tiles; it is the price of all with all"),
        Stall("fragmentation", "no_work", "is a lane without a channel", "layers with more channels"),
        Stall("barrier", "imbalance", "waits for the slowest PE of the round", "policy"),
        Stall("idle_tile", "no_work", "belongs to a PE without a part of the plane",
              "policy `output_channels_first`; fewer PEs"),
    )
    counts = (
        Count("macs", "= `busy`"),
        Count("multiplies",
              "lanes that switch: `busy` + `zero_operand` + `outside`; with `zero_gating` products of two non-zeros, "
              "inside or outside", "multiply"),
        Count("gated_multiplies", "`busy` + `zero_operand` + `outside` - `multiplies`", "gated_multiply"),
        Count("accumulator_updates", "cycles whose dot product lands in the output plane", "accumulator_update",
              data="output"),
        Count("activation_vector_reads", "per PE, round, conv group, phase with taps: positions x ceil(C/groups / D)",
              "dense_activation_ram_read", "vector_bits", "activation"),
        Count("weight_vector_reads", "sum of t over PEs", "dense_weight_read", "vector_bits", "weight"),
        Count("weight_fifo_writes",
              "per image, temporal tile, round and part: taps of all phases x filters x ceil(C/groups / D), x PEs of "
              "the part whose piece is not empty", "dense_weight_write", "vector_bits", "weight"),
        Count("halo_entries", "sum of sent x nk", "halo_entry", data="output"),
        Count("oaram_writes",
              "sum of own x nk: outputs, zeros included (a bound: patterns alone do not tell the zeros behind ReLU)",
              "dense_activation_ram_write", "value_bits", "output"),
        Count("dram_weight_bits", "(size of the weight tensor) x value_bits x images x (tr x tc)", "dram", 1, "weight",
              behind_dram=True),
        Count("dram_activation_bits",
              "0 when tr = tc = 1 fits the IARAM; else N*C*H*W x value_bits; with `compress_dram` entries of SCNN's "
              "compressed activation blocks of the final pieces x (value_bits + index_bits); x rounds if single "
              "positions do not fit", "dram", 1, "activation", behind_dram=True),
        Count("dram_output_bits",
              "0 when oaram_bits is 0 or for every PE own x channels of its part x value_bits <= oaram_bits; else "
              "N*K*P*Q x value_bits", "dram", 1, "output", behind_dram=True),
    )
    policies: ClassVar[Mapping[str, Policy]] = POLICIES
    mapping_keys = ("pe_rows", "pe_cols", "accumulator_entries", "kc_max", "iaram_bits", "value_bits", "index_bits")

    def area_mm2(self, config: DcnnConfig) -> float | None:
        """5.9 mm2 (16 nm) for the paper's own geometry, else None [paper]."""
        return 5.9 if (config.pe_rows, config.pe_cols, config.dot_width) == (8, 8, 16) else None
