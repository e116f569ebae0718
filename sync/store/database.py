"""The two databases: how each is connected to, how a transaction begins, and how an upsert is written."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import QueuePool

from tieline.connectors.errors import StateError
from tieline.sync.store.place import Place

Upsert = sqlite.Insert | postgresql.Insert

# synchronous=FULL: an intent must survive a power cut before its write goes out, or the write could be
# made twice; WAL with NORMAL may lose the last commits.
_SQLITE_ON_CONNECT: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)

_CONNECT_SECONDS: Final = 10

# One writer at a time here too, as on SQLite: what a transaction looked up stays true until it commits
# (a record that is paired while it arrives would stand in the inbox twice). Ours take milliseconds.
_ONE_WRITER: Final = "SELECT pg_advisory_xact_lock(hashtext('tieline'), hashtext(current_schema()))"


@dataclass(frozen=True, slots=True)
class Database:
    """What differs between SQLite and PostgreSQL."""

    engine: sa.Engine
    begin_write: tuple[str, ...]
    begin_read: tuple[str, ...]

    @property
    def dialect(self) -> str:
        """Its name in SQLAlchemy."""
        return self.engine.dialect.name

    def upsert(self, table: sa.Table) -> Upsert:
        """An INSERT of this dialect that can be given `on_conflict_do_update`."""
        return upsert(self.dialect, table)

    def position(self, text: Any, part: Any) -> sa.ColumnElement[int]:
        """Where `part` stands in `text`, from 1; 0 if it does not."""
        return position(self.dialect, text, part)


def position(dialect: str, text: Any, part: Any) -> sa.ColumnElement[int]:
    """The same as `Database.position`, by the dialect's name."""
    name = "strpos" if dialect == "postgresql" else "instr"
    return sa.Function(name, text, part, type_=sa.Integer)


def upsert(dialect: str, table: sa.Table) -> Upsert:
    """The same, by the dialect's name."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def connect(place: Place, lock_seconds: float) -> Database:
    """The database at `place`, not opened yet; a lock of another process is waited for `lock_seconds`."""
    if place.kind == "postgresql":
        return _postgresql(place, lock_seconds)
    return _sqlite(place, lock_seconds)


def _sqlite(place: Place, lock_seconds: float) -> Database:
    # isolation_level=None: the driver begins nothing by itself. A state in memory is its one connection.
    size = {"pool_size": 1, "max_overflow": 0} if place.path is None else {}
    engine = sa.create_engine(
        place.url,
        poolclass=QueuePool,
        pool_timeout=lock_seconds,
        hide_parameters=True,
        connect_args={"timeout": lock_seconds, "isolation_level": None, "check_same_thread": False},
        **size,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    return Database(
        engine,
        begin_write=("PRAGMA query_only=OFF", "BEGIN IMMEDIATE"),
        begin_read=("PRAGMA query_only=ON", "BEGIN"),
    )


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _SQLITE_ON_CONNECT:
        connection.execute(pragma)


def _postgresql(place: Place, lock_seconds: float) -> Database:
    try:
        engine = sa.create_engine(
            place.url, hide_parameters=True, connect_args={"connect_timeout": _CONNECT_SECONDS}
        )
    except ModuleNotFoundError:
        raise StateError(
            "A state on PostgreSQL needs its driver: pip install 'tieline[postgresql]'"
        ) from None
    wait = f"SET LOCAL lock_timeout = {int(lock_seconds * 1000)}"
    return Database(
        engine,
        begin_write=(wait, _ONE_WRITER),
        begin_read=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",),
    )
