"""The command line's contract: what each command prints, and nothing else."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import accelsim
from accelsim import shipped
from accelsim.cli import app

pytestmark = pytest.mark.small

RUN_KEYS = {"run_id", "arch", "config", "trace", "totals", "stalls", "layers"}
TOTAL_KEYS = {"imbalance", "cycles", "time_us", "energy_pj", "utilization", "macs_dense", "macs_effectual"}
CHILD = os.environ | {"PYTHONPATH": str(Path(accelsim.__file__).parents[1])}
HEAVY = {"numba", "matplotlib", "pandas", "simpy", "networkx", "torch", "safetensors", "llvmlite"}


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    assert not result.stderr
    return result.stdout


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> accelsim.Trace:
    monkeypatch.chdir(tmp_path)
    trace = accelsim.Trace([accelsim.linear("fc", [[1, 0, 3], [0, 0, 2]], [[1, 1, 1], [0, 0, 5]])], "tiny")
    trace.save("tiny.safetensors")
    return trace


def test_json_is_one_object_with_the_promised_keys(tiny: accelsim.Trace) -> None:
    out = json.loads(printed("run", "tiny.safetensors", "--arch", "eie", "--set", "pes=2", "--format", "json"))
    assert list(out) == ["runs"]
    run: dict[str, Any] = out["runs"][0]
    assert set(run) >= RUN_KEYS
    assert set(run["totals"]) == TOTAL_KEYS
    assert (run["arch"], run["trace"], run["config"]["kind"], run["config"]["pes"]) == ("eie", "tiny", "eie", 2)
    assert sum(run["stalls"].values()) == 2 * run["totals"]["cycles"]
    assert [layer["name"] for layer in run["layers"]] == ["fc"]
    assert set(run["layers"][0]) >= TOTAL_KEYS
    assert run == accelsim.simulate(tiny, set={"pes": 2}).to_dict()


def test_every_format_says_the_same(tiny: accelsim.Trace) -> None:
    words = ["run", "tiny.safetensors", "-a", "eie"]
    result = accelsim.simulate(tiny)
    lines = list(csv.DictReader(printed(*words, "--format", "csv").splitlines()))
    assert [int(line["cycles"]) for line in lines] == [result.cycles]
    assert printed(*words).rstrip("\n") == str(result)
    assert f"{result.cycles:,}" in printed(*words, "--format", "table")


def test_designs_are_compared_in_the_order_given(tiny: accelsim.Trace) -> None:
    text = shipped.find("arch", "eie").read_text(encoding="utf-8")
    Path("mine.yaml").write_text(text.replace("name: eie", "name: mine"), encoding="utf-8")
    words = ["run", "tiny.safetensors", "--arch", "mine.yaml", "--arch", "eie", "--policy", "row_block", "--set",
             "pes=4"]
    runs = json.loads(printed(*words, "--format", "json"))["runs"]
    assert [run["arch"] for run in runs] == ["mine", "eie"]
    assert {run["policy"] for run in runs} == {"row_block"}
    assert {run["config"]["pes"] for run in runs} == {4}
    assert len({run["run_id"] for run in runs}) == 2
    assert "comparison" in printed(*words)


def test_engines_agree(tiny: accelsim.Trace) -> None:
    words = ["run", "tiny.safetensors", "--arch", "eie", "--set", "pes=2", "--format", "json", "--engine"]
    kernel, reference = (json.loads(printed(*words, engine))["runs"][0] for engine in ("kernel", "reference"))
    assert (kernel["engine"], reference["engine"]) == ("kernel", "reference")
    for key in ("config", "trace_digest", "totals", "stalls", "counts", "energy_by_component"):
        assert kernel[key] == reference[key]
        assert all(a.get(key) == b.get(key) for a, b in zip(kernel["layers"], reference["layers"], strict=True))


def test_files_hold_what_is_printed_and_no_escapes(tiny: accelsim.Trace) -> None:
    words = ["run", "tiny.safetensors", "--arch", "eie", "-o", "out"]
    for format_, file in (("json", "result.json"), ("csv", "layers.csv"), ("table", "table.txt")):
        assert printed(*words, "--format", format_) == Path("out", file).read_text(encoding="utf-8")
    assert sorted(os.listdir("out")) == ["layers.csv", "result.json", "table.txt"]


def test_table_file_is_the_same_on_any_terminal(tiny: accelsim.Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["run", "tiny.safetensors", "--arch", "eie", "-o", "out"]
    printed(*words)
    plain = Path("out/table.txt").read_bytes()
    for key, value in (("FORCE_COLOR", "1"), ("COLUMNS", "40")):
        monkeypatch.setenv(key, value)
    printed(*words)
    assert Path("out/table.txt").read_bytes() == plain


def test_show(tiny: accelsim.Trace) -> None:
    text = printed("show", "tiny.safetensors")
    assert "tiny: 1 layers" in text
    assert tiny.digest in text
    assert "50.0%" in text


@pytest.mark.parametrize("what", ["archs", "traces"])
def test_list_names_what_is_shipped(what: str) -> None:
    assert printed("list", what).split() == shipped.names(what.removesuffix("s"))


def test_list_policies_marks_the_default() -> None:
    lines = [line.split() for line in printed("list", "policies").splitlines()]
    assert ["eie", "row_interleave", "(default)"] in lines
    assert ["eie", "greedy_nnz"] in lines


@pytest.mark.parametrize("shelf", ["arch", "energy", "trace"])
def test_check_accepts_all_that_is_shipped(shelf: str) -> None:
    for name in shipped.names(shelf):
        assert printed("check", str(shipped.find(shelf, name))).startswith("ok: ")


def test_check_finds_a_price_that_a_design_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("poor.yaml").write_text("name: poor\nnode_nm: 45\nactions:\n  x: {pj: 1, component: c, source: s}\n")
    preset = shipped.find("arch", "eie").read_text(encoding="utf-8")
    Path("mine.yaml").write_text(preset.replace("energy_table: eie_45nm", "energy_table: poor.yaml"), encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "mine.yaml"])
    assert result.exit_code == 2
    assert "accelsim: error: energy table 'poor' has no action 'pe_cycle'; known: x; add it" in result.stderr


def test_schema_is_json() -> None:
    assert {one["title"] for one in json.loads(printed("schema"))["oneOf"]} >= {"eie"}


def test_help_imports_nothing_heavy() -> None:
    code = "import atexit, sys, accelsim.cli;atexit.register(lambda: print(*sys.modules)); accelsim.cli.app(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CHILD)
    assert "run" in done.stdout
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_a_bare_import_is_cheap() -> None:
    code = "import sys, accelsim; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CHILD)
    assert not {name.split(".")[0] for name in done.stdout.split()} & (HEAVY | {"numpy", "pydantic", "rich", "ruamel"})


@pytest.mark.slow
def test_help_is_quick() -> None:
    """Under 0.4 s at best; slow, for it measures the machine too."""
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "accelsim.cli", "--help"], capture_output=True, check=True,
                       env=CHILD)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.4


def test_of_several_designs_those_that_can_run_do(tiny: accelsim.Trace) -> None:
    words = ["run", "digits_cnn", "--arch", "sigma", "--arch", "a100_40gb", "--arch", "a100_40gb:dense_fallback"]
    done = CliRunner().invoke(app, [*words, "--format", "json", "-o", "out"])
    assert done.exit_code == 1
    assert [(run["arch"], run["policy"]) for run in json.loads(done.stdout)["runs"]] == [
        ("sigma", "packed"), ("a100_40gb", "dense_fallback")]
    assert done.stderr.startswith("accelsim: a100_40gb: layer 'conv2': the weight is not 2:4 sparse")
    assert json.loads(Path("out", "result.json").read_text()) == json.loads(done.stdout)


def test_what_can_be_checked_is_checked_before_anything_runs(tiny: accelsim.Trace) -> None:
    for arch, told in (("sigmaa", "sigmaa"), ("scnn:greedy", "'greedy'"), (":x", "wanted NAME, or NAME:POLICY")):
        done = CliRunner().invoke(app, ["run", "tiny.safetensors", "--arch", "eie", "--arch", arch])
        assert (done.exit_code, done.stdout) == (2, "")
        assert told in done.stderr and done.stderr.count("error") == 1


def test_a_run_that_no_design_can_do_is_one_error(tiny: accelsim.Trace) -> None:
    done = CliRunner().invoke(app, ["run", "digits_cnn", "--arch", "a100_40gb", "--arch", "a100_1_4"])
    assert (done.exit_code, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last == "accelsim: error: none of 2 designs can run 'digits_cnn': the reasons are above"


def test_tables_of_many_designs_fit_a_screen() -> None:
    words = ["run", "digits_cnn"] + [w for a in ("eie", "sigma", "dcnn", "sparten", "zena") for w in ("--arch", a)]
    assert len(printed(*words).splitlines()) < 60
    text = printed(*words[:4], "--arch", "sigma", "--top", "2")
    assert text.count("3 more layers") == 2 and "at equal slots" in text


def test_a_training_step_says_so_in_a_comparison() -> None:
    text = printed("run", "digits_cnn", "--arch", "sigma", "--arch", "procrustes")
    assert "procrustes: a training step (forward, backward, weight update), not inference" in text
