"""Descriptor of Gamma: what the machine declares of itself. Rules: docs/machines/gamma.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine
from accelsim.arch.streams.gamma.config import GammaConfig
from accelsim.arch.streams.gamma.policies import POLICIES
from accelsim.arch.streams.shared.products import OPS


class Gamma(Machine[GammaConfig]):
    """Gamma (Zhang et al., ASPLOS 2021).

    Exact: every element through the mergers, tasks and their trees, the FiberCache line by line, traffic equal to the
    TeAAL compiler's. Abstracted: a PE's inputs are there in time (double-buffered), banks never conflict.
    """

    kind: ClassVar[str] = "gamma"
    version: ClassVar[int] = 1
    config = GammaConfig
    ops = OPS
    mapping_keys = ("radix",)
    about = About(
        title="Gamma", paper="Zhang et al., ASPLOS 2021", slots="32 PEs of one multiplier",
        skips="both operands", good_for="products of two matrices beyond 99 % sparse; rows of like lengths",
        equal="traffic and swaps of three products in the TeAAL compiler, and its roof times",
        abstracted="inputs of a PE are there in time; banks of the FiberCache and DRAM latency",
        policy="the order of rows", bound="the work shared out evenly, or the longest task",
        tile="a block of rows", waits="tasks, for the partial fibers they merge",
        timeline=("PEs", "a task (`compute`), a wait", ""),
    )
    stalls = (
        BUSY,
        Stall("merge", "wasted", "passes an element of a partial fiber on, without a product", "a larger `radix`",
              bound="on-chip"),
        Stall("task", "load_drain", "is in the first cycles of a task", "longer rows"),
        Stall("dependency", "operands", "waits for the partial fibers of its task", "a larger `radix`"),
        Stall("finished", "imbalance", "has no task, others still work", "policy; more rows; fewer PEs"),
    )
    counts = (
        Count("products", "products of two non-zeros (= `busy`)", "multiply"),
        Count("merged_elements", "elements through the mergers: `products`, and elements of partial fibers",
              "merger_pass"),
        Count("tasks", "linear combinations that PEs do"),
        Count("swaps", "of the TeAAL compiler: elements and fibers through groups of `radix`, no sums on the way"),
        Count("a_bits", "pointers and fibers of A, each once"),
        Count("b_bits", "pointers of the fibers of B that are used, and the lines of B that the FiberCache misses"),
        Count("z_bits", "pointers and fibers of the product; sums that come to zero are stored"),
        Count("cache_reads", "lines of B that tasks take from the FiberCache", "fiber_cache_read", "line_bits",
              "activation"),
        Count("cache_misses", "those that were not there", "fiber_cache_write", "line_bits", "activation"),
        Count("partial_lines", "lines of partial fibers, each written and read", "fiber_cache_partial", "line_bits",
              "output"),
    )
    policies = POLICIES

    def sram_kbytes(self, config: GammaConfig) -> float | None:
        return config.cache_kbytes or None
