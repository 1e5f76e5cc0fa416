"""Writes the tables of the documentation that follow from what machines declare: python docs/tables.py

Such a table stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is a function of this file.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from accelsim import shipped
from accelsim.arch.facts import CAUSES
from accelsim.arch.machine import Machine
from accelsim.arch.registry import family, kinds, load_arch, machine

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.S)


def ours() -> list[Machine[Any]]:
    """The machines of this checkout, families together."""
    names = sorted((family(kind), kind) for kind, module in kinds().items() if module.startswith("accelsim."))
    return [machine(kind) for _, kind in names]


def designs(kind: str) -> list[str]:
    return [name for name in shipped.names("arch") if load_arch(name).kind == kind]


def rows(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    body = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *body]) + "\n"


def machines() -> str:
    return rows(("kind", "family", "machine", "slots", "zeros it skips", "good for"), (
        (f"[`{m.kind}`]({m.kind}.md)", family(m.kind), m.about.title, m.about.slots, m.about.skips, m.about.good_for)
        for m in ours()))


def outside() -> str:
    return rows(("machine", "equal to the outside", "abstracted"), (
        (f"`{m.kind}` ({m.about.paper})", m.about.equal, m.about.abstracted) for m in ours()))


def pages() -> str:
    return "\n".join(f"- [{m.about.title}](machines/{m.kind}.md) ({m.about.paper})" for m in ours()) + "\n"


def memory() -> str:
    return rows(("machine", "a tile is", "inside the kernel"),
                ((f"`{m.kind}`", m.about.tile, m.about.waits) for m in ours()))


def bounds() -> str:
    return rows(("machine", "a policy decides", "the bound"),
                ((f"`{m.kind}`", m.about.policy, m.about.bound) for m in ours()))


def timelines() -> str:
    return rows(("machine", "units", "a slice", "other parts"),
                ((f"`{m.kind}`", *m.about.timeline) for m in ours() if m.has_events))


def reuse() -> str:
    return rows(("machine", "what is kept depends on"), (
        (f"`{m.kind}`", ", ".join(f"`{key}`" for key in m.mapping_keys) or "the trace alone") for m in ours()))


def survey() -> str:
    heads = ("design", "kind", "operations", "w mem", "y mem", "y comp", "load balancing", "reuse")
    lines = [(r.design, f"[`{m.kind}`]({m.kind}.md)", r.operations, r.weights, r.activations,
              "x" if r.skips_activations else "-", r.load_balancing, r.reuse) for m in ours() for r in m.about.survey]
    return rows(heads, sorted(lines, key=lambda line: line[0].lower()))


def causes() -> str:
    return rows(("cause", "a slot", "class in the roofline"), (
        (f"`{name}`", says, next(s.roofline_class for s in _stalls() if s.cause == name and s.bound is None)
         if name != "memory" else "memory") for name, says in CAUSES.items()))


def stalls() -> str:
    sections = []
    for m in ours():
        table = rows(("stall", "class", "cause", m.slot, "levers"), (
            (f"`{s.name}`", s.roofline_class, s.cause, s.says, s.levers) for s in m.stalls[1:]))
        sections.append(f"### {m.kind}\n\n{table}")
    return "\n" + "\n".join(sections)


def _stalls() -> list[Any]:
    return [stall for m in ours() for stall in m.stalls]


TABLES: dict[str, Callable[[], str]] = {f.__name__: f for f in (
    machines, outside, pages, memory, bounds, timelines, reuse, survey, causes, stalls)}


def filled(text: str) -> str:
    """`text` with every table made anew."""
    return MARK.sub(lambda mark: mark[1] + TABLES[mark[2]]() + mark[4], text)


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


if __name__ == "__main__":
    for page in documents():
        text = page.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: tables made anew")
