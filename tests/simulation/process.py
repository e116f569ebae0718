"""One process of the engine that may die at any commit: a store that says so, its file, backup and loss."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import event

from tests.simulation.world import World
from tieline.sync.store import Store, Tx, open_store


class WatchedStore(Store):
    """The real store; the process may die just before and just after each commit."""

    def __init__(self, inner: Store, world: World) -> None:
        super().__init__(inner._database, inner.place)
        self._world = world

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """As the real one. Death before the commit rolls back, death after it does not."""
        self._world.alive()
        with super().transaction() as tx:
            yield tx
            self._world.point("before a commit")
        self._world.point("after a commit")

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """As the real one; the dead read nothing."""
        self._world.alive()
        with super().read() as tx:
            yield tx


class StateFile:
    """The SQLite file of one run, in memory-backed storage where there is any.

    The file is on a disk as far as SQLite knows, but it does not wait for it (`synchronous=OFF`): death of
    the process loses nothing that was committed, which is what `kill -9` does; power cuts are not simulated.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self.path = folder / "state.db"
        self._backup = folder / "backup.db"
        self._store: WatchedStore | None = None
        shutil.copyfile(_template(), self.path)
        self.path.chmod(0o644)  # an old one, or one put there by hand

    @property
    def url(self) -> str:
        """The state's URL."""
        return f"sqlite:///{self.path}"

    @property
    def store(self) -> WatchedStore:
        """The open store; opened anew after a death."""
        if self._store is None:
            inner = open_store(self.url, lock_seconds=0.2)
            event.listen(inner._database.engine, "connect", _do_not_wait)
            self._store = WatchedStore(inner, self._world)
        return self._store

    def close(self) -> None:
        """What the end of a process does."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def back_up(self) -> None:
        """A consistent copy, as `sqlite3 .backup` makes one."""
        self.close()
        with sqlite3.connect(self.path) as source, sqlite3.connect(self._backup) as target:
            source.backup(target)
        source.close()
        target.close()

    @property
    def has_backup(self) -> bool:
        """Whether there is a copy to go back to."""
        return self._backup.exists()

    def restore(self) -> None:
        """Go back to the copy."""
        self._remove()
        shutil.copyfile(self._backup, self.path)

    def lose(self) -> None:
        """The file is gone; the next process begins a new one."""
        self._remove()
        shutil.copyfile(_template(), self.path)

    def _remove(self) -> None:
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


@cache
def _template() -> Path:
    """An empty state, made once and copied: creating tables takes longer than a pass."""
    folder = Path(tempfile.mkdtemp(prefix="tieline-template-", dir=storage()))
    path = folder / f"empty-{os.getpid()}.db"
    open_store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


def storage() -> str | None:
    """Where the files go: memory-backed storage if there is any, else the usual place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  throw-away states


def _do_not_wait(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
