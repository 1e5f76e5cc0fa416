"""A headless Chromium for the tests of pages; Debian's `chromium`, or what ACCELSIM_CHROMIUM names."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass
class Opened:
    """A page, and what it did: messages on the console, errors, requests."""

    page: "Page"
    said: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def value(self, expression: str) -> Any:
        """A JavaScript expression's value."""
        return self.page.evaluate(expression)


def chromium() -> str:
    """The browser's path; skips the test where there is none."""
    path = os.environ.get("ACCELSIM_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium: install one (apt-get install chromium) or name it in ACCELSIM_CHROMIUM")
    return path


@contextmanager
def started() -> "Iterator[Browser]":
    """The browser; skips the test where it or the library that drives it is missing."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser; pip install playwright")
    path = chromium()
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: "Browser", file: Path, width: int = 1280) -> Opened:
    """`file` in a window of `width` pixels, once all charts are drawn."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    found = Opened(page)
    page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.said.append(f"error: {error}"))
    page.on("request", lambda request: found.requested.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn]", timeout=60_000)
    return found
