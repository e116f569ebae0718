"""One pass at a time on a state: held while a pass runs, let go by the system when the process dies."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import orjson
import sqlalchemy as sa
from filelock import FileLock, Timeout

from tieline.connectors.errors import StateError
from tieline.sync.store.database import connect
from tieline.sync.store.faults import told
from tieline.sync.store.place import Place, locate, require_directory

_PRIVATE: Final = 0o600
_CONNECT_SECONDS: Final = 10.0

# PostgreSQL cuts an application name at 63 bytes ("NAMEDATALEN"), so the host comes last.
_HOLDER_NAME: Final = "tieline pass {holder.since:%Y-%m-%dT%H:%M:%SZ} {holder.pid} {holder.host}"
_TAKE: Final = "SELECT pg_try_advisory_lock(hashtext('tieline'), hashtext('pass in ' || current_schema()))"
_WHO: Final = """
    SELECT a.application_name
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.database = a.datid AND a.datname = current_database()
      AND l.classid::bigint = hashtext('tieline')::bigint & 4294967295
      AND l.objid::bigint = hashtext('pass in ' || current_schema())::bigint & 4294967295
"""


class Busy(StateError):
    """Another pass is running on this state."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs a pass: process, host, and since when (UTC)."""

    pid: int
    host: str
    since: datetime

    @classmethod
    def here(cls, since: datetime) -> Self:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), since)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def one_pass(url: str, holder: Holder, *, base_dir: Path | None = None) -> Iterator[None]:
    """Hold the state at `url` for one pass. It never waits: Busy, which names the other, if it is held.

    A SQLite state is held by a lock file beside it, PostgreSQL by a session's advisory lock; either ends
    with the process, however it ends. A state in memory belongs to its process alone.
    """
    place = locate(url, base_dir)
    if place.kind == "postgresql":
        with _server_lock(place, holder):
            yield
    elif place.path is not None:
        with _file_lock(place.path, holder):
            yield
    else:
        yield


@contextmanager
def _file_lock(state: Path, holder: Holder) -> Iterator[None]:
    require_directory(state)
    lock = FileLock(state.with_name(state.name + ".lock"), mode=_PRIVATE, thread_local=False)
    # Not in the lock file itself: a process that merely asks for the lock may empty that.
    who = state.with_name(state.name + "-holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _busy(str(state), _read(who)) from None
    except OSError as error:
        raise StateError(
            f"The state {state} cannot be held for a pass ({error.strerror}): its directory must be "
            "writable for the user that Tieline runs as"
        ) from error
    try:
        _write(who, holder)
        yield
    finally:
        who.unlink(missing_ok=True)
        lock.release()


def _write(who: Path, holder: Holder) -> None:
    """Leave the holder's name for whoever comes second. It is a courtesy: the lock holds without it."""
    try:
        handle = os.open(who, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _PRIVATE)
        with os.fdopen(handle, "wb") as file:
            file.write(orjson.dumps(holder))
    except OSError:
        return


def _read(who: Path) -> Holder | None:
    try:
        found = orjson.loads(who.read_bytes())
        return Holder(int(found["pid"]), str(found["host"]), datetime.fromisoformat(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _server_lock(place: Place, holder: Holder) -> Iterator[None]:
    engine = connect(place, _CONNECT_SECONDS).engine
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
            with told(place):
                _take(session, place, holder)
            yield
    finally:
        engine.dispose()


def _take(session: sa.Connection, place: Place, holder: Holder) -> None:
    name = _HOLDER_NAME.format(holder=holder)
    session.execute(sa.text("SELECT set_config('application_name', :name, false)"), {"name": name})
    if session.scalar(sa.text(_TAKE)):
        return
    found = session.scalar(sa.text(_WHO))
    raise _busy(place.name, _parsed(found) if found else None)


def _parsed(name: str) -> Holder | None:
    try:
        _, _, since, pid, host = name.split(" ", 4)
        return Holder(int(pid), host, datetime.fromisoformat(since))
    except ValueError:
        return None


def _busy(state: str, holder: Holder | None) -> Busy:
    who = f" by {holder}" if holder else ""
    return Busy(f"Another pass is running on the state {state}{who}: this one leaves it alone")
