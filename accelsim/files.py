"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from accelsim.errors import ReportError


def check_writable(path: str | os.PathLike[str]) -> None:
    """ReportError, before any work, when no file can be written at `path`."""
    target = Path(path)
    try:
        if target.is_dir():
            raise ReportError(f"-o {target}: is a folder; give the path of a file")
        if target.exists() and not target.is_file():  # to replace a device or a pipe would take it from all its users
            raise ReportError(f"-o {target}: is not a file; give the path of a file")
        with tempfile.TemporaryFile(dir=target.parent):
            pass  # what permissions, quotas and mounts say together
    except (OSError, ValueError) as error:
        raise _unusable(target, error) from None


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """`content` as the file at `path`; on an error the file is as it was before, and a ReportError says why."""
    target = Path(path)
    check_writable(target)
    part = None
    try:
        mode = 0o666 & ~_umask() if not target.exists() else target.stat().st_mode & 0o777
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:40]}.", delete=False) as stream:
            part = Path(stream.name)
            stream.write(content)
        part.chmod(mode)
        part.replace(target)
    except (OSError, ValueError) as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise _unusable(target, error) from None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _unusable(path: Path, error: Exception) -> ReportError:
    reason = getattr(error, "strerror", None) or error
    return ReportError(f"-o {str(path)[:200]}: cannot be written ({reason}); choose another path")
