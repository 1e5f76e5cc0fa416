"""Descriptor of the systolic arrays: what the machine declares of itself.

Sources: Jouppi et al., ISCA 2017 (TPU); SCALE-Sim (output-stationary timing); the cycles that the TeAAL artifact lists
for a 128 x 128 array beside SIGMA. The rules, each with its source, are in docs/machines/systolic.md. Exact: tiling,
loads, skew, drain, double buffering, to the cycle and the PE. Abstracted: accumulators hold every output; without
`dram`, operand buffers of any size.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine
from accelsim.arch.systolic.shared.facts import INEFFECTUAL, WAITS
from accelsim.arch.systolic.systolic.config import SUM_BITS, WORD_BITS, SystolicConfig
from accelsim.arch.systolic.systolic.policies import POLICIES
from accelsim.workload.layer import Layer

AREA_MM2 = 65.10 / 1.377  # [SIGMA paper]: SIGMA, 65.10 mm2, is 37.7 % larger than this array; 28 nm


class Systolic(Machine[SystolicConfig]):
    """Dense matrix products on a grid of PEs. Policies: see `accelsim.arch.systolic.systolic.policies`."""

    kind: ClassVar[str] = "systolic"
    version: ClassVar[int] = 1
    config = SystolicConfig
    about = About(
        title="systolic array", paper="Jouppi et al., ISCA 2017; SCALE-Sim", slots="16,384 PEs (`tpu_128x128`)",
        skips="nothing", good_for="dense matrix products; a baseline, zeros save nothing",
        equal="five published cycle counts, to the integer",
        abstracted="a bias and the accumulators' capacity",
        policy="the height of tiles", bound="the optimum of all heights",
        tile="a tile of the stationary operand, or of outputs", waits="load, skew, drain",
        timeline=("wavefronts, see below", "load and fill, stream and drain of a tile", ""),
    )
    slot = "a PE"
    stalls = (
        BUSY,
        INEFFECTUAL,
        Stall("unused", "no_work", "lies outside the tile", "another shape (`rows`, `cols`), policy `even`"),
        *WAITS,
    )
    counts = (
        Count("macs", "products of two non-zeros (equals `busy`)"),
        Count("dense_macs", "r_i x c_i x L: multiplications made (equals `busy` + `ineffectual`)", "multiply_add"),
        Count("stationary_reads", "words read from the buffer to load: r_i x c_i (`ws`, `is`); 0 for `os`",
              "data_sram_read", WORD_BITS),
        Count("streaming_reads", "words read to stream: r_i x V (`ws`, `is`); (r_i + c_i) x K for `os`",
              "data_sram_read", WORD_BITS),
        Count("operand_moves",
              "register writes of streamed operands in PEs: r_i x c_i x V (`ws`, `is`), 2 r_i x c_i x K (`os`)",
              "register_write", WORD_BITS),
        Count("psum_moves",
              "register writes of sums in PEs: r_i x c_i x V (`ws`, `is`); `os`: r_i x c_i x K, plus the shifting "
              "out: an output of row r moves T_r - r times", "register_write", SUM_BITS),
        Count("accumulator_writes", "sums written below the array: c_i x V (`ws`, `is`); 0 for `os`",
              "accumulator_write", SUM_BITS),
        Count("accumulator_reads",
              "sums read to be added to: c_i x V for every K tile but the first (`ws`, `is`); 0 for `os`", "accumulate",
              SUM_BITS),
        Count("outputs_written", "M x N per product", "data_sram_write", SUM_BITS),
    )
    policies = POLICIES
    mapping_keys = ()  # what is kept are the products and their MACs: any design uses them

    def notes(self, layer: Layer, config: SystolicConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        gemms = sum(mapping.values())
        if gemms > 1:
            yield f"run as {gemms:,} GEMMs (one per group), one after the other"

    def area_mm2(self, config: SystolicConfig) -> float | None:
        """The area implied by SIGMA's paper for 16,384 bf16 PEs in a square, else None."""
        return AREA_MM2 if (config.rows, config.cols) == (128, 128) else None
