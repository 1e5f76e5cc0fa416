"""Results with made-up parts: work per PE, hostile names, comparisons."""

import copy
from typing import Any

import numpy as np

# what HTML, scripts, JSON in scripts, Vega expressions and mathtext would take for something else
HOSTILE = ["<script>window.hacked=1</script>", "</script><img src=x onerror=window.hacked=1>", '"\'`><b>',
           "a\u2028b\u2029c", "<!--", "$\\frac{1}{2}$", "x']; window.hacked=1; //", "${window.hacked=1}", "=1+1",
           "层 слой", "__proto__"]


def with_work(run: dict[str, Any], grid: tuple[int, int] = (4, 4), block: int = 1) -> dict[str, Any]:
    """The run with made-up work per PE, in the form of docs/results.md."""
    run = copy.deepcopy(run)
    rng = np.random.default_rng(1)
    for layer in run["layers"]:
        cells = rng.integers(0, 50, (-(-grid[0] // block), -(-grid[1] // block)))
        layer["work"] = {"format": 1, "stalls": ["busy"], "grid": list(grid), "total": int(cells.sum()),
                         "imbalance": 1.5, "block": [block, block], "cells": cells.ravel().tolist(),
                         "histogram": {"block": [block, block], "width": 5,
                                       "cells": np.bincount(cells.ravel() // 5).tolist()}}
    return run


def without_work(run: dict[str, Any]) -> dict[str, Any]:
    """The run as a machine gives it that does not tell the work of its PEs."""
    run = copy.deepcopy(run)
    for layer in run["layers"]:
        layer["work"] = None
    return run


def hostile(run: dict[str, Any]) -> dict[str, Any]:
    """The run with hostile names wherever a name can be."""
    run = copy.deepcopy(run)
    run |= {"run_id": "hostile", "arch": HOSTILE[0], "trace": HOSTILE[1], "policy": HOSTILE[2], "engine": HOSTILE[3]}
    run["config"] = {**run["config"], HOSTILE[0]: HOSTILE[1], "__proto__": HOSTILE[10]}
    run["energy_by_component"] = dict(zip(HOSTILE, range(1, 12), strict=True))
    layer = run["layers"][0]
    run["layers"] = [copy.deepcopy(layer) | {"name": name, "op": name, "shape": name, "notes": [name]}
                     for name in HOSTILE]
    for one in run["layers"]:
        stalls = list(one["stalls"].values())
        one["stalls"] = {"busy": stalls[0], **dict(zip(HOSTILE, [*stalls[1:], *[0] * 20], strict=False))}
    run["stalls"] = run["layers"][0]["stalls"]
    return run


def idle(run: dict[str, Any]) -> dict[str, Any]:
    """A run in which nothing happens."""
    run = without_work(run) | {"run_id": "idle", "trace": "idle", "energy_by_component": {}}
    for layer in run["layers"]:
        layer |= {"cycles": 0, "time_us": 0, "energy_pj": 0, "energy_by_component": {}, "macs_effectual": 0}
        layer["stalls"] = dict.fromkeys(layer["stalls"], 0)
        layer["roofline"] |= {"compute_cycles": 0, "balanced_cycles": 0, "machine_cycles": 0, "dram_cycles": 0}
    run["stalls"] = dict.fromkeys(run["stalls"], 0)
    run["totals"] = dict.fromkeys(run["totals"], 0)
    return run


def comparison(names: list[str] | None = None) -> dict[str, Any]:
    """A comparison of two policies, its names from `names`."""
    design, one, two, layer, stall = (names or ["eie pes=4", "row_interleave", "greedy_nnz", "fc", "barrier"])[:5]
    rows = [{"design": design, "policy": policy, "layer": where, "cycles": cycles, "speedup": 100 / cycles,
             "energy_pj": 5.0, "utilization": 0.4, "imbalance": 1.2, "bound_cycles": 60, "moved_stall": stall,
             "moved_slot_cycles": -3, "stall.busy": 160, f"stall.{stall}": 4 * cycles - 160}
            for policy, cycles in ((one, 100), (two, 80)) for where in (layer, "total")]
    return {"trace": design, "rows": rows}
