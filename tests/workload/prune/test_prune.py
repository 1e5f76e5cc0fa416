"""`accelsim.prune` and `accelsim prune`: which layers, what is noted, the language, and mistakes."""

import numpy as np
import pytest
from typer.testing import CliRunner

import accelsim
from accelsim.cli import app
from accelsim.workload.prune.drift import output_drift


@pytest.fixture
def trace():
    return accelsim.load_trace("digits_cnn")


def test_a_trace(trace):
    pruned = accelsim.prune(trace, "magnitude:0.95", skip=["conv1", "fc*"])
    (note,) = pruned.made_by["pruning"]
    assert note["left_as_they_are"] == ["conv1", "fc1", "fc2"] and note["of"] == trace.digest
    assert "one-shot" in note["method"] and note["sparsity"] == pytest.approx(0.95, abs=1e-3)
    for before, after in zip(trace, pruned, strict=True):
        assert (before.weight == after.weight).all() == (before.name not in ("conv2", "conv3"))
        np.testing.assert_array_equal(before.activation, after.activation)
    assert pruned.edges == trace.edges and pruned.made_by["data"] == trace.made_by["data"]
    assert [n["spec"] for n in accelsim.prune(pruned, "nm:1:4").made_by["pruning"]] == ["magnitude:0.95", "nm:1:4"]


def test_it_is_stored_and_runs(trace, tmp_path):
    pruned = accelsim.prune(trace, "balanced:8:0.98")
    again = accelsim.load_trace(pruned.save(tmp_path / "p.safetensors"))
    assert again.digest == pruned.digest != trace.digest
    assert accelsim.simulate(again, arch="eie").cycles < accelsim.simulate(trace, arch="eie").cycles


def test_drift_is_that_of_the_outputs(trace):
    for before, after in zip(trace, accelsim.prune(trace, "nm:1:4"), strict=True):
        wanted = np.linalg.norm((before.output() - after.output()).astype(float)) / np.linalg.norm(
            before.output().astype(float))
        assert output_drift(before, after) == pytest.approx(wanted, rel=1e-5)


def test_pattern_only_layers_have_no_magnitudes():
    layer = accelsim.linear("fc", np.ones((4, 4), bool), np.ones(4, bool))
    with pytest.raises(accelsim.PruneError, match="'fc' is pattern-only"):
        accelsim.prune(layer, "magnitude:0.5")


@pytest.mark.parametrize(("spec", "words"), [
    ("magnitud:0.9", "did you mean 'magnitude'"), ("magnitude:90", "sparsity 90"), ("magnitude:-0.1", "not a sparsity"),
    ("magnitude:nan", "not a sparsity"), ("magnitude:1", "less than 1"), ("", "wanted one of"),
    ("magnitude", "wanted magnitude:S"),
    ("nm:3:2", "wanted N <= M"), ("nm:2:4:foo", "wanted nm:N:M"), ("nm:0:4", "whole number"), ("nm:2", "wanted nm"),
    ("block:4:0.5", "ROWSxCOLUMNS"), ("block:0x4:0.5", "whole number"), ("bank:99999999:0.5", "whole number"),
    ("balanced:4096:0.9", "rows"), ("load:4096:8:0.9", "rows"), (None, "not text"),
    ("filter:0.5:0.5", "wanted filter:S")])
def test_specs_that_are_none(trace, spec, words):
    with pytest.raises(accelsim.PruneError, match=words):
        accelsim.prune(trace, spec)


def test_things_that_cannot_be_pruned(trace):
    with pytest.raises(accelsim.PruneError, match="wanted a Trace or a layer"):
        accelsim.prune("digits_cnn", "magnitude:0.5")
    with pytest.raises(accelsim.PruneError, match="names no layer"):
        accelsim.prune(trace, "magnitude:0.5", skip=["conv9"])
    with pytest.raises(accelsim.PruneError, match="no layer is left"):
        accelsim.prune(trace, "magnitude:0.5", skip="*")


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(app, ["prune", *map(str, arguments)])

    def test_it_prints_the_drift(self, trace, tmp_path):
        done = self.run("digits_cnn", "--nm", "2:4", "--skip", "conv1", "-o", tmp_path / "p.safetensors")
        assert done.exit_code == 0, done.output
        assert "output drift" in done.output and "one-shot" in done.output and "conv1" in done.output
        stored = accelsim.load_trace(tmp_path / "p.safetensors")
        assert stored.digest == accelsim.prune(trace, "nm:2:4", ["conv1"]).digest

    @pytest.mark.parametrize("extra", [[], ["--spec", "nm:2:4", "--nm", "2:4"], ["--nm", "4:2"], ["--spec", "foo"],
                                       ["--nm", "2:4", "--skip", "foo"]])
    def test_a_mistake_writes_nothing(self, tmp_path, extra):
        done = self.run("digits_cnn", "-o", tmp_path / "p.safetensors", *extra)
        assert done.exit_code == 2 and done.output.startswith("accelsim: error:")
        assert not (tmp_path / "p.safetensors").exists()
