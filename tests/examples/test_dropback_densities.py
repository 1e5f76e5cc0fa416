"""examples/dropback_densities.py runs, repeats itself, and tracks the weights that it says; the workloads that hold its
densities add up to as many."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from accelsim import load_workload

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "dropback_densities.py"
MISSING = [name for name in ("torch", "sklearn", "PIL") if importlib.util.find_spec(name) is None]
TRACKED = {"resnet18": 1_000_000, "mobilenet_v2": 350_000, "vgg_s": 14_977_728 / 5.2, "wrn_28_10": 36_461_232 / 4.3,
           "densenet": 2_678_064 / 3.9}
needs_torch = pytest.mark.skipif(
    bool(MISSING), reason=f"training needs {', '.join(MISSING)}: pip install torch scikit-learn pillow")


def run_script(*arguments, first_on_path=()):
    path = os.pathsep.join([*map(str, first_on_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": path}, timeout=300)


def weights_kept(name, density):
    """Non-zero weights of a network with these densities [layer name]."""
    sizes = {x.shape.name: np.prod(x.shape.weight_shape(1)) for x in load_workload(name).layers}
    assert list(density) == list(sizes)
    return sum(density[key] * size for key, size in sizes.items())


@pytest.mark.parametrize("name", TRACKED)
@pytest.mark.parametrize("split", ["dropback", "erk"])
def test_shipped_densities_add_up_to_the_tracked_weights(name, split):
    layers = load_workload(f"{name}:{split}").layers
    kept = weights_kept(name, {x.shape.name: x.weight_density for x in layers})
    assert kept == pytest.approx(TRACKED[name], rel=1e-3)


def test_a_missing_package_is_named_with_the_way_out(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError(\"No module named 'torch'\")\n")
    done = run_script("vgg_s", first_on_path=[tmp_path])
    assert done.returncode == 1
    assert "No module named 'torch'" in done.stderr and "pip install torch scikit-learn pillow" in done.stderr
    assert "Traceback" not in done.stderr


@needs_torch
@pytest.mark.parametrize(("name", "arguments"), [
    ("densenet", ("--iterations", 3, "--side", 16)),
    pytest.param("mobilenet_v2", ("--iterations", 2, "--side", 64), marks=pytest.mark.slow),
    pytest.param("resnet18", ("--iterations", 2, "--side", 32, "--data", "digits"), marks=pytest.mark.slow),
    pytest.param("wrn_28_10", ("--iterations", 1, "--side", 8, "--data", "noise"), marks=pytest.mark.slow),
    pytest.param("vgg_s", ("--iterations", 2, "--data", "noise"), marks=pytest.mark.slow)])
def test_a_short_run_tracks_what_it_should(name, arguments):
    done = run_script(name, *arguments)
    assert done.returncode == 0, done.stderr
    density = YAML(typ="safe").load(done.stdout)["density"]
    assert weights_kept(name, density) == pytest.approx(TRACKED[name], rel=1e-3)
    mean = TRACKED[name] / weights_kept(name, dict.fromkeys(density, 1.0))
    assert next(iter(density.values())) > 1.5 * mean  # early layers keep more


@needs_torch
def test_the_same_seed_gives_the_same_split():
    runs = [run_script("densenet", "--iterations", 2, "--side", 16, "--seed", seed).stdout for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


@needs_torch
def test_no_iterations_are_refused():
    done = run_script("vgg_s", "--iterations", 0)
    assert done.returncode == 2 and "--iterations" in done.stderr
