"""Descriptor of the tensor cores: what the machine declares of itself.

Sources: NVIDIA's A100 and GA102 papers, PTX, public microbenchmarks, CUTLASS; DSTC (Wang et al., ISCA 2021) as
Sparseloop sets it up. The rules, each with its source, are in docs/machines/tensor_core.md. Exact: N:M on the real
weights, condensed steps on the real bitmaps, CTAs over SMs, the copy pipeline step by step, shared bandwidths, every
byte. Abstracted: bank conflicts, the schedule of warps within a step, power and clock throttling.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.policies import POLICIES
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer


class TensorCore(Machine[TensorCoreConfig]):
    """A GPU's tensor cores. Policies: see `accelsim.arch.gpu.tensor_core.policies`."""

    kind: ClassVar[str] = "tensor_core"
    version: ClassVar[int] = 2
    config = TensorCoreConfig
    own_dram = True
    about = About(
        title="tensor cores", paper="NVIDIA's papers; DSTC (Wang et al., ISCA 2021)",
        slots="110,592 multipliers (`a100_40gb`)", skips="weights in N:M; DSTC: both",
        good_for="GEMMs large enough to fill a GPU; a small layer leaves most SMs without a tile",
        equal="nothing to the cycle; measured times within the ranges of its page",
        abstracted="instruction scheduling, caches beyond a stated L2 rule",
        policy="an order of channels, or dense", bound="the optimum: the better of compressed and dense",
        tile="none: not on the timeline, see below",
        waits="L2 and DRAM too: copies wait for them (`prologue`, `copy`, `metadata`, `write_back`)",
        timeline=("SMs", "a k-step; each idle time by its cause", "per CTA: first copies, k-steps, writing C"),
    )
    slot = "a multiplier"
    stalls = (
        BUSY,
        Stall("operand_zero", "wasted", "gets a zero inside real extents",
              "2:4 pruning (`accelsim prune --nm 2:4`); `mode`"),
        Stall("padding", "wasted", "works outside the matrix: ragged edges of tiles and steps",
              "smaller `tile`; shapes that are multiples of it"),
        Stall("imbalance", "imbalance", "belongs to a sub-core that issues less than the busiest",
              "other `tile`, `warp_edge`; DSTC: more even non-zeros"),
        Stall("shared_memory", "conflict", "waits for shared-memory bandwidth",
              "larger `warp_edge`; `shared_bytes_per_cycle`"),
        Stall("prologue", "load_drain", "waits for a tile's first data", "more resident tiles, fewer stages, longer K"),
        Stall("copy", "operands", "waits for a later step's values",
              "stages of `tile`; L2 and DRAM bandwidth (`dram.gbps`); `swizzle`"),
        Stall("metadata", "operands", "waits for indices after the values came", "as `copy`"),
        Stall("mma_latency", "operands", "waits for its own sums", "more warps or tiles per SM"),
        Stall("epilogue", "load_drain", "waits while a tile's result is written",
              "larger K per tile; more resident tiles"),
        Stall("tail_wave", "imbalance", "is on an SM without a tile while others finish",
              "smaller `tile`, `split_k`, larger layers"),
        Stall("write_back", "load_drain", "waits for the results that L2 cannot hold",
              "`l2_bytes`, DRAM bandwidth (`dram.gbps`)"),
        Stall("reduction", "load_drain", "waits while `split_k` slices are added up", "smaller `split_k`"),
        Stall("launch", "load_drain", "waits for the kernel's launch", "larger layers"),
    )
    counts = (
        Count("macs", "products of two non-zeros (equals `busy`)", "multiply_add"),
        Count("zero_multiplies", "equals `operand_zero`", "zero_multiply"),
        Count("padding_multiplies", "equals `padding`"),
        Count("mma_instructions", "instructions issued, V x a x inner per step (`dual_side`: as above)"),
        Count("register_bytes",
              "operands read by instructions: mma_instructions x ceil((mma_m x mma_k + mma_n x mma_k x m / n) x "
              "operand_bits / 8), with m / n = 1 but in `n_m`, rounded up once", "register_read", 8),
        Count("accumulator_updates", "mma_instructions x mma_m x mma_n: sums read and written", "accumulate",
              "accumulator_bits"),
        Count("shared_read_bytes", "as in S", "shared_read", 8),
        Count("shared_write_bytes", "as in S", "shared_write", 8),
        Count("metadata_bytes", "EA and EB among the bytes copied"),
        Count("l2_read_bytes", "bytes of all transfers", "l2_read", 8),
        Count("l2_write_bytes",
              "bytes of C written by CTAs; with Z > 1 also products x M x N x output_bits, rounded up to bytes, by "
              "the reduction", "l2_write", 8),
        Count("l2_reduction_bytes",
              "with Z > 1 the partial sums read again: products x M x N x Z x accumulator_bits, rounded up to bytes; "
              "else 0", "l2_read", 8),
        Count("dram_read_bytes", "sizes of all blocks missed, each in whole bursts", "dram_read", 8),
        Count("dram_write_bytes", "bytes of C written by CTAs, in whole bursts", "dram_write", 8),
        Count("k_steps", "steps and CTAs"),
        Count("ctas", "steps and CTAs"),
    )
    policies = POLICIES
    mapping_keys = ("mode", "nm_keep", "nm_group", "tile", "warp_edge", "mma_m", "mma_n", "operand_bits",
                    "sub_cores_per_sm")

    def notes(self, layer: Layer, config: TensorCoreConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        if config.mode == "n_m" and mapping["runs"] == "dense":
            yield f"not {config.nm_keep}:{config.nm_group} sparse: ran dense"

    def sram_kbytes(self, config: TensorCoreConfig) -> float:
        """Shared memories and L2; registers are not counted."""
        return (config.sms * config.shared_bytes_per_sm + config.l2_bytes) / 1024
