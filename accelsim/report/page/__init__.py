"""A page about results: one HTML file that needs nothing else, not even a network. See docs/report.md.

The charts are drawn by Vega-Lite, which travels in the page; `page.js` and its parts say what to draw.
"""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from accelsim.errors import ReportError
from accelsim.files import check_writable, write_whole
from accelsim.report.page.data import page_data
from accelsim.report.sources import Collected, collect

if TYPE_CHECKING:
    from accelsim.report.sources import Source

_PARTS = ("tables.js", "frame.js", "run_charts.js", "load_charts.js", "run_tables.js", "runs.js",
          "points.js", "sweeps.js", "policies.js", "page.js")
_MISSING = "the page's charts need vl-convert-python, which is not installed; pip install 'accelsim[report]'"


def write_page(sources: "Sequence[Source]", path: str | os.PathLike[str], title: str = "accelsim report") -> None:
    """Write a page about `sources` to `path`, whole or not at all; same sources, same bytes.

    sources: files that `accelsim run -o` and `accelsim policies -o` wrote (or their folders), stores of sweeps, and
    what `simulate`, `sweep` and `compare_policies` return, in any mix.
    Raises ReportError or StoreError when one cannot be read, and when the page cannot be made or written.
    """
    check_writable(path)
    found = collect(sources)
    write_whole(path, page(found, title).encode())


def page(found: Collected, title: str = "accelsim report") -> str:
    """The page as HTML. Names in it may be anything: they reach the page as JSON alone, and only listed scripts run."""
    library = _script(charting_library())
    parts = files(__package__)
    own = _script("\n".join(parts.joinpath(name).read_text(encoding="utf-8") for name in _PARTS))
    policy = (f"default-src 'none'; script-src {_hash(library)} {_hash(own)}; style-src 'unsafe-inline'; "
              "img-src data: blob:; base-uri 'none'; form-action 'none'")
    data = inert_json(page_data(found, title))
    skeleton = parts.joinpath("page.html").read_text(encoding="utf-8")
    pieces = {"TITLE": escape(title), "POLICY": policy, "STYLE": parts.joinpath("page.css").read_text(encoding="utf-8"),
              "DATA": data, "LIBRARY": library, "SCRIPT": own}
    first, *rest = skeleton.split("@@")
    return first + "".join(pieces[text] if i % 2 == 0 else text for i, text in enumerate(rest))


def inert_json(value: Any) -> str:
    """JSON that can stand inside of <script>: ASCII alone, and nothing that HTML knows."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def charting_library() -> str:
    """Vega, Vega-Lite and vega-embed as one JavaScript module. Raises ReportError when they are not installed."""
    try:
        from vl_convert import javascript_bundle
    except ImportError:
        raise ReportError(_MISSING) from None
    bundle: str = javascript_bundle()
    return bundle


def _script(text: str) -> str:
    """Script text that cannot end its own element."""
    return "\n" + text.replace("</script", "<\\/script").replace("<!--", "<\\!--") + "\n"


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
