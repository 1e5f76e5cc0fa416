"""examples/digits_cnn.py really makes the shipped trace.

Floating point differs between processors (vector width changes the order of sums, and training magnifies it), so bytes
are compared between two runs on this machine; against the shipped trace, the structure and the bounds must hold.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import accelsim

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "digits_cnn.py"
MISSING = [name for name in ("torch", "sklearn") if importlib.util.find_spec(name) is None]


def run_script(*arguments, first_on_path=()):
    path = os.pathsep.join([*map(str, first_on_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": path}, timeout=900)


def test_a_missing_package_is_named_with_the_way_out(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError(\"No module named 'torch'\")\n")
    (tmp_path / "sklearn.py").write_text("")
    done = run_script("-o", tmp_path / "trace.safetensors", first_on_path=[tmp_path])
    assert done.returncode == 1
    assert "No module named 'torch'" in done.stderr and "pip install torch scikit-learn" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "trace.safetensors").exists()


@pytest.mark.skipif(bool(MISSING), reason=f"training needs {' and '.join(MISSING)}: pip install torch scikit-learn")
def test_a_folder_that_is_missing_is_told_before_training(tmp_path):
    done = run_script("-o", tmp_path / "nowhere" / "trace.safetensors")
    assert done.returncode == 2 and "is not a folder" in done.stderr


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    paths = [tmp_path_factory.mktemp("digits") / f"run{i}.safetensors" for i in (1, 2)]
    for path in paths:
        done = run_script("-o", path)
        assert done.returncode == 0, done.stderr
        assert "weight sparsity over all layers" in done.stdout
    return paths


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"training needs {' and '.join(MISSING)}: pip install torch scikit-learn")
class TestRetraining:
    def test_two_runs_give_the_same_bytes(self, retrained):
        first, second = (path.read_bytes() for path in retrained)
        assert first == second

    def test_bounds_hold_and_structure_is_the_shipped_one(self, retrained):
        trace, old = accelsim.load_trace(retrained[0]), accelsim.load_trace("digits_cnn")
        assert retrained[0].stat().st_size < 1_000_000
        assert trace.edges == old.edges
        for layer, twin in zip(trace, old, strict=True):
            assert (layer.name, layer.op, layer.geometry) == (twin.name, twin.op, twin.geometry)
            assert (layer.weight.shape, layer.activation.shape) == (twin.weight.shape, twin.activation.shape)
            assert len(np.unique(layer.weight[layer.weight != 0])) <= 15
        nonzeros = sum(np.count_nonzero(layer.weight) for layer in trace)
        assert nonzeros <= 0.1 * sum(layer.weight.size for layer in trace)
        reached = trace.made_by["test_accuracy"]
        assert reached["dense"] >= 0.97
        assert min(reached["pruned"], reached["shared_int8"]) >= reached["dense"] - 0.02

    def test_the_images_are_those_of_the_shipped_trace(self, retrained):
        trace, old = accelsim.load_trace(retrained[0]), accelsim.load_trace("digits_cnn")
        assert trace.made_by["images"] == old.made_by["images"]
        np.testing.assert_array_equal(trace["conv1"].activation, old["conv1"].activation)
