"""Commands that write one file: a place that cannot have it is one message, and what is there stays as it is."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import accelsim
from accelsim.cli import app
from accelsim.study.store import Store

META = {"study": "s", "points": "p"}
COMMANDS = {
    "run": "run tiny.safetensors --arch eie --timeline {}",
    "prune": "prune tiny.safetensors --spec magnitude:0.5 -o {}",
    "trace": "trace eie_layers:table_iii --layer NT-We --seed 1 -o {}",
    "formats": "formats tiny.safetensors -o {}.png",
    "report": "report result.json -o {}",
    "plot": "plot stalls result.json -o {}.png",
    "results": "results s.sqlite -o {}",
    "csv": "results s.sqlite --format csv -o {}",
    "parquet": "results s.sqlite --format parquet -o {}",
    "validate": "validate --arch scnn -o {}",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    trace = accelsim.Trace([accelsim.linear("fc", np.eye(4, 6, dtype=np.int8), np.ones(6, np.int8))], name="tiny")
    trace.save("tiny.safetensors")
    CliRunner().invoke(app, ["run", "tiny.safetensors", "--arch", "eie", "-o", "."])
    Store.create_or_open(Path("s.sqlite"), META, resume=False).close()
    return tmp_path


def files(folder: Path) -> list[Path]:
    """All but what SQLite keeps beside a store that is read."""
    return sorted(path for path in folder.rglob("*") if not path.name.startswith("s.sqlite-"))


def refused(command: str, place: str) -> str:
    result = CliRunner().invoke(app, COMMANDS[command].format(place).split(" "))
    assert (result.exit_code, result.stdout) == (2, ""), result.exception
    assert result.stderr.count("accelsim: error: ") == 1
    return result.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("place", ["tiny.safetensors/x", "missing/x", "x" * 300])
def test_impossible_places(folder: Path, command: str, place: str) -> None:
    before = files(folder)
    assert "cannot be written" in refused(command, place)
    assert files(folder) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_or_a_device_is_never_replaced(folder: Path, command: str) -> None:
    """Whoever may write to /dev could else take its devices away from everybody."""
    os.mkfifo("pipe")
    os.symlink("pipe", "pipe.png")  # figures choose their format by the name
    assert "pipe" in refused(command, "pipe")
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode) and Path("pipe.png").is_symlink()


@pytest.mark.parametrize("command", ["csv", "parquet", "results", "prune", "run", "report"])
@pytest.mark.parametrize("place", ["", "."])
def test_a_folder_is_not_a_place_for_a_file(folder: Path, command: str, place: str) -> None:
    before = files(folder)
    assert "folder" in refused(command, place)
    assert files(folder) == before


def test_a_pipe_is_no_result(folder: Path) -> None:
    os.mkfifo("pipe")
    result = CliRunner().invoke(app, ["report", "pipe", "-o", "page.html"])
    assert result.exit_code == 2 and "pipe: is not a file" in result.stderr
