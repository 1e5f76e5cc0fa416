"""What the figures share: widths, choices, how names are spelled and which runs there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accelsim.errors import ReportError
from accelsim.report.sources import Collected, Run, TraceRuns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTHS_INCHES: Mapping[str, float] = {"column": 3.33, "page": 7.0}
MAX_HEIGHT_INCHES = 9.0  # what a page takes
WHOLE = "all layers"
MIN_ROW_INCHES = 0.04  # letters below 3 points
_NAME_CHARACTERS = 34
_ROW_NAME_CHARACTERS = {True: 40, False: 22}  # of a wide figure, of a column's
_POINTS_PER_INCH = 72


@dataclass(frozen=True)
class Choices:
    """The figure's width, the layer of heat maps and histograms, and the columns of a Pareto figure."""

    width_inches: float
    layer: str | None
    axes: tuple[str, ...]


def plain(name: str, characters: int = _NAME_CHARACTERS) -> str:
    """A name as a figure shows it: printable and not too long."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= characters else f"{text[:characters - 1]}…"


def check_legible(row_inches: float, kind: str) -> None:
    """ReportError where rows would be too thin to read."""
    if row_inches < MIN_ROW_INCHES:
        raise ReportError(f"{kind}: so many rows do not fit a page of {MAX_HEIGHT_INCHES:g} inches; give fewer runs, or"
                          " draw them in several figures")


def groups_of(found: Collected, kind: str) -> list[TraceRuns]:
    """The runs by trace; ReportError where there are none."""
    if not found.groups:
        raise ReportError(f"{kind} is drawn from runs, and none was given; add a result.json that accelsim run -o "
                          "wrote")
    return found.groups


def new_figure(width: float, height: float) -> "Figure":
    """A figure with a layout that keeps text from overlapping."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, min(height, MAX_HEIGHT_INCHES)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.04)  # type: ignore[union-attr,call-arg]
    return figure


def name_rows(axes: "Axes", names: Iterable[str], row_inches: float) -> None:
    """Rows 0, 1... from the top under their names, in letters that fit the rows."""
    wide = axes.get_figure().get_figwidth() > 5  # type: ignore[union-attr]
    shown = [plain(name, _ROW_NAME_CHARACTERS[wide]) for name in names]
    axes.set_yticks(range(len(shown)), shown)
    axes.tick_params(axis="y", length=0, labelsize=min(6.5, 0.85 * row_inches * _POINTS_PER_INCH))
    axes.set_ylim(len(shown) - 0.5, -0.5)


def readable(axis: "Axis", ticks: int = 6) -> None:
    """Numbers as 20k or 3M on a linear or a logarithmic axis, few enough not to touch."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    if axis.get_scale() == "log":
        low, high = axis.get_view_interval()
        wide = high > 100 * low > 0
        axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=ticks))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(ticks))
    axis.set_major_formatter(lambda value, _: _short(value))


def _short(value: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def legend_below(figure: "Figure", handles: Any, names: Iterable[str], width: float) -> None:
    """One legend under all panels, in as many columns as its longest name allows."""
    shown = [plain(name) for name in names]
    longest = max((len(name) for name in shown), default=1)
    columns = max(1, min(len(shown), int(width / (0.055 * longest + 0.28))))
    figure.legend(handles, shown, loc="outside lower center", ncols=columns, handlelength=1.0, columnspacing=1.0,
                  handletextpad=0.4, borderaxespad=0.1)


def legend_inches(names: Iterable[str], width: float) -> float:
    """Height that `legend_below` takes."""
    shown = [plain(name) for name in names]
    longest = max((len(name) for name in shown), default=1)
    columns = max(1, min(len(shown), int(width / (0.055 * longest + 0.28))))
    return 0.12 * -(-len(shown) // columns) + 0.1


def title(axes: "Axes", text: str) -> None:
    """A panel's title, at the left."""
    axes.set_title(plain(text), loc="left", fontweight="bold")


def layer_names(run: Run) -> list[str]:
    """Names of the rows of a run: the whole trace, then its layers."""
    return [WHOLE, *(layer.name for layer in run.record.layers)]
