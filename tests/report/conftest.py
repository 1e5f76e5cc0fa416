"""Results of small layers as files, with work per PE, hostile names and a store of any size."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.made_up import HOSTILE, comparison, hostile, with_work, without_work

import accelsim
from accelsim.study.space import Point
from accelsim.study.store import Store


@pytest.fixture(scope="session")
def runs() -> list[dict[str, Any]]:
    """EIE without memory and with it, and SCNN, on three small layers."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-7, 8, (32, 48)) * (rng.random((32, 48)) < 0.3)
    trace = accelsim.Trace([
        accelsim.conv2d("conv", rng.integers(-7, 8, (8, 4, 3, 3)), rng.integers(0, 3, (1, 4, 8, 8)), padding=1),
        accelsim.linear("fc", weight, rng.integers(0, 2, 48)),
        accelsim.linear("last", weight[:10, :32], rng.integers(0, 2, 32)),
    ], name="small")
    designs = [("eie", {"pes": 16}), ("eie", {"pes": 16, "dram.gbps": 12.8}), ("scnn", {"dram.gbps": 25.6})]
    return [accelsim.simulate(trace, arch, set=changes).to_dict() for arch, changes in designs]


@pytest.fixture
def files(tmp_path: Path, runs: list[dict[str, Any]]) -> Path:
    """A folder with run/result.json, pol/policies.json and hostile.json."""
    (tmp_path / "run").mkdir()
    (tmp_path / "pol").mkdir()
    told = [without_work(runs[0]), with_work(runs[1]), with_work(runs[2], (8, 8), 2)]
    (tmp_path / "run" / "result.json").write_text(json.dumps({"runs": told}))
    (tmp_path / "pol" / "policies.json").write_text(json.dumps(comparison()))
    (tmp_path / "hostile.json").write_text(json.dumps({"runs": [hostile(with_work(runs[1]))]}))
    (tmp_path / "hostile_policies.json").write_text(json.dumps(comparison(HOSTILE)))
    return tmp_path


@pytest.fixture(scope="session")
def make_store(runs: list[dict[str, Any]]) -> Callable[[Path, int], Path]:
    """Writes a store of so many points with made-up numbers; every hundredth failed."""

    def make(path: Path, points: int) -> Path:
        store = Store.create_or_open(path, {"study": "made up"}, resume=False)
        run = runs[0]
        flat = {f"config.{key}": value for key, value in run["config"].items() if key not in ("kind", "name")}
        rng = np.random.default_rng(2)
        rows, errors, added = {}, {}, []
        for i in range(points):
            pes, depth = 2 ** (i % 8 + 1), i // 8 % 25 + 1
            facts = {"trace": "small", "trace_digest": "d" * 64, "arch": "eie", "kind": "eie",
                     "policy": ("row_interleave", "greedy_nnz")[i // 200 % 2], "model_version": 1, **flat,
                     "config.pes": pes, "config.queue_entries": depth, "config.spmat_width_bits": 16 * (i // 400 + 1),
                     "area_mm2": pes * 0.6}
            added.append(Point(f"{i:016x}", facts, (), None))
            if i % 100 == 99:
                errors[f"{i:016x}"] = f"CapacityError: {HOSTILE[0]}"
                continue
            cycles = int(6e5 / pes * (1 + 1 / depth) * (1 + rng.random() / 10))
            names = [f"stall.{name}" for name in run["stalls"]] + [f"count.{name}" for name in run["counts"]]
            rows[f"{i:016x}"] = {"cycles": cycles, "time_us": cycles / 800,
                                 "energy_pj": 1e5 * (1 + pes / 50 + rng.random()), "utilization": float(rng.random()),
                                 "macs_dense": 1000, "macs_effectual": 100,
                                 **{name: int(rng.integers(1, 10**6)) for name in names}}
        store.add_points(added)
        store.record(rows, errors)
        store.close()
        return path

    return make
