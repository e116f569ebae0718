"""Brings a state to this program's revision; Alembic is imported only where there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from tieline.connectors.errors import StateError
from tieline.sync.store.database import Database
from tieline.sync.store.place import Place, no_state
from tieline.sync.store.schema import REVISION, VERSION_TABLE, metadata, version

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def bring_up_to_date(database: Database, place: Place, *, create: bool) -> None:
    """Make the tables of an empty database, or migrate older ones, in one transaction.

    StateError for a state of a newer version, for a database of something else, and for an empty one if
    `create` is False.
    """
    with database.engine.connect() as connection:
        if stored_revision(connection) == REVISION:
            return
    with database.engine.connect() as connection:
        for statement in database.begin_write:
            connection.exec_driver_sql(statement)
        _bring(connection, place, create=create)
        connection.commit()


def stored_revision(connection: sa.Connection) -> str | None:
    """The revision of the state; None where there is none yet."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.select(version.c.version_num)).scalar()


def _bring(connection: sa.Connection, place: Place, *, create: bool) -> None:
    revision = stored_revision(connection)
    if revision is None:
        _begin(connection, place, create=create)
    elif not revision.isdecimal() or int(revision) == 0:
        raise StateError(f"The state {place.name} has the unknown revision {revision!r}: correct `state`")
    elif int(revision) > int(REVISION):
        raise StateError(
            f"The state {place.name} was written by a newer Tieline (revision {revision}; this one knows "
            f"{REVISION}): upgrade Tieline, or restore the backup that was made before the upgrade"
        )
    elif revision != REVISION:
        upgrade(connection)


def _begin(connection: sa.Connection, place: Place, *, create: bool) -> None:
    if sa.inspect(connection).get_table_names():
        raise StateError(
            f"The database {place.name} holds tables of something else: give Tieline one of its own"
        )
    if not create:
        raise StateError(no_state(place.name))
    metadata.create_all(connection, checkfirst=False)
    connection.execute(version.insert().values(version_num=REVISION))


def upgrade(connection: sa.Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
