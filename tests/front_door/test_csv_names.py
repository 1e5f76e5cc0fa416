"""CSV files give names back exactly, whatever a spreadsheet may think of them (docs/files.md)."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.report import files, policies
from accelsim.study import export

NAMES = ["=1+1", "+1", "-1", "@SUM(1)", "=HYPERLINK(\"http://x\",\"y\")", " =1", "a,b", "'", '"', "x;y"]


def given_back(name: str) -> None:
    layer = accelsim.linear(name, [[1, 2]], [1, 0])
    result = accelsim.simulate(accelsim.Trace([layer], name))
    tables = [files.as_csv([result]), export.as_csv([{"trace": name, "error": f"{name}: no"}]),
              policies.as_csv(accelsim.compare_policies(layer, policies="row_block"))]
    for text in tables:
        rows = list(csv.DictReader(io.StringIO(text)))
        assert any(name in row.values() for row in rows), text


@pytest.mark.parametrize("name", NAMES)
def test_names_that_a_spreadsheet_takes_for_formulas(name: str) -> None:
    given_back(name)


@given(st.text(min_size=1, max_size=20).filter(str.isprintable))
def test_any_name(name: str) -> None:
    given_back(name)


def test_the_page_says_so() -> None:
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    assert "begins with `=`, `+`,\n`-` or `@` for a formula" in page
