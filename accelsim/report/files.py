"""Results as JSON, CSV and text, and the folder that `accelsim run -o DIR` writes."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from accelsim.errors import ConfigError
from accelsim.files import csv_text, refusing, write_together
from accelsim.result.result import Result, rows
from accelsim.result.table import as_text

SCREEN_LINES = 60
_AROUND = 12  # lines of a table besides its rows, and what stands below it
_WORTH_A_TABLE = 3  # layers


def dump(value: Any) -> str:
    """JSON text, readable and without NaN."""
    return json.dumps(value, indent=2, allow_nan=False)


def as_json(results: Sequence[Result]) -> str:
    """One object: {"runs": [...]}."""
    return dump({"runs": [result.to_dict() for result in results]})


def as_csv(results: Sequence[Result]) -> str:
    """One line per run and layer; the columns of all machines, empty where a machine has no such count."""
    return csv_text([row for result in results for row in rows(result)])


def as_table(results: Sequence[Result], top: int | None = None) -> str:
    """The tables a terminal shows; `top`: layers of each run's table, the longest first (all when None)."""
    return as_text(results, top=top)


def layers_that_fit(results: Sequence[Result]) -> int | None:
    """Layers of each run's table, so that tables of several runs fit a screen; None where all of them do."""
    lines = (_AROUND + 1) * len(results) + _AROUND
    if len(results) == 1 or lines + sum(len(result.layers) for result in results) <= SCREEN_LINES:
        return None
    each = (SCREEN_LINES - lines) // len(results)
    return each if each >= _WORTH_A_TABLE else 0


def as_plain_table(results: Sequence[Result]) -> str:
    """The same tables whatever terminal there is: what files hold."""
    return as_text(results, terminal=False)


def prepare(folder: Path) -> Path:
    """`folder`, made if need be; ConfigError, before anything is simulated, when it cannot be written to."""
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".accelsim-"):
            pass  # what permissions, quotas and mounts say together
        for name in _WRITERS:
            if (folder / name).is_dir():
                raise IsADirectoryError(None, f"{name} in it is a folder")
    return folder


def write(folder: Path, results: Sequence[Result]) -> None:
    """result.json, layers.csv and table.txt: all three, or none and a ConfigError."""
    write_into(folder, {name: as_format(results) + "\n" for name, as_format in _WRITERS.items()})


def write_into(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Files of `folder` by name: all of them, or none and a ConfigError."""
    with _refusing(folder):
        write_together(folder, contents)


_WRITERS = {"result.json": as_json, "layers.csv": as_csv, "table.txt": as_plain_table}


def _refusing(folder: Path) -> AbstractContextManager[None]:
    return refusing(ConfigError, f"-o {folder}", "choose another folder", "cannot be written to")
