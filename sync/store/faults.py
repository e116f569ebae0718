"""What a database says went wrong, as a StateError that names the place and the remedy, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from tieline.connectors.errors import StateError
from tieline.sync.store.place import Place

_LOCKED: Final = (
    "is locked by another process: let the other tieline, backup or database tool finish, then run again"
)
_READ_ONLY: Final = (
    "cannot be written: it and its directory must be writable for the user that Tieline runs as, "
    "on a file system that is not mounted read-only"
)
_DENIED: Final = "cannot be opened: it and its directory must belong to the user that Tieline runs as"
_FULL: Final = "cannot grow, the disk or quota is full: free some space and run again; nothing is lost"
_DAMAGED: Final = "is damaged, or is no Tieline state: restore it from a backup, or correct `state`"
_BROKEN_DISK: Final = "could not be read or written: check the disk, its space and its quota, then run again"
_TWICE: Final = "would contradict itself, so nothing was changed"
_UNREACHABLE: Final = "cannot be reached: check `state`, the server, and that it accepts this host"
_REFUSED: Final = "refuses this user: check the user, its password and its rights to the database"
_INTERRUPTED: Final = "gave up on a transaction, and nothing was changed: run again"

# Primary result codes of SQLite ("Result and Error Codes").
_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_AUTH: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _DENIED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: _BROKEN_DISK,
    sqlite3.SQLITE_CONSTRAINT: _TWICE,
}

# Classes and codes of PostgreSQL ("PostgreSQL Error Codes"); the longer prefix wins.
_POSTGRESQL: Final = {
    "53100": _FULL,
    "55P03": _LOCKED,
    "25006": _READ_ONLY,
    "42501": _REFUSED,
    "28": _REFUSED,
    "3D": _UNREACHABLE,
    "08": _UNREACHABLE,
    "57P": _UNREACHABLE,
    "23": _TWICE,
    "40": _INTERRUPTED,
    "57014": _INTERRUPTED,
    "XX001": _DAMAGED,
}


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Turn what SQLAlchemy raises into StateError; anything else passes through."""
    try:
        yield
    except exc.TimeoutError as error:
        raise StateError(f"The state {place.name} {_LOCKED}") from error
    except exc.DBAPIError as error:
        raise StateError(_sentence(place, error)) from error


def _sentence(place: Place, error: exc.DBAPIError) -> str:
    first_line = (str(error.orig).splitlines() or [""])[0]
    password = place.url.password
    cause = first_line.replace(str(password), "***") if password else first_line
    return f"The state {place.name} {_remedy(error)} ({cause})"


def _remedy(error: exc.DBAPIError) -> str:
    if isinstance(error.orig, sqlite3.Error):
        # The driver's own errors (a closed connection, a wrong parameter) carry no code of SQLite.
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return _SQLITE.get(code & 0xFF, "could not be used")
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return _UNREACHABLE if isinstance(error, exc.OperationalError) else "could not be used"
    prefix = max((p for p in _POSTGRESQL if state.startswith(p)), key=len, default="")
    return _POSTGRESQL.get(prefix, "could not be used")
