"""How long until a page of ten thousand points can be used?"""

import pytest
from report import browser
from report.conftest import make_store, runs  # noqa: F401  (fixtures)


@pytest.mark.slow
def test_ten_thousand_points_are_usable_within_three_seconds(tmp_path, make_store) -> None:  # noqa: F811
    """Of three openings the best: tables and controls, and all charts."""
    pytest.importorskip("vl_convert")
    from accelsim.report.page import write_page

    write_page([make_store(tmp_path / "points.sqlite", 10_000)], tmp_path / "page.html")
    ready, drawn = [], []
    with browser.started() as chrome:
        for _ in range(3):
            opened = browser.opened(chrome, tmp_path / "page.html")
            ready.append(int(opened.value("document.documentElement.dataset.ready")))
            drawn.append(int(opened.value("document.documentElement.dataset.drawn")))
            opened.page.close()
    megabytes = (tmp_path / "page.html").stat().st_size / 1e6
    print(f"10,000 points, {megabytes:.1f} MB: tables after {min(ready)} ms, all charts after {min(drawn)} ms")
    assert min(drawn) < 3000
