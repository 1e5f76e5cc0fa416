"""Figures for papers: the width of a column or of a page, text of 7 points, fonts embedded. See docs/report.md.

`draw` picks the kind; each kind is one function from what was collected and the choices to a matplotlib figure.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.errors import ReportError
from accelsim.files import check_writable, write_whole
from accelsim.report.figures.choices import WIDTHS_INCHES, Choices
from accelsim.report.sources import Collected, collect
from accelsim.yaml import did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from accelsim.report.sources import Source

_HOME_OF = {"speedup": "bars", "energy": "bars", "utilization": "bars", "stalls": "stacks", "policies": "stacks",
            "roofline": "points", "pareto": "points", "heatmap": "loads", "histogram": "loads"}
KINDS = tuple(_HOME_OF)
_WITHOUT_DATES: Mapping[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None}, "svg": {"Date": None}, "png": {"Software": None}}
_STYLE: dict[str, Any] = {
    "font.size": 7, "font.family": ["DejaVu Sans"], "axes.titlesize": 7, "axes.labelsize": 7, "legend.fontsize": 6.5,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.linewidth": 0.6, "lines.linewidth": 1.0,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "text.parse_math": False,
    "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "accelsim", "hatch.linewidth": 0.4,
}
_DPI = 300


def draw(kind: str, sources: "Sequence[Source]", path: str | os.PathLike[str], *, width: str = "column",
         layer: str | None = None, axes: Sequence[str] = ("time_us", "energy_pj")) -> None:
    """Draw `sources` as a figure of one of `KINDS` into `path` (.pdf, .svg or .png); same sources, same bytes.

    sources: as for `accelsim.report.page.write_page`. width: "column" (3.33 inches) or "page" (7 inches).
    layer: of heatmap and histogram; all layers added up when None. axes: the two columns of pareto, as in a study's
    objectives. Raises ReportError, StoreError or ConfigError.
    """
    target = Path(path)
    ending = target.suffix.lower().removeprefix(".")
    if ending not in _WITHOUT_DATES:
        raise ReportError(f"-o {target}: a figure's name ends in .pdf, .svg or .png")
    if kind not in _HOME_OF:
        raise ReportError(f"there is no figure {kind!r}{did_you_mean(kind, KINDS)}")
    if width not in WIDTHS_INCHES:
        raise ReportError(f"width {width!r}: wanted {' or '.join(WIDTHS_INCHES)}")
    check_writable(target)
    found = collect(sources)
    write_whole(target, _bytes(kind, found, Choices(WIDTHS_INCHES[width], layer, tuple(axes)), ending))


def _bytes(kind: str, found: Collected, choices: Choices, ending: str) -> bytes:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    make: Callable[[Collected, Choices], Figure] = getattr(import_module(f"{__name__}.{_HOME_OF[kind]}"), kind)
    out = BytesIO()
    with matplotlib.rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a name may be in any script
        figure = make(found, choices)
        FigureCanvasAgg(figure)
        figure.savefig(out, format=ending, dpi=_DPI, metadata=_WITHOUT_DATES[ending])
    return out.getvalue()


def _style() -> Any:
    """The same whatever the user's own settings are."""
    import matplotlib

    return {**matplotlib.rcParamsDefault, **_STYLE, "backend": "agg"}
