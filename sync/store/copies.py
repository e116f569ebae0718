"""Copies of a state, and what can be said about one: backup, restore, check, vacuum, export.

SQLite is copied page by page at one moment; for PostgreSQL the message names its own tools (pg_dump).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from tieline.connectors.errors import StateError
from tieline.sync.attachments.model import Carried
from tieline.sync.conversation.model import Heard
from tieline.sync.links.model import Proposal
from tieline.sync.links.relations_model import Standing
from tieline.sync.model import AuditEntry, Conflict, Intent, Park, PassSummary
from tieline.sync.store.codec import decode_base
from tieline.sync.store.facts import Partners
from tieline.sync.store.faults import told
from tieline.sync.store.place import Place
from tieline.sync.store.schema import REVISION, VERSION_TABLE, metadata, tallies
from tieline.sync.store.shapes import decode
from tieline.sync.store.store import Store

Told = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: unknown)."""

BODIES: Final[dict[str, type]] = {
    "parks": Park, "intents": Intent, "audit": AuditEntry, "conflicts": Conflict, "passes": PassSummary,
    "entities": Partners, "heard": Heard, "attachments": Carried,
    "relations": Standing, "proposals": Proposal,
}  # fmt: skip
_PAGE: Final = 500
_PAGES_A_STEP: Final = 2000
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Described:
    """What stands in a backup: whose it is, of which revision, how many pairs, and its last pass."""

    installation: str
    revision: str
    pairs: int
    last_pass: str


def backup(store: Store, target: Path, *, overwrite: bool = False, progress: Told | None = None) -> Described:
    """Copy the state at one moment into `target`, which only its owner can read.

    The copy appears under its name when it is complete. StateError if it cannot be made.
    """
    source = _file_of(store.place, "pg_dump")
    if target.exists() and not overwrite:
        raise StateError(f"{target} exists: name another file, or give --force")
    with private_file(target) as part, told(store.place):
        _copy(source, part, progress)
    return describe(target)


def describe(file: Path) -> Described:
    """What stands in a copy of a state; StateError if it is none, is damaged, or is of a newer Tieline."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
            (fine,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            (revision,) = copy.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
            owner = copy.execute("SELECT value FROM notes WHERE key = 'installation'").fetchone()
            (pairs,) = copy.execute("SELECT count(*) FROM pairs").fetchone()
            last = copy.execute("SELECT id FROM passes ORDER BY started DESC LIMIT 1").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise StateError(f"{file} is no copy of a Tieline state, or is damaged ({error})") from None
    if fine != "ok":
        raise StateError(f"{file} is damaged: {fine}")
    if not str(revision).isdecimal() or int(revision) > int(REVISION):
        raise StateError(
            f"{file} was written by a newer Tieline (revision {revision}; this one knows {REVISION}): "
            "upgrade Tieline first"
        )
    return Described(owner[0] if owner else "", str(revision), int(pairs), last[0] if last else "")


def restore(source: Path, place: Place, kept: Path | None) -> None:
    """Put a copy in the place of the state; what stood there is kept as `kept`, if anything did.

    The caller holds the state's lock, has closed the store, and has looked at the copy with `describe`.
    """
    target = _file_of(place, "pg_restore, then `tieline state restore --noted`")
    if kept is not None and target.exists():
        with private_file(kept) as old:
            _copy(target, old, None)
    with private_file(target) as part:
        _copy(source, part, None)
        # The old journal would be taken for the new file's.
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)


@contextmanager
def private_file(target: Path) -> Iterator[Path]:
    """A file to write, closed to others; it gets its name once it is complete. StateError if it cannot be."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
        yield part
        part.chmod(_PRIVATE)
        part.replace(target)
    except OSError as error:
        raise StateError(f"{target} cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)


def _file_of(place: Place, tool: str) -> Path:
    if place.path is None:
        raise StateError(f"The state {place.name} is a database on a server: use {tool}")
    return place.path


def _copy(source: Path, target: Path, progress: Told | None) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress("copying the state", total - remaining, total)

    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=_PAGES_A_STEP, progress=tell)
        new.execute("PRAGMA journal_mode=DELETE")  # one file, without a journal beside it


def vacuum(store: Store) -> tuple[int, int]:
    """Give back the room of what was dropped; the file's bytes before and after (0, 0 on a server)."""
    before = _size(store.place)
    engine = store.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with told(store.place), engine.connect() as connection:
        if store.place.kind == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only=OFF")
        connection.exec_driver_sql("VACUUM")
        if store.place.path is not None:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return before, _size(store.place)


def _size(place: Place) -> int:
    return 0 if place.path is None else place.path.stat().st_size


def rows(store: Store) -> Iterator[dict[str, Any]]:
    """Every row of the state, decoded, table after table: {"table": ..., ...}. One consistent moment."""
    with told(store.place), store.database.engine.connect() as connection:
        for statement in store.database.begin_read:
            connection.exec_driver_sql(statement)
        for table in metadata.sorted_tables:
            for row in _stream(connection, table):
                yield {"table": table.name, **_decoded(table.name, row)}


def _stream(connection: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    result = connection.execution_options(yield_per=_PAGE).execute(sa.select(table))
    yield from result


def _decoded(table: str, row: sa.Row[Any]) -> dict[str, Any]:
    found = dict(row._mapping)
    if "base" in found:
        found["base"] = plain(decode_base(found["base"]))
    if table in BODIES:
        found["body"] = plain(decode(BODIES[table], found["body"]))
    elif "body" in found:
        found["body"] = plain(found["body"])
    return {name: plain(value) for name, value in found.items()}


def plain(value: Any) -> Any:
    """A value of the state as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "__dataclass_fields__"):
        names = value.__dataclass_fields__
        return {name: plain(getattr(value, name)) for name in names} | _kind(value)
    if hasattr(value, "items"):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _kind(value: Any) -> dict[str, str]:
    return {"kind": type(value).__name__} if not hasattr(value, "kind") else {}


def check(store: Store, progress: Told | None = None) -> Iterator[str]:
    """Everything that is wrong with a state: file, links, counts, and each row that cannot be read."""
    database = store.database
    yield from _file_faults(store)
    with told(store.place), database.engine.connect() as connection:
        for statement in database.begin_read:
            connection.exec_driver_sql(statement)
        states: dict[str, int] = {}
        for table in metadata.sorted_tables:
            for number, row in enumerate(_stream(connection, table), 1):
                if progress is not None and number % _PAGE == 0:
                    progress(f"reading {table.name}", number, 0)
                yield from _row_faults(table.name, row)
                if table.name == "pairs":
                    states[f"pairs:{row.state}"] = states.get(f"pairs:{row.state}", 0) + 1
        kept = {row.name: row.value for row in connection.execute(sa.select(tallies))}
        for name in sorted({*states, *(name for name in kept if name.startswith("pairs:"))}):
            if states.get(name, 0) != kept.get(name, 0):
                yield f"the count {name} is {kept.get(name, 0)}, there are {states.get(name, 0)}"


def _file_faults(store: Store) -> Iterator[str]:
    path = store.place.path
    if path is None:
        return
    if os.name == "posix" and path.stat().st_mode & 0o077:
        yield f"{path} can be read by others: chmod 600 {path}"
    with told(store.place), store.database.engine.connect() as connection:
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield f"the file is damaged: {line}"
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"row {row[1]} of {row[0]} points to a {row[2]} row that is not there"


def _row_faults(table: str, row: sa.Row[Any]) -> Iterator[str]:
    try:
        _decoded(table, row)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        yield f"{table} {row[0]} cannot be read ({type(error).__name__}: {error})"


def described(found: Described) -> dict[str, Any]:
    """What stands in a backup, for JSON."""
    return asdict(found)
