"""What a command finds around it: closed or full streams, a folder that is gone. It works, or says one clear line."""

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from front_door.cases import ENVIRONMENT, furnish

from accelsim import RecordError
from accelsim.cli import app
from accelsim.study.progress import LINE_EVERY_S, Progress
from accelsim.workload.importers.arrays import read_arrays

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")

# every command, on what `furnish` made: a line that works quickly, and the status without closed streams
COMMANDS = {
    "run": ("run tiny.safetensors --arch eie", 0), "list": ("list policies", 0), "show": ("show tiny.safetensors", 0),
    "check": ("check design.yaml", 0), "schema": ("schema", 0),
    "record": ("record nothing.onnx -i tiny.npy -o t.safetensors", 2),
    "prune": ("prune tiny.safetensors --spec magnitude:0.5 -o pruned.safetensors", 0),
    "trace": ("trace eie_layers:table_iii --layer NT-We --seed 1 -o drawn.safetensors", 0),
    "formats": ("formats tiny.safetensors", 0), "roofline": ("roofline tiny.safetensors --arch eie", 0),
    "energy": ("energy tiny.safetensors --arch eie --tables eie_45nm eie_28nm", 0),
    "sweep": ("sweep nothing.yaml", 2), "results": ("results missing.sqlite", 2),
    "policies": ("policies tiny.safetensors --arch eie", 0), "worker": ("worker --help", 0),
    "validate": ("validate --arch nothing", 2), "report": ("report missing.json -o page.html", 2),
    "plot": ("plot stalls missing.json -o figure.png", 2), "warm": ("warm nothing", 2),
}
# one child per command and set of closed streams: a fork of a process that has loaded everything
CLOSED = """
import itertools, os, sys
import accelsim.cli
import accelsim, accelsim.simulation
accelsim.simulate("tiny.safetensors")
failed = []
for line, wanted in COMMANDS:
    for closed in [c for n in (1, 2, 3) for c in itertools.combinations(range(3), n)]:
        child = os.fork()
        if child == 0:
            for number in closed:
                os.close(number)
                setattr(sys, ("stdin", "stdout", "stderr")[number], None)
            for number in {1, 2} - set(closed):
                os.dup2(os.open(f"out{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.argv = ["accelsim", *line.split()]
            try:
                accelsim.cli.main()
                status = 0
            except SystemExit as end:
                status = end.code or 0
            except BaseException as error:
                status = 99
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = open("out2").read() if 2 not in closed else ""
        if status != wanted or "Traceback" in said:
            failed.append((line, closed, status, said[-300:]))
print(failed or "all as they should be")
"""


@pytest.fixture
def furnished(tmp_path: Path) -> Path:
    furnish(tmp_path)
    return tmp_path


def test_every_command_is_in_the_table() -> None:
    assert set(typer.main.get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_every_command_with_every_set_of_closed_streams(furnished: Path) -> None:
    script = f"COMMANDS = {list(COMMANDS.values())!r}\n{CLOSED}"
    done = subprocess.run([sys.executable, "-c", script], cwd=furnished, env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=600, check=False)
    assert done.stdout == "all as they should be\n", done.stdout + done.stderr


@pytest.mark.parametrize("words", ["list archs", "show tiny.safetensors", "list nonsense"])
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (1, 2), (0, 1, 2)], ids=str)
def test_a_closed_stream_is_as_good_as_dev_null(furnished: Path, words: str, closed: tuple[int, ...]) -> None:
    shut = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m accelsim.cli {words} {shut}"], cwd=furnished,
                          env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == (2 if "nonsense" in words else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (1 not in closed and "nonsense" not in words)


def test_a_file_never_takes_the_place_of_a_closed_stream(furnished: Path) -> None:
    """What is printed would else go into the first file that is opened."""
    words = "prune tiny.safetensors --spec magnitude:0.5 -o pruned.safetensors"
    for shut in ("", "0<&- >&- 2>&-"):
        subprocess.run(["sh", "-c", f"exec {sys.executable} -m accelsim.cli {words} {shut}"], cwd=furnished,
                       env=ENVIRONMENT, capture_output=True, timeout=60, check=True)
        if not shut:
            wanted = (furnished / "pruned.safetensors").read_bytes()
    assert (furnished / "pruned.safetensors").read_bytes() == wanted


@FULL
@pytest.mark.parametrize("words", ["list nonsense", "nonsense", "run gone.safetensors --arch eie"])
def test_a_full_disk_behind_stderr_changes_no_status(furnished: Path, accelsim_command: Command, words: str) -> None:
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m accelsim.cli {words} 2>/dev/full"], cwd=furnished,
                          env=ENVIRONMENT, stdout=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


class FullDisk(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_progress_that_cannot_be_shown_stops_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    progress = Progress(show=True)
    progress.start(100, 0)
    for _ in range(2):
        progress._said -= LINE_EVERY_S + 1
        progress.advance(1, 0)
    assert progress.done == 2


@pytest.mark.parametrize("words", [["run", "digits_cnn", "--arch", "eie"], ["run", "x.safetensors", "--arch", "eie"],
                                   ["run", "digits_cnn", "--arch", "eie", "-o", "out"], ["sweep", "study.yaml"]])
def test_a_working_folder_that_is_gone(tmp_path: Path, words: list[str]) -> None:
    """A command that needs it says so; one that does not works."""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(["sh", "-c", f'rmdir "{gone}"; exec {sys.executable} -m accelsim.cli {" ".join(words)}'],
                          cwd=gone, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 or (words[1:2] == ["digits_cnn"] and len(words) == 4)
    if done.returncode:
        assert done.stderr.startswith("accelsim: error: ") and done.stderr.count("\n") == 1, done.stderr
        assert "folder" in done.stderr or "no such file" in done.stderr
        assert "cannot write the output" not in done.stderr


def npy(header: bytes) -> bytes:
    """A .npy file with this header, and four bytes."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + b"\0" * 4


@pytest.mark.parametrize("header", [
    b"{'descr': __import__('os').system('touch ran'), 'fortran_order': False, 'shape': (1,), }", b"f()", b"\x00", b"",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**9,), }", b"(" * 3000, b"-" * 9000 + b"1", b"[" * 250,
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 1: 2}", b"{'descr': '<f4', 'shape': (1,)}", b"{", b"1",
    b"{'descr': ('<f4',), 'fortran_order': False, 'shape': (1,), }", b"\xff\xfe",
])
def test_a_header_of_numpys_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.npy"
    file.write_bytes(npy(header))
    with pytest.raises(RecordError) as raised:
        read_arrays(file)
    assert str(raised.value) == (f"{file}: its header is not one that numpy writes; write it again with numpy.save")
    assert not Path("ran").exists() and os.listdir(tmp_path) == ["mine.npy"]
