"""Stalls and counts that the machines of the family declare, in its order. Rules: docs/machines/spectral.md."""

from accelsim.arch.facts import Count, Stall

BUSY = Stall("busy", "useful", "multiplies a kept value that is not zero by one of a tile that is not empty")
ZERO_OPERAND = Stall("zero_operand", "wasted", "multiplies a kept value of zero, or a value of an empty tile",
                     "a smaller share of kept values (`alpha`)")
BUBBLE = Stall("bubble", "conflict", "finds no entry for its kernel in this row of the schedule",
               "policy; more replicas", bound="imbalance")
IDLE_KERNEL = Stall("idle_kernel", "no_work", "has no kernel: the group is not full",
                    "layers with more filters; fewer `parallel_kernels`")
IDLE_TILE = Stall("idle_tile", "no_work", "has no tile: the group is not full", "larger planes; fewer `parallel_tiles`")
FFT = Stall("fft", "load_drain", "waits for tiles to be transformed", "fewer `fft_cycles_per_tile`; larger blocks")
IFFT = Stall("ifft", "load_drain", "waits for sums to be transformed back", "fewer `ifft_cycles_per_tile`")
FILL = Stall("fill", "load_drain", "is in a cycle that every layer costs on top", "larger layers")

PRODUCT_STALLS = (BUSY, ZERO_OPERAND, BUBBLE, IDLE_KERNEL, IDLE_TILE)
OVERLAPPED_STALLS = (*PRODUCT_STALLS, FFT, IFFT, FILL)

COMMON_COUNTS = (
    Count("complex_multiplies", "complex products: `busy` + `zero_operand`", "complex_multiply"),
    Count("hadamard_cycles", "cycles of steps: rows of schedules, for each tile group anew"),
    Count("replica_reads", "distinct values of a tile's spectrum that a row reads", "replica_read", "complex_bits",
          "activation"),
    Count("index_rows_read", "rows of the INDEX table", "index_read", "index_row_bits", "weight"),
    Count("values_read", "words of the VALUE table, bubbles too", "kernel_read", "value_word_bits", "weight"),
    Count("psum_updates", "complex sums read, added to and written (= `complex_multiplies`)", "psum_update",
          "complex_bits", "output"),
    Count("fft_tiles", "tiles transformed, once for each kernel block and channel", "transform"),
    Count("replica_writes", "complex words written to the replicas", "replica_write", "complex_bits", "activation"),
    Count("ifft_tiles", "tiles transformed back, one for each kernel", "transform"),
    Count("overlap_adds", "values added into the output planes", "overlap_add", "value_bits", "output"),
    Count("input_loads", "loads of a tile group in a channel"),
    Count("kernel_loads", "loads of a kernel group in a channel"),
    Count("runs", "steps of the multipliers: tile group x kernel group x channel"),
)

SCHEDULES = "the rows of the schedule in which kernels meet the values of a tile"
