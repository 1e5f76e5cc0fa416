"""The store of a sweep: one SQLite file in WAL mode that a kill at any moment leaves valid.

Tables: `meta` (what the store is of), `point` (every point, in order, with what is known before its run), `result` and
`failure` (the outcome of a point; at most one of the two, once). One process writes, any number read.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from accelsim.errors import StoreError
from accelsim.study.space import Point
from accelsim.study.stored import facts_in, numbers_in, text_in

FORMAT = 1
APPLICATION_ID = 0x61636373  # "accs"
_DAMAGED = "the store is damaged; run the sweep again into another one, or take a copy of before"
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE point (position INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, facts TEXT NOT NULL);
CREATE TABLE result (run_id TEXT PRIMARY KEY REFERENCES point (run_id), numbers TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE failure (run_id TEXT PRIMARY KEY REFERENCES point (run_id), error TEXT NOT NULL) WITHOUT ROWID;
"""


class Store:
    """An open store. Use `Store.create_or_open` to write and `Store.read` to read; close it when done.

    Every method raises StoreError when the file cannot be read or written: what was finished stays in it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: IO[bytes] | None = None,
                 is_new: bool = False) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._is_new = is_new  # nothing was at the path before

    @classmethod
    def create_or_open(cls, path: Path, meta: Mapping[str, Any], resume: bool) -> Self:
        """The store at `path`, for the one sweep that `meta` describes; made when there is none.

        Raises StoreError when it holds outcomes and `resume` is False, belongs to another study, or is in use.
        """
        _refuse_folder(path)
        lock = _locked(path)
        is_new = not path.exists()
        try:
            with _clear_errors(path):
                connection = sqlite3.connect(path, isolation_level=None, timeout=30)
                store = cls(path, connection, lock, is_new)
                if _is_blank(path, connection):
                    store._create(meta)
                elif not resume and store.done():
                    raise StoreError(f"{path}: exists already; add --resume to go on with it, or give another store")
                else:
                    store._check_meta(meta)
                connection.execute("PRAGMA synchronous=FULL")
            return store
        except BaseException:
            if is_new:
                _remove(path)
            _unlock(path, lock)
            raise

    @classmethod
    def read(cls, path: Path) -> Self:
        """The store at `path`, for reading alone, also while a sweep writes to it."""
        _refuse_folder(path)
        if not path.is_file():
            raise StoreError(f"{path}: no such store; give the path that accelsim sweep -o wrote to")
        with _reading(path):
            alone = not path.with_name(path.name + "-wal").exists()
            writable = os.access(path.parent, os.W_OK)
            mode = "mode=ro" + ("&immutable=1" if alone and not writable else "")
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
            if _is_blank(path, connection):
                raise StoreError(f"{path}: holds nothing yet; its sweep was stopped before it began; --resume it")
            return cls(path, connection)

    def close(self) -> None:
        """Close; the write-ahead log goes into the file. Safe to call twice."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        _unlock(self.path, self._lock)
        self._lock = None

    def discard_if_new(self) -> None:
        """Close, and leave nothing behind where there was nothing when this store was opened."""
        if self._is_new:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            _remove(self.path)
        self.close()

    def meta(self) -> dict[str, Any]:
        """The study, and what made the results: versions and digests."""
        with _reading(self.path):
            found = self._connection.execute("SELECT key, value FROM meta")
            return {text_in(key): json.loads(text_in(value)) for key, value in found}

    def add_points(self, points: Sequence[Point]) -> None:
        """Append `points` that are not there yet; one that cannot be run gets its error at once. All or none."""
        with self._transaction():
            (position,) = self._connection.execute("SELECT COALESCE(MAX(position) + 1, 0) FROM point").fetchone()
            for point in points:
                added = self._connection.execute("INSERT OR IGNORE INTO point VALUES (?, ?, ?)",
                                                 (position, point.run_id, _text(point.facts)))
                position += added.rowcount
                if point.error is not None:
                    self._connection.execute("INSERT OR IGNORE INTO failure VALUES (?, ?)", (point.run_id, point.error))

    def record(self, rows: Mapping[str, Mapping[str, Any]], errors: Mapping[str, str]) -> None:
        """The outcomes of some points, by run id; all or none. A point is recorded once: twice is a defect."""
        with self._transaction():
            self._connection.executemany("INSERT INTO result VALUES (?, ?)", [(i, _text(r)) for i, r in rows.items()])
            self._connection.executemany("INSERT INTO failure VALUES (?, ?)", list(errors.items()))

    def forget_failures(self) -> int:
        """Make failed points open again; how many there were."""
        with self._transaction():
            return self._connection.execute("DELETE FROM failure").rowcount

    def done(self) -> set[str]:
        """Run ids with an outcome."""
        with _reading(self.path):
            found = self._connection.execute("SELECT run_id FROM result UNION ALL SELECT run_id FROM failure")
            return {text_in(run_id) for (run_id,) in found}

    def run_ids(self) -> list[str]:
        """Every point's run id, in order."""
        with _reading(self.path):
            return [text_in(i) for (i,) in self._connection.execute("SELECT run_id FROM point ORDER BY position")]

    def row(self, run_id: str) -> dict[str, Any] | None:
        """The row of one finished point, None when it failed or is open."""
        with _reading(self.path):
            found = self._connection.execute(
                "SELECT facts, numbers FROM point JOIN result USING (run_id) WHERE run_id = ?", (run_id,)).fetchone()
            return None if found is None else {"run_id": run_id, **facts_in(found[0]), **numbers_in(found[1])}

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per point with an outcome, in order; `status` is "finished" or "failed", `error` says why."""
        with _reading(self.path):
            found = self._connection.execute(
                "SELECT run_id, facts, numbers, error FROM point LEFT JOIN result USING (run_id) "
                "LEFT JOIN failure USING (run_id) WHERE numbers IS NOT NULL OR error IS NOT NULL ORDER BY position")
            return [{"run_id": text_in(run_id), "status": "finished" if error is None else "failed",
                     **facts_in(facts), **({} if numbers is None else numbers_in(numbers)),
                     "error": None if error is None else text_in(error)}
                    for run_id, facts, numbers, error in found]

    def counts(self) -> tuple[int, int, int]:
        """(points, finished, failed)."""
        with _reading(self.path):
            return tuple(self._connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
                         for table in ("point", "result", "failure"))

    def _create(self, meta: Mapping[str, Any]) -> None:
        connection = self._connection
        connection.execute("PRAGMA journal_mode=WAL")
        with self._transaction():
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.executemany("INSERT INTO meta VALUES (?, ?)", [(k, _text(v)) for k, v in meta.items()])
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT}")

    def _check_meta(self, meta: Mapping[str, Any]) -> None:
        there = self.meta()
        wanted = json.loads(_text(meta))
        changed = sorted(key for key in {*there, *wanted} - {"made_by"} if there.get(key) != wanted.get(key))
        if changed:
            raise StoreError(f"{self.path}: belongs to another study or another version of it (changed: "
                             f"{', '.join(changed)}); give another store, or the study it was made from")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _clear_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _is_blank(path: Path, connection: sqlite3.Connection) -> bool:
    """True for a database without tables; StoreError for one of something else."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if application == 0 and tables == 0:
        return True
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: a database, but not a store of accelsim; give another path")
    if version != FORMAT:
        raise StoreError(f"{path}: has format {version}, this accelsim reads format {FORMAT}; use the one that wrote "
                         "it, or run the sweep again into another store")
    return False


def _refuse_folder(path: Path) -> None:
    if "\0" in str(path):
        raise StoreError(f"{str(path)!r} is not a usable path; give another")
    try:
        if path.is_dir():
            raise StoreError(f"{path}: is a folder; give the path of a file")
        if not path.parent.is_dir():
            raise StoreError(f"{path}: its folder does not exist; make it, or give another path")
    except (OSError, ValueError) as error:
        raise StoreError(f"{str(path)[:80]!r}: not a usable path ({error}); give another") from None


def _locked(path: Path) -> IO[bytes]:
    """The lock file beside the store, held; StoreError when another sweep has it. A kill releases it."""
    import fcntl

    name = path.with_name(path.name + ".lock")
    while True:
        try:
            handle = name.open("ab")
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror}); give another path") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle.fileno()), name.stat()):
                return handle
        except FileNotFoundError:  # the sweep before removed it meanwhile
            pass
        except OSError:
            handle.close()
            raise StoreError(f"{path}: another sweep is writing to it; wait for it, or give another path") from None
        handle.close()


def _remove(path: Path) -> None:
    """A store that this process made, and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(OSError):
            path.with_name(name).unlink()


def _unlock(path: Path, lock: IO[bytes] | None) -> None:
    if lock is not None:
        with contextlib.suppress(OSError):
            path.with_name(path.name + ".lock").unlink()  # while it is held, so that nobody else holds this name
        lock.close()


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """What SQLite and the file system say, with the way out."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "") or ""
        if code.startswith("SQLITE_FULL"):
            hint = "the disk is full; free some space and go on with --resume: every point recorded so far is kept"
        elif code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            hint = "it or its folder cannot be written to (or read); change its permissions or give another path"
        elif code.startswith("SQLITE_NOTADB"):
            hint = "not a store of accelsim; give another path"
        elif code.startswith("SQLITE_CORRUPT") or str(error).startswith(("malformed", "Could not decode")):
            hint = _DAMAGED
        else:
            hint = "free space, permissions and file system (WAL needs a local one) may be the cause"
        raise StoreError(f"{path}: {error}: {hint}") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; give another path") from None


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """`_clear_errors`, and what damaged text in a store ends in."""
    with _clear_errors(path):
        try:
            yield
        except (ValueError, TypeError, RecursionError):
            raise StoreError(f"{path}: not readable: {_DAMAGED}") from None
