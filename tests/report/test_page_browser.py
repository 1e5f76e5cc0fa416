"""Does the page work in a browser: charts, tables, hover, keyboard, phone, print, and hostile names?"""

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from report import browser
from report.made_up import HOSTILE

pytest.importorskip("vl_convert", reason="the page's charts need vl-convert-python; pip install 'accelsim[report]'")

# Pairs of tick labels of one axis that lie on each other, in every chart that is drawn as SVG
OVERLAPS = """() => [...document.querySelectorAll("g.role-axis-label")].flatMap((axis) => {
  const boxes = [...axis.querySelectorAll("text")]
    .filter((text) => text.getAttribute("opacity") !== "0" && text.textContent)
    .map((text) => [text.textContent, text.getBoundingClientRect()]);
  const across = (a, b) => a.left < b.right - 1 && b.left < a.right - 1;
  const down = (a, b) => a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return boxes.flatMap(([a, one], i) => boxes.slice(i + 1).filter(([, two]) => across(one, two) && down(one, two))
    .map(([b]) => `${a} / ${b}`));
})"""
NAMELESS = """() => [...document.querySelectorAll("figure")].filter((figure) => {
  const text = (id) => document.getElementById(figure.getAttribute(id))?.textContent.trim();
  const drawn = figure.querySelector(".drawing.vega-embed, .drawing .vega-embed, .drawing");
  return !text("aria-labelledby") || !text("aria-describedby") || !(drawn.querySelector("svg, canvas"));
}).map((figure) => figure.textContent.slice(0, 80))"""
UNLABELLED = """() => [...document.querySelectorAll("input, select, button")]
  .filter((control) => !(control.labels?.length || control.getAttribute("aria-label") || control.textContent.trim()))
  .map((control) => control.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser.started() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, runs: Any, make_store: Callable[[Path, int], Path]) -> Path:
    """mixed.html of runs, a sweep and policies; hostile.html of hostile names everywhere."""
    import json

    from report.made_up import comparison, hostile, idle, with_work, without_work

    from accelsim.report.page import write_page

    folder = tmp_path_factory.mktemp("pages")
    told = [without_work(runs[0]), with_work(runs[1], (16, 1)), with_work(runs[2], (16, 16), 2)]
    (folder / "result.json").write_text(json.dumps({"runs": told}))
    (folder / "hostile.json").write_text(json.dumps({"runs": [hostile(with_work(runs[1])), told[0]]}))
    (folder / "policies.json").write_text(json.dumps(comparison()))
    (folder / "hostile_policies.json").write_text(json.dumps(comparison(HOSTILE)))
    (folder / "idle.json").write_text(json.dumps({"runs": [idle(runs[1])]}))
    write_page([folder / "idle.json", make_store(folder / "one.sqlite", 1)], folder / "idle.html")
    store = make_store(folder / "points.sqlite", 400)
    write_page([folder / "result.json", folder / "policies.json", store], folder / "mixed.html")
    write_page([folder / "hostile.json", folder / "hostile_policies.json", store], folder / "hostile.html", HOSTILE[0])
    return folder


@pytest.fixture
def mixed(chrome: Any, pages: Path) -> Iterator[browser.Opened]:
    found = browser.opened(chrome, pages / "mixed.html")
    yield found
    assert found.said == []
    assert found.requested == [(pages / "mixed.html").as_uri()]
    found.page.close()


def test_every_chart_is_there_with_its_words(mixed: browser.Opened) -> None:
    titles = mixed.value("[...document.querySelectorAll('figure h4')].map((h) => h.textContent)")
    assert {"Points and the front", "Where the slot-cycles of the front's points went", "Speed-up per layer",
            "Energy per layer", "Energy by component", "All layers, run by run", "Busy share of all slot-cycles",
            "Roofline over DRAM traffic", "scnn: work on the PE grid", "scnn: PEs by work", "eie pes=4: cycles",
            "eie pes=4: speed-up per layer"} <= set(titles)
    assert mixed.value(NAMELESS) == []
    assert mixed.value(UNLABELLED) == []
    assert "Not given by: eie no DRAM." in mixed.page.inner_text("body")


@pytest.mark.parametrize("width", [1280, 768, 390])
def test_labels_do_not_overlap_and_nothing_sticks_out(chrome: Any, pages: Path, width: int) -> None:
    for name in ("mixed.html", "hostile.html", "idle.html"):
        found = browser.opened(chrome, pages / name, width)
        assert found.value(OVERLAPS) == []
        assert found.value("document.documentElement.scrollWidth") <= width
        assert found.said == []
        found.page.close()


def cells(opened: browser.Opened, table: str, column: str) -> list[str]:
    """The shown texts of a column."""
    return opened.value(f"""(() => {{
      const table = [...document.querySelectorAll("table")].find((t) => t.caption.textContent === {table!r});
      const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.dataset.column === {column!r});
      return [...table.tBodies[0].rows].map((row) => row.cells[at].textContent);
    }})()""")


def table(opened: browser.Opened, caption: str) -> Any:
    return opened.page.locator(".datatable").filter(has=opened.page.locator("caption", has_text=caption))


def test_headings_sort(mixed: browser.Opened) -> None:
    points = table(mixed, "Points of points.sqlite")
    heading = points.locator("th[data-column=cycles]")
    first = cells(mixed, "Points of points.sqlite", "run_id")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    shown = [int(cell.replace(",", "")) for cell in cells(mixed, "Points of points.sqlite", "cycles")]
    assert shown == sorted(shown)
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert int(cells(mixed, "Points of points.sqlite", "cycles")[0].replace(",", "")) > shown[-1]
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") is None
    assert cells(mixed, "Points of points.sqlite", "run_id") == first


def test_filters_hold_for_table_and_chart(mixed: browser.Opened) -> None:
    points = table(mixed, "Points of points.sqlite")
    points.get_by_label("Filter pes").fill(">= 128")
    points.get_by_label("Filter policy").fill("greedy")
    points.get_by_role("status").filter(has_text="(of 400)").wait_for()
    assert {int(cell) for cell in cells(mixed, "Points of points.sqlite", "config.pes")} == {128, 256}
    assert set(cells(mixed, "Points of points.sqlite", "policy")) == {"greedy_nnz"}
    left = int(points.get_by_role("status").inner_text().split(" of ")[1].split(" ")[0])
    mixed.page.get_by_text(f"{left - 1} points; ").wait_for()  # one of them failed
    points.get_by_label("Search").fill("no such text anywhere")
    points.get_by_role("status").filter(has_text="no row").wait_for()


def test_csv_has_the_rows_that_are_left(mixed: browser.Opened) -> None:
    points = table(mixed, "Points of points.sqlite")
    points.get_by_label("Filter queue_entries").fill("= 3")
    points.get_by_role("status").filter(has_text="(of 400)").wait_for()
    with mixed.page.expect_download() as waiting:
        points.get_by_role("button", name="Download CSV").click()
    assert waiting.value.suggested_filename == "points.csv"
    rows = list(csv.DictReader(StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == 16
    assert {row["config.queue_entries"] for row in rows} == {"3"}
    assert all(len(row) > 30 for row in rows)
    assert {row["status"] for row in rows} == {"finished"}


def test_hover_shows_a_points_config(mixed: browser.Opened) -> None:
    drawing = mixed.page.locator("figure", has=mixed.page.get_by_text("Points and the front")).locator("canvas")
    drawing.scroll_into_view_if_needed()
    tooltip = mixed.page.locator("#vg-tooltip-element.visible")
    box = drawing.bounding_box()
    assert box is not None
    for x in range(60, int(box["width"]) - 10, 6):  # along a line through the cloud until a point is hit
        mixed.page.mouse.move(box["x"] + x, box["y"] + box["height"] * 0.45)
        if tooltip.count():
            break
    text = tooltip.inner_text()
    assert "queue_entries" in text
    assert "time, µs" in text


def test_bars_have_tooltips(mixed: browser.Opened) -> None:
    figure = mixed.page.locator("figure", has=mixed.page.get_by_text("All layers, run by run"))
    figure.locator("g.mark-rect path").first.hover()
    assert "slot-cycles" in mixed.page.locator("#vg-tooltip-element.visible").inner_text()


def test_another_baseline(mixed: browser.Opened) -> None:
    figure = mixed.page.locator("figure", has=mixed.page.get_by_text("Speed-up per layer", exact=True))
    before = figure.locator("p.says").inner_text()
    figure.get_by_label("Speed-up against").select_option(label="scnn")
    figure.get_by_text("times as fast as scnn").first.wait_for()
    assert figure.locator("p.says").inner_text() != before
    figure.locator("summary").click()
    figure.locator("caption").wait_for()
    assert set(cells(mixed, "Speed-up against scnn", "scnn")) == {"1"}


def test_another_layer(mixed: browser.Opened) -> None:
    mixed.page.get_by_label("Layer of scnn").select_option(label="fc")
    figure = mixed.page.locator("figure", has=mixed.page.get_by_text("scnn: work on the PE grid"))
    figure.get_by_text("Layer fc: 256 PEs").wait_for()


def test_print_has_no_controls(mixed: browser.Opened) -> None:
    mixed.page.emulate_media(media="print")
    controls = "[...document.querySelectorAll('input, select, nav, .filters')]"
    assert mixed.value(f"{controls}.filter((control) => control.offsetParent).length") == 0
    assert len(mixed.page.pdf(format="A4")) > 50_000


def test_hostile_names_do_nothing(chrome: Any, pages: Path) -> None:
    found = browser.opened(chrome, pages / "hostile.html")
    found.page.locator("details").evaluate_all("(all) => all.forEach((details) => { details.open = true; })")
    for box in found.page.get_by_role("checkbox").all():
        box.check()
    figures = found.page.locator("figure svg g.mark-rect path")
    for place in range(0, figures.count(), max(1, figures.count() // 25)):
        figures.nth(place).hover(force=True)
    assert found.value("window.hacked") is None
    assert found.value("document.querySelectorAll('img, b, main script').length") == 0
    text = found.page.inner_text("body")
    assert all(name in text for name in (HOSTILE[0], HOSTILE[1], HOSTILE[2], "层 слой"))
    assert found.page.title() == HOSTILE[0]
    assert found.said == []
    assert len(found.requested) == 1
    found.page.close()
