"""Where a state lives: reads its URL, and makes the file of a SQLite one private; it opens no database."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from tieline.connectors.errors import StateError

_PRIVATE: Final = 0o600
_MEMORY: Final = (None, "", ":memory:")
_FORMS: Final = "sqlite:///tieline.db or postgresql://user@host/database"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a state lives. `path` is None for PostgreSQL and for SQLite in memory.

    `name` is for messages and holds no password; `url` may hold one and is kept out of `repr`.
    """

    kind: Literal["sqlite", "postgresql"]
    name: str
    path: Path | None
    _url: URL

    @property
    def url(self) -> URL:
        """What the database driver is opened with; may hold a password."""
        return self._url

    def __repr__(self) -> str:
        return f"Place({self.name})"


def locate(url: str, base_dir: Path | None = None) -> Place:
    """Read the URL of a state; a relative SQLite path is taken from `base_dir` (default: the current one).

    StateError for a URL that is none or names another database. No file is touched.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise StateError(f"`state` is not a database URL; it looks like {_FORMS}") from None
    if backend == "postgresql":
        return _server(parsed)
    if backend == "sqlite":
        return _file(parsed, base_dir or Path())
    raise StateError(f"`state` names a {backend} database; Tieline keeps its state in {_FORMS}")


def _server(url: URL) -> Place:
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    name = f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"
    return Place("postgresql", name, None, url.set(drivername="postgresql+psycopg"))


def _file(url: URL, base_dir: Path) -> Place:
    if url.query or url.host:
        raise StateError("`state`: a SQLite URL takes a path and nothing else, such as sqlite:///tieline.db")
    if url.database in _MEMORY:
        return Place("sqlite", "memory", None, URL.create("sqlite"))
    path = (base_dir / Path(str(url.database)).expanduser()).resolve()
    return Place("sqlite", str(path), path, URL.create("sqlite", database=str(path)))


def prepare_file(path: Path, *, create: bool) -> None:
    """Make sure that the file exists and that only its owner reads it, whatever the umask.

    StateError if it cannot be, or if it is absent and `create` is False.
    """
    require_directory(path)
    try:
        if create:
            _create(path)
        elif path.stat().st_size == 0:
            raise StateError(no_state(str(path)))
        _make_private(path)
        for suffix in ("-wal", "-shm"):
            _make_like(path.with_name(path.name + suffix), path)
    except FileNotFoundError:
        raise StateError(no_state(str(path))) from None
    except OSError as error:
        raise StateError(
            f"The state {path} cannot be used ({error.strerror}): it and its directory must belong to the "
            "user that Tieline runs as, be writable, and the file be closed to others (chmod 600)"
        ) from error


def require_directory(path: Path) -> None:
    """StateError if the state's directory does not exist: none is made, a typing error would make one."""
    if not path.parent.is_dir():
        raise StateError(f"The directory of the state {path} does not exist: create it, or correct `state`")


def no_state(name: str) -> str:
    """The message where nothing was ever written."""
    return f"There is no state at {name}: run `tieline sync --initial` to begin, or correct `state`"


def _create(path: Path) -> None:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE)
    except FileExistsError:
        return
    os.close(handle)
    path.chmod(_PRIVATE)


def _make_like(aside: Path, path: Path) -> None:
    """A file that SQLite keeps beside the state has its rights from the day it was made: give it today's."""
    if os.name == "posix" and aside.exists():
        aside.chmod(stat.S_IMODE(path.stat().st_mode) & _PRIVATE)


def _make_private(path: Path) -> None:
    """Take group and others off; nothing to do for a file that is absent or closed already."""
    if os.name != "posix" or not (path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077):
        return
    path.chmod(_PRIVATE)
