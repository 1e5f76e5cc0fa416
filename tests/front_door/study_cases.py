"""Mutated study files and stores: what a sweep reads, and what it leaves behind. A case is a number: see `cases.py`."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from front_door.messages import check_message
from front_door.mutations import HOSTILE_SCALARS, mutated_yaml
from typer.testing import CliRunner

import accelsim
from accelsim.cli import app
from accelsim.report.sources import collect
from accelsim.study.checks import load_study
from accelsim.study.space import Space
from accelsim.study.traces import study_traces

STUDIES = (
    "name: s\ntraces: [small.safetensors]\narchs: [eie]\nset: {pes: [2, 4], queue_entries: {from: 1, to: 3, step: 1}}\n"
    "policies: [row_interleave, greedy_nnz]\nconstraints: area_mm2 <= 90\n",
    "traces:\n  - small.safetensors\narchs:\n  - eie\n  - scnn\nset:\n  clock_mhz: [400, 800]\n"
    "choose:\n  by: random\n  points: 3\n  seed: 7\n",
    "traces: [small.safetensors]\narchs: [eie]\nset: {pes: {from: 1, to: 16, times: 2}}\nchoose:\n  by: list\n"
    "  points:\n    - set: {pes: 4}\n    - {policy: greedy_nnz, set: {pes: 8}}\n",
)
HOSTILE_CELLS = (None, b"", b"\x00\xff", b"{}", 5, -1, 1e400, float("-inf"), "", "x" * 5000, "\x1b[31m", "{}", "[1]",
                 "7", '{"cycles": 1e999}', '{"cycles": "many"}', '{"trace": 5}', "[" * 3000, "9" * 30, "null", "true")
TABLES = {"meta": ("key", "value"), "point": ("run_id", "facts"), "result": ("run_id", "numbers"),
          "failure": ("run_id", "error")}


def studies() -> Iterator[Callable[[Random], str]]:
    """Mutated study files: every point of a study that reads is named before one of them is run."""
    _small().save("small.safetensors")
    file = Path("case.yaml")

    def case(rng: Random) -> str:
        file.write_bytes(mutated_yaml(rng, rng.choice(STUDIES)))
        try:
            study = load_study(file)
            with study_traces(study.traces) as traces:
                points = Space(study, traces).points()
        except accelsim.TraceError as error:  # another trace is named
            check_message(error, accelsim.TraceError, "trac")
            return "refused"
        except accelsim.AccelsimError as error:
            check_message(error, accelsim.ConfigError, "case.yaml" if "case.yaml" in str(error) else "study '")
            return "refused"
        assert points
        return "worked"

    yield case


def stores() -> Iterator[Callable[[Random], str]]:
    """Damaged stores, of bytes or of values: `results` and `report` read them or say that they are damaged."""
    _small().save("small.safetensors")
    sound, file, runner = Path("sound.sqlite"), Path("case.sqlite"), CliRunner()
    study = {"traces": ["small.safetensors"], "archs": ["eie"], "set": {"pes": [1, 2, 4]}}
    accelsim.sweep(study, sound, workers=1)
    with contextlib.closing(sqlite3.connect(sound)) as connection:  # one file, and a failure as well
        connection.executescript("PRAGMA journal_mode=DELETE;"
                                 "INSERT INTO failure SELECT run_id, 'broke' FROM point WHERE position = 1;"
                                 "DELETE FROM result WHERE run_id IN (SELECT run_id FROM failure);")

    def case(rng: Random) -> str:
        shutil.copy(sound, file)
        (_spoil_bytes if rng.random() < 0.5 else _spoil_values)(file, rng)
        done = runner.invoke(app, ["results", str(file)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code in (0, 2) and len(done.stderr) < 2048 and "Traceback" not in done.stderr, done.stderr
        try:
            collect([file])  # what `report` and `plot` read; to draw it takes a browser's memory
        except (accelsim.StoreError, accelsim.ReportError) as error:
            check_message(error, type(error), "case.sqlite")
            return "refused" if done.exit_code == 2 else "refused by report alone"
        return "worked" if done.exit_code == 0 else "refused by results alone"

    yield case


def _small() -> accelsim.Trace:
    return accelsim.Trace([accelsim.linear("fc", [[1, 0, 2], [0, 3, 0]], [1, 0, 2])], "small")


def _spoil_bytes(file: Path, rng: Random) -> None:
    data = bytearray(file.read_bytes())
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(100) if rng.random() < 0.3 else rng.randrange(len(data))] = rng.randrange(256)
    file.write_bytes(data[:rng.randrange(len(data))] if rng.random() < 0.1 else data)


def _spoil_values(file: Path, rng: Random) -> None:
    table = rng.choice(sorted(TABLES))
    column = rng.choice(TABLES[table])
    value = rng.choice((*HOSTILE_CELLS, *HOSTILE_SCALARS))
    if isinstance(value, str):
        value = value.encode(errors="replace").decode()
    with (contextlib.closing(sqlite3.connect(file)) as connection, contextlib.suppress(sqlite3.IntegrityError),
          connection):
        if column in ("facts", "numbers") and rng.random() < 0.5:  # one entry inside the JSON text
            (name, text) = rng.choice(connection.execute(f"SELECT run_id, {column} FROM {table}").fetchall())
            entries = json.loads(text)
            entries[rng.choice(sorted(entries))] = value if isinstance(value, (str, int, float)) else None
            value = json.dumps(entries)
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE run_id = ?", (value, name))
        else:
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
