"""No query of a pass, and none of what people look at, reads a whole table of a large state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tieline.connectors.base import Ref
from tieline.sync.model import Arrival, AuditEntry, Pair
from tieline.sync.store import Store, Tx, open_store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SERVICENOW, JIRA = Ref("servicenow", "a"), Ref("jira", "1")


class Plans:
    """What SQLite says it will do for each statement that runs."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def note(
        self, connection: sa.Connection, _cursor: Any, statement: str, sent: Any, _context: Any, many: bool
    ) -> None:
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            values = sent[0] if many else sent
            self.steps += [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'tieline.db'}") as opened:
        with opened.transaction() as tx:
            tx.add_pair(Pair(0, "r", SERVICENOW, JIRA, "jira"))
        yield opened


@pytest.fixture
def plans() -> Iterator[Plans]:
    found = Plans()
    sa.event.listen(sa.Engine, "before_cursor_execute", found.note)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", found.note)


def _work_of_a_pass(tx: Tx) -> None:
    tx.arrive([Arrival(JIRA, "feed"), Arrival(Ref("jira", "2"), "feed")], NOW)
    entries = tx.due(NOW, 100)
    tx.due(NOW, 100, frozenset({"p:1"}))
    tx.inbox_count()
    tx.inbox_count(NOW)
    tx.pair_count()
    pair = tx.pairs_of([SERVICENOW])[SERVICENOW]
    tx.save_pair(pair)
    tx.touch_pairs([p.id for p in tx.sweep(200, NOW + timedelta(days=1))], NOW)
    tx.parked([entry.key for entry in entries])
    tx.parks_due(NOW, 100)
    tx.open_conflicts([pair.id])
    tx.open_conflict_count()
    tx.audit([AuditEntry("p", NOW, pair.id, JIRA, "update", {}, {}, (), "applied")])
    tx.postpone(entries, NOW)
    tx.leave(entries)


def _looks_of_people(tx: Tx) -> None:
    for trail in ({"pair": 1}, {"ref": JIRA}, {"pass_id": "p"}, {"since": NOW}, {}):
        tx.audit_trail(**trail)
    tx.conflicts(open_only=True)
    tx.conflicts(open_only=True, pair=1)
    tx.conflicts(open_only=False)
    tx.all_parks(100)
    tx.walk_pairs(0, 100)
    tx.last_passes(5)


@pytest.mark.parametrize("work", [_work_of_a_pass, _looks_of_people])
def test_every_step_goes_along_an_index(store: Store, plans: Plans, work: Any) -> None:
    with store.transaction() as tx:
        work(tx)
    assert len(plans.steps) >= 10
    whole = [step for step in plans.steps if step.startswith("SCAN") and "INDEX" not in step]
    assert whole == []
    assert [step for step in plans.steps if "TEMP B-TREE" in step] == []


def test_pairs_and_audit_are_never_gone_through(store: Store, plans: Plans) -> None:
    with store.transaction() as tx:
        _work_of_a_pass(tx)
    assert any(step.startswith("SEARCH pairs") for step in plans.steps)
    assert [step for step in plans.steps if step.startswith(("SCAN pairs", "SCAN audit"))] == []
