"""What the fuzzing tests share: batches of cases in a process of their own, and command lines in theirs."""

import ctypes
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


class _CapabilityHeader(ctypes.Structure):
    """Of Linux's capget and capset, version 3."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_CAPABILITY_WORDS = ctypes.c_uint32 * 6  # twice: effective, permitted, inheritable
_READ_ALL = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


def _bind_permissions(bind: bool) -> None:
    """Whether file permissions bind root, who stays root: the checkout may lie where nobody else may go."""
    try:
        libc, header, words = ctypes.CDLL(None, use_errno=True), _CapabilityHeader(0x20080522, 0), _CAPABILITY_WORDS()
        failed = libc.capget(ctypes.byref(header), ctypes.byref(words))
        words[0] = words[0] & ~_READ_ALL if bind else words[0] | (words[1] & _READ_ALL)
        failed |= libc.capset(ctypes.byref(header), ctypes.byref(words))
    except (OSError, AttributeError):
        failed = -1
    if failed:
        pytest.skip("root cannot be bound by file permissions here")


@pytest.fixture
def binding_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """File permissions bind, also when root runs the tests; `tmp_path` is the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("closed", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "closed.yaml").write_text(shipped.find("arch", "eie").read_text(encoding="utf-8"), encoding="utf-8")
    shutil.copy(shipped.find("trace", "digits_cnn"), tmp_path / "closed.safetensors")
    for path in tmp_path.glob("closed*"):
        path.chmod(0)
    (tmp_path / "out").chmod(0o555)
    root = os.geteuid() == 0
    if root:
        _bind_permissions(True)
    try:
        if root:
            try:
                shipped.find("arch", "eie").read_bytes()
            except OSError:
                pytest.skip("the checkout belongs to another user, who alone may read it")
        yield
    finally:
        if root:
            _bind_permissions(False)
        (tmp_path / "closed").chmod(0o700)
        (tmp_path / "out").chmod(0o755)
