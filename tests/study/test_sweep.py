"""Is a sweep complete, reproducible and proof against every kind of interruption?"""

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.errors import ClusterError, ConfigError, StoreError
from accelsim.study.store import Store

pytest.importorskip("distributed", reason="sweeps need the extra 'cluster'")

GRID = """
set:
  pes: {from: 1, to: 5, step: 1}
  queue_entries: {from: 1, to: 5, step: 1}
  spmat_width_bits: {from: 8, to: 160, step: 8}
"""  # 500 points


def exported(command: Callable[..., "subprocess.CompletedProcess[str]"], store: str) -> str:
    return command("results", store, "--format", "csv").stdout


def finished(store: Path) -> dict[str, str]:
    """Run id to numbers, as they lie in the store."""
    if not store.exists():
        return {}
    try:
        connection = sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
        return dict(connection.execute("SELECT run_id, numbers FROM result"))
    except sqlite3.OperationalError:  # killed before the tables were made
        return {}


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def calls(log: Path) -> list[list[str]]:
    """What the odd policies wrote: [name, pes, process id]."""
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def small() -> accelsim.Trace:
    rng = np.random.default_rng(3)
    return accelsim.Trace([accelsim.linear("l", rng.random((20, 30)) < 0.3, rng.random(30) < 0.5)], name="tiny")


def test_python_api_equals_simulate(small, tmp_path):
    study = {"archs": "eie", "set": {"pes": [2, 4], "queue_entries": [1, 7]}, "policies": "all"}
    result = accelsim.sweep(study, store=tmp_path / "s.sqlite", workers=1, traces=[small])
    assert len(result.rows) == result.ran == 16 and not result.failed
    for row in result.rows:
        one = accelsim.simulate(small, "eie", policy=row["policy"],
                                set={"pes": row["config.pes"], "queue_entries": row["config.queue_entries"]})
        assert (row["run_id"], row["cycles"], row["energy_pj"]) == (one.run_id, one.cycles, one.energy_pj)
        assert {n.removeprefix("stall."): v for n, v in row.items() if n.startswith("stall.")} == one.stalls
        assert {n.removeprefix("count."): v for n, v in row.items() if n.startswith("count.")} == one.counts
    best = min(row["cycles"] for row in result.rows)
    assert {row["cycles"] for row in result.pareto("cycles")} == {best}
    assert len(result.where("pes = 2 and policy = random")) == 2
    assert len(result.to_pandas()) == 16
    again = accelsim.sweep(study, store=tmp_path / "s.sqlite", workers=1, traces=[small], resume=True)
    assert again.ran == 0 and again.rows == result.rows


def test_machines_of_several_kinds_in_one_study(tmp_path):
    """Nothing in a sweep knows a machine: own axes and policies per arch, columns of all."""
    study = {"traces": "digits_cnn", "set": {"clock_mhz": [500.0, 1000.0]},
             "archs": [{"arch": "eie", "set": {"pes": [16, 64]}}, {"arch": "sigma", "policies": "all"}, "tpu_128x128"]}
    result = accelsim.sweep(study, workers=2)
    assert [row["kind"] for row in result.rows].count("eie") == 4 and not result.failed
    for row in result.rows:
        changes = {key: row[f"config.{key}"] for key in ("clock_mhz", "pes") if row.get(f"config.{key}") is not None}
        one = accelsim.simulate("digits_cnn", row["arch"], policy=row["policy"], set=changes)
        assert (row["run_id"], row["cycles"], row["time_us"]) == (one.run_id, one.cycles, one.time_us)


def test_temporary_store_and_mistakes(small, tmp_path):
    assert accelsim.sweep({"archs": "eie"}, workers=1, traces=[small]).store is None
    for wrong in ({"workers": 0}, {"workers": 1, "scheduler": "tcp://127.0.0.1:1"}):
        with pytest.raises(ConfigError):
            accelsim.sweep({"archs": "eie"}, traces=[small], **wrong)
    with pytest.raises(ClusterError, match="start one with dask scheduler"):
        accelsim.sweep({"archs": "eie"}, traces=[small], scheduler="no such place")
    with pytest.raises(StoreError, match="its folder does not exist"):
        accelsim.sweep({"archs": "eie"}, traces=[small], store=tmp_path / "none" / "s.sqlite")


@pytest.mark.parametrize("wrong", [["--workers", 0], ["--workers", 5000], ["--scheduler", "nonsense://x"],
                                   ["--scheduler", "tls://127.0.0.1:9"],  # no certificates are set
                                   ["--workers", 1, "--scheduler", "tcp://127.0.0.1:9"]])
def test_a_sweep_that_cannot_begin_leaves_nothing(accelsim_command, study_file, tmp_path, wrong):
    study = study_file("set: {pes: [1, 2], spmat_width_bits: [2, 8]}")  # points that cannot run are outcomes, too
    before = sorted(tmp_path.iterdir())
    accelsim_command("sweep", study, *wrong, "-o", "s", expect=2)
    assert sorted(tmp_path.iterdir()) == before
    accelsim_command("sweep", study, "--workers", 1, "-o", "s")
    kept = exported(accelsim_command, "s")
    accelsim_command("sweep", study_file("set: {pes: [1, 2], spmat_width_bits: [2, 8]}"), *wrong, "-o", "s", expect=2)
    assert exported(accelsim_command, "s") == kept


def test_command_line_one_worker_or_two(accelsim_command, study_file, tmp_path):
    """Same bytes out for 1 and 2 workers; the store is refused unless resumed; reading works in every format."""
    study = study_file("set: {pes: [1, 2, 3, 64], queue_entries: [1, 7], spmat_width_bits: [8, 64]}\n"
                       "policies: [row_interleave, row_block, greedy_nnz, random]")
    assert "64 points: 64 finished, 0 failed" in accelsim_command("sweep", study, "--workers", 1, "-o", "one").stdout
    accelsim_command("sweep", study, "--workers", 2, "-o", "two")
    assert exported(accelsim_command, "one") == exported(accelsim_command, "two")
    assert len(exported(accelsim_command, "one").splitlines()) == 65
    for name in ("one", "two"):
        accelsim_command("results", name, "--format", "parquet", "-o", f"{name}.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert "add --resume" in accelsim_command("sweep", study, "-o", "one", expect=2).stderr
    assert "0 run now" in accelsim_command("sweep", study, "-o", "one", "--resume").stdout
    table = accelsim_command("results", "one", "--where", "pes = 64 and policy = random", "--pareto", "cycles,energy")
    assert "64 finished" in table.stdout
    assert "unknown" not in accelsim_command("results", "one", "--where", "pess = 1", expect=2).stdout
    assert accelsim_command("results", "one", "--format", "parquet", expect=2).stderr.count("\n") == 1
    other = study_file("set: {pes: [1]}", "other.yaml")
    assert "another study" in accelsim_command("sweep", other, "-o", "one", "--resume", expect=2).stderr


def test_parquet_has_the_rows_of_the_csv(accelsim_command, study_file, tmp_path):
    import pandas

    accelsim_command("sweep", study_file("set: {pes: [2, 3]}\npolicies: [broken, mine]"), "--workers", 1, "-o", "s")
    accelsim_command("results", "s", "--format", "parquet", "-o", "s.parquet")
    accelsim_command("results", "s", "--format", "csv", "-o", "s.csv")
    parquet, text = pandas.read_parquet(tmp_path / "s.parquet"), pandas.read_csv(tmp_path / "s.csv")
    pandas.testing.assert_frame_equal(parquet, text, check_dtype=False)
    assert list(parquet["status"]) == ["finished", "failed", "finished", "finished"]


def test_failures_are_recorded_with_their_error(accelsim_command, study_file, tmp_path):
    study = study_file("set: {pes: [2, 3, 4, 6], spmat_width_bits: [8, 64], weight_bits: [4, 8]}\npolicies: broken")
    done = accelsim_command("sweep", study, "--workers", 2, "-o", "s")
    assert "16 points: 6 finished, 10 failed" in done.stdout
    rows = Store.read(tmp_path / "s").rows()
    errors = {tuple(row[f"config.{key}"] for key in ("pes", "spmat_width_bits", "weight_bits")): row["error"]
              for row in rows}
    assert errors[2, 8, 4] is None
    assert "cannot hold one entry" in errors[2, 8, 8]
    assert "wanted 16 whole numbers" in errors[3, 64, 4] and "broken" in errors[3, 64, 4]
    assert "RuntimeError: no such thing" in errors[4, 64, 4]
    again = accelsim_command("sweep", study, "--workers", 1, "-o", "s", "--resume", "--retry-failed")
    assert "16 points: 6 finished, 10 failed" in again.stdout and "6 run now" in again.stdout


def test_a_policy_that_ends_in_any_way_fails_its_points_alone(accelsim_command, study_file, tmp_path):
    study = study_file("set: {pes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\npolicies: [row_block, leaver]")
    done = accelsim_command("sweep", study, "--workers", 2, "-o", "s")
    assert "22 points: 12 finished, 10 failed" in done.stdout
    errors = {row["config.pes"]: row["error"] for row in Store.read(tmp_path / "s").rows() if row["error"]}
    assert sorted(errors) == list(range(1, 11))
    for pes, error in errors.items():
        assert "leaver" in error and "defect" not in error and len(error) < 600, (pes, error)
    causes = {1: "SystemExit", 2: "SystemExit: enough", 3: "Mute: (without a readable text)", 4: "KeyboardInterrupt",
              5: "GeneratorExit: stop", 6: "RecursionError", 10: "MemoryError"}
    for pes, cause in causes.items():
        assert f"layer 'a': eie's policy 'leaver' failed: {cause}" in errors[pes]
    assert "0 run now" in accelsim_command("sweep", study, "--workers", 2, "-o", "s", "--resume").stdout
    shown = accelsim_command("results", "s").stdout
    assert "\x1b" not in shown and "enough" in shown


@pytest.mark.parametrize("command", ["run {} --arch eie --policy leaver --set pes={}",
                                     "run {} --arch eie --policy leaver --set pes={} --timeline t.json",
                                     "policies {} --arch eie --policies leaver --vary pes={}"])
@pytest.mark.parametrize("pes", [1, 3, 7])
def test_a_run_says_which_policy_failed(accelsim_command, trace_file, command, pes):
    done = accelsim_command(*command.format(trace_file, pes).split(), expect=2)
    assert not done.stdout
    assert done.stderr.count("accelsim: error: ") == 1 and "leaver" in done.stderr and "Traceback" not in done.stderr


def test_a_point_that_kills_its_worker_three_times_is_failed(accelsim_command, study_file, tmp_path):
    study = study_file("set: {pes: [1, 2, 3, 4, 5, 6, 7, 8], queue_entries: [1, 2]}\npolicies: killer")
    done = accelsim_command("sweep", study, "--workers", 2, "-o", "s")
    assert "16 points: 14 finished, 2 failed" in done.stdout
    failed = [row for row in Store.read(tmp_path / "s").rows() if row["status"] == "failed"]
    assert [row["config.pes"] for row in failed] == [5, 5]
    assert all("died 3 times" in row["error"] for row in failed)
    kills = [call for call in calls(tmp_path / "odd.log") if call[1] == "5"]
    assert 5 <= len(kills) <= 6  # both were together in the chunk that was lost first, so one death counts for both
    assert len({process for _, _, process in kills}) == len(kills)


def test_killing_a_worker_retries_its_point_elsewhere(start, accelsim_command, study_file, tmp_path):
    study = study_file("set: {pes: [1, 2, 3, 4, 5, 6]}\npolicies: slow")
    sweep = start("sweep", study, "--workers", 2, "-o", "s")
    wait_for(lambda: len(calls(tmp_path / "odd.log")) >= 2)
    _, pes, victim = calls(tmp_path / "odd.log")[-1]
    os.kill(int(victim), signal.SIGKILL)
    out, err = sweep.communicate(timeout=120)
    assert "6 points: 6 finished, 0 failed" in out, err
    assert {process for _, p, process in calls(tmp_path / "odd.log") if p == pes} > {victim}
    accelsim_command("sweep", study, "--workers", 1, "-o", "undisturbed")
    assert exported(accelsim_command, "s") == exported(accelsim_command, "undisturbed")


@pytest.mark.parametrize("how", ["INT to the group", pytest.param("INT", marks=pytest.mark.slow),
                                 pytest.param("TERM", marks=pytest.mark.slow)])
def test_an_interrupt_leaves_a_valid_store_and_says_how_to_go_on(start, accelsim_command, study_file, tmp_path, how):
    study = study_file("set: {pes: {from: 1, to: 40, step: 1}}\npolicies: slow")  # seconds, whatever else runs
    sweep = start("sweep", study, "--workers", 2, "-o", "s")
    wait_for(lambda: len(finished(tmp_path / "s")) >= 2)
    if how == "INT to the group":  # what a terminal does
        os.killpg(sweep.pid, signal.SIGINT)
    else:
        sweep.send_signal(getattr(signal, f"SIG{how}"))
    _, err = sweep.communicate(timeout=30)
    assert sweep.returncode == 130
    assert "Traceback" not in err and "--resume" in err
    before = finished(tmp_path / "s")
    assert 2 <= len(before) < 40
    assert f"{40 - len(before)} run now" in accelsim_command("sweep", study, "-o", "s", "--resume").stdout
    assert len(finished(tmp_path / "s")) == 40


def test_a_sweep_that_ignores_interrupts_keeps_to_that_and_ends_on_term(start, accelsim_command, study_file, tmp_path):
    """As a script's background job."""
    study = study_file("set: {pes: {from: 1, to: 40, step: 1}}\npolicies: slow")
    sweep = start("sweep", study, "--workers", 2, "-o", "s", interrupts=False)
    wait_for(lambda: len(finished(tmp_path / "s")) >= 1)
    os.killpg(sweep.pid, signal.SIGINT)
    before = len(finished(tmp_path / "s"))
    wait_for(lambda: len(finished(tmp_path / "s")) >= before + 2)
    assert sweep.poll() is None
    sweep.send_signal(signal.SIGTERM)
    _, err = sweep.communicate(timeout=30)
    assert sweep.returncode == 130 and "--resume" in err and "Traceback" not in err
    assert before + 2 <= len(finished(tmp_path / "s")) < 40


def kill_and_resume(start: Callable[..., "subprocess.Popen[str]"], study: Path, store: Path, moment_s: float) -> bool:
    """One sweep with --resume, killed after `moment_s`; False when it had ended before. Nothing finished changes."""
    before = finished(store)
    sweep = start("sweep", study, "--workers", 2, "-o", store, "--resume")
    try:
        sweep.wait(moment_s)
    except subprocess.TimeoutExpired:
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.wait()
        ended = False
    else:
        ended = True
    after = finished(store)
    assert before.items() <= after.items()
    return not ended


def killed_at_random_moments(start: Callable[..., "subprocess.Popen[str]"],
                             command: Callable[..., "subprocess.CompletedProcess[str]"],
                             study: Path, tmp_path: Path, moments: int) -> None:
    began = time.monotonic()
    command("sweep", study, "--workers", 2, "-o", "whole")
    whole_s = time.monotonic() - began
    wanted, draw, kills, round_ = exported(command, "whole"), random.Random(moments), 0, 0
    while kills < moments:
        store = tmp_path / f"killed{round_}"
        while kills < moments and kill_and_resume(start, study, store, draw.uniform(0.1, 1.1) * whole_s):
            kills += 1
        done = command("sweep", study, "--workers", 2, "-o", store, "--resume").stdout
        assert "500 points: 500 finished, 0 failed" in done
        assert exported(command, str(store)) == wanted
        assert sqlite3.connect(store).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        round_ += 1


def test_kill_9_at_2_moments(start, accelsim_command, study_file, tmp_path):
    killed_at_random_moments(start, accelsim_command, study_file(GRID), tmp_path, 2)


@pytest.mark.slow
def test_kill_9_at_50_moments(start, accelsim_command, study_file, tmp_path):
    killed_at_random_moments(start, accelsim_command, study_file(GRID), tmp_path, 50)


def test_no_finished_point_runs_twice(start, accelsim_command, study_file, tmp_path):
    """Counted where it happens: a policy that is called for every point, once per layer."""
    study = study_file("set: {pes: {from: 1, to: 12, step: 1}}\npolicies: slow")
    before: dict[str, str] = {}
    for wanted in (2, 6):
        sweep = start("sweep", study, "--workers", 2, "-o", "s", "--resume")
        wait_for(lambda wanted=wanted: len(finished(tmp_path / "s")) >= wanted)
        sweep.kill()
        sweep.wait()
        time.sleep(2)  # workers end when their coordinator is gone
        assert before.items() <= finished(tmp_path / "s").items()
        before = finished(tmp_path / "s")
        ran_before = Counter(pes for _, pes, _ in calls(tmp_path / "odd.log"))
    accelsim_command("sweep", study, "--workers", 2, "-o", "s", "--resume")
    rows = {row["run_id"]: row for row in Store.read(tmp_path / "s").rows()}
    ran = Counter(pes for _, pes, _ in calls(tmp_path / "odd.log"))
    assert len(rows) == 12
    assert all(ran[str(rows[run_id]["config.pes"])] == ran_before[str(rows[run_id]["config.pes"])] for run_id in before)
    assert 6 <= len(before) < 12


@pytest.mark.slow
def test_full_disk_stops_with_one_message(start, accelsim_command, study_file, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("may not mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("may not mount a file system")
    try:
        study = study_file("set: {pes: {from: 1, to: 60, step: 1}, queue_entries: [1, 2]}")
        done = accelsim_command("sweep", study, "--workers", 2, "-o", disk / "s", expect=2)
        assert "--resume" in done.stderr and "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        assert "120 points: 120 finished" in accelsim_command("sweep", study, "-o", disk / "s", "--resume").stdout
        accelsim_command("sweep", study, "-o", "whole")
        assert exported(accelsim_command, str(disk / "s")) == exported(accelsim_command, "whole")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
