"""Every published figure of every machine (its claims.py), and the page that `accelsim validate` made of them.

A figure that ours does not agree with is a strict expected failure with its cause, so it cannot be forgotten when it
mends. What takes longer than a few seconds is marked slow.
"""

from pathlib import Path

import pytest

from accelsim.report.validation import as_markdown
from accelsim.validation.catalogue import chapters
from accelsim.validation.check import NOT_CHECKED, check
from accelsim.validation.claim import Claim, Group

PAGE = Path(__file__).resolve().parents[2] / "reports" / "validation.md"


def claims() -> list[object]:
    params = []
    for chapter in chapters().values():
        for group in chapter.groups:
            for claim in group.claims:
                marks = [] if group.quick else [pytest.mark.slow]
                marks += [pytest.mark.xfail(reason=claim.miss, strict=True)] if claim.miss else []
                params.append(pytest.param(group, claim, marks=marks, id=f"{chapter.name}.{claim.id}"))
    return params


@pytest.mark.parametrize(("group", "claim"), claims())
def test_claim(group: Group, claim: Claim, golden):
    file = golden / group.needs
    if group.needs and not file.is_file():
        pytest.skip(f"third-party data that are not redistributable are not at {file}; set ACCELSIM_GOLDEN")
    ours = claim.ours(file) if group.needs else claim.ours()
    assert claim.target.holds(ours), f"published {claim.target.published}, ours {ours}: {claim.target.error(ours)}"


def fresh(golden: Path, quick: bool) -> list[str]:
    names = list(chapters())
    return as_markdown(check(names, golden if golden.is_dir() else None, quick=quick), names).splitlines()


def test_rows_of_quick_figures_are_those_of_the_page(golden):
    committed = set(PAGE.read_text(encoding="utf-8").splitlines())
    rows = [line for line in fresh(golden, quick=True) if line.startswith("| `") and NOT_CHECKED not in line]
    assert rows
    assert [row for row in rows if row not in committed] == [], "run: accelsim validate -o reports/validation.md"


@pytest.mark.slow
def test_page_is_fresh(golden):
    """To the byte, but for rows that need data which are not here; the committed page was made with them."""
    committed = PAGE.read_text(encoding="utf-8").splitlines()
    assert not any(NOT_CHECKED in line for line in committed), "make the page with the data at hand (--golden)"
    ours = fresh(golden, quick=False)
    assert len(ours) == len(committed)
    stale = [(old, new) for old, new in zip(committed, ours, strict=True) if old != new and NOT_CHECKED not in new]
    assert stale == [], "run: accelsim validate -o reports/validation.md"
