"""How a state begins on every database: by one opener or several at once, fresh or by its migrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tieline.connectors.errors import StateError
from tieline.sync.store import migrate, open_store


@pytest.fixture
def shared_url(state_url: str) -> Iterator[str]:
    if state_url == "sqlite://":
        pytest.skip("a state in memory is opened once")
    yield state_url


@pytest.fixture
def engine(shared_url: str) -> Iterator[sa.Engine]:
    url = sa.make_url(shared_url)
    made = sa.create_engine(url if url.drivername == "sqlite" else url.set(drivername="postgresql+psycopg"))
    yield made
    made.dispose()


def _schema(engine: sa.Engine) -> dict[str, Any]:
    look = sa.inspect(engine)
    return {
        table: _plain(
            (
                look.get_columns(table),
                look.get_pk_constraint(table),
                look.get_foreign_keys(table),
                sorted(look.get_indexes(table), key=lambda index: str(index["name"])),
            )
        )
        for table in look.get_table_names()
    }


def _plain(found: Any) -> Any:
    """What was reflected, with types and conditions as text, so that it can be compared."""
    match found:
        case dict():
            return {key: _plain(value) for key, value in found.items()}
        case list() | tuple():
            return [_plain(value) for value in found]
        case _:
            return str(found)


def test_migrated_is_as_fresh(shared_url: str, engine: sa.Engine) -> None:
    open_store(shared_url).close()
    fresh = _schema(engine)
    assert len(fresh) >= 13
    everything = sa.MetaData()
    everything.reflect(engine)
    everything.drop_all(engine)
    with engine.begin() as connection:
        migrate.upgrade(connection)
    assert _schema(engine) == fresh
    with open_store(shared_url, create=False) as store, store.transaction() as tx:
        tx.set_note("a", "b")


def test_several_may_open_a_new_state_at_once(shared_url: str) -> None:
    together = threading.Barrier(8)
    failures: list[BaseException] = []

    def work(n: int) -> None:
        together.wait()
        try:
            with open_store(shared_url) as store, store.transaction() as tx:
                tx.set_note(f"opener {n}", "was here")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with open_store(shared_url, create=False) as store, store.read() as tx:
        assert [tx.note(f"opener {n}") for n in range(8)] == ["was here"] * 8


def test_an_empty_database_is_no_state_unless_one_may_be_made(shared_url: str) -> None:
    with pytest.raises(StateError, match="tieline sync --initial"):
        open_store(shared_url, create=False)
    open_store(shared_url).close()
    open_store(shared_url, create=False).close()


def test_a_database_of_something_else_is_left_alone(shared_url: str, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE accounts (id INTEGER)"))
    with pytest.raises(StateError, match="something else"):
        open_store(shared_url)
    assert sa.inspect(engine).get_table_names() == ["accounts"]
