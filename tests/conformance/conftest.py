"""The states that the store's suite runs on: SQLite in a file and in memory, and PostgreSQL at TEST_DSN.

And the vendors' documents, where they are: all that a test sends, and is answered, is put to them.
"""

from __future__ import annotations

import importlib.util
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.contract.documents import ALONE, API, documents
from tests.contract.exchange import Recorder
from tests.contract.ledger import Ledger
from tieline.sync.store import Store, open_store


@pytest.fixture(scope="session")
def contracts() -> Ledger | None:
    """What puts requests and answers to the documents; None where nothing is to be judged here."""
    if ALONE in os.environ or not API.is_dir():  # `make contract` does so itself
        return None
    return Ledger(documents(once=True))


@pytest.fixture(autouse=True)
def keeps_to_the_contracts(contracts: Ledger | None) -> Iterator[None]:
    """A test that sends, or is answered, what no vendor's document knows has failed."""
    if contracts is None:
        yield
        return
    before = contracts.violations
    with Recorder([contracts.hear]).listening():  # to this test alone: others speak what no document knows
        yield
    if contracts.violations > before:
        pytest.fail(contracts.table())


@pytest.fixture(params=["file", "memory", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    match request.param:
        case "file":
            yield f"sqlite:///{tmp_path / 'tieline.db'}"
        case "memory":
            yield "sqlite://"
        case _:
            yield from _schema_of_its_own()


def _schema_of_its_own() -> Iterator[str]:
    dsn = os.environ.get("TEST_DSN")
    if not dsn:
        pytest.skip("TEST_DSN names no PostgreSQL database")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: pip install 'tieline[postgresql]'")
    server = sa.make_url(dsn).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    schema = f"tieline_{uuid.uuid4().hex}"
    with engine.connect() as admin:
        admin.execute(sa.schema.CreateSchema(schema))
    own = server.update_query_dict({"options": f"-csearch_path={schema}"})
    yield own.set(drivername="postgresql").render_as_string(hide_password=False)
    with engine.connect() as admin:
        admin.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


@pytest.fixture
def store(state_url: str) -> Iterator[Store]:
    with open_store(state_url) as opened:
        yield opened
