"""Are figures right for a paper: every kind, fixed sizes, fonts inside, same bytes, and nothing half-written?"""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report.made_up import idle
from typer.testing import CliRunner

from accelsim.cli import app
from accelsim.cli.report import Kind
from accelsim.errors import ConfigError, ReportError
from accelsim.report import colours
from accelsim.report.figures import KINDS, draw

SOURCES = {"pareto": "points.sqlite", "policies": "pol"}


@pytest.fixture
def sources(files: Path, make_store: Callable[[Path, int], Path]) -> Path:
    make_store(files / "points.sqlite", 60)
    return files


def test_the_command_knows_every_kind() -> None:
    assert tuple(kind.value for kind in Kind) == KINDS


@pytest.mark.parametrize(("kind", "ending"), [
    *((kind, "svg") for kind in KINDS), ("stalls", "pdf"), ("heatmap", "png")])
def test_same_sources_same_bytes(sources: Path, kind: str, ending: str) -> None:
    one, two = (sources / f"{name}.{ending}" for name in ("one", "two"))
    for target in (one, two):
        draw(kind, [sources / SOURCES.get(kind, "run")], target)
    content = one.read_bytes()
    assert content == two.read_bytes()
    assert content.startswith({"pdf": b"%PDF-", "svg": b"<?xml", "png": b"\x89PNG"}[ending])
    assert not re.search(rb"CreationDate|<dc:date>|20[0-9][0-9]-[01][0-9]-", content)


@pytest.mark.parametrize(("kind", "width", "points"), [
    *((kind, "column", 3.33 * 72) for kind in KINDS), ("stalls", "page", 7 * 72), ("heatmap", "page", 7 * 72)])
def test_width_and_fonts(sources: Path, kind: str, width: str, points: float) -> None:
    pdf, png = sources / "f.pdf", sources / "f.png"
    for target in (pdf, png):
        draw(kind, [sources / SOURCES.get(kind, "run")], target, width=width)
    content = pdf.read_bytes()
    box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", content)
    assert box is not None
    assert float(box[1]) == pytest.approx(points, abs=0.5)
    assert float(box[2]) <= 9 * 72
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert struct.unpack(">I", png.read_bytes()[16:20])[0] == pytest.approx(points / 72 * 300, abs=2)


def test_axes_have_units(sources: Path) -> None:
    wanted = {"speedup": "speed-up over\neie no DRAM", "energy": "energy, nJ",
              "utilization": "utilization, % of slot-cycles", "stalls": "share of slot-cycles, %",
              "policies": "cycles, split by what the slots did", "pareto": "time, µs",
              "roofline": "effectual MACs per byte of DRAM traffic", "heatmap": "slot-cycles of work per PE",
              "histogram": "number of PEs"}
    for kind, label in wanted.items():
        text = _texts(sources, kind)
        assert label in text, (kind, text)


def _texts(folder: Path, kind: str) -> list[str]:
    """All text of the figure, as matplotlib has it."""
    import importlib

    from accelsim.report.figures import _HOME_OF
    from accelsim.report.figures.choices import Choices
    from accelsim.report.sources import collect

    make = getattr(importlib.import_module(f"accelsim.report.figures.{_HOME_OF[kind]}"), kind)
    figure = make(collect([folder / SOURCES.get(kind, "run")]), Choices(3.33, None, ("time_us", "energy_pj")))
    return [label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel())]


def test_stalls_have_their_colours(sources: Path) -> None:
    draw("stalls", [sources / "run"], sources / "f.svg")
    text = (sources / "f.svg").read_text()
    assert colours.BUSY in text
    assert set(colours.of_stalls(["busy", "empty_column"]).values()) <= set(re.findall("#[0-9a-f]{6}", text))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("pareto",)])
def test_hostile_names_are_drawn(sources: Path, kind: str) -> None:
    file = sources / ("hostile_policies.json" if kind == "policies" else "hostile.json")
    draw(kind, [file], sources / "f.svg")
    text = (sources / "f.svg").read_text()
    assert "<script" not in text
    assert "onerror" not in re.sub("<!--.*?-->", "", text, flags=re.S)


def test_hostile_sweep(sources: Path) -> None:
    draw("pareto", [sources / "points.sqlite"], sources / "f.pdf", axes=["cycles", "-utilization"])
    assert (sources / "f.pdf").stat().st_size > 3000


@pytest.mark.parametrize(("arguments", "said"), [
    (["speedup", "points.sqlite", "-o", "f.pdf"], "speedup is drawn from runs"),
    (["policies", "run", "-o", "f.pdf"], "policies are drawn from comparisons"),
    (["pareto", "pol", "-o", "f.pdf"], "pareto is drawn from the store"),
    (["pareto", "points.sqlite", "--axes", "time", "-o", "f.pdf"], "wanted two columns"),
    (["pareto", "points.sqlite", "--axes", "time,nothing", "-o", "f.pdf"], "nothing"),
    (["pareto", "points.sqlite", "--axes", "time,policy", "-o", "f.pdf"], "wanted a number"),
    (["heatmap", "run", "--layer", "nope", "-o", "f.pdf"], "no run has such a layer"),
    (["histogram", "silent.json", "-o", "f.pdf"], "needs the work of each PE"),
    (["roofline", "silent.json", "-o", "f.pdf"], "run with --dram-gbps"),
    (["speedup", "run", "-o", "f.gif"], "ends in .pdf, .svg or .png"),
    (["speedup", "run", "-o", "missing/f.pdf"], "cannot be written"),
    (["speedup", "nothing.json", "-o", "f.pdf"], "no such file"),
    (["speedup", "table.txt", "-o", "f.pdf"], "not a result"),
    (["tea", "run", "-o", "f.pdf"], "tea"),
])
def test_mistakes_are_one_message_and_leave_nothing(sources: Path, monkeypatch: pytest.MonkeyPatch,
                                                    arguments: list[str], said: str) -> None:
    monkeypatch.chdir(sources)
    (sources / "table.txt").write_text("cycles")
    runs = json.loads((sources / "run" / "result.json").read_text())["runs"]
    (sources / "silent.json").write_text(json.dumps({"runs": runs[:1]}))
    before = sorted(sources.rglob("*"))
    result = CliRunner().invoke(app, ["plot", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert [path for path in sorted(sources.rglob("*")) if not path.name.endswith(("-wal", "-shm"))] == before


@pytest.mark.parametrize(("kind", "said"), [("energy", "more than the 8 colours"), ("stalls", "do not fit a page")])
def test_what_could_not_be_read_is_not_drawn(sources: Path, runs: list[dict[str, Any]], kind: str, said: str) -> None:
    many = [runs[1] | {"run_id": str(i), "policy": f"p{i}", "layers": runs[1]["layers"] * 9} for i in range(9)]
    (sources / "many.json").write_text(json.dumps({"runs": many}))
    with pytest.raises(ReportError, match=said):
        draw(kind, [sources / "many.json"], sources / "f.png")


@pytest.mark.parametrize("kind", ["speedup", "energy", "utilization", "stalls", "pareto"])
def test_a_run_in_which_nothing_happens(sources: Path, runs: list[dict[str, Any]], kind: str) -> None:
    (sources / "idle.json").write_text(json.dumps({"runs": [idle(runs[1])]}))
    draw(kind, [sources / "idle.json"], sources / "f.png")
    assert (sources / "f.png").stat().st_size > 1000


def test_mistakes_of_the_call(sources: Path) -> None:
    with pytest.raises(ReportError, match="did you mean 'stalls'"):
        draw("stall", [sources / "run"], sources / "f.pdf")
    with pytest.raises(ReportError, match="column or page"):
        draw("stalls", [sources / "run"], sources / "f.pdf", width="poster")
    with pytest.raises(ConfigError):
        draw("pareto", [sources / "points.sqlite"], sources / "f.pdf", axes=[])


def test_a_users_own_matplotlib_settings_do_not_matter(sources: Path) -> None:
    import matplotlib

    draw("stalls", [sources / "run"], sources / "one.svg")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "text.parse_math": True}):
        draw("stalls", [sources / "run"], sources / "two.svg")
    assert (sources / "one.svg").read_bytes() == (sources / "two.svg").read_bytes()
