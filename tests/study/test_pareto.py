"""Is the front the points that nothing beats?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.errors import ConfigError
from accelsim.study.pareto import Objective, costs, front, pareto_rows, parse_objectives

vectors = st.lists(st.tuples(*[st.integers(0, 6)] * 3), max_size=40)


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


@pytest.mark.small
@given(vectors)
def test_front_equals_brute_force(points):
    assert front(points) == [i for i, p in enumerate(points) if not any(beats(q, p) for q in points)]


@pytest.mark.small
def test_rows_of_different_traces_do_not_compete():
    rows = [{"trace_digest": digest, "cycles": cycles, "utilization": utilization} for digest, cycles, utilization in
            (("x", 5, 0.5), ("y", 9, 0.4), ("x", 6, 0.5), ("x", 6, 0.9))]
    assert pareto_rows(rows, parse_objectives(["cycles"])) == rows[:2]
    assert pareto_rows(rows, parse_objectives(["cycles", "-utilization"])) == [rows[0], rows[1], rows[3]]


@pytest.mark.small
def test_objectives():
    assert parse_objectives(["energy", "-utilization"]) == [Objective("energy_pj"), Objective("utilization", -1)]
    for bad in ([], ["cycles", "-cycles"], ["energy", "energy_pj"], ["-"], [""]):
        with pytest.raises(ConfigError, match="objectives"):
            parse_objectives(bad)
    with pytest.raises(ConfigError, match="wanted a number"):
        costs({"area_mm2": None}, parse_objectives(["area"]))
    with pytest.raises(ConfigError, match="no column is called 'cycels'"):
        costs({"cycles": 3}, parse_objectives(["cycels"]))
