"""Compiled kernels are kept where something can be written, and what is damaged there is made anew."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import accelsim

ROOT = Path(accelsim.__file__).parents[1]
RUN = """
import numpy as np
import accelsim
layer = accelsim.linear("l", np.eye(5, 7, dtype=np.int8), np.ones(7, np.int8))
print(layer.macs_effectual)  # counted by a compiled function
"""


def run(**environment: str) -> tuple[str, str]:
    """What the run prints, and what it says on stderr."""
    done = subprocess.run([sys.executable, "-c", RUN], env={**os.environ, **environment}, capture_output=True,
                          text=True, timeout=200, check=False, cwd=environment.get("PYTHONPATH"))
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr


@pytest.fixture
def read_only_site(tmp_path: Path) -> Path:
    """A copy of the package in whose folders numba cannot write, also when root runs the tests."""
    site = tmp_path / "site"
    for name in ("accelsim", "arch_configs"):
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [site, *site.rglob("*")]:
        if folder.is_dir():
            (folder / "__pycache__").touch()
    return site


def test_nothing_but_the_temporary_folder_can_be_written(read_only_site: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    nowhere = {"PYTHONPATH": str(read_only_site), "HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache",
               "NUMBA_CACHE_DIR": ""}
    out, err = run(**nowhere, TMPDIR=str(temporary))
    assert out == "5\n"
    assert err.count("set NUMBA_CACHE_DIR") == 1  # said once
    assert not list(temporary.iterdir())  # and gone at the end
    kept = tmp_path / "kept"
    assert run(**nowhere | {"NUMBA_CACHE_DIR": str(kept)}) == (out, "")
    assert list(kept.rglob("*.nbi"))


def test_damaged_files_are_made_anew(tmp_path: Path) -> None:
    place = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    wanted, rng = run(**place), Random(20)
    for damaged in ("*.nbi", "*.nbc", "*.nb?"):
        for file in sorted(tmp_path.rglob(damaged)):
            content = file.read_bytes()
            file.write_bytes(rng.choice((b"", content[:rng.randrange(len(content))], b"\x80\x05junk.", b"\0" * 50)))
        assert run(**place) == wanted
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.nb?")}
    assert run(**place) == wanted
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.nb?")} == before  # whole again: nothing compiled
