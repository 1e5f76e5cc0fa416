"""What the fuzzing tests share: batches of cases in a process of their own, and command lines in theirs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from front_door.cases import ENVIRONMENT, MEMORY_BYTES

import accelsim
from accelsim import shipped


@pytest.fixture
def fuzz(tmp_path: Path) -> Callable[[str, int, int], dict[str, int]]:
    """Runs a batch of cases and checks it as a whole; returns how many cases ended how."""
    def run(kind: str, first: int, count: int) -> dict[str, int]:
        folder = tmp_path / f"{kind}{first}" / "work"
        folder.mkdir(parents=True)
        done = subprocess.run([sys.executable, "-m", "front_door.cases", kind, str(first), str(count)], cwd=folder,
                              env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert not done.stderr, done.stderr[-3000:]
        report: dict[str, Any] = json.loads(done.stdout)
        assert not report["failures"], "\n".join(f"case {n}: {text}" for n,
                                                 text in list(report["failures"].items())[:5])
        assert report["added_bytes"] < MEMORY_BYTES
        assert sum(report["outcomes"].values()) == count
        assert {"worked", "refused"} <= set(report["outcomes"]), f"one-sided cases: {report['outcomes']}"
        return report["outcomes"]
    return run


@pytest.fixture
def accelsim_command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs `accelsim WORDS...` as a real process in an own folder."""
    def run(*words: str | bytes, **changes: Any) -> subprocess.CompletedProcess[bytes]:
        options: dict[str, Any] = {"cwd": tmp_path, "env": ENVIRONMENT, "stdout": subprocess.PIPE} | changes
        return subprocess.run([sys.executable, "-m", "accelsim.cli", *words], stderr=subprocess.PIPE, timeout=60,
                              check=False, **options)
    return run


@pytest.fixture
def without_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """File permissions bind, also when root runs the tests: `tmp_path` is the working folder of an ordinary user."""
    accelsim.load_arch("eie")  # loads the modules while their files can be read
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    root = os.geteuid() == 0
    for name in ("closed", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "closed.yaml").write_text(shipped.find("arch", "eie").read_text(encoding="utf-8"), encoding="utf-8")
    shutil.copy(shipped.find("trace", "digits_cnn"), tmp_path / "closed.safetensors")
    for path in tmp_path.glob("closed*"):
        path.chmod(0)
    (tmp_path / "out").chmod(0o555)
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "out").chmod(0o755)
