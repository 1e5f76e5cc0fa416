"""Descriptor of CompAct: what the machine declares of itself. Rules: docs/machines/compact.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine
from accelsim.arch.systolic.compact.config import CompactConfig
from accelsim.arch.systolic.compact.policies import POLICIES
from accelsim.arch.systolic.shared.facts import INEFFECTUAL, WAITS


class Compact(Machine[CompactConfig]):
    """A dense array behind a run-length-coded buffer. Policies: `accelsim.arch.systolic.compact.policies`."""

    kind: ClassVar[str] = "compact"
    version: ClassVar[int] = 1
    config = CompactConfig
    approximates: ClassVar[bool] = True  # lossy_rlc changes inputs, and what rlc stores depends on values
    about = About(
        title="CompAct", paper="Zhang et al., TECS 2019", slots="4,096 PEs", skips="nothing; it saves buffer reads",
        good_for="energy of the activation buffer; never a cycle", equal="nothing: the paper could not be read",
        abstracted="decoding never delays the array; leakage has no price",
        policy="the code of activations", bound="the array's cycles, which no code changes",
        tile="a tile of weights", waits="load, skew, drain",
    )
    slot = "a PE"
    stalls = (
        BUSY, INEFFECTUAL,
        Stall("unused", "no_work", "lies outside the tile", "another shape (`rows`, `cols`)"),
        *WAITS,
    )
    counts = (
        Count("macs", "products of two non-zeros (equals `busy`)"),
        Count("dense_macs", "r_i x c_i x V: multiplications made", "multiply_add"),
        Count("stationary_reads", "r_i x c_i: weights loaded", "data_sram_read", "value_bits", "weight"),
        Count("code_reads", "codes of all streams, for each column tile", "run_decode", data="activation"),
        Count("code_bits_read", "their bits", "activation_buffer_read", 1, "activation"),
        Count("values_streamed", "K x V for each column tile: what a buffer without codes reads"),
        Count("codes_written", "codes of all streams"),
        Count("code_bits_written", "their bits", "activation_buffer_write", 1, "activation"),
        Count("snooze_bank_cycles", "cycles in which banks snooze while a run is expanded"),
        Count("awake_bank_cycles", "`rows` x cycles - `snooze_bank_cycles`"),
        Count("operand_moves", "r_i x c_i x V: register writes of inputs in PEs", "register_write", "value_bits",
              "activation"),
        Count("psum_moves", "r_i x c_i x V: register writes of sums in PEs", "register_write", "sum_bits", "output"),
        Count("accumulator_writes", "c_i x V: sums written behind the array", "accumulator_write", "sum_bits",
              "output"),
        Count("accumulator_reads", "c_i x V for every K tile but the first", "accumulate", "sum_bits", "output"),
        Count("outputs_written", "M x V per product", "data_sram_write", "value_bits", "output"),
        Count("changed_values", "streamed values that are read back as another value"),
    )
    policies = POLICIES
    mapping_keys = ("run_bits", "lossy_threshold", "wake_cycles", "value_bits")
