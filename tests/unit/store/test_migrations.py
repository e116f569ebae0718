"""A migrated state has the same tables as a fresh one, and an up-to-date one is opened without Alembic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from tieline.sync.store import migrate, open_store
from tieline.sync.store.schema import REVISION


def _tables(engine: sa.Engine) -> set[tuple[str, ...]]:
    """Every statement that makes up the schema, without the order of its lines."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
        return {(*row[:3], *sorted(line.strip(" ,\t") for line in row[3].splitlines())) for row in rows}


def _engine(path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{path}")


def test_migrated_is_as_fresh(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'fresh.db'}").close()
    fresh, migrated = _engine(tmp_path / "fresh.db"), _engine(tmp_path / "migrated.db")
    with migrated.begin() as connection:
        migrate.upgrade(connection)
    assert len(_tables(fresh)) > 30
    assert _tables(migrated) == _tables(fresh)
    with migrated.connect() as connection:
        assert migrate.stored_revision(connection) == REVISION
    fresh.dispose()
    migrated.dispose()
    with (
        open_store(f"sqlite:///{tmp_path / 'migrated.db'}", create=False) as store,
        store.transaction() as tx,
    ):
        tx.set_note("a", "b")


def test_the_newest_migration_is_the_revision_of_the_tables() -> None:
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert scripts.get_heads() == [REVISION]
    revisions = [int(script.revision) for script in scripts.walk_revisions()]
    assert revisions == list(range(int(REVISION), 0, -1))


def test_opening_needs_no_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from tieline.sync.store import open_store; "
        f"[open_store('sqlite:///{tmp_path / 'tieline.db'}').close() for _ in range(2)]; "
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
