"""What a comparison of policies returns, and its files hold: rows by design, policy and layer."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from accelsim.result.format import Amount, Count, FileRecord

if TYPE_CHECKING:
    import pandas

TOTAL = "total"
_STALL = "stall."  # what the keys of stalls begin with in files


class PolicyRow(FileRecord):
    """One policy on one layer, or on all of them (`layer` is "total").

    design: the arch, with what was varied. speedup: cycles of the baseline over cycles. energy_pj. utilization: busy
    slot-cycles over all. imbalance: most over mean work of a PE; None where the machine does not report it.
    bound_cycles: what no policy can go below on this design. moved_stall: the stall that differs most from the
    baseline's, and moved_slot_cycles by how much (negative: fewer); empty and 0 for the baseline. stalls: slot-cycles.
    """

    design: str
    policy: str
    layer: str
    cycles: Count
    speedup: Amount
    energy_pj: Amount
    utilization: Amount
    imbalance: Amount | None
    bound_cycles: Count
    moved_stall: str
    moved_slot_cycles: int
    stalls: dict[str, Count]

    @model_validator(mode="before")
    @classmethod
    def _with_stalls(cls, data: Any) -> Any:
        """A row of a file has each stall as a key of its own."""
        if not isinstance(data, dict) or "stalls" in data:
            return data
        return data | {"stalls": {k.removeprefix(_STALL): n for k, n in data.items() if k.startswith(_STALL)}}

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings; stalls as `stall.NAME`."""
        return self.model_dump(exclude={"stalls"}) | {f"{_STALL}{name}": n for name, n in self.stalls.items()}


class PolicyComparison(FileRecord):
    """Rows of every design and policy: one per layer, one for the total. The first policy of a design is its baseline.

    left_out: the messages of the policies that cannot run the trace, where all were asked for. Printing it shows the
    totals and the layers as tables.
    """

    trace: str
    rows: Annotated[tuple[PolicyRow, ...], Field(min_length=1, strict=False)]  # a list in files
    left_out: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @property
    def totals(self) -> list[PolicyRow]:
        """The rows of whole runs."""
        return [row for row in self.rows if row.layer == TOTAL]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        return {"trace": self.trace, "rows": [row.to_dict() for row in self.rows], "left_out": list(self.left_out)}

    def to_pandas(self) -> "pandas.DataFrame":
        """One row per design, policy and layer."""
        import pandas

        return pandas.DataFrame([row.to_dict() for row in self.rows])

    def __str__(self) -> str:
        from accelsim.result.comparison_table import as_text

        return as_text(self)
