"""The data of a page: one JSON-able object, from which its script makes every chart and table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import accelsim
from accelsim.report import colours
from accelsim.report.sources import Collected, Comparison, Run, Sweep, TraceRuns
from accelsim.result.records import LayerRecord
from accelsim.yaml import flattened

_LAYER_FACTS = ("name", "op", "shape", "cycles", "time_us", "energy_pj", "utilization", "macs_dense", "macs_effectual",
                "slots", "stalls", "energy_by_component", "energy_by_data", "notes")


def page_data(found: Collected, title: str) -> dict[str, Any]:
    """Everything that the page shows, and the colours of all names in it."""
    stalls = dict.fromkeys([*(n for run in found.runs for n in run.record.stalls),
                            *(n for c in found.comparisons for row in c.record.rows for n in row.stalls),
                            *(c.removeprefix("stall.") for s in found.sweeps for row in s.rows for c in row
                              if c.startswith("stall."))])
    return {
        "title": title, "accelsim": accelsim.__version__, "notes": list(found.notes),
        "colours": colours.of_stalls(stalls), "series": colours.SERIES, "parts": colours.PARTS,
        "sequential": colours.SEQUENTIAL,
        "groups": [_group(group) for group in found.groups], "sweeps": [_sweep(sweep) for sweep in found.sweeps],
        "comparisons": [_comparison(comparison) for comparison in found.comparisons],
    }


def _group(group: TraceRuns) -> dict[str, Any]:
    return {"label": group.label, "trace": group.trace, "digest": group.digest, "runs": [_run(r) for r in group.runs]}


def _run(run: Run) -> dict[str, Any]:
    record = run.record
    config = {key: value for key, value in flattened(record.config).items() if key != "name"}
    return {
        "label": run.label, "source": run.source, "run_id": record.run_id, "arch": record.arch,
        "policy": record.policy, "engine": record.engine, "model_version": record.model_version,
        "energy_table": record.energy_table, "energy_table_digest": record.energy_table_digest,
        "area_mm2": record.area_mm2, "clock_mhz": record.clock_mhz, "dram_gbps": record.dram_gbps,
        "totals": record.totals.model_dump(exclude={"imbalance"}), "stalls": record.stalls,
        "energy_by_component": record.energy_by_component, "config": config,
        "layers": [_layer(layer) for layer in record.layers],
    }


def _layer(layer: LayerRecord) -> dict[str, Any]:
    facts = layer.model_dump(include=set(_LAYER_FACTS))
    return {name: facts[name] for name in _LAYER_FACTS} | {
        "roofline": layer.roofline.model_dump(), "dram_bytes": layer.dram_bytes,
        "work": None if layer.work is None else {**layer.work.model_dump(exclude={"format", "total"}),
                                                 "blocks": layer.work.blocks}}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    rows = [row.model_dump() for row in comparison.record.rows]
    return {"label": comparison.label, "trace": comparison.record.trace, "rows": rows}


def _sweep(sweep: Sweep) -> dict[str, Any]:
    """By column, for ten thousand rows have many equal values: {"same": value}, {"of": values, "at": places} or
    {"each": values}; a row without the column has null."""
    columns = list(dict.fromkeys(name for row in sweep.rows for name in row))
    return {"label": sweep.label, "points": len(sweep.rows),
            "columns": {name: packed([row.get(name) for row in sweep.rows]) for name in columns}}


def packed(values: Sequence[Any]) -> Mapping[str, Any]:
    """One column, in the shortest of three spellings."""
    distinct = _distinct(values)
    if len(distinct) == 1:
        return {"same": values[0]}
    if len(distinct) <= len(values) // 4:
        place = {key: i for i, key in enumerate(distinct)}
        return {"of": list(distinct.values()), "at": [place[repr(value)] for value in values]}
    return {"each": list(values)}


def _distinct(values: Iterable[Any]) -> dict[str, Any]:
    """By spelling: 1, 1.0 and true are equal to Python."""
    return {repr(value): value for value in values}
