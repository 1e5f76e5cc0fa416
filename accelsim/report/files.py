"""Results as JSON, CSV and text, and the folder that `accelsim run -o DIR` writes."""

import csv
import json
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from accelsim.errors import ConfigError
from accelsim.report.table import as_text
from accelsim.results import Result, rows


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


def prepare(folder: Path) -> Path:
    """`folder`, made if need be; ConfigError, before anything is simulated, when it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, "Permission denied")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"-o {folder}: cannot be used as a folder ({reason}); choose another") from None
    return folder


def write(folder: Path, results: Sequence[Result]) -> None:
    """result.json, layers.csv and table.txt, each whole or not at all."""
    texts = {"result.json": as_json(results), "layers.csv": as_csv(results), "table.txt": as_table(results)}
    try:
        for name, text in texts.items():
            part = folder / f".{name}.part"
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"-o {folder}: cannot be written ({error.strerror}); choose another") from None
