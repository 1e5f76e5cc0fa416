"""Does the wheel work far from the checkout?"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_folder_of_the_package_can_be_found():
    """setup.py finds packages by their __init__.py; a folder of modules without one would be missing in the wheel."""
    folders = {p.parent for p in (ROOT / "accelsim").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(ROOT)], check=True)
    return next(out.glob("accelsim-*.whl"))


@pytest.mark.slow
def test_every_module_and_shipped_file_is_inside(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "accelsim").rglob("*.py")}
    shipped = {f"accelsim/shipped_data/{p.relative_to(ROOT).as_posix()}" for folder, ending in
               (("arch_configs", "yaml"), ("workloads", "yaml"), ("traces", "safetensors"))
               for p in (ROOT / folder).rglob(f"*.{ending}")}
    page = {p.relative_to(ROOT).as_posix() for p in (ROOT / "accelsim/report/page").iterdir() if p.is_file()}
    assert modules | shipped | page <= inside


@pytest.mark.slow
def test_runs_in_an_empty_venv(wheel, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    program = tmp_path / "venv" / "bin"
    subprocess.run([program / "python", "-m", "pip", "install", "-q", str(wheel)], check=True)
    for arguments in (["run", "digits_cnn", "--arch", "eie"], ["list", "archs"], ["list", "traces"],
                      ["validate", "--arch", "systolic"]):
        done = subprocess.run([program / "accelsim", *arguments], cwd=tmp_path, capture_output=True, text=True,
                              check=True)
        assert done.stdout.strip()
