"""Small traces and studies, the command line as a process of its own, and an installed package with odd policies."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import accelsim

ROOT = Path(__file__).resolve().parents[2]
Accelsim = Callable[..., "subprocess.Popen[str]"]

ODD_POLICIES = '''
import os, pathlib, sys, time
import numpy as np

def interleaved(matrix, pes):
    return np.arange(len(matrix)) % pes

def _log(name, pes):
    with open(os.environ["ODD_LOG"], "a") as stream:
        stream.write(f"{name} {pes} {os.getpid()}\\n")

def killer(matrix, pes):
    """Kills its worker on 5 PEs."""
    _log("killer", pes)
    if pes == 5:
        os._exit(1)
    return interleaved(matrix, pes)

def slow(matrix, pes):
    _log("slow", pes)
    time.sleep(0.2)
    return interleaved(matrix, pes)

def nap(matrix, pes):
    time.sleep(0.05)
    return interleaved(matrix, pes)

def broken(matrix, pes):
    """Gives a row to a PE that does not exist on 3 PEs, and fails on 4."""
    if pes == 4:
        raise RuntimeError("no such thing")
    return np.full(len(matrix), pes if pes == 3 else 0)

def mine(matrix, pes):
    return np.arange(len(matrix))[::-1] % pes

class Mute(BaseException):
    def __str__(self):
        raise RuntimeError("no text")

def leaver(matrix, pes):
    """Ends in every way a function can, by the number of PEs."""
    if pes == 1:
        sys.exit()
    if pes == 2:
        sys.exit("enough \\x1b[31m" + "x" * 10_000)
    if pes == 3:
        raise Mute
    if pes == 4:
        raise KeyboardInterrupt
    if pes == 5:
        raise GeneratorExit("stop")
    if pes == 6:
        return leaver(matrix, pes)
    if pes == 7:
        return "no rows"
    if pes == 8:
        return None
    if pes == 9:
        return [[1], [2, 3]]
    if pes == 10:
        raise MemoryError
    return interleaved(matrix, pes)
'''


@pytest.fixture(scope="session")
def odd_package(tmp_path_factory) -> Path:
    """A folder that Python sees as an installed package, with policies under the group accelsim.policies."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "odd_policies.py").write_text(ODD_POLICIES)
    info = folder / "odd_policies-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-policies\nVersion: 1.0\n")
    names = ("killer", "slow", "nap", "broken", "mine", "leaver")
    lines = "\n".join(f"eie:{name} = odd_policies:{name}" for name in names)
    (info / "entry_points.txt").write_text(f"[accelsim.policies]\n{lines}\n")
    return folder


@pytest.fixture
def environment(odd_package, tmp_path) -> dict[str, str]:
    """Variables for processes that see the checkout and the odd package."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{odd_package}", "ODD_LOG": str(tmp_path / "odd.log"),
            "COLUMNS": "160"}


@pytest.fixture
def start(environment, tmp_path) -> Iterator[Accelsim]:
    """Starts `accelsim ARGUMENTS` in the test's folder; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def started(*arguments: object, interrupts: bool = True) -> "subprocess.Popen[str]":
        # whatever this process inherited: a script's background jobs ignore SIGINT, and so would all that they start
        def receive() -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL if interrupts else signal.SIG_IGN)

        process = subprocess.Popen([sys.executable, "-m", "accelsim.cli", *map(str, arguments)], cwd=tmp_path,
                                   env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True, preexec_fn=receive)
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def accelsim_command(start) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs `accelsim ARGUMENTS` to its end."""

    def run(*arguments: object, expect: int | None = 0) -> "subprocess.CompletedProcess[str]":
        process = start(*arguments)
        out, err = process.communicate(timeout=300)
        assert expect in (process.returncode, None), f"{arguments}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run


def small_trace(name: str = "small", seed: int = 0) -> accelsim.Trace:
    """Two fully connected layers, 16 x 24 and 10 x 16."""
    rng = np.random.default_rng(seed)
    return accelsim.Trace([
        accelsim.linear("a", rng.integers(-7, 8, (16, 24)) * (rng.random((16, 24)) < 0.4), rng.integers(0, 2, 24)),
        accelsim.linear("b", rng.integers(-7, 8, (10, 16)) * (rng.random((10, 16)) < 0.4), rng.integers(0, 2, 16)),
    ], name=name)


@pytest.fixture
def trace_file(tmp_path) -> Path:
    return small_trace().save(tmp_path / "small.safetensors")


@pytest.fixture
def study_file(tmp_path, trace_file) -> Callable[..., Path]:
    """Writes a study of the small trace on EIE: `text` goes below."""

    def write(text: str, name: str = "study.yaml") -> Path:
        path = tmp_path / name
        path.write_text(f"traces: {trace_file.name}\narchs: eie\n{text}\n")
        return path

    return write
