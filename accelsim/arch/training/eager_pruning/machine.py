"""Descriptor of Eager Pruning: what the machine declares of itself. Rules: docs/machines/eager_pruning.md."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine
from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.policies import POLICIES
from accelsim.arch.training.shared.passes import training_note
from accelsim.workload.layer import Layer


class EagerPruning(Machine[EagerPruningConfig]):
    """Non-zero weights packed over multipliers. Policies: `accelsim.arch.training.eager_pruning.policies`."""

    kind: ClassVar[str] = "eager_pruning"
    version: ClassVar[int] = 1
    config = EagerPruningConfig
    about = About(
        title="Eager Pruning", paper="Zhang et al., ISCA 2019", slots="256 multipliers", skips="weights",
        good_for="training iterations on weight masks with few weights in a kernel",
        equal="packed and fixed tile counts of a third party's rules",
        abstracted="the paper's schedule, sizes and baseline, which could not be read",
        policy="in which order kernels are packed", bound="all multipliers busy in every cycle",
        tile="a tile of packed weights", waits="loads, drain of the adder tree",
        survey=(SurveyRow("Eager Pruning", "SpMM", "BM", "-", False, "dynamic output", "weights"),),
    )
    slot = "a multiplier"
    stalls = (
        Stall("busy", "useful", "multiplies by a weight that is not zero"),
        Stall("ineffectual", "wasted", "multiplies by a zero weight (`sparse: false` alone)", "`sparse: true`"),
        Stall("outside", "wasted", "has a weight that meets no operand at this position (padding, stride)"),
        Stall("fragmented", "imbalance", "belongs to a group whose kernel has no weight left for it",
              "`gates: free`; a smaller `group`"),
        Stall("unused", "no_work", "lies behind the end of the list", "a larger layer; fewer `multipliers`"),
        Stall("load", "load_drain", "waits for the tile's weights", "`load_width`, `double_buffer`"),
        Stall("drain", "load_drain", "waits for the last sums in the adder tree", "more positions (images)"),
    )
    counts = (
        Count("macs", "products made (equals `busy` + `ineffectual`)", "multiply_add"),
        Count("tree_adds", "T x (weights - runs) of each tile, forward and backward"),
        Count("weight_reads", "kept weights loaded, forward and backward", "glb_read", "word_bits", "weight"),
        Count("mask_bits", "bits of the mask read, in each pass", "glb_read", 1, "weight"),
        Count("activation_reads", "distinct words streamed in each cycle", "glb_read", "word_bits", "activation"),
        Count("sum_writes", "sums of runs, and of owners without weights; gradients of weights", "glb_write",
              "word_bits", "output"),
        Count("sum_reads", "sums taken up again by a later run of their owner", "glb_read", "word_bits", "output"),
        Count("dram_weight_bits", "see DRAM; priced only without `dram` (then by the timeline)", "dram_bit", 1,
              "weight", behind_dram=True),
        Count("dram_activation_bits", "see DRAM; priced only without `dram` (then by the timeline)", "dram_bit", 1,
              "activation", behind_dram=True),
        Count("dram_output_bits", "see DRAM; priced only without `dram` (then by the timeline)", "dram_bit", 1,
              "output", behind_dram=True),
    )
    policies = POLICIES
    mapping_keys = ("multipliers", "gates", "group", "sparse")

    def notes(self, layer: Layer, config: EagerPruningConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        yield from training_note(config.passes(layer.name))

    def sram_kbytes(self, config: EagerPruningConfig) -> float:
        """The buffer for what is streamed."""
        return config.glb_words * config.word_bits / 8192
