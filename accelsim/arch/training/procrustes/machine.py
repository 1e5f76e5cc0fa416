"""Descriptor of Procrustes: what the machine declares of itself.

Source: Yang et al., MICRO 2020, and the authors' simulator; the rules, each with its source, are in
docs/machines/procrustes.md. Exact: tiles, waves and barriers on the real masks, half-tile pairing, the threshold unit.
Abstracted: DRAM (words; time with `dram`, spread evenly over tiles), conflicts between banks (a bound on a pass's
words), the network (no time).
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine
from accelsim.arch.training.procrustes.config import WORD_BITS, ProcrustesConfig
from accelsim.arch.training.procrustes.policies import POLICIES
from accelsim.workload.layer import Layer


class Procrustes(Machine[ProcrustesConfig]):
    """Sparse training with waves of PE tiles. Policies: see `accelsim.arch.training.procrustes.policies`."""

    kind: ClassVar[str] = "procrustes"
    version: ClassVar[int] = 2
    config = ProcrustesConfig
    about = About(
        title="Procrustes", paper="Yang et al., MICRO 2020", slots="256 PEs", skips="weights",
        good_for="whole training iterations on weight masks; sparse activations save nothing here",
        equal="the published half-tile pairing",
        abstracted="the paper's mapping search; per-layer densities of its networks are assumptions",
        policy="who multiplies which lanes",
        bound="the optimum: loads that differ by one bit at most (policy `ideal`)",
        tile="a set of PE tiles of one pass", waits="barrier, threshold unit, banks of the global buffer",
        timeline=("PEs", "all waves of a set (`waves`), waits for threshold unit and banks; `pass` is 1 forward, "
                  "2 backward, 3 weight update", "the threshold unit's gradients"),
        survey=(SurveyRow("Procrustes", "SpMM", "CB", "-", False, "split minibatch", "minibatch"),),
    )
    slot = "a PE"
    stalls = (
        BUSY,
        Stall("ineffectual", "wasted", "multiplies a masked weight (`sparse: false` alone)", "`sparse: true`"),
        Stall("barrier", "imbalance", "waits for the slowest PE of the wave",
              "policy `half_tile` or `work_stealing`; `dataflow`"),
        Stall("unused", "no_work", "has neither tile nor image",
              "a minibatch that is a multiple of `pe_cols`; `dataflow`; tile sizes"),
        Stall("threshold", "conflict", "waits for the threshold unit in the weight update", "`gradients_per_cycle`"),
        Stall("glb", "conflict", "waits for the global buffer's banks (`glb_bound`)",
              "`glb_banks`, `glb_words_per_line`"),
    )
    counts = (
        Count("macs", "multiplications made: mask bits x N x P x Q (equals `busy` + `ineffectual`)", "multiply_add"),
        Count("register_accesses", "4 x `macs`: weight, input, sum in, sum out", "register_file", WORD_BITS),
        Count("glb_reads", "words of weights, activations, gradients and sums, and of the DRAM side", "glb_read",
              WORD_BITS),
        Count("glb_writes", "words of weights, activations, gradients and sums, and of the DRAM side", "glb_write",
              WORD_BITS),
        Count("mask_words", "see above", "glb_read", WORD_BITS),
        Count("pointer_reads", "see above", "glb_read", WORD_BITS),
        Count("displaced_words", "see above", "glb_write", WORD_BITS),
        Count("spilled_words", "see above", "glb_read", WORD_BITS),
        Count("sort_swaps", "by the policy, once per set and pass", "swap"),
        Count("gradients_filtered", "Z with the threshold unit in the weight update, else 0", "threshold"),
        Count("weights_recomputed", "as `gradients_filtered`", "recompute"),
        Count("dram_weight_reads", "see above; priced only without `dram` (then by the timeline)", "dram_bit",
              WORD_BITS, behind_dram=True),
        Count("dram_activation_reads", "see above; priced only without `dram` (then by the timeline)", "dram_bit",
              WORD_BITS, behind_dram=True),
        Count("dram_writes", "see above; priced only without `dram` (then by the timeline)", "dram_bit", WORD_BITS,
              behind_dram=True),
    )
    policies = POLICIES
    mapping_keys = ("pe_rows", "pe_cols", "register_file_words", "dataflow", "phases", "input_layers", "sparse",
                    "tile_lanes", "tile_depth", "tile_plane", "weight_fill_percent")

    def notes(self, layer: Layer, config: ProcrustesConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        passes = config.passes(layer.name)
        if not passes:
            yield "no pass runs: phases has backward alone, and the layer is among input_layers"
        elif passes != ("forward",):
            yield "training passes: " + ", ".join(phase.replace("_", " ") for phase in passes)

    def marks(self, config: ProcrustesConfig) -> Iterator[str]:
        if tuple(config.phases) != ("forward",):
            yield f"a training step ({', '.join(phase.replace('_', ' ') for phase in config.phases)}), not inference"

    def sram_kbytes(self, config: ProcrustesConfig) -> float:
        """Global buffer and register files."""
        return (config.glb_words + config.slots * config.register_file_words) * WORD_BITS / 8192
