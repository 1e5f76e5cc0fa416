"""Does a study file mean what it says, and are its mistakes named?"""

import pytest

import accelsim
from accelsim.errors import ConfigError, TraceError
from accelsim.study.checks import load_study
from accelsim.study.space import Space
from accelsim.study.traces import study_traces


def points_of(path):
    study = load_study(path)
    with study_traces(study.traces) as traces:
        space = Space(study, traces)
        return space, space.points()


@pytest.mark.parametrize(("text", "line", "message"), [
    ("set: {pess: [1]}", 3, "did you mean 'pes'"),
    ("set:\n  pes: [1, two]", 4, "valid integer, got 'two'"),
    ("set:\n  pes: [4]\n  queue_entries: 0", 5, "greater than or equal to 1, got 0"),
    ("set: {name: [x]}", 3, "no key 'name'"),
    ("policies: [row_interleave, gredy_nnz]", 3, "did you mean 'greedy_nnz'"),
    ("polices: all", 3, "did you mean 'policies'"),
    ("choose: {by: random}", 3, "choose.random.points"),
    ("choose: {by: chance, points: 3}", 3, "choose"),
    ("choose: {by: optuna, points: 3, objectives: [cycles, cycles]}", 3, "each once"),
    ("set: {pes: {from: 1, to: 8}}", 3, "times"),
    ("set: {pes: {from: 8, to: 1, step: 1}}", 3, "at most to"),
    ("set: {pes: {from: 0, to: 1, times: 2}}", 3, "above 0"),
    ("set: {queue_entries: {from: 1, to: 1000000, step: 1}}", 3, "more than"),
    ("set: {pes: []}", 3, "at least 1 item"),
    ("constraints: area_mm2 <", 3, "wanted a value"),
    ("set: {energy_table: [nowhere]}", 3, "nowhere"),
    ("choose:\n  by: list\n  points:\n    - set: {pss: 4}", 6, "did you mean 'pes'"),
])
def test_mistakes_have_their_line(study_file, text, line, message):
    path = study_file(text)
    with pytest.raises(ConfigError, match=rf"study\.yaml:{line}: ") as caught:
        load_study(path)
    assert message in str(caught.value)


def test_every_mistake_at_once(study_file):
    with pytest.raises(ConfigError) as caught:
        load_study(study_file("set: {pess: [1], pes: [0]}\npolicies: [none_such]"))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(("text", "message"), [
    ("constraints: cycles <= 5", "known before a run"),
    ("constraints: area_mm2 <= 0", "no point is left"),
    ("set: {queue_entries: {from: 1, to: 2000, step: 1}, pes: {from: 1, to: 2000, step: 1}}", "more than 1,000,000"),
    ("choose: {by: list, points: [{arch: scnn}]}", "not among the study's archs"),
    ("choose: {by: list, points: [{policy: gredy_nnz}]}", "did you mean 'greedy_nnz'"),
])
def test_unusable_spaces(study_file, text, message):
    with pytest.raises(ConfigError, match=message):
        points_of(study_file(text))


def test_grid_order_spans_and_policies(study_file):
    _, points = points_of(study_file("set:\n  pes: {from: 2, to: 16, times: 2}\n"
                                     "  queue_entries: {from: 1, to: 5, step: 2}\npolicies: [greedy_nnz, random]"))
    assert [(p.facts["policy"], p.facts["config.pes"], p.facts["config.queue_entries"]) for p in points] == [
        (policy, pes, entries) for policy in ("greedy_nnz", "random") for pes in (2, 4, 8, 16) for entries in (1, 3, 5)]
    assert len({p.run_id for p in points}) == 24


def test_axes_of_one_arch_repeats_and_constraints(tmp_path, trace_file):
    study = {"traces": str(trace_file), "set": {"pes": [4, 8, 4]},
             "constraints": ["area_mm2 <= 4 or queue_entries = 1"],
             "archs": ["eie", {"arch": "eie", "set": {"queue_entries": [1, 2]}, "policies": "random"}]}
    space, points = points_of(study)
    assert [(p.facts["policy"], p.facts["config.pes"], p.facts["config.queue_entries"]) for p in points] == [
        ("row_interleave", 4, 7), ("random", 4, 1), ("random", 4, 2), ("random", 8, 1)]
    assert space.excluded == 2


def test_values_that_do_not_go_together_are_failed_points(study_file):
    _, points = points_of(study_file("set: {spmat_width_bits: [8, 16], weight_bits: [4, 8]}"))
    failed = [p for p in points if p.error]
    assert len(points) == 4
    assert len(failed) == 1 and "cannot hold one entry" in failed[0].error
    assert failed[0].facts["config.spmat_width_bits"] == 8


def test_random_is_reproducible_and_without_repetition(study_file):
    text = "set: {pes: {from: 1, to: 40, step: 1}, queue_entries: {from: 1, to: 40, step: 1}}\n"
    draws = [[p.run_id for p in points_of(study_file(text + f"choose: {{by: random, points: 50, seeds: {seeds}}}"))[1]]
             for seeds in ([0], [0], [1], [0, 1])]
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 50
    assert set(draws[3]) == {*draws[0], *draws[2]}
    whole = points_of(study_file("set: {pes: [1, 2, 3]}\nchoose: {by: random, points: 50}"))[1]
    assert sorted(p.facts["config.pes"] for p in whole) == [1, 2, 3]


def test_listed_points(study_file):
    _, points = points_of(study_file("choose:\n  by: list\n  points:\n    - {}\n    - {policy: random, set: {pes: 3}}"))
    assert [(p.facts["policy"], p.facts["config.pes"]) for p in points] == [("row_interleave", 64), ("random", 3)]


def test_traces_of_one_name_must_be_one(tmp_path, trace_file):
    layer = accelsim.linear("l", [[1, 2]], [1, 0])
    other = accelsim.Trace([layer], name="small").save(tmp_path / "other.safetensors")
    with pytest.raises(TraceError, match="two different traces are called 'small'"):
        points_of({"traces": [str(trace_file), str(other)], "archs": "eie"})
    assert len(points_of({"traces": [str(trace_file), str(trace_file)], "archs": "eie"})[1]) == 1
