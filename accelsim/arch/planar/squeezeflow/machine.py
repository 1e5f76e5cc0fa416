"""Descriptor of SqueezeFlow: what the machine declares of itself. Rules: docs/machines/squeezeflow.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine
from accelsim.arch.planar.squeezeflow.config import SqueezeFlowConfig
from accelsim.arch.planar.squeezeflow.policies import POLICIES


class SqueezeFlow(Machine[SqueezeFlowConfig]):
    """A plane of output-stationary PEs, fed with non-zero weights alone."""

    kind: ClassVar[str] = "squeezeflow"
    version: ClassVar[int] = 1
    config = SqueezeFlowConfig
    about = About(
        title="SqueezeFlow", paper="Li et al., IEEE TC 2019", slots="256 PEs",
        skips="zero weights, empty input tiles", good_for="convolutions with pruned kernels on large planes",
        equal="nothing to the cycle; 2.9x on VGG-16 within its range",
        abstracted="shifting inputs in and writing outputs back are hidden; nearly all sizes are our choice",
        policy="cuts of the output plane", bound="all PEs busy with the useful work",
        tile="a tile of outputs of one image", waits="nothing, unless fill or write-back are exposed",
    )
    slot = "a PE"
    stalls = (
        BUSY,
        Stall("zero_input", "wasted", "multiplies the weight by a zero of the plane", "a machine that skips inputs"),
        Stall("padding", "wasted", "meets the padding with the weight", "smaller kernels; less padding"),
        Stall("empty_kernel", "wasted", "waits for a kernel with fewer weights than `c_min`", "`c_min: 0`"),
        Stall("fill", "load_drain", "waits for inputs to be shifted in", "`hide_fill`"),
        Stall("write_back", "load_drain", "waits for outputs to be written back", "`hide_write_back`, `port_words`"),
        Stall("outside_tile", "no_work", "has no output in this tile", "another shape (`tile_rows`, `tile_cols`)"),
    )
    counts = (
        Count("macs", "= `busy`"),
        Count("multiplies", "= `busy` + `zero_input` + `padding`", "multiply_add"),
        Count("weights_broadcast", "weights sent to all PEs", "weight_broadcast", "value_bits", "weight"),
        Count("kernels_run", "(image, tile, filter, channel) that take a cycle"),
        Count("kernels_skipped", "those that take none"),
        Count("weight_entries", "coded weights read, filling entries too: all of the layer for each image and tile",
              "weight_read", "entry_bits", "weight"),
        Count("input_words", "words of tile planes, for each kernel with a broadcast", "input_read", "value_bits",
              "activation"),
        Count("neighbour_moves", "inputs passed from PE to PE", "register_write", "value_bits", "activation"),
        Count("output_writes", "N x K x P x Q", "output_write", "value_bits", "output"),
    )
    policies = POLICIES
    mapping_keys = ("tile_rows", "tile_cols", "c_min", "run_bits")

    def sram_kbytes(self, config: SqueezeFlowConfig) -> float | None:
        """Both buffers, where they are stated."""
        if config.weight_buffer_kbytes is None or config.input_buffer_kbytes is None:
            return None
        return config.weight_buffer_kbytes + config.input_buffer_kbytes
