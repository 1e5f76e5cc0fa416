"""Does the machine of docs/extending.md work as an installed package, and is it as short as the page says?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "inner_join"


def run(*command: str, site: Path) -> str:
    """The output of a command that finds accelsim and the packages in `site`, and no settings of the checkout."""
    paths = os.pathsep.join([str(site), str(ROOT)])
    done = subprocess.run([sys.executable, *command], cwd=site, env=os.environ | {"PYTHONPATH": paths},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_is_about_a_hundred_lines():
    engines = [EXAMPLE / "inner_join" / name for name in ("machine.py", "fast/engine.py", "fast/kernel.py",
                                                          "reference/__init__.py")]
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in engines) < 125


def test_passes_the_conformance_suite(example_site):
    """As a user's own pytest would run it: without this project's configuration."""
    run("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(example_site), "-p", "no:cacheprovider",
        "--strict-markers", "-W", "error::pytest.PytestWarning", str(EXAMPLE / "test_inner_join.py"), site=example_site)


def test_the_command_line_knows_it(example_site):
    design = str(EXAMPLE / "inner_join_32.yaml")
    accelsim = ("-m", "accelsim.cli")
    found = run(*accelsim, "run", "digits_cnn", "--arch", design, "--format", "json", site=example_site)
    assert '"energy_table": "inner_join_45nm"' in found
    assert "inner_join " in run(*accelsim, "list", "policies", site=example_site)
    assert "snake" in run(*accelsim, "run", "digits_cnn", "--arch", "eie", "--policy", "snake", site=example_site)


@pytest.mark.slow
def test_pip_installs_it(tmp_path):
    source, site = shutil.copytree(EXAMPLE, tmp_path / "source"), tmp_path / "site"  # building writes into the source
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(source)],
                   check=True)
    assert "inner_join " in run("-m", "accelsim.cli", "list", "policies", site=site)
