"""Command lines, random and real: they work, or end with status 2 and one clear error on stderr alone."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door.cases import ENVIRONMENT, check_folders, check_outcome, furnish
from front_door.messages import LONGEST_MESSAGE
from typer.testing import CliRunner

from accelsim.cli import app
from accelsim.report import files

Fuzz = Callable[[str, int, int], dict[str, int]]
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_random_command_lines(fuzz: Fuzz) -> None:
    fuzz("command_lines", 0, 200)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 4000, 1000))
def test_random_command_lines_in_full(fuzz: Fuzz, first: int) -> None:
    fuzz("command_lines", first, 1000)


@pytest.fixture
def furnished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(*words: str) -> str:
    """The one error of a command line."""
    result = CliRunner().invoke(app, words)
    check_outcome(list(words), result.exit_code, result.stdout, result.stderr)
    assert result.exit_code == 2, result.stdout
    return result.stderr


@pytest.mark.parametrize(("words", "told"), [
    ("run tiny.safetensors --arch eiee",
     "no shipped architecture is called 'eiee'; did you mean 'eie'?; give a shipped name or the path"),
    ("run digits_cn --arch eie",
     "no shipped trace is called 'digits_cn'; did you mean 'digits_cnn'?; give a shipped name or the path of"),
    ("run gone.safetensors --arch eie",
     "gone.safetensors: no such file; give the path of a trace file, or one of the shipped names: "),
    ("run folder --arch eie", "folder: is a folder; give the path of a trace file"),
    ("run pipe --arch eie", "pipe: is not a file; give the path of a trace file"),
    ("run design.yaml --arch eie", "design.yaml: not a readable safetensors file ("),
    ("run tiny.safetensors --arch eie --set pes", "--set 'pes': wanted KEY=VALUE, for example --set pes=32"),
    ("run tiny.safetensors --arch eie --set =4", "--set '=4': wanted KEY=VALUE, for example --set pes=32"),
    ("run tiny.safetensors --arch eie --set pes=many", "set pes: pes: input should be a valid integer, got 'many'"),
    ("run tiny.safetensors --arch eie --set pess=4", "set pess: unknown key 'pess'; did you mean 'pes'?"),
    ("run tiny.safetensors --arch eie --set pes=1e999", "set pes: pes: input should be a valid integer, got inf"),
    ("run tiny.safetensors --arch eie --set pes=[1,2",
     "--set pes: '[1,2' is not a YAML value: expected ',' or ']', but got"),
    ("run tiny.safetensors --arch eie --set pes=[1,2]",
     "--set pes: '[1,2]' is a list, wanted a number, a truth value or a name"),
    ("run tiny.safetensors --arch eie --set pes=!!python/object:os.system",
     "--set pes: '!!python/object:os.system' is not a YAML value: "),
    ("run tiny.safetensors --arch eie --set pes=4 --set pes=8", "--set 'pes': given twice; give each key once"),
    ("run tiny.safetensors --arch eie --policy greedy", "eie has no policy 'greedy'; did you mean 'greedy_nnz'?"),
    ("run tiny.safetensors --arch eie -o file.txt",
     "-o file.txt: cannot be written to (File exists); choose another folder"),
    ("run tiny.safetensors --arch eie -o taken",
     "-o taken: cannot be written to (layers.csv in it is a folder); choose another folder"),
    ("run pattern.safetensors --arch eie --engine reference", "layer 'pattern' is pattern-only"),
    ("check pipe", "pipe: is not a file; give the path of a YAML file"),
    ("check /dev/zero", "/dev/zero: is not a file; give the path of a YAML file"),
    ("show cut.safetensors", "cut.safetensors: not a readable safetensors file ("),
])
def test_common_mistakes(furnished: Path, words: str, told: str) -> None:
    assert told in error_of(*words.split())


@pytest.mark.parametrize("words", ["run", "run tiny.safetensors", "run tiny.safetensors --arch", "run a b --arch eie",
                                   "sho x", "list",
                                   "list arch", "run tiny.safetensors --arch eie --engine fast", "--nonsense",
                                   "run tiny.safetensors --arch eie --format xml"])
def test_wrong_usage(furnished: Path, words: str) -> None:
    assert "─ Error ─" in error_of(*words.split())


@pytest.mark.usefixtures("binding_permissions")
def test_closed_places() -> None:
    assert "closed.yaml: cannot be read (Permission denied)" in error_of("run", "digits_cnn", "--arch", "closed.yaml")
    for folder in ("out", "out/deeper", "closed/out"):
        words = "run", "closed.safetensors", "--arch", "eie", "-o", folder
        assert f"-o {folder}: cannot be written to (Permission denied); choose another folder" in error_of(*words)


def test_a_terminal_escape_in_a_file_name_is_inert(furnished: Path) -> None:
    assert r"\x1b[31mred.yaml: no such file" in error_of("run", "tiny.safetensors", "--arch", "\x1b[31mred.yaml")


@pytest.mark.parametrize("words", [
    ["{}"], ["list", "{}"], ["run", "tiny.safetensors", "--{}"], ["run", "tiny.safetensors", "--format", "{}"],
    ["run", "{}"], ["check", "{}"], ["check", "{}.safetensors"], ["run", "tiny.safetensors", "--set", "{}"],
    ["run", "tiny.safetensors", "--arch", "{}"], ["sweep", "{}"], ["results", "{}"], ["schema", "{}"]])
def test_long_words_are_quoted_briefly(furnished: Path, words: list[str]) -> None:
    assert len(error_of(*(word.format("x" * 5000) for word in words))) <= LONGEST_MESSAGE


def test_a_folder_gets_all_three_files_and_nothing_else(furnished: Path) -> None:
    result = CliRunner().invoke(app, ["run", "tiny.safetensors", "--arch", "eie", "-o", "new/deep", "--format", "json"])
    assert result.exit_code == 0
    assert sorted(p.name for p in Path("new/deep").iterdir()) == ["layers.csv", "result.json", "table.txt"]
    assert json.loads(Path("new/deep/result.json").read_text()) == json.loads(result.stdout)


@pytest.mark.parametrize("full_at", range(6))
def test_a_disk_that_fills_up_leaves_no_part(furnished: Path, monkeypatch: pytest.MonkeyPatch, full_at: int) -> None:
    """Each of the three writes and the three moves into place fails once."""
    steps, write_text, replace = iter(range(6)), Path.write_text, Path.replace

    def step() -> None:
        if next(steps) == full_at:
            raise OSError(28, "No space left on device")

    def failing_write(path: Path, *args: object, **kwargs: object) -> int:
        step()
        return write_text(path, *args, **kwargs)  # type: ignore[arg-type]

    def failing_replace(path: Path, target: Path) -> Path:
        step()
        return replace(path, target)

    monkeypatch.setattr(files.Path, "write_text", failing_write)
    monkeypatch.setattr(files.Path, "replace", failing_replace)
    assert "-o new: cannot be written to (No space left on device); choose another folder" in error_of(
        "run", "tiny.safetensors", "--arch", "eie", "-o", "new")
    assert not list(Path("new").iterdir())


@pytest.mark.parametrize("words", [
    ["run", "tiny.safetensors", "--arch", "eie", "--format", "json"],
    ["run", "tiny.safetensors", "--arch", "eie", "--arch", "design.yaml", "-o", "out"],
    ["check", "design.yaml"],
    ["run", "cut.safetensors", "--arch", "eie", "--format", "json"],
    ["run", "tiny.safetensors", "--arch", "bomb.yaml"],
    ["run", "tiny.safetensors", "--arch", "eie", "-o", "file.txt/out"],
    [b"show", b"\xff\xfe"],
    ["run", "tiny.safetensors", "--arch", "eie", "--nonsense"],
], ids=lambda words: str(words[0]) + str(words[-1]))
def test_real_processes(furnished: Path, accelsim_command: Command, words: list[str | bytes]) -> None:
    before = set(furnished.rglob("*"))
    done = accelsim_command(*words)
    check_outcome([os.fsdecode(w) for w in words], done.returncode, done.stdout.decode(), done.stderr.decode())
    check_folders(set(furnished.rglob("*")) - before)


def test_a_terminal_without_box_characters_still_gets_the_table(furnished: Path, accelsim_command: Command) -> None:
    done = accelsim_command("run", "tiny.safetensors", "--arch", "eie", env=ENVIRONMENT | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"total" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stdout_is_one_error(furnished: Path, accelsim_command: Command) -> None:
    with Path("/dev/full").open("wb") as full:
        done = accelsim_command("run", "tiny.safetensors", "--arch", "eie", stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"accelsim: error: cannot write the output (No space left on device)\n"


def test_a_reader_that_leaves_is_no_error(furnished: Path, accelsim_command: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = accelsim_command("run", "tiny.safetensors", "--arch", "eie", stdout=writer)
    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1
