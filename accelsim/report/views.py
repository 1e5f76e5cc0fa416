"""What `accelsim roofline` and `accelsim energy` print."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.arch.registry import machine
from accelsim.result.result import Result
from accelsim.result.table import new_table, rendered


def roofline_text(results: Sequence[Result]) -> str:
    """One table per run: the ladder of bounds of each layer, in cycles."""
    parts: list[RenderableType] = []
    for result in results:
        table = new_table(f"{result.trace} on {result.arch} ({_memory(result)})")
        for heading in ("layer", "bound", "over compute", "compute", "+ imbalance", "+ on-chip", "DRAM", "cycles"):
            table.add_column(heading, justify="left" if heading in ("layer", "bound") else "right")
        for layer in result.layers:
            roof = layer.roofline
            table.add_row(Text(layer.name), roof.bound, f"{roof.over_compute:.2f}x", f"{roof.compute_cycles:,.0f}",
                          f"{roof.balanced_cycles:,.0f}", f"{roof.machine_cycles:,}",
                          "-" if roof.dram_cycles is None else f"{roof.dram_cycles:,}", f"{layer.cycles:,}")
        parts += [table, Text()]
    return rendered(parts)


def _memory(result: Result) -> str:
    if result.config.dram is not None:
        return f"DRAM {result.config.dram.model}"
    if machine(result.config.kind).own_dram:
        return "the design's own DRAM is part of on-chip: give --dram-gbps to tell them apart"
    return "DRAM not modelled: give --dram-gbps"


def energy_text(results: Sequence[Result]) -> str:
    """One run under several tables: nJ by component and by data type, the first table being 1."""
    title = f"{results[0].trace} on {results[0].arch}: nJ under each energy table"
    by_component, by_data = new_table(title), new_table("by data type")
    for table, first, splits in ((by_component, "component", [r.energy_by_component for r in results]),
                                 (by_data, "data", [r.energy_by_data for r in results])):
        _add_columns(table, first, results)
        for name in dict.fromkeys(n for split in splits for n in split):
            table.add_row(Text(name), *(f"{split.get(name, 0.0) / 1e3:,.2f}" for split in splits))
        table.add_section()
        base = results[0].energy_pj
        table.add_row("total", *(f"{r.energy_pj / 1e3:,.2f}" for r in results), style="bold")
        table.add_row("against the first", *(f"{r.energy_pj / base:.2f}x" if base else "-" for r in results))
    digests = [Text(f"{r.energy_table}: digest {r.energy_table_digest[:16]}") for r in results]
    return rendered([by_component, by_data, *digests])


def _add_columns(table: Table, first: str, results: Sequence[Result]) -> None:
    table.add_column(first)
    for result in results:
        table.add_column(Text(result.energy_table), justify="right")
