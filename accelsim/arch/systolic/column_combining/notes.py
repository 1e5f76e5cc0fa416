"""What the user is told of conflicts, by either engine. Rule 7 of docs/machines/column_combining.md."""

from collections.abc import Sequence

from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.errors import UnsupportedLayerError


def notes_of(pruned_weights: int) -> tuple[str, ...]:
    """What a run with conflicts says of them."""
    if not pruned_weights:
        return ()
    return (f"{pruned_weights:,} weights were lost to conflicts, one-shot: the output is that of the weights that are "
            "left",)


def refused(layer: str, number: int, group: Sequence[int], row: int, weights: int,
            config: ColumnCombiningConfig) -> UnsupportedLayerError:
    """The error for a group's first row with several weights, which the design or a pattern cannot choose from."""
    shared = (f"layer {layer!r}: group {number} (columns {', '.join(map(str, group))}) holds {weights} weights in row "
              f"{row}, and a cell holds one; ")
    if config.conflicts == "prune":
        return UnsupportedLayerError(
            shared + "a pattern has no magnitudes to choose by: give int8 or int16 weights, or set gamma: 0")
    return UnsupportedLayerError(
        shared + "pack without conflicts (gamma: 0), prune the weights first (accelsim prune --spec "
        f"column_combine:{config.alpha}:{config.gamma:g}) and run them with gamma: 0, or set conflicts: prune")
