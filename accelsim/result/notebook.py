"""The tables of `table.py` as HTML, for notebooks."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table

from accelsim.result.table import result_parts

if TYPE_CHECKING:
    from accelsim.result.result import Result


def as_html(results: Sequence["Result"]) -> str:
    """What `print` shows of `results`, as HTML tables and paragraphs; every name in it is escaped."""
    return "".join(map(_html, result_parts(results)))


def _html(part: RenderableType) -> str:
    if not isinstance(part, Table):
        text = escape(str(part))
        return f"<p>{text}</p>" if text else ""
    heads = "".join(f"<th>{escape(str(column.header))}</th>" for column in part.columns)
    rows = zip(*(column.cells for column in part.columns), strict=True)
    aligned = [f' style="text-align:{column.justify}"' for column in part.columns]
    lines = ["".join(f"<td{align}>{escape(str(cell))}</td>" for align, cell in zip(aligned, row, strict=True))
             for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (f"<table><caption>{escape(str(part.title))}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table>")
