"""Are policies compared fairly: same work, true bounds, and against the optimum where it can be searched?"""

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accelsim
from accelsim import testing
from accelsim.arch.broadcast.eie.policies import POLICIES
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import ConfigError, UnsupportedLayerError
from accelsim.hw.balance import heaviest_first
from accelsim.report.sources import collect
from accelsim.result.work import PeWork
from accelsim.study.policies import TOTAL


def layer(seed: int, out: int = 40, n_in: int = 60) -> accelsim.Layer:
    rng = np.random.default_rng(seed)
    dispersed = rng.random((out, 1)) * 0.8  # rows of very different densities
    return accelsim.linear(f"l{seed}", rng.random((out, n_in)) < dispersed, rng.random(n_in) < 0.5)


@pytest.fixture(scope="module")
def comparison() -> accelsim.PolicyComparison:
    trace = accelsim.Trace([layer(0), layer(1, out=25, n_in=40)], name="two", edges=[])
    return accelsim.compare_policies(trace, "eie", vary={"pes": [4, 8], "queue_entries": [1, 7]})


def test_rows_are_those_of_simulate(comparison):
    trace = accelsim.Trace([layer(0), layer(1, out=25, n_in=40)], name="two", edges=[])
    assert len(comparison.rows) == 4 * len(POLICIES) * 3
    assert {row.policy for row in comparison.rows} >= {"row_interleave", "row_block", "greedy_nnz", "random"}
    for row in comparison.totals:
        _, pes, entries = row.design.split()
        changes = {"pes": int(pes.split("=")[1]), "queue_entries": int(entries.split("=")[1])}
        result = accelsim.simulate(trace, "eie", policy=row.policy, set=changes)
        assert (row.cycles, row.energy_pj, row.utilization) == (result.cycles, result.energy_pj, result.utilization)
        assert row.stalls == result.stalls
        first = accelsim.simulate(trace, "eie", set=changes)
        assert row.speedup == first.cycles / row.cycles
        if row.policy != "row_interleave":
            moves = {n: result.stalls[n] - first.stalls[n] for n in result.stalls if n != "busy"}
            assert abs(row.moved_slot_cycles) == max(map(abs, moves.values()))
            assert not row.moved_stall or moves[row.moved_stall] == row.moved_slot_cycles
    for first_row in range(0, len(comparison.rows), 3):
        one, other, total = comparison.rows[first_row:first_row + 3]
        assert one.cycles + other.cycles == total.cycles and total.layer == TOTAL


def test_no_policy_beats_the_bound(comparison):
    for row in comparison.rows:
        assert row.bound_cycles <= row.cycles
        assert row.imbalance is not None and row.imbalance >= 1


def test_greedy_balances_best(comparison):
    by_policy = {row.policy: row for row in comparison.totals if row.design == "eie pes=8 queue_entries=7"}
    assert by_policy["greedy_nnz"].imbalance == min(row.imbalance for row in by_policy.values())


def test_command_line(accelsim_command, trace_file, tmp_path):
    done = accelsim_command("policies", trace_file, "--arch", "eie", "--policies", "row_interleave,greedy_nnz,mine",
                            "--vary", "queue_entries=1,7", "-o", "out")
    assert "stall that moved" in done.stdout and "queue_entries=7" in done.stdout
    assert (tmp_path / "out" / "policies.png").read_bytes().startswith(b"\x89PNG")
    read = json.loads((tmp_path / "out" / "policies.json").read_text())
    assert {row["policy"] for row in read["rows"]} == {"row_interleave", "greedy_nnz", "mine"}
    lines = (tmp_path / "out" / "policies.csv").read_text().splitlines()
    assert len(lines) == 1 + len(read["rows"]) == 1 + 2 * 3 * 3
    wrong = accelsim_command("policies", trace_file, "--arch", "eie", "--policies", "gredy_nnz", expect=2)
    assert "did you mean 'greedy_nnz'" in wrong.stderr
    wrong = accelsim_command("policies", trace_file, "--arch", "eie", "--vary", "pes", expect=2)
    assert "KEY=VALUE,VALUE" in wrong.stderr
    again = accelsim_command("policies", trace_file, "-a", "eie", "--policies", "mine", "-o", "again")
    assert "mine" in again.stdout


def test_policies_of_installed_packages_are_listed_and_run(accelsim_command, trace_file):
    assert "mine" in accelsim_command("list", "policies").stdout
    run = accelsim_command("run", trace_file, "--arch", "eie", "--policy", "mine", "--format", "json").stdout
    assert json.loads(run)["runs"][0]["policy"] == "mine"


@pytest.mark.parametrize(("entry", "message"), [
    ("eie:row_block = odd_policies:mine", "already has a policy 'row_block'"),
    ("eie:x = no_such_module:f", "cannot be loaded"),
    ("nothing = odd_policies:mine", "wanted KIND:NAME"),
    ("eye:x = odd_policies:mine", "wanted KIND:NAME"),
])
def test_unusable_entry_points_are_named(accelsim_command, environment, tmp_path, trace_file, entry, message):
    info = tmp_path / "site" / "bad-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[accelsim.policies]\n{entry}\n")
    environment["PYTHONPATH"] += f":{info.parent}"
    error = accelsim_command("policies", trace_file, "--arch", "eie", expect=2).stderr
    assert message in error and "Traceback" not in error


def test_nothing_to_compare():
    for wrong in ({"arch": []}, {"policies": []}):
        with pytest.raises(ConfigError, match="at least one"):
            accelsim.compare_policies(layer(0), **wrong)
    assert PeWork.of(np.zeros((1, 4), np.int64)).imbalance == 1.0


loads = st.lists(st.integers(0, 30), min_size=1, max_size=7)


def fullest(load: list[int], bins: int) -> int:
    """The least possible fullest bin, by trying everything."""
    return min(max(np.bincount(where, weights=load, minlength=bins)) for where in
               itertools.product(range(bins), repeat=len(load)))


@given(loads, st.integers(1, 3))
def test_greedy_is_within_grahams_bound_of_the_optimum(load, bins):
    greedy = max(np.bincount(heaviest_first(np.array(load), bins), weights=load, minlength=bins))
    assert fullest(load, bins) <= greedy <= (4 / 3 - 1 / (3 * bins)) * fullest(load, bins) + 1e-9


@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.sampled_from([1, 7]))
@settings(max_examples=8)
def test_greedy_against_the_fewest_cycles_of_all_assignments(seed, pes, queue_entries):
    """Every way to give 6 rows to 2 or 3 PEs: none beats the machine's bound; greedy comes near the best."""
    rng = np.random.default_rng(seed)
    small = accelsim.linear("l", rng.random((6, 40)) < rng.random((6, 1)), rng.random(40) < 0.8)
    eie, config = machine("eie"), load_arch("eie", {"pes": pes, "queue_entries": queue_entries})
    cycles = {}
    for where in itertools.product(range(pes), repeat=6):
        assigned = np.array(where)
        cycles[where] = eie.run(small, config, lambda matrix, pes, rows=assigned: rows).cycles
    greedy = eie.run(small, config, POLICIES["greedy_nnz"])
    best = min(cycles.values())
    assert eie.bound_cycles(small, config, greedy) <= best <= greedy.cycles <= 1.25 * best


class TestEiePolicies(testing.PolicyConformance):
    kind = "eie"

    def some_configs(self):
        yield load_arch("eie", {"pes": 3, "queue_entries": 2})
        yield load_arch("eie", {"pes": 20})


class SomeLayers(testing.PolicyConformance):
    """A few layers, for machines whose references are slow at their published size."""

    def some_layers(self):
        names = ("empty rows", "attention", "depthwise", "all-zero weight")
        return {name: testing.edge_layers()[name] for name in names}


class TestScnnPolicies(SomeLayers):
    kind = "scnn"


class TestSigmaPolicies(SomeLayers):
    kind = "sigma"

    def some_configs(self):
        yield load_arch("sigma", {"flex_dpes": 2, "multipliers_per_dpe": 8})


class TestSystolicPolicies(SomeLayers):
    kind = "systolic"

    def some_configs(self):
        yield load_arch("tpu_128x128", {"rows": 4, "cols": 4})


def test_random_rows_are_dealt_evenly_and_differ_from_interleaving():
    matrix = np.ones((1000, 3), bool)
    where = assign_rows(POLICIES["random"], matrix, 64)
    counts = np.bincount(where, minlength=64)
    assert counts.max() - counts.min() <= 1
    assert (where != assign_rows(POLICIES["row_interleave"], matrix, 64)).mean() > 0.9


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_equal_in_every_process(policy):
    program = ("import numpy as np; from accelsim.arch.broadcast.eie.policies import POLICIES\n"
               "from accelsim.arch.broadcast.shared.rows import assign_rows\n"
               "m = np.random.default_rng(0).random((70, 9)) < 0.4\n"
               f"print(assign_rows(POLICIES[{policy!r}], m, 6).tolist())")
    outputs = {subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed},
                              capture_output=True, text=True, check=True).stdout for seed in ("0", "1")}
    here = assign_rows(POLICIES[policy], np.random.default_rng(0).random((70, 9)) < 0.4, 6).tolist()
    assert outputs == {f"{here}\n"}


def test_queue_depths_on_the_authors_data(alex8):
    """The authors' own comparison: queues of 8 slots (7 entries) against 2 slots, 10194 to 7926 cycles."""
    compared = accelsim.compare_policies(alex8, "eie", policies="row_interleave", vary={"queue_entries": [1, 7]})
    assert [row.cycles for row in compared.totals] == [10194, 7926]
    shallow, deep = compared.totals
    assert shallow.stalls["back_pressure"] > 4 * deep.stalls["back_pressure"]
    assert shallow.bound_cycles == deep.bound_cycles <= deep.cycles


def test_of_all_policies_those_that_refuse_the_trace_are_left_out(tmp_path):
    """A mask that is not 2:4: `strict` cannot run it."""
    layer = accelsim.linear("l", np.ones((4, 8), bool), np.ones((1, 8), bool))
    comparison = accelsim.compare_policies(layer, "a100_40gb")
    assert [row.policy for row in comparison.totals] == ["dense_fallback", "permute_channels"]
    assert [refusal.split(":")[0] for refusal in comparison.left_out] == ["a100_40gb, strict"]
    assert "left out: a100_40gb, strict" in str(comparison)
    (tmp_path / "policies.json").write_text(json.dumps(comparison.to_dict()))
    assert collect([tmp_path / "policies.json"]).comparisons
    with pytest.raises(UnsupportedLayerError):
        accelsim.compare_policies(layer, "a100_40gb", ["strict", "dense_fallback"])
