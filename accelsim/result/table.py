"""Results as tables, for a terminal. `notebook.py` makes HTML of the same parts."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from accelsim.result.result import LayerResult, Result

_PLAIN_WIDTH = 150  # where there is no terminal to ask: names of a whole transformer fit


def as_text(results: Sequence["Result"], terminal: bool = True) -> str:
    """The tables of `results`, in the width and colours of the terminal where there is one and `terminal` is true."""
    return rendered(result_parts(results), terminal)


def result_parts(results: Sequence["Result"]) -> list[RenderableType]:
    """One table per run, a comparison when there are several, and the notes."""
    parts: list[RenderableType] = []
    for result in results:
        parts += [_run_table(result), _stall_line(result), *(Text(f"note: {note}") for note in result.notes), Text()]
    if len(results) > 1:
        parts.append(_comparison(results))
    return parts


def _run_table(result: "Result") -> Table:
    table = new_table(f"{result.trace} on {result.arch} (policy {result.policy}, {result.config.clock_mhz:g} MHz)")
    for heading in ("layer", "op", "dense MACs", "effectual", "cycles", "time us", "energy nJ", "busy", "bound",
                    "largest stall"):
        add_column(table, heading, ("layer", "op", "bound", "largest stall"))
    for layer in result.layers:
        table.add_row(Text(layer.name), layer.op, *_cells(layer), layer.roofline.bound,
                      _largest_stall(layer.stalls))
    table.add_section()
    table.add_row("total", "", *_cells(result), "", _largest_stall(result.stalls), style="bold")
    return table


def add_column(table: Table, heading: str, left: Sequence[str]) -> None:
    """One more column, to the left if `left` has its heading.

    Long names are folded, never cut: names of one network often differ at their ends alone. Numbers stay whole.
    """
    table.add_column(heading, justify="left" if heading in left else "right", no_wrap=heading not in left,
                     overflow="fold")


def _cells(of: "Result | LayerResult") -> Iterable[str]:
    return (f"{of.macs_dense:,}", f"{of.macs_effectual:,}", f"{of.cycles:,}", f"{of.time_us:,.2f}",
            f"{of.energy_pj / 1e3:,.1f}", f"{of.utilization:.1%}")


def _largest_stall(stalls: Mapping[str, int]) -> str:
    waits = {name: n for name, n in stalls.items() if name != "busy"}
    total = sum(stalls.values())
    name = max(waits, key=waits.__getitem__, default="")
    return f"{name} {waits[name] / total:.1%}" if total and name and waits[name] else "none"


def _stall_line(result: "Result") -> Text:
    total = sum(result.stalls.values())
    if not total:
        return Text("no cycle passed: nothing ran")
    shares = ", ".join(f"{name} {n / total:.1%}" for name, n in result.stalls.items() if n)
    return Text(f"where the {total:,} slot-cycles went: {shares}")


def _comparison(results: Sequence["Result"]) -> Table:
    table = new_table("comparison")
    for heading in ("arch", "policy", "cycles", "time us", "energy nJ", "busy", "speed-up", "area mm2"):
        table.add_column(heading, justify="left" if heading in ("arch", "policy") else "right")
    first = results[0].time_us
    for r in results:
        table.add_row(Text(r.arch), r.policy, f"{r.cycles:,}", f"{r.time_us:,.2f}", f"{r.energy_pj / 1e3:,.1f}",
                      f"{r.utilization:.1%}", f"{first / r.time_us:.2f}x" if r.time_us else "-",
                      "-" if r.area_mm2 is None else f"{r.area_mm2:.1f}")
    return table


def new_table(title: str) -> Table:
    """An empty table under a title."""
    return Table(title=Text(title, style="bold"), title_justify="left")


def rendered(parts: Sequence[RenderableType], terminal: bool = True) -> str:
    """`parts` in the width and colours of the terminal where there is one and `terminal` is true, else plain."""
    out, shown_on = StringIO(), Console()
    coloured = terminal and shown_on.is_terminal
    console = Console(file=out, width=shown_on.width if coloured else _PLAIN_WIDTH, force_terminal=coloured,
                      color_system="standard" if coloured else None)
    console.print(*parts, sep="\n", markup=False, highlight=False)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())
