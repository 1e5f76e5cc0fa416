"""accelsim formats, trace, show and list, as a user types them."""

import csv
import json

import pytest
from typer.testing import CliRunner

import accelsim
from accelsim import shipped
from accelsim.cli import app


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == status, result.output
    return result.output


def test_formats_agree_with_each_other():
    data = json.loads(run("formats", "digits_cnn", "--format", "json"))
    lines = list(csv.DictReader(run("formats", "digits_cnn", "--format", "csv").splitlines()))
    assert len(lines) == sum(len(tensor["bits"]) for tensor in data["tensors"])
    by_json = {(t["layer"], t["tensor"], name): bits for t in data["tensors"] for name, bits in t["bits"].items()}
    for line in lines:
        assert by_json[line["layer"], line["tensor"], line["format"]] == int(line["bits"])
    best = {(t["layer"], t["tensor"]): t["best"] for t in data["tensors"]}
    assert best["fc1", "weight"] == "run_length" and best["conv1", "weight"] == "bitmap"
    table = run("formats", "digits_cnn")
    fc1 = by_json["fc1", "weight", "run_length"]
    assert f"* {fc1:,}" in table


def test_patterns_count_as_eight_bits(tmp_path):
    trace = accelsim.load_trace("digits_cnn")
    layers = [accelsim.linear(x.name, x.weight[0] != 0, x.activation[0] != 0) for x in list(trace)[3:]]
    path = accelsim.Trace(layers).save(tmp_path / "p.safetensors")
    pattern = json.loads(run("formats", path, "--format", "json"))["tensors"]
    values = json.loads(run("formats", "digits_cnn", "--format", "json"))["tensors"][6:]
    for one, other in zip(pattern, values, strict=True):  # runs of equal values are longer where all are 1
        assert {**one["bits"], "equal_runs": 0} == {**other["bits"], "equal_runs": 0}
    assert json.loads(run("formats", path, "--value-bits", 4, "--format", "json"))["tensors"][0]["value_bits"] == 4


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_figure(tmp_path, ending):
    target = tmp_path / f"f.{ending}"
    run("formats", "digits_cnn", "-o", target)
    assert target.stat().st_size > 1000


def test_draw_and_run(tmp_path):
    target = tmp_path / "t.safetensors"
    run("trace", "lstm_ese", "--seed", 1, "--batch", 2, "-o", target)
    assert "not recorded" in run("show", target)
    assert json.loads(run("run", target, "--arch", "eie", "--format", "json"))["runs"][0]["totals"]["cycles"] > 0
    assert accelsim.load_trace(target).digest == accelsim.draw_trace("lstm_ese", 1, batch=2).digest


def test_show_and_list():
    assert "15,470,264,320" in run("show", "vgg16:scnn")
    assert "2:4" in run("show", "resnet50_gemms")
    listed = run("list", "workloads")
    assert "resnet50:erk90 " in listed and "vgg16:scnn " in listed
    assert "variants uniform90" in run("check", shipped.find("workload", "resnet50"))


@pytest.mark.parametrize("arguments", [
    ["trace", "alexnett", "--seed", "1", "-o", "t"], ["trace", "alexnet:x", "--seed", "1", "-o", "t"],
    ["trace", "lstm_ese", "--seed", "1", "-o", "no/such/t"], ["trace", "lstm_ese", "-o", "t"],
    ["trace", "lstm_ese", "--seed", "-1", "-o", "t"], ["trace", "lstm_ese", "--seed", "1", "--layer", "q", "-o", "t"],
    ["trace", "lstm_ese", "--seed", "1", "--batch", "0", "-o", "t"], ["formats", "nothing"],
    ["formats", "digits_cnn", "--value-bits", "4"], ["formats", "digits_cnn", "--value-bits", "0"],
    ["formats", "digits_cnn", "-o", "f.xyz"], ["formats", "digits_cnn", "-o", "no/such/f.png"],
    ["show", "vgg16:nothing"], ["show", "nothing"],
], ids=" ".join)
def test_mistakes_end_with_status_2_and_write_nothing(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    run(*arguments, status=2)
    assert not list(tmp_path.iterdir())
