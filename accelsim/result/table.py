"""Results as tables, for a terminal. `notebook.py` makes HTML of the same parts."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.arch.registry import machine

if TYPE_CHECKING:
    from accelsim.result.result import LayerResult, Result

_FEW = 3  # layers that are all named
_PLAIN_WIDTH = 150  # where there is no terminal to ask: names of a whole transformer fit


def as_text(results: Sequence["Result"], terminal: bool = True, top: int | None = None) -> str:
    """The tables of `results`, in the width and colours of the terminal where there is one and `terminal` is true."""
    return rendered(result_parts(results, top), terminal)


def result_parts(results: Sequence["Result"], top: int | None = None) -> list[RenderableType]:
    """One table per run, a comparison when there are several, and the notes.

    top: layers of each run's table, the longest first; all, in their order, when None; with 0 there is no table.
    """
    parts: list[RenderableType] = []
    for result in results:
        parts += [] if top == 0 else [_run_table(result, top), _stall_line(result)]
        parts += [Text(f"note: {result.arch}: {note}" if top == 0 else f"note: {note}") for note in _joined(result)]
        parts += [] if top == 0 else [Text()]
    if len(results) > 1:
        parts += [_comparison(results), *_marks(results)]
    return parts


def _joined(result: "Result") -> list[str]:
    """The notes of all layers; what several layers say is said once."""
    layers: dict[str, list[str]] = {}
    for layer in result.layers:
        for note in layer.notes:
            layers.setdefault(note, []).append(layer.name)
    return [f"{names[0] if len(names) == 1 else _named(names, len(result.layers))}: {note}"
            for note, names in layers.items()]


def _named(names: Sequence[str], of: int) -> str:
    if len(names) == of:
        return f"all {of} layers"
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} layers ({names[0]}, {names[1]}, ...)"


def _run_table(result: "Result", top: int | None) -> Table:
    table = new_table(f"{result.trace} on {result.arch} (policy {result.policy}, {result.config.clock_mhz:g} MHz)")
    for heading in ("layer", "op", "dense MACs", "effectual", "cycles", "time us", "energy nJ", "busy", "bound",
                    "largest stall"):
        add_column(table, heading, ("layer", "op", "bound", "largest stall"))
    shown = result.layers if top is None else sorted(result.layers, key=lambda layer: -layer.cycles)[:top]
    for layer in shown:
        table.add_row(Text(layer.name), layer.op, *_cells(layer), layer.roofline.bound,
                      _largest_stall(layer.stalls))
    if len(shown) < len(result.layers):
        table.add_row(Text(f"{len(result.layers) - len(shown)} more layers"))
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
    """The runs beside one another. Slots and clocks differ: `at equal slots` is the ratio of slot-cycles."""
    table = new_table(f"comparison; speed-up over {results[0].arch}")
    for heading in ("arch", "policy", "slots", "MHz", "cycles", "time us", "energy nJ", "busy", "largest stall",
                    "speed-up", "at equal slots", "area mm2"):
        table.add_column(heading, justify="left" if heading in ("arch", "policy", "largest stall") else "right")
    first = results[0]
    for r in results:
        works = first.cycles and r.cycles
        table.add_row(
            Text(r.arch), r.policy, f"{r.layers[0].slots:,}", f"{r.config.clock_mhz:g}", f"{r.cycles:,}",
            f"{r.time_us:,.2f}", f"{r.energy_pj / 1e3:,.1f}", f"{r.utilization:.1%}", _largest_stall(r.stalls),
            _times(first.time_us / r.time_us) if works else "-",
            _times(first.cycles * first.layers[0].slots / (r.cycles * r.layers[0].slots)) if works else "-",
            "-" if r.area_mm2 is None else f"{r.area_mm2:.1f}")
    return table


def _times(ratio: float) -> str:
    return f"{ratio:.2f}x" if ratio >= 0.1 else f"{ratio:.2g}x"


def _marks(results: Sequence["Result"]) -> list[Text]:
    """What sets runs apart although they stand in one table."""
    lines = [Text(f"{r.arch}: {mark}") for r in results for mark in machine(r.config.kind).marks(r.config)]
    free = [r.arch for r in results if r.config.dram is None]
    if free:
        named = "all" if len(free) == len(results) else ", ".join(free)
        lines.append(Text(f"without a memory model (--dram-gbps): {named}"))
    return lines


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
