"""Draws data_path.svg, the picture of docs/concepts.md; its names are those of the code, so that it cannot go stale.

    python docs/pictures/data_path.py

Every label is checked to fit its box.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from accelsim import load_arch, load_trace, simulate, sweep
from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun, Machine
from accelsim.hw.energy import EnergyTable, load_energy_table
from accelsim.hw.memory import overlay
from accelsim.result.result import LayerResult, Result
from accelsim.simulation import check_accounting, find_policy
from accelsim.study.policies import compare_policies
from accelsim.workload.trace import Trace

FILE = Path(__file__).with_suffix(".svg")
WIDTH, HEIGHT = 1120, 620
CHARACTER = {14: 8.5, 12: 7.3}  # px per character of a monospaced font, by font size
FILLS = {"file": "#fff4d6", "object": "#ffffff", "code": "#dcebfa", "out": "#e2f3e1"}


@dataclass(frozen=True)
class Box:
    """A rectangle at (x, y) with a title and lines below it."""

    x: int
    y: int
    width: int
    fill: str
    title: str
    lines: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        return 32 + 17 * len(self.lines)

    def svg(self) -> str:
        for size, text in ((14, self.title), *((12, line) for line in self.lines)):
            if len(text) * CHARACTER[size] > self.width - 16:
                raise ValueError(f"{text!r} does not fit a box of {self.width} px")
        middle = self.x + self.width / 2
        parts = [f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="6" '
                 f'fill="{FILLS[self.fill]}" stroke="#34495e"/>', label(middle, self.y + 21, self.title, 14, "bold")]
        parts += [label(middle, self.y + 39 + 17 * number, line) for number, line in enumerate(self.lines)]
        return "\n".join(parts)


def label(x: float, y: float, text: str, size: int = 12, weight: str = "normal", anchor: str = "middle") -> str:
    return (f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
            f"{escape(text)}</text>")


def arrow(*points: tuple[float, float]) -> str:
    return (f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" fill="none" stroke="#34495e" '
            'stroke-width="1.5" marker-end="url(#head)"/>')


def boxes() -> dict[str, Box]:
    """Every box by a short name; labels with brackets are functions, names in capitals are classes."""
    run, reference = (f"{Machine.__name__}.{engine.__name__}()" for engine in (Machine.run, Machine.reference))
    jobs = ("accelsim run, roofline, energy", f"accelsim sweep, {sweep.__name__}()", "accelsim policies,",
            f"{compare_policies.__name__}()", "tests, notebooks, your code")
    return {
        "trace": Box(20, 60, 250, "file", "TRACE.safetensors", (
            f"{load_trace.__name__}() -> {Trace.__name__}", "layers: weight, activation,", "geometry; edges; digest")),
        "arch": Box(20, 180, 250, "file", "ARCH.yaml, set", (
            f"{load_arch.__name__}() -> {ArchConfig.__name__}", "a kind and its parameters,", "checked, frozen")),
        "table": Box(20, 450, 250, "file", "ENERGY.yaml", (
            f"{load_energy_table.__name__}()", f"-> {EnergyTable.__name__}: pJ of", "every action, its source")),
        "policy": Box(395, 80, 330, "code", f"{find_policy.__name__}()", ("policy: which PE gets which work",)),
        "kernel": Box(316, 180, 236, "code", run, (
            "kernel.py: by events, on", "the real non-zeros; fast")),
        "reference": Box(568, 180, 236, "code", reference, (
            "reference.py: tick by tick,", "moves values; obvious")),
        "layer_run": Box(395, 290, 330, "object", LayerRun.__name__, (
            "cycles, slots, stalls, counts, tiles", f"{check_accounting.__name__}(): stalls add up")),
        "memory": Box(395, 386, 330, "code", f"memory.{overlay.overlay.__name__}()", (
            "only with dram: fetch, wait, write back",)),
        "energy": Box(395, 465, 330, "code", f"{EnergyTable.__name__}.{EnergyTable.energy_pj.__name__}()", (
            f"counts x pJ -> {LayerResult.__name__}",)),
        "jobs": Box(850, 60, 250, "out", "who calls it", jobs),
        "result": Box(850, 448, 250, "out", Result.__name__, (
            "cycles, time_us, energy_pj", "utilization, stalls, counts", "layers, run_id")),
    }


def svg() -> str:
    """The whole picture."""
    drawn = boxes()
    spine, left, right = 560, 434, 686  # x of the column in the middle, and of the two engines
    policy, engines, layer_run = (drawn[name] for name in ("policy", "kernel", "layer_run"))
    arrows = [
        arrow((270, 100), (285, 100), (285, 198), (316, 198)), arrow((270, 221), (316, 221)),
        arrow((270, 490), (395, 490)), arrow((725, 490), (850, 490)), arrow((850, 118), (820, 118)),
        *(arrow((x, policy.y + policy.height), (x, engines.y)) for x in (left, right)),
        *(arrow((x, engines.y + engines.height), (x, layer_run.y)) for x in (left, right)),
        *(arrow((spine, drawn[upper].y + drawn[upper].height), (spine, drawn[lower].y))
          for upper, lower in (("layer_run", "memory"), ("memory", "energy"))),
    ]
    frame = ('<rect x="300" y="40" width="520" height="490" rx="10" fill="#f4f7fa" stroke="#7f8c8d" '
             'stroke-dasharray="6 4"/>',
             label(spine, 64, f"{simulate.__name__}(): every layer, one after the other", 12, "bold"),
             label(spine, 160, "either engine"), label(spine, 268, "the tests hold both equal"))
    meanings = (("file", "what you give"), ("code", "code that runs"), ("object", "what it passes on"),
                ("out", "who asks, what comes out"))
    legend = [f'<rect x="{20 + 240 * i}" y="572" width="16" height="16" fill="{FILLS[fill]}" stroke="#34495e"/>'
              + label(44 + 240 * i, 585, text, anchor="start") for i, (fill, text) in enumerate(meanings)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" fill="#1c2833">',
        "<title>The data path of one simulation</title>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L10,5 L0,10 z" fill="#34495e"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *frame, *(box.svg() for box in drawn.values()), *arrows, *legend, "</svg>\n"])


if __name__ == "__main__":
    FILE.write_text(svg(), encoding="utf-8")
