"""Results as JSON, CSV and text, and the folder that `accelsim run -o DIR` writes."""

import csv
import json
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from accelsim.errors import ConfigError
from accelsim.report.table import as_text
from accelsim.result.result import Result, rows


def dump(value: Any) -> str:
    """JSON text, readable and without NaN."""
    return json.dumps(value, indent=2, allow_nan=False)


def as_json(results: Sequence[Result]) -> str:
    """One object: {"runs": [...]}."""
    return dump({"runs": [result.to_dict() for result in results]})


def as_csv(results: Sequence[Result]) -> str:
    """One line per run and layer; the columns of all machines, empty where a machine has no such count."""
    flat = [row for result in results for row in rows(result)]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    out = StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue().rstrip("\n")


def as_table(results: Sequence[Result]) -> str:
    """The tables a terminal shows."""
    return as_text(results)


def as_plain_table(results: Sequence[Result]) -> str:
    """The same tables whatever terminal there is: what files hold."""
    return as_text(results, terminal=False)


def prepare(folder: Path) -> Path:
    """`folder`, made if need be; ConfigError, before anything is simulated, when it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".accelsim-"):
            pass  # what permissions, quotas and mounts say together
        for name in _WRITERS:
            if (folder / name).is_dir():
                raise IsADirectoryError(None, f"{name} in it is a folder")
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    return folder


def write(folder: Path, results: Sequence[Result]) -> None:
    """result.json, layers.csv and table.txt: all three, or none and a ConfigError."""
    placed: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".accelsim-") as parts:
            for name, as_format in _WRITERS.items():
                (Path(parts) / name).write_text(as_format(results) + "\n", encoding="utf-8")
            for name in _WRITERS:
                placed.append((Path(parts) / name).replace(folder / name))
    except OSError as error:
        for file in placed:
            file.unlink(missing_ok=True)
        raise _unusable(folder, error) from None


_WRITERS = {"result.json": as_json, "layers.csv": as_csv, "table.txt": as_plain_table}


def _unusable(folder: Path, error: Exception) -> ConfigError:
    reason = getattr(error, "strerror", None) or error
    return ConfigError(f"-o {folder}: cannot be written to ({reason}); choose another folder")
