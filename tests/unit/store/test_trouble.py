"""Whatever is wrong with a state is a StateError that names it and the remedy, and loses nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tieline.connectors.errors import StateError
from tieline.sync.lock import Busy, Holder, one_pass
from tieline.sync.store import open_store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state with one note in it."""
    made = tmp_path / "tieline.db"
    _fill(made)
    return made


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder of an ordinary user, who is who we are for the while: to root nothing is read-only."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)
    os.seteuid(before)


def _fill(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store, store.transaction() as tx:
        tx.set_note("kept", "yes")


def _kept(path: Path) -> str | None:
    with open_store(f"sqlite:///{path}", create=False) as store, store.read() as tx:
        return tx.note("kept")


def _refused(path: Path, lock_seconds: float = 0.05) -> str:
    """The message of a first write."""
    with (
        pytest.raises(StateError) as caught,
        open_store(f"sqlite:///{path}", lock_seconds=lock_seconds) as store,
        store.transaction() as tx,
    ):
        tx.set_note("kept", "no")
    message = str(caught.value)
    assert str(path) in message
    assert "Traceback" not in message
    assert "INSERT" not in message
    return message


def test_a_locked_state(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked by another process" in _refused(path)
    assert _kept(path) == "yes"
    other.execute("ROLLBACK")
    other.close()
    _fill(path)


def test_a_state_of_a_newer_version(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE tieline_version SET version_num = '9000'")
    connection.close()
    message = _refused(path)
    assert "newer Tieline (revision 9000" in message
    assert "upgrade Tieline" in message


@pytest.mark.parametrize("revision", ["a1b2c3", "0000"])
def test_a_state_of_a_revision_that_never_was(path: Path, revision: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE tieline_version SET version_num = ?", (revision,))
    connection.close()
    assert repr(revision) in _refused(path)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE accounts (id)")
    connection.close()
    assert "something else" in _refused(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("accounts",)]
    connection.close()


def test_no_database_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tieline.db"
    path.write_bytes(b"installation = 'example'\n" * 100)
    assert "restore it from a backup" in _refused(path)


def test_a_damaged_state(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xff" * (len(raw) - 4096))
    assert "restore it from a backup" in _refused(path)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "tieline.db").mkdir(mode=0o700)
    assert "cannot be opened" in _refused(tmp_path / "tieline.db")


def test_a_read_only_state(ordinary: Path) -> None:
    path = ordinary / "tieline.db"
    _fill(path)
    path.chmod(0o400)
    assert "must be writable" in _refused(path)
    assert _kept(path) == "yes"


def test_a_read_only_folder(ordinary: Path) -> None:
    path = ordinary / "tieline.db"
    _fill(path)
    ordinary.chmod(0o555)
    assert "directory must" in _refused(path)
    assert "directory must" in _refused(ordinary / "new.db")


def test_a_pass_in_a_read_only_folder(ordinary: Path) -> None:
    ordinary.chmod(0o555)
    with (
        pytest.raises(StateError, match=r"cannot be held.*must be writable") as caught,
        one_pass(f"sqlite:///{ordinary / 'tieline.db'}", Holder.here(NOW)),
    ):
        pytest.fail("held")
    assert not isinstance(caught.value, Busy)


def test_a_state_that_may_not_be_read(ordinary: Path) -> None:
    path = ordinary / "tieline.db"
    _fill(path)
    path.chmod(0)
    assert "must belong to the user" in _refused(path)


def test_a_full_disk_loses_nothing_and_is_survived(path: Path) -> None:
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=60")

    sa.event.listen(sa.Pool, "connect", limit)
    try:
        with (
            pytest.raises(StateError, match=r"disk or quota is full.*nothing is lost"),
            open_store(f"sqlite:///{path}") as store,
            store.transaction() as tx,
        ):
            tx.set_note("kept", "no")
            tx.set_note("large", "x" * 1_000_000)
    finally:
        sa.event.remove(sa.Pool, "connect", limit)
    assert _kept(path) == "yes"
    with open_store(f"sqlite:///{path}") as store, store.transaction() as tx:
        tx.set_note("large", "x" * 1_000_000)


def test_an_error_shows_no_ticket_text(path: Path) -> None:
    with (
        pytest.raises(StateError) as caught,
        open_store(f"sqlite:///{path}") as store,
        store.read() as tx,
    ):
        tx.set_note("kept", "the customer's words")
    shown = f"{caught.value} {caught.value.__cause__}"
    assert "the customer's words" not in shown


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: pip install 'tieline[postgresql]'")
    with pytest.raises(StateError) as caught:
        open_store("postgresql://tieline:geheim@127.0.0.1:1/state")
    assert "postgresql://tieline@127.0.0.1:1/state cannot be reached" in str(caught.value)
    assert "geheim" not in f"{caught.value} {caught.value.__cause__}"


def test_a_server_without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StateError, match=r"tieline\[postgresql\]"):
        open_store("postgresql://tieline@127.0.0.1:1/state")
