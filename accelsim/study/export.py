"""The rows of a store as a table, CSV or Parquet: same store, same bytes."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.errors import ConfigError, inert
from accelsim.files import csv_text, write_whole

if TYPE_CHECKING:
    import pyarrow

Row = Mapping[str, Any]
_LEFT = ("run_id", "trace", "arch", "policy", "error")


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Every column of `rows`, in order of first appearance, `error` last."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [*(name for name in names if name != "error"), "error"] if "error" in names else list(names)


def filled(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows with every column each, None where a row has no such thing."""
    names = columns_of(rows)
    return [{name: row.get(name) for name in names} for row in rows]


def as_csv(rows: Sequence[Row]) -> str:
    """One line per row under a header; empty where a row has no such column."""
    return csv_text(rows, columns_of(rows))


def as_table(rows: Sequence[Row]) -> str:
    """The columns in which points differ and the main numbers, as a terminal shows them."""
    from rich.table import Table
    from rich.text import Text

    from accelsim.result.table import rendered

    rows = filled(rows)
    facts = [c for c in columns_of(rows) if c in ("trace", "arch", "policy") or c.startswith("config.")]
    varying = [c for c in facts if len({str(row[c]) for row in rows}) > 1]
    failed = any(row["error"] for row in rows)
    same = ", ".join(f"{c} {row[c]}" for row in rows[:1] for c in ("trace", "arch", "policy")
                     if c not in varying and c in row)
    table = Table(title=Text(same, style="bold"), title_justify="left")
    for heading in ("run_id", *(c.removeprefix("config.") for c in varying), "cycles", "time us", "energy nJ", "busy",
                    "area mm2", *(["error"] if failed else [])):
        table.add_column(heading, justify="left" if heading in _LEFT else "right", no_wrap=heading == "run_id")
    for row in rows:
        cells = [row["run_id"], *(_cell(row[c]) for c in varying), _number(row, "cycles", "{:,}"),
                 _number(row, "time_us", "{:,.2f}"), _number(row, "energy_pj", "{:,.1f}", 1e-3),
                 _number(row, "utilization", "{:.1%}"), _number(row, "area_mm2", "{:.1f}"),
                 *([row["error"] or ""] if failed else [])]
        table.add_row(*(Text(inert(cell)) for cell in cells))
    return rendered([table])


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """`as_csv` into `path`, whole or not at all; ReportError when it cannot be written."""
    write_whole(path, f"{as_csv(rows)}\n".encode())


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """The same as Parquet: whole numbers as int64, numbers as double, the rest as text."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ConfigError("--format parquet needs pyarrow; pip install 'accelsim[cluster]', or use csv") from None
    names = columns_of(rows)
    table = pyarrow.table({name: _column([row.get(name) for row in rows]) for name in names})
    content = BytesIO()
    pyarrow.parquet.write_table(table, content, compression="zstd")
    write_whole(path, content.getvalue())


def _column(values: list[Any]) -> "pyarrow.Array":
    import pyarrow

    kinds = {type(v) for v in values if v is not None}
    if kinds == {int}:
        return pyarrow.array(values, pyarrow.int64())
    if kinds == {bool}:
        return pyarrow.array(values, pyarrow.bool_())
    if kinds and kinds <= {int, float}:
        return pyarrow.array([None if v is None else float(v) for v in values], pyarrow.float64())
    return pyarrow.array([None if v is None else str(v) for v in values], pyarrow.string())


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _number(row: Row, name: str, pattern: str, times: float = 1) -> str:
    value = row.get(name)
    return "-" if value is None else pattern.format(value * times if times != 1 else value)
