"""A comparison of policies as tables, CSV, JSON and a figure."""

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.errors import ConfigError
from accelsim.report import colours
from accelsim.report.files import dump
from accelsim.report.table import rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from accelsim.study.policies import PolicyComparison, PolicyRow

_LEFT = ("layer", "policy", "stall that moved")


def as_table(comparison: "PolicyComparison", terminal: bool = True) -> str:
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


def as_json(comparison: "PolicyComparison") -> str:
    """One object: {"trace": ..., "rows": [...], "left_out": [...]}."""
    return dump(comparison.to_dict())


def as_csv(comparison: "PolicyComparison") -> str:
    """One line per design, policy and layer."""
    rows = [row.to_dict() for row in comparison.rows]
    out = StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)), restval="",
                            lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().rstrip("\n")


def write(folder: Path, comparison: "PolicyComparison") -> None:
    """policies.json, policies.csv, policies.txt and policies.png, each whole or not at all."""
    texts = {"json": as_json(comparison), "csv": as_csv(comparison), "txt": as_table(comparison, terminal=False)}
    try:
        for ending, text in texts.items():
            part = folder / f".policies.{ending}.part"
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(folder / f"policies.{ending}")
        part = folder / ".policies.png.part"
        figure(comparison, part)
        part.replace(folder / "policies.png")
    except OSError as error:
        raise ConfigError(f"-o {folder}: cannot be written ({error.strerror}); choose another") from None


def figure(comparison: "PolicyComparison", path: Path) -> None:
    """Cycles of every policy, split by what the slots did; a line marks the bound. PNG, one panel per design."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    designs = list(dict.fromkeys(row.design for row in comparison.totals))
    height = 0.9 * len(designs) + 0.32 * len(comparison.totals) + 0.6
    drawing = Figure(figsize=(8.5, height), layout="constrained")
    FigureCanvasAgg(drawing)
    panels = drawing.subplots(len(designs), 1, squeeze=False)[:, 0]
    for panel, design in zip(panels, designs, strict=True):
        _panel(panel, design, [row for row in comparison.totals if row.design == design])
    drawing.suptitle(f"Policies on {comparison.trace}", fontsize=10)
    drawing.savefig(path, format="png", dpi=150, metadata={"Software": None})


def _panel(panel: "Axes", design: str, rows: "list[PolicyRow]") -> None:
    left = [0.0] * len(rows)
    for name, colour in colours.of_stalls(rows[0].stalls).items():
        widths = [row.cycles * row.stalls[name] / (sum(row.stalls.values()) or 1) for row in rows]
        panel.barh([row.policy for row in rows], widths, left=left, label=name, height=0.7,
                   color=colour)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    panel.axvline(min(row.bound_cycles for row in rows), color="black", linestyle="--", linewidth=1, label="bound")
    panel.invert_yaxis()
    panel.set_title(design, fontsize=9, loc="left")
    panel.set_xlabel("cycles, split by what the slots did", fontsize=8)
    panel.tick_params(labelsize=8)
    panel.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _table(title: str, rows: "list[PolicyRow]", with_layer: bool) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left")
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
