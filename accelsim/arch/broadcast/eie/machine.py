"""Descriptor of EIE: what the machine declares of itself.

Source: Han et al., ISCA 2016; the behaviour of the authors' cycle simulator. The rules, each with its source, are in
docs/machines/eie.md. Exact: scan, broadcast, queues with back-pressure, pointer and matrix reads, padding entries, the
arithmetic pipeline with its drain (equal to the authors' simulator on its own data, cycle for cycle). Abstracted:
anything between two vectors; without `dram`, loading a layer and layers that exceed a PE's SRAM (noted in the result).
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.eie.notes import notes_of
from accelsim.arch.broadcast.eie.policies import POLICIES
from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer

PE_AREA_UM2 = 638_024  # [paper, Table II]
LNZD_NODE_AREA_UM2 = 189  # [paper, section VI], one node per 4 PEs in a quadtree


class Eie(Machine[EieConfig]):
    """Broadcast SpMV with a queue per PE. Policies: see `accelsim.arch.broadcast.eie.policies`."""

    kind: ClassVar[str] = "eie"
    version: ClassVar[int] = 1
    config = EieConfig
    about = About(
        title="EIE", paper="Han et al., ISCA 2016", slots="64 PEs", skips="both operands",
        good_for="fully connected layers, batch 1. Convolutions and batches run as repeated vectors",
        equal="the authors' simulator on the authors' data, cycle for cycle",
        abstracted="anything between two vectors; batches and convolutions run as repeated vectors",
        policy="which PE has which rows",
        bound="from each broadcast on, the entries still to come, evenly divided and without padding",
        tile="one vector; a block of columns of one vector where the matrix exceeds the SRAMs",
        waits="queues, scan, barrier",
        timeline=("PEs", "a column's entries, its padding in their order; each wait",
                  "the scanner's broadcasts and holds; each PE's queue as a counter"),
        survey=(SurveyRow("EIE", "FC", "CSC", "-", True, "activation queuing", "output"),),
    )
    slot = "a PE"
    stalls = (
        BUSY,
        Stall("padding", "wasted", "presents a padding entry: a run of zeros exceeded the index",
              "`index_bits`; pruning with shorter runs"),
        Stall("empty_column", "wasted", "looks into a column in which it has nothing",
              "fewer `pes`; matrices with more rows", bound="on-chip"),
        Stall("starved", "operands", "waits for a column; the scan was free to send one",
              "fewer, longer vectors; otherwise it is the scan's pace"),
        Stall("back_pressure", "imbalance", "waits for a column; another PE's full queue holds the scan",
              "`queue_entries`; policy; `load` pruning"),
        Stall("barrier", "imbalance", "is done with the vector, others are not", "policy; `balanced` pruning"),
        Stall("drain", "load_drain", "all are done; pipeline and scan run out", "fewer, longer vectors"),
    )
    counts = (
        Count("pe_cycles", "N x cycles", "pe_cycle"),
        Count("queue_writes", "broadcasts x N", "queue_write", data="activation"),
        Count("pointer_reads", "pairs of pointers read, one per PE and broadcast value", "pointer_read", data="weight"),
        Count("spmat_row_reads", "rows read from the sparse-matrix SRAM", "spmat_row_read", "spmat_width_bits",
              "weight"),
        Count("arithmetic_slots", "entries that entered the arithmetic unit: `macs` + `padding_entries`",
              "arithmetic_slot"),
        Count("accumulator_writes", "writes registered (equals `macs`)", "accumulator_update", data="output"),
        Count("activation_row_reads", "rows the scanner took, bias row included", "lnzd_row", data="activation"),
        Count("macs", "entries with a non-zero weight that were presented, bias included (equals `busy`)"),
        Count("padding_entries", "padding entries presented"),
        Count("broadcasts", "values the scanner pushed"),
    )
    policies = POLICIES
    mapping_keys = ("pes", "index_bits")

    def notes(self, layer: Layer, config: EieConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        return notes_of(layer, config, mapping)

    def waiting_counts(self, config: EieConfig, cycles: int) -> Mapping[str, int]:
        return {"pe_cycles": config.pes * cycles}

    def area_mm2(self, config: EieConfig) -> float:
        """PEs and the tree of non-zero detectors; the PE's area is the published one whatever its SRAM sizes."""
        nodes, level = 0, config.pes
        while level > 1:
            level = -(-level // 4)
            nodes += level
        return (config.pes * PE_AREA_UM2 + nodes * LNZD_NODE_AREA_UM2) / 1e6

    def sram_kbytes(self, config: EieConfig) -> float:
        return config.pes * (config.spmat_kbytes + config.pointer_kbytes)
