"""Published figures beside ours, as tables for a terminal and as a page of Markdown."""

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.text import Text

from accelsim.result.table import new_table, rendered
from accelsim.validation.catalogue import chapters
from accelsim.validation.check import HOLDS, MISSES, NOT_CHECKED, Outcome
from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.target import figure

KINDS = ("exact", "table", "range", "trend")
_STYLES = {HOLDS: "green", MISSES: "red", NOT_CHECKED: "dim"}
_HEAD = """# Published numbers against ours

Written by `accelsim validate -o reports/validation.md`; [how to read it](../docs/validation.md).
"""


def as_text(outcomes: Sequence[Outcome], terminal: bool = True) -> str:
    """A table per machine, and how many hold."""
    parts: list[RenderableType] = []
    for chapter, found in _by_chapter(outcomes):
        table = new_table(f"{chapter.title}: {_tally(found)}")
        for heading in ("figure", "published", "ours", "error", "tolerance", "kind", "verdict"):
            table.add_column(heading, justify="right" if heading in ("ours", "error") else "left")
        for outcome in found:
            published, ours, error, tolerance = _figures(outcome)
            table.add_row(Text(f"{outcome.claim.id}: {outcome.claim.what}"), Text(published), ours, error,
                          Text(tolerance), outcome.claim.target.kind,
                          Text(outcome.verdict, style=_STYLES[outcome.verdict]))
        parts += [table, Text()]
    surprises = [f"{outcome.id}: {_surprise(outcome)}" for outcome in outcomes if outcome.surprise]
    parts += [Text(f"all: {_tally(outcomes)}"), *(Text(line, style="bold red") for line in surprises)]
    return rendered(parts, terminal)


def as_markdown(outcomes: Sequence[Outcome], names: Sequence[str]) -> str:
    """The page of the chapters `names`. Same outcomes, same bytes; rows that need data alone differ without them."""
    lines = [_HEAD, *_summary(_by_chapter(outcomes)), "", *_missed(outcomes)]
    for chapter in map(chapters().__getitem__, names):
        lines += ["", f"## {chapter.title}", ""]
        for word, text in (("Exact", chapter.exact), ("Abstracted", chapter.abstracted)):
            lines += [f"*{word}.* {text}", ""] if text else []
        for group in chapter.groups:
            rows = [outcome for outcome in outcomes if outcome.group is group]
            lines += _group(group, rows) if rows else []
        lines += ["### Published, but not checked", "", *_table(("figure", "why"), chapter.unchecked)]
    return "\n".join(lines) + "\n"


def _by_chapter(outcomes: Sequence[Outcome]) -> list[tuple[Chapter, list[Outcome]]]:
    names = dict.fromkeys(outcome.chapter for outcome in outcomes)
    return [(chapters()[name], [o for o in outcomes if o.chapter == name]) for name in names]


def _figures(outcome: Outcome) -> tuple[str, str, str, str]:
    """Published, ours, error and tolerance, with units where they are numbers."""
    claim, ours = outcome.claim, outcome.ours
    published = _with_unit(claim, claim.target.published) if claim.target.kind != "trend" else claim.target.published
    tolerance = claim.target.tolerance
    if tolerance.startswith("±"):
        tolerance = f"{tolerance} points" if claim.unit == "%" else _with_unit(claim, tolerance)
    if ours is None:
        return published, "-", "-", tolerance
    return published, _with_unit(claim, figure(ours)), claim.target.error(ours), tolerance


def _with_unit(claim: Claim, text: str) -> str:
    return f"{text} {claim.unit}" if claim.unit else text


def _surprise(outcome: Outcome) -> str:
    return "holds, though it is on record as a miss" if outcome.verdict == HOLDS else "does not hold any more"


def _tally(outcomes: Iterable[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    counts = {HOLDS: "hold", MISSES: "miss", NOT_CHECKED: "not checked, data absent"}
    return ", ".join(f"{verdicts.count(v)} {word}" for v, word in counts.items() if v in verdicts)


def _summary(found: Sequence[tuple[Chapter, list[Outcome]]]) -> list[str]:
    """How many of each kind hold; figures that need data of third parties are counted apart, checked or not."""
    rows = []
    for chapter, outcomes in found:
        own = [o for o in outcomes if not o.group.needs]
        by_kind = [[o.verdict for o in own if o.claim.target.kind == kind] for kind in KINDS]
        cells = [f"{verdicts.count(HOLDS)} of {len(verdicts)}" if verdicts else "-" for verdicts in by_kind]
        rows.append((chapter.title, *cells, str(sum(o.verdict == MISSES for o in own)), str(len(outcomes) - len(own))))
    return _table(("machine", *(f"{kind} hold" for kind in KINDS), "miss", "need others' data"), rows)


def _missed(outcomes: Sequence[Outcome]) -> list[str]:
    """Every figure that ours does not agree with, and why."""
    rows = []
    for outcome in outcomes:
        if outcome.verdict == MISSES and not outcome.group.needs:
            published, ours, error, _ = _figures(outcome)
            rows.append((f"`{outcome.id}`", outcome.claim.what, published, ours, error,
                         outcome.claim.miss or "**not known**"))
    table = _table(("id", "figure", "published", "ours", "error", "why"), rows)
    return ["## What does not hold", "", *(table if rows else ["Everything holds."])]


def _group(group: Group, rows: Sequence[Outcome]) -> list[str]:
    lines = [f"### {group.title}", "", f"Source: {group.source}.  ", f"Assumed: {group.assumption}."]
    if group.needs:
        lines[-1] += "  "
        lines.append(f"Needs `{group.needs}`, which is not part of the project (`--golden`).")
    cells = []
    for outcome in rows:
        published, ours, error, tolerance = _figures(outcome)
        what = f"{outcome.claim.what} ({outcome.claim.note})" if outcome.claim.note else outcome.claim.what
        verdict = f"**{MISSES}**" if outcome.verdict == MISSES else outcome.verdict
        cells.append((f"`{outcome.id}`", what, published, ours, error, tolerance, outcome.claim.target.kind, verdict))
    return [*lines, "",
            *_table(("id", "figure", "published", "ours", "error", "tolerance", "kind", "verdict"), cells), ""]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return [line(head), "|" + "---|" * len(head), *(line(row) for row in rows)]
