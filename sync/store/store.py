"""The state of a mirror, in explicit transactions: what was committed survives a crash at any instant."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from tieline.sync.store.conflicts import Conflicts
from tieline.sync.store.database import Database, connect
from tieline.sync.store.facts import Facts
from tieline.sync.store.faults import told
from tieline.sync.store.files import Files
from tieline.sync.store.heard import HeardEntries
from tieline.sync.store.intents import Intents
from tieline.sync.store.migrate import bring_up_to_date
from tieline.sync.store.outlooks import Outlooks
from tieline.sync.store.pairs import Pairs
from tieline.sync.store.parks import Parks
from tieline.sync.store.place import Place, locate, prepare_file
from tieline.sync.store.proposals import Proposals
from tieline.sync.store.relations import Relations
from tieline.sync.store.trail import Trail
from tieline.sync.store.upkeep import Upkeep

LOCK_SECONDS = 10.0
"""How long a transaction of another process is waited for; ours are far shorter."""


class Tx(
    Facts,
    Pairs,
    Parks,
    Outlooks,
    Intents,
    Conflicts,
    Trail,
    Upkeep,
    Relations,
    Proposals,
    HeardEntries,
    Files,
):
    """One open transaction. Its methods raise StateError for the state and ValueError for a naive time."""


class Store:
    """What survives a pass. Threads may share it: each transaction has a connection of its own."""

    def __init__(self, database: Database, place: Place) -> None:
        self._database = database
        self._here = threading.local()
        self.place = place

    @property
    def inside(self) -> bool:
        """Whether this thread is within a transaction."""
        return getattr(self._here, "depth", 0) > 0

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Read and write; committed at the end, rolled back on any exception.

        One at a time, whatever the database: the next one waits. StateError if the state cannot be used.
        """
        with self._begun(self._database.begin_write) as (connection, tx):
            yield tx
            tx._write_tallies()
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Read one consistent moment, without keeping anybody waiting; a write in it is a StateError."""
        with self._begun(self._database.begin_read) as (_, tx):
            yield tx
            tx._catch_up()  # a write that was put off for later is refused now

    @contextmanager
    def _begun(self, statements: tuple[str, ...]) -> Iterator[tuple[sa.Connection, Tx]]:
        with told(self.place), self._database.engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            self._here.depth = getattr(self._here, "depth", 0) + 1
            try:
                yield connection, Tx(connection, self._database)
            finally:
                self._here.depth -= 1

    @property
    def database(self) -> Database:
        """What is underneath: for copies and checks of the whole, not for work with it."""
        return self._database

    def close(self) -> None:
        """Let go of the file or the server; what is not committed is gone."""
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.place.name})"


def open_store(
    url: str, *, base_dir: Path | None = None, create: bool = True, lock_seconds: float = LOCK_SECONDS
) -> Store:
    """Open the state at `url`, making or migrating it where needed.

    A relative SQLite path is taken from `base_dir`. With `create` False there must be a state already.
    StateError, with the place and the remedy, for everything that is wrong with it.
    """
    place = locate(url, base_dir)
    if place.path is not None:
        prepare_file(place.path, create=create)
    database = connect(place, lock_seconds)
    try:
        with told(place):
            bring_up_to_date(database, place, create=create)
    except BaseException:
        database.engine.dispose()
        raise
    return Store(database, place)
