"""Descriptor of column combining: what the machine declares of itself. Rules: docs/machines/column_combining.md."""

from typing import ClassVar

from accelsim.arch.facts import BUSY, About, Count, Stall
from accelsim.arch.machine import Machine
from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.policies import POLICIES
from accelsim.arch.systolic.shared.facts import INEFFECTUAL, WAITS


class ColumnCombining(Machine[ColumnCombiningConfig]):
    """A systolic array on packed filter matrices. Policies: `accelsim.arch.systolic.column_combining.policies`."""

    kind: ClassVar[str] = "column_combining"
    version: ClassVar[int] = 1
    config = ColumnCombiningConfig
    about = About(
        title="column combining", paper="Kung et al., ASPLOS 2019", slots="4,096 cells",
        skips="zero weights that share a column with others", good_for="filter matrices whose columns share few rows",
        equal="groups, non-zeros left and sizes of the authors' packing program",
        abstracted="retraining, pipelining across layers, shift layers",
        policy="which columns share a group", bound="the fewest groups that alpha and the fullest row allow",
        tile="a tile of packed weights", waits="load, skew, drain",
    )
    slot = "a cell"
    stalls = (
        BUSY, INEFFECTUAL,
        Stall("empty_stream", "no_work", "has its turn for a vector that there is not", "vectors in multiples of four"),
        Stall("unused", "no_work", "lies outside the tile", "another shape (`rows`, `cols`)"),
        *WAITS,
    )
    counts = (
        Count("macs", "products of two non-zeros"),
        Count("dense_macs", "r_i x c_i x V: products of cells, zeros too", "multiply_add"),
        Count("mx_selects", "products whose cell picks one of several streams", "mx_select", "activation_bits",
              "activation"),
        Count("stationary_reads", "r_i x c_i: cells loaded, each a weight with its select", "data_sram_read",
              "cell_bits", "weight"),
        Count("streaming_reads", "n_i x V: inputs of all columns of the tile's groups", "data_sram_read",
              "activation_bits", "activation"),
        Count("operand_moves", "n_i x c_i x V: register writes of streams in cells", "register_write",
              "activation_bits", "activation"),
        Count("psum_moves", "r_i x c_i x V: register writes of sums in cells", "register_write", "sum_bits", "output"),
        Count("accumulator_writes", "c_i x V: sums written behind the array", "accumulator_write", "sum_bits",
              "output"),
        Count("accumulator_reads", "c_i x V for every row tile but the first", "accumulate", "sum_bits", "output"),
        Count("crossbar_words", "= `streaming_reads` without `row_permutation`, else 0", "crossbar_word",
              "activation_bits", "activation"),
        Count("outputs_written", "R x V per product", "data_sram_write", "activation_bits", "output"),
        Count("pruned_weights", "weights lost to conflicts"),
    )
    policies = POLICIES
    mapping_keys = ("alpha", "gamma", "section", "conflicts")
