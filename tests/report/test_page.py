"""Is the page one file that asks for nothing, says the same each time and lets no name act?"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report.made_up import HOSTILE
from typer.testing import CliRunner

from accelsim.cli import app
from accelsim.errors import ReportError
from accelsim.report import colours
from accelsim.report.page import inert_json, page, write_page
from accelsim.report.page.data import packed
from accelsim.report.sources import collect

LIBRARY = "/* the charts' library */ const x = '</script>';"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the library, which takes a second to bundle."""
    monkeypatch.setattr("accelsim.report.page.charting_library", lambda: LIBRARY)


class Elements(HTMLParser):
    """The elements of a page and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data


@pytest.mark.usefixtures("light")
def test_hostile_names_stay_data(files: Path, make_store: Callable[[Path, int], Path]) -> None:
    store = make_store(files / "points.sqlite", 200)
    names = [files / "hostile.json", files / "hostile_policies.json", files / "run", store]
    text = page(collect(names), title=HOSTILE[1])
    parsed = Elements(text)
    expected = Elements(page(collect([files / "run"]), title="t"))
    assert [tag for tag, _ in parsed.found] == [tag for tag, _ in expected.found]
    assert [attributes for tag, attributes in parsed.found if tag != "meta"] == [
        attributes for tag, attributes in expected.found if tag != "meta"]
    data = json.loads(parsed.scripts[0])
    assert [layer["name"] for layer in data["groups"][0]["runs"][0]["layers"]] == HOSTILE
    assert not re.search("[<>&\u2028\u2029]", parsed.scripts[0])
    assert parsed.scripts[0].isascii()


@pytest.mark.usefixtures("light")
def test_only_the_scripts_of_the_page_run_and_nothing_is_loaded(files: Path) -> None:
    parsed = Elements(page(collect([files / "run"])))
    policy = next(a["content"] for tag, a in parsed.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = re.findall("'sha256-([^']+)'", policy)
    scripts = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in parsed.scripts[1:]]
    assert allowed == scripts
    assert "unsafe-eval" not in policy
    loads = [a for tag, a in parsed.found for key in ("src", "href") if (a.get(key) or "#")[0] != "#"]
    assert loads == [{"rel": "icon", "href": "data:,"}]
    assert not [key for _, a in parsed.found for key in a if key.startswith("on")]


@pytest.mark.usefixtures("light")
def test_same_sources_same_bytes(files: Path, make_store: Callable[[Path, int], Path]) -> None:
    store = make_store(files / "points.sqlite", 30)
    for name in ("one.html", "two.html"):
        write_page([files / "run", files / "pol", store], files / name)
    assert (files / "one.html").read_bytes() == (files / "two.html").read_bytes()
    assert str(files).encode() not in (files / "one.html").read_bytes()


@pytest.mark.usefixtures("light")
def test_the_page_has_the_fixed_colours(files: Path) -> None:
    data = json.loads(Elements(page(collect([files / "run", files / "pol"]))).scripts[0])
    assert data["colours"]["busy"] == colours.BUSY
    assert data["colours"] == colours.of_stalls(data["colours"])


@pytest.mark.parametrize("values", [[1, 1, 1, 1], [1, 1.0, True, "1"], [None, None], list(range(9)),
                                    [1, 2] * 10, [None, "a", "a", 2.5] * 8, [False] * 4 + [0] * 4])
def test_packed_columns_hold_every_value(values: list[Any]) -> None:
    column = json.loads(json.dumps(packed(values)))
    if "same" in column:
        back = [column["same"]] * len(values)
    elif "of" in column:
        back = [column["of"][place] for place in column["at"]]
    else:
        back = column["each"]
    assert list(map(repr, back)) == list(map(repr, values))


def test_inert_json_is_json() -> None:
    assert json.loads(inert_json(HOSTILE)) == HOSTILE
    with pytest.raises(ValueError, match="JSON compliant"):
        inert_json(float("nan"))


def test_a_missing_library_is_one_message(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    result = CliRunner().invoke(app, ["report", str(files / "run"), "-o", str(files / "page.html")])
    assert result.exit_code == 2
    assert "pip install 'accelsim[report]'" in result.stderr
    assert not (files / "page.html").exists()


@pytest.mark.usefixtures("light")
def test_command_writes_the_page(files: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(files / "run"), "-o", str(files / "page.html"), "--title", "Mine"])
    assert result.exit_code == 0, result.stderr
    assert "<title>Mine</title>" in (files / "page.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("target", ["missing/page.html", "run", "bad\0name.html", "x" * 300])
def test_what_cannot_be_written_leaves_nothing(files: Path, target: str) -> None:
    before = sorted(files.rglob("*"))
    with pytest.raises(ReportError, match="-o "):
        write_page([files / "run"], files / target)
    assert sorted(files.rglob("*")) == before


@pytest.mark.usefixtures("light")
def test_a_page_that_fails_leaves_the_old_one(files: Path) -> None:
    (files / "page.html").write_text("old")
    (files / "run" / "result.json").write_text("{}")
    with pytest.raises(ReportError):
        write_page([files / "run"], files / "page.html")
    assert (files / "page.html").read_text() == "old"
