"""Does the guided search find the true front of a space that is small enough to enumerate?"""

import sqlite3

import numpy as np
import pytest

import accelsim
from accelsim.errors import ConfigError

pytest.importorskip("distributed", reason="sweeps need the extra 'cluster'")
pytest.importorskip("optuna", reason="guided search needs the extra 'search'")

SPACE = {"archs": "eie", "set": {"pes": [1, 2, 4, 8, 16, 32], "queue_entries": [1, 2, 4, 8],
                                 "spmat_width_bits": [16, 32, 64, 128, 256]}}  # 120 points


@pytest.fixture(scope="module")
def trace() -> accelsim.Trace:
    rng = np.random.default_rng(1)
    return accelsim.Trace([accelsim.linear("l", rng.random((64, 128)) < 0.3, rng.random(128) < 0.4)], name="search")


def objectives(rows: list[dict[str, object]], *names: str) -> set[tuple[object, ...]]:
    return {tuple(row[name] for name in names) for row in rows}


@pytest.fixture(scope="module")
def grid(trace) -> accelsim.SweepResult:
    return accelsim.sweep(SPACE, workers=2, traces=[trace])


def test_the_enumerated_front_equals_brute_force(grid):
    values = [(row["cycles"], row["energy_pj"]) for row in grid.rows]
    brute = {v for v in values if not any(w != v and w[0] <= v[0] and w[1] <= v[1] for w in values)}
    assert objectives(grid.pareto("cycles", "energy"), "cycles", "energy_pj") == brute
    assert len(brute) > 3


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_the_search_finds_the_true_front_within_half_of_the_space(trace, grid, sampler):
    choose = {"by": "optuna", "points": 60, "objectives": ["cycles", "energy"], "sampler": sampler}
    found = accelsim.sweep(SPACE | {"choose": choose}, workers=1, traces=[trace])
    assert len(found.rows) == 60
    true, seen = (objectives(r.pareto("cycles", "energy"), "cycles", "energy_pj") for r in (grid, found))
    assert seen == true


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_no_point_of_the_budget_goes_to_what_was_run(trace, sampler):
    """Up to the last point of a space: as many different ones as asked for, never one twice."""
    study = {"archs": "eie", "set": {"pes": [1, 2, 4], "queue_entries": [1, 2]}, "policies": ["row_block", "random"],
             "choose": {"by": "optuna", "points": 12, "objectives": ["cycles", "energy"], "sampler": sampler}}
    whole = accelsim.sweep(study, workers=1, traces=[trace])
    assert len(whole.rows) == len({row["run_id"] for row in whole.rows}) == 12
    most = accelsim.sweep(study | {"choose": study["choose"] | {"points": 11, "batch": 3}}, workers=1, traces=[trace])
    assert len({row["run_id"] for row in most.rows}) == 11


def test_the_search_is_the_same_on_any_number_of_workers_and_after_a_stop(trace, tmp_path):
    study = SPACE | {"policies": ["row_interleave", "random"], "constraints": "area_mm2 <= 15",
                     "choose": {"by": "optuna", "points": 16, "seeds": [0, 5],
                                "objectives": ["cycles", "-utilization"]}}
    whole = accelsim.sweep(study, workers=1, traces=[trace])
    assert whole.rows == accelsim.sweep(study, workers=2, traces=[trace]).rows
    assert all(row["area_mm2"] <= 15 for row in whole.rows) and whole.excluded
    store = tmp_path / "s.sqlite"
    accelsim.sweep(study, store, workers=1, traces=[trace])
    with sqlite3.connect(store) as connection:  # as if it had been stopped in its third batch
        connection.execute("DELETE FROM result WHERE run_id IN (SELECT run_id FROM point WHERE position >= 10)")
        connection.execute("DELETE FROM point WHERE position >= 12")
    connection.close()
    resumed = accelsim.sweep(study, store, workers=2, traces=[trace], resume=True)
    assert resumed.rows == whole.rows and 0 < resumed.ran < len(whole.rows)


def test_objectives_add_up_over_traces_and_failures_are_told(trace):
    second = accelsim.Trace([accelsim.linear("m", np.ones((8, 8), bool), np.ones(8, bool))], name="second")
    study = {"archs": ["eie", {"arch": "eie", "set": {"spmat_width_bits": [8, 16], "weight_bits": [4, 8]}}],
             "choose": {"by": "optuna", "points": 5, "objectives": ["cycles", "area"]}}
    result = accelsim.sweep(study, workers=1, traces=[trace, second])
    assert {row["trace"] for row in result.rows} == {"search", "second"}
    assert len(result.rows) == 10 and len(result.failed) == 2  # all five designs on two traces; one cannot be


def test_an_unknown_objective_is_named(trace):
    with pytest.raises(ConfigError, match="no column is called 'cycels'; did you mean 'cycles'"):
        accelsim.sweep(SPACE | {"choose": {"by": "optuna", "points": 2, "objectives": ["cycels"]}}, workers=1,
                       traces=[trace])
