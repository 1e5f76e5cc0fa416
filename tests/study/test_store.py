"""Does the store keep every outcome once, and say clearly what is wrong with it?"""

import contextlib
import os
import sqlite3
import subprocess

import pytest
from typer.testing import CliRunner

from accelsim.cli import app
from accelsim.errors import StoreError
from accelsim.study.space import Point
from accelsim.study.store import Store

META = {"study": "s", "points": "p"}


def point(name: str, error: str | None = None) -> Point:
    return Point(name, {"trace": "t", "config.pes": 4}, (), None, error)


@pytest.fixture
def store(tmp_path):
    opened = Store.create_or_open(tmp_path / "s.sqlite", META, resume=False)
    yield opened
    opened.close()


def test_rows_in_order_with_their_outcome(store):
    store.add_points([point("b"), point("a"), point("c", "does not fit"), point("b"), point("open")])
    store.record({"a": {"cycles": 3}}, {"b": "broke"})
    assert [(r["run_id"], r["status"], r.get("cycles"), r["error"]) for r in store.rows()] == [
        ("b", "failed", None, "broke"), ("a", "finished", 3, None), ("c", "failed", None, "does not fit")]
    assert store.counts() == (4, 1, 2)
    assert store.done() == {"a", "b", "c"}
    assert store.row("a") == {"run_id": "a", "trace": "t", "config.pes": 4, "cycles": 3}
    assert store.row("b") is None
    assert store.forget_failures() == 2


def test_an_outcome_is_recorded_once_and_all_or_none(store):
    store.add_points([point("a"), point("b")])
    store.record({"a": {"cycles": 1}}, {})
    with pytest.raises(sqlite3.IntegrityError):
        store.record({"b": {"cycles": 2}, "a": {"cycles": 3}}, {})
    assert [r["cycles"] for r in store.rows()] == [1]


def test_wal_and_readers_beside_the_writer(store, tmp_path):
    assert sqlite3.connect(store.path).execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.add_points([point("a")])
    reader = Store.read(store.path)
    store.record({"a": {"cycles": 1}}, {})
    assert len(reader.rows()) == 1
    reader.close()


def test_new_or_resumed(store, tmp_path):
    with pytest.raises(StoreError, match="another sweep is writing"):
        Store.create_or_open(store.path, META, resume=True)
    store.close()
    again = Store.create_or_open(store.path, META, resume=False)  # nothing was run: nothing to lose
    again.add_points([point("a")])
    again.record({"a": {}}, {})
    again.close()
    with pytest.raises(StoreError, match="add --resume"):
        Store.create_or_open(store.path, META, resume=False)
    with pytest.raises(StoreError, match="changed: points"):
        Store.create_or_open(store.path, META | {"points": "q"}, resume=True)
    Store.create_or_open(store.path, META | {"made_by": "another numpy"}, resume=True).close()
    Store.create_or_open(tmp_path / "not yet.sqlite", META, resume=True).close()
    assert not list(tmp_path.glob("*.lock"))


def test_killed_before_anything_was_written(tmp_path):
    path = tmp_path / "s.sqlite"
    sqlite3.connect(path).execute("PRAGMA journal_mode=WAL")
    with pytest.raises(StoreError, match="holds nothing yet"):
        Store.read(path)
    Store.create_or_open(path, META, resume=True).close()


@pytest.mark.parametrize("make", ["text", "other database", "folder", "missing", "no such folder", "nul"])
def test_what_is_no_store(tmp_path, make):
    path = {"no such folder": tmp_path / "x" / "s", "nul": tmp_path / "a\0b"}.get(make, tmp_path / "s.sqlite")
    if make == "text":
        path.write_text("nothing of the kind " * 100)
    elif make == "other database":
        sqlite3.connect(path).execute("CREATE TABLE t (x)")
    elif make == "folder":
        path.mkdir()
    with pytest.raises(StoreError, match=r"give|make it"):
        Store.read(path)
    if make != "missing":
        before = path.read_bytes() if make in ("text", "other database") else None
        with pytest.raises(StoreError):
            Store.create_or_open(path, META, resume=True)
        if before is not None:
            assert path.read_bytes() == before


def test_full_disk(store):
    """SQLite's own limit stands for the disk's; `test_full_file_system` has a real one."""
    store.add_points([point(f"p{i}") for i in range(2000)])
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StoreError, match=r"disk is full.*--resume"):
        store.record({f"p{i}": {"cycles": 1, "x" * 500: 1} for i in range(1000)}, {})
    store._connection.execute("PRAGMA max_page_count=1000000")
    assert store.counts() == (2000, 0, 0)
    store.record({"p0": {"cycles": 1}}, {})
    assert sqlite3.connect(store.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("damage", [
    "UPDATE point SET facts = '{\"trace\": t'", "UPDATE point SET facts = '[1]'",
    "UPDATE point SET facts = CAST(x'7b22ff' AS TEXT)", "UPDATE result SET numbers = '7'",
    "UPDATE result SET numbers = '{\"cycles\": 1e999}'", "UPDATE result SET numbers = '{\"cycles\": NaN}'",
    "UPDATE result SET numbers = '{\"cycles\": \"many\"}'", "UPDATE result SET numbers = '{\"cycles\": null}'",
    "UPDATE result SET numbers = '{\"cycles\": true}'", "UPDATE result SET numbers = x'7b7d'",
    "UPDATE result SET numbers = ''",
    "UPDATE point SET facts = x'7b7d'", "UPDATE point SET facts = '{\"trace\": 5}'",
    "UPDATE point SET facts = '{\"policy\": [1]}'", "UPDATE point SET facts = '{\"config.clock_mhz\": -1e999}'",
    "UPDATE point SET facts = '{\"area_mm2\": \"large\"}'", "UPDATE point SET facts = '{\"sram_kbytes\": null}'",
    "UPDATE point SET facts = '{\"x\": ' || hex(zeroblob(2000)) || '}'",
    "UPDATE point SET facts = replace(hex(zeroblob(2000)), '0', '[')",
    "PRAGMA foreign_keys=OFF; UPDATE point SET run_id = x'61'; UPDATE result SET run_id = x'61'",
    "INSERT INTO failure VALUES ('a', x'00ff')", "INSERT INTO failure VALUES ('a', CAST(x'ff' AS TEXT))",
    "PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql = CAST(x'4352454154459f' AS TEXT) WHERE name = 'failure'",
])
def test_a_damaged_store_is_one_message(store, tmp_path, damage):
    store.add_points([point("a")])
    store.record({"a": {"cycles": 1}}, {})
    store.close()
    connection = sqlite3.connect(store.path)
    connection.executescript(damage)
    connection.close()
    with pytest.raises(StoreError, match="the store is damaged; run the sweep again"):
        Store.read(store.path).rows()
    for words in (["results", str(store.path)], ["report", str(store.path), "-o", str(tmp_path / "page.html")]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2 and "the store is damaged" in done.stderr, done.exception


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path):
    folder = tmp_path / "shut"
    folder.mkdir()
    Store.create_or_open(folder / "s.sqlite", META, resume=False).close()
    folder.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        Store.create_or_open(folder / "s.sqlite", META, resume=True)
    assert Store.read(folder / "s.sqlite").rows() == []


def mounted(folder, options: str) -> bool:
    return os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A file system of 2 MiB, where mounting is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mounted(folder, "size=2m"):
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_file_system(disk):
    store = Store.create_or_open(disk / "s.sqlite", META, resume=False)
    names = [f"p{i}" for i in range(4000)]
    store.add_points(list(map(point, names)))
    stored = 0
    with contextlib.suppress(StoreError):
        for name in names:
            store.record({name: {"x" * 1000: 1}}, {})
            stored += 1
    with pytest.raises(StoreError, match=r"full|space"):
        store.record({names[stored]: {"x" * 1000: 1}}, {})
    store.close()
    assert stored > 10
    reader = Store.read(disk / "s.sqlite")
    assert len(reader.rows()) == stored
    reader.close()
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
    store = Store.create_or_open(disk / "s.sqlite", META, resume=True)
    store.record({name: {"x": 1} for name in names[stored:]}, {})
    assert store.counts() == (4000, 4000, 0)
    store.close()


def test_read_only_file_system(disk):
    Store.create_or_open(disk / "s.sqlite", META, resume=False).close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StoreError, match="cannot be written"):
        Store.create_or_open(disk / "s.sqlite", META, resume=True)
    reader = Store.read(disk / "s.sqlite")
    assert reader.rows() == []
    reader.close()
