"""Descriptor of ESE: what the machine declares of itself. Rules: docs/machines/ese.md."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.broadcast.ese.config import EseConfig
from accelsim.arch.broadcast.ese.policies import POLICIES
from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer


class Ese(Machine[EseConfig]):
    """Channels of EIE's engine in lock step. Policies: see `accelsim.arch.broadcast.shared.policies`."""

    kind: ClassVar[str] = "ese"
    version: ClassVar[int] = 1
    config = EseConfig
    ops: ClassVar[tuple[str, ...]] = ("conv2d", "matmul", "recurrent")
    about = About(
        title="ESE", paper="Han et al., FPGA 2017", slots="1,024 PEs (32 channels of 32)", skips="weights",
        good_for="recurrent layers of many voices at once",
        equal="EIE's authors' simulator in a product; a published step of 32 voices within 3 %",
        abstracted="inside the element-wise unit, which takes a value per cycle and a latency",
        policy="which PE of a channel has which rows", bound="all PEs busy with the useful work",
        tile="a product of a group of voices", waits="queues, scan, barrier, the element-wise unit",
        survey=(SurveyRow("ESE", "LSTM", "CSC", "-", True, "block-balanced", "output"),),
    )
    slot = "a PE"
    stalls = (
        BUSY,
        Stall("zero_input", "wasted", "multiplies by a zero of its voice's vector", "`input_skip`"),
        Stall("padding", "wasted", "presents a padding entry: a run of zeros exceeded the index",
              "`index_bits`; pruning with shorter runs"),
        Stall("empty_column", "wasted", "looks into a column in which it has nothing",
              "fewer `pes`; matrices with more rows", bound="on-chip"),
        Stall("starved", "operands", "waits for a column; the scan was free to send one",
              "fewer, longer vectors; otherwise it is the scan's pace"),
        Stall("back_pressure", "imbalance", "waits for a column; another PE's full queue holds the scan",
              "`queue_entries`; policy; `load` pruning"),
        Stall("barrier", "imbalance", "is done with the product, others are not", "policy; `balanced` pruning"),
        Stall("drain", "load_drain", "all are done; pipeline and scan run out", "longer vectors"),
        Stall("element_wise", "operands", "waits for the element-wise unit to end the slot",
              "`slot_overhead_cycles`; denser matrices; longer vectors"),
        Stall("exposed", "operands", "waits for an element-wise result that the next product reads", "`exposed_slots`"),
        Stall("prologue", "load_drain", "waits while a step's vectors are loaded", "`prologue_slots`"),
        Stall("idle_channel", "no_work", "has no voice in this step", "batches of a multiple of `channels`; "
              "sequences of like length"),
    )
    counts = (
        Count("pe_cycles", "`channels` x N x cycles", "ese_pe_cycle"),
        Count("macs", "multiplications of two non-zeros (equals `busy`)"),
        Count("zero_multiplies", "multiplications by a zero of the vector (equals `zero_input`)"),
        Count("padding_entries", "padding entries presented, each channel's"),
        Count("broadcasts", "values the scanners pushed, each channel's"),
        Count("queue_writes", "broadcasts x N", data="activation"),
        Count("pointer_reads", "pairs of pointers read, once for all channels", data="weight"),
        Count("spmat_row_reads", "rows of the sparse-matrix memory, once for all channels", data="weight"),
        Count("element_steps", "values that leave products for the element-wise unit", data="output"),
    )
    policies = POLICIES
    mapping_keys = ("pes", "index_bits")

    def notes(self, layer: Layer, config: EseConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        if mapping["voices"] < config.channels:
            yield (f"{mapping['voices']} of {config.channels} channels have a voice: a batch of {config.channels} "
                   "takes the same time")

    def waiting_counts(self, config: EseConfig, cycles: int) -> Mapping[str, int]:
        return {"pe_cycles": config.channels * config.pes * cycles}
