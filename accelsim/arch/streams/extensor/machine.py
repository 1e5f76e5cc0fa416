"""Descriptor of ExTensor: what the machine declares of itself. Rules: docs/machines/extensor.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine
from accelsim.arch.streams.extensor.config import ExTensorConfig
from accelsim.arch.streams.extensor.policies import POLICIES
from accelsim.arch.streams.shared.products import OPS


class ExTensor(Machine[ExTensorConfig]):
    """ExTensor (Hegde et al., MICRO 2019).

    Exact: all counters of the TeAAL compiler, and its roof time. Abstracted: scanners and the network deliver in time.
    """

    kind: ClassVar[str] = "extensor"
    version: ClassVar[int] = 1
    config = ExTensorConfig
    ops = OPS
    mapping_keys = ("pe_tile", "llb_multipliers", "intersection", "pes")
    about = About(
        title="ExTensor", paper="Hegde et al., MICRO 2019", slots="128 PEs of one multiplier",
        skips="both operands, and tiles without a match", good_for="very sparse products, most tiles empty",
        equal="all counters and the roof time of five products in the TeAAL compiler",
        abstracted="scanners and the network deliver in time; buffers hold what the tile shape says",
        policy="which PE gets a pair of tiles", bound="its steps shared out evenly, and the units that find matches",
        tile="a pair of LLB tiles", waits="PEs, at the end of each pair of LLB tiles",
        timeline=("PEs", "a pair of LLB tiles up to the PE's last step (`compute`), the K2 unit, a wait", ""),
    )
    stalls = (
        BUSY,
        Stall("skip", "wasted", "takes a step of an intersection that finds nothing", "`intersection`; smaller tiles",
              bound="on-chip"),
        Stall("coordinate", "load_drain", "waits while LLB tiles are intersected", "larger `llb_multipliers`"),
        Stall("starved", "operands", "waits for a pair of tiles that match", "larger `pe_tile`"),
        Stall("barrier", "imbalance", "is done with its pair of LLB tiles, others are not", "policy"),
        Stall("roof", "operands", "is not what bounds the roof", "`time: stepped` says where time goes"),
    )
    counts = (
        Count("products", "products of two non-zeros (= `busy`)", "multiply"),
        Count("a_bits", "of A, for each pair of LLB tiles", "llb_write", 1, "weight"),
        Count("b_bits", "of B, for each visit", "llb_write", 1, "activation"),
        Count("z_read_bits", "non-zeros of the product that come back to be added to", "llb_write", 1, "output"),
        Count("z_write_bits", "non-zeros of the product that are written", "llb_read", 1, "output"),
        Count("k2_steps", "steps of intersections of LLB tiles", "intersection_step"),
        Count("k1_steps", "steps of intersections of PE tiles", "intersection_step"),
        Count("k0_steps", "steps of intersections of elements", "intersection_step"),
    )
    policies = POLICIES
