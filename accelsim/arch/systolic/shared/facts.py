"""Stalls that every systolic array with a stationary operand has; rules in docs/machines/systolic.md."""

from accelsim.arch.facts import Stall

INEFFECTUAL = Stall("ineffectual", "wasted", "multiplies a zero", "a sparse machine")
WAITS = (
    Stall("load", "load_drain",
          "waits for its stationary value; with `double_buffer`, for the next stream to begin",
          "more vectors per tile (a batch); smaller arrays"),
    Stall("fill", "load_drain", "waits for the first operands to arrive through its neighbours",
          "`double_buffer`, which pays it once per product; more vectors per tile; smaller arrays"),
    Stall("drain", "load_drain", "waits for the last ones to leave", "as `fill`"),
)
