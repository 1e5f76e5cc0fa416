"""Does `accelsim run --timeline` write the file, say what it holds, and refuse what it cannot do?"""

import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from accelsim.cli import app
from accelsim.testing.timelines import check_format

RUN = ["run", "digits_cnn", "--arch", "scnn"]


def run(*arguments):
    return CliRunner().invoke(app, [*RUN, *map(str, arguments)])


def test_it_writes_the_file_and_says_what_is_in_it(tmp_path):
    path = tmp_path / "out.json"
    result = run("--timeline", path, "--format", "json")
    assert result.exit_code == 0, result.output
    trace = json.loads(path.read_text())
    check_format(trace)
    assert json.loads(result.stdout)["runs"][0]["run_id"] == trace["otherData"]["run_id"]
    count = sum(event["ph"] != "M" for event in trace["traceEvents"])
    assert f"{count:,} events" in result.stderr
    assert "left out" not in result.stderr


def test_what_is_left_out_is_said(tmp_path):
    path = tmp_path / "out.json"
    result = run("--timeline", path, "--timeline-limit", 500)
    assert result.exit_code == 0, result.output
    assert "left out" in result.stderr
    for word in ("--timeline-window", "--timeline-layer", "--timeline-limit", "500"):
        assert word in result.stderr
    trace = json.loads(path.read_text())
    assert sum(event["ph"] != "M" for event in trace["traceEvents"]) <= 500
    assert "left out" in trace["otherData"]["left_out"]


def test_a_window_of_a_layer(tmp_path):
    path = tmp_path / "out.json"
    assert run("--timeline", path, "--timeline-layer", "conv2", "--timeline-window", "100:200").exit_code == 0
    trace = json.loads(path.read_text())
    about = trace["otherData"]
    assert about["end_cycle"] - about["begin_cycle"] == 100
    assert [layer["name"] for layer in about["layers"]] == ["conv2"]
    for half in ("100:", ":100", ":"):
        assert run("--timeline", path, "--timeline-window", half).exit_code == 0


@pytest.mark.parametrize(("options", "words"), [
    (("--timeline-window", "7"), "wanted A:B"),
    (("--timeline-window", "-1:7"), "wanted A:B"),
    (("--timeline-window", "9:5"), "holds no cycle of the run"),
    (("--timeline-layer", "conv9"), "did you mean"),
    (("--timeline-limit", "0"), "at least 1"),
    (("--timeline-limit", "2"), "too low"),
    (("--arch", "eie"), "give it once"),
])
def test_mistakes_write_nothing(tmp_path, options, words):
    path = tmp_path / "out.json"
    result = run("--timeline", path, "-o", tmp_path / "results", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not path.exists()
    assert not list((tmp_path / "results").iterdir())


def test_options_need_the_file(tmp_path):
    for option in ("--timeline-window=1:2", "--timeline-layer=conv1", "--timeline-limit=5"):
        result = run(option)
        assert result.exit_code == 2
        assert "without --timeline FILE" in result.stderr


def test_a_place_that_cannot_be_written_is_found_before_the_run(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "out.json", tmp_path / ("x" * 300)):
        result = run("--timeline", path)
        assert result.exit_code == 2
        assert "cannot be written" in result.stderr


def test_perfetto_reads_it(tmp_path):
    """The viewer's own reader finds every slice and every counter; it reports overlaps and other faults as errors."""
    api = pytest.importorskip("perfetto.trace_processor", reason="perfetto is not installed")
    shell = os.environ.get("ACCELSIM_TRACE_PROCESSOR") or shutil.which("trace_processor_shell")
    if shell is None:
        pytest.skip("perfetto's trace_processor_shell is not here; name it in ACCELSIM_TRACE_PROCESSOR")
    path = tmp_path / "out.json"
    assert CliRunner().invoke(app, ["run", "digits_cnn", "--arch", "eie", "--dram-gbps", "5", "--timeline", str(path),
                                    "--timeline-window", "0:3000"]).exit_code == 0
    events = json.loads(path.read_text())["traceEvents"]
    with api.TraceProcessor(trace=str(path), config=api.TraceProcessorConfig(bin_path=shell)) as reader:
        slices = [row.count for row in reader.query("select count(*) as count from slice where dur > 0")]
        counters = [row.count for row in reader.query("select count(*) as count from counter")]
        errors = [row.name for row in reader.query("select name from stats where severity = 'error' and value > 0")]
    assert slices == [sum(event["ph"] == "X" for event in events)]
    assert counters == [sum(event["ph"] == "C" for event in events)]
    assert errors == []
