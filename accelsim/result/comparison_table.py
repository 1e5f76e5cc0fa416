"""A comparison of policies as tables, for a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.result.table import new_table, rendered

if TYPE_CHECKING:
    from accelsim.result.comparison import PolicyComparison, PolicyRow

_LEFT = ("layer", "policy", "stall that moved")


def as_text(comparison: "PolicyComparison", terminal: bool = True) -> str:
    """Per design: totals of every policy, then each layer; without a terminal's width and colours unless `terminal`."""
    parts: list[RenderableType] = []
    for design in dict.fromkeys(row.design for row in comparison.rows):
        totals = [row for row in comparison.totals if row.design == design]
        layers = [row for row in comparison.rows if row.design == design and row not in totals]
        order = list(dict.fromkeys(row.layer for row in layers))
        layers.sort(key=lambda row: order.index(row.layer))
        title = f"{comparison.trace} on {design}"
        parts += [_table(f"{title}: all layers", totals, with_layer=False),
                  _table(f"{title}: per layer", layers, with_layer=True)]
    parts.append(Text("stall that moved: slot-cycles against the first policy; imbalance: busiest PE over mean; "
                      "bound: cycles that no policy can go below"))
    parts += [Text(f"left out: {refusal}") for refusal in comparison.left_out]
    return rendered(parts, terminal)


def _table(title: str, rows: "Sequence[PolicyRow]", with_layer: bool) -> Table:
    table = new_table(title)
    for heading in (*(["layer"] if with_layer else []), "policy", "cycles", "speed-up", "energy nJ", "busy",
                    "imbalance", "bound", "stall that moved"):
        table.add_column(heading, justify="left" if heading in _LEFT else "right")
    before = None
    for row in rows:
        if with_layer and before not in (None, row.layer):
            table.add_section()
        before = row.layer
        moved = f"{row.moved_stall} {row.moved_slot_cycles:+,}" if row.moved_stall else "none"
        table.add_row(
            *([Text(row.layer)] if with_layer else []), row.policy, f"{row.cycles:,}",
            f"{row.speedup:.3f}x", f"{row.energy_pj / 1e3:,.1f}", f"{row.utilization:.1%}",
            "-" if row.imbalance is None else f"{row.imbalance:.3f}", f"{row.bound_cycles:,}", moved)
    return table
