"""Files: written whole or not at all, with one way to say why not; their digests; and rows as CSV text."""

import csv
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from accelsim.errors import AccelsimError, ReportError


def reason_of(error: Exception) -> str:
    """What an OSError or ValueError says of a path, without its number and the path."""
    return str(getattr(error, "strerror", None) or error)


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's bytes, read part by part."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def refusing(error: type[AccelsimError], where: str, way_out: str = "choose another path",
             what: str = "cannot be written") -> Iterator[None]:
    """Whatever forbids writing inside, as an `error` that says: where: what (reason); way_out."""
    try:
        yield
    except (OSError, ValueError) as problem:
        raise error(f"{where[:200]}: {what} ({reason_of(problem)}); {way_out}") from None


def check_writable(path: str | os.PathLike[str], error: type[AccelsimError] = ReportError, where: str = "") -> None:
    """Raises `error`, before any work, when no file can be written at `path`; `where`: what the message begins with."""
    target = Path(path)
    with refusing(error, where or f"-o {target}"):
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if target.exists() and not target.is_file():  # to replace a device or a pipe would take it from all its users
            raise FileExistsError(None, "it is not a file")
        with tempfile.TemporaryFile(dir=target.parent):
            pass  # what permissions, quotas and mounts say together


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Path]]:
    """Paths to write the new contents of `targets` to, which lie in one folder; all are put in place at the end.

    On an error inside, all stay as they were; if not all can be put in place, none is. Raises what writing raises.
    """
    with tempfile.TemporaryDirectory(dir=targets[0].parent, prefix=".accelsim-") as folder:
        parts = [Path(folder) / target.name for target in targets]
        yield parts
        placed: list[Path] = []
        try:
            for part, target in zip(parts, targets, strict=True):
                if target.exists():
                    part.chmod(target.stat().st_mode & 0o777)
                placed.append(part.replace(target))
        except OSError:
            for file in placed:
                file.unlink(missing_ok=True)
            raise


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """`content` as the file at `path`; on an error the file is as it was before, and a ReportError says why."""
    target = Path(path)
    check_writable(target)
    with refusing(ReportError, f"-o {target}"), replacing(target) as (part,):
        part.write_bytes(content)


def write_together(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Files of `folder` by name: all of them, or none and what writing raises."""
    with replacing(*(folder / name for name in contents)) as parts:
        for part, content in zip(parts, contents.values(), strict=True):
            if isinstance(content, str):
                part.write_text(content, encoding="utf-8")
            else:
                part.write_bytes(content)


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """A header and one line per row; empty where a row has no such column. columns: by default those of all rows."""
    out = StringIO()
    every = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(out, list(every) if columns is None else columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().rstrip("\n")
