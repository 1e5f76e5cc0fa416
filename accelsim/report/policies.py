"""A comparison of policies as CSV, JSON and a figure."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.files import csv_text
from accelsim.report import colours
from accelsim.report.files import dump, write_into
from accelsim.result.comparison import PolicyComparison, PolicyRow
from accelsim.result.comparison_table import as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def as_json(comparison: PolicyComparison) -> str:
    """One object: {"trace": ..., "rows": [...], "left_out": [...]}."""
    return dump(comparison.to_dict())


def as_csv(comparison: PolicyComparison) -> str:
    """One line per design, policy and layer."""
    return csv_text([row.to_dict() for row in comparison.rows])


def write(folder: Path, comparison: PolicyComparison) -> None:
    """policies.json, policies.csv, policies.txt and policies.png: all of them, or none and a ConfigError."""
    texts = {"json": as_json(comparison), "csv": as_csv(comparison), "txt": as_text(comparison, terminal=False)}
    write_into(folder, {**{f"policies.{ending}": f"{text}\n" for ending, text in texts.items()},
                        "policies.png": figure(comparison)})


def figure(comparison: PolicyComparison) -> bytes:
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
    content = BytesIO()
    drawing.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()


def _panel(panel: "Axes", design: str, rows: Sequence[PolicyRow]) -> None:
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
