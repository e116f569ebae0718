"""What the ServiceNow client makes of each fault of the catalogue: its name, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Applied, Create, Record, Ref, Update
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
)
from tieline.connectors.http import HardenedAdapter, HttpSettings
from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.core import RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.rate_rule import RateRule
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.settings import ServiceNowSettings

from .storm import timing

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
SINCE = START - timedelta(days=1)
FIELDS: Any = {"short_description": "line", "category": "choice", "urgency": "choice", "state": "choice"}


@dataclass
class Desk:
    """An instance in trouble, and its client."""

    sandbox: ServiceNowSandbox
    server: Server
    clock: VirtualClock
    connector: ServiceNowConnector

    def trouble(self, rate: float = 1.0, *names: str) -> None:
        rates = dict.fromkeys(names, rate)
        faults.install(self.sandbox, "servicenow", rates, seed=3, clock=self.clock)

    def incident(self, **values: str) -> Ref:
        made = self.sandbox.create("joe.employee", {"short_description": "Mail", **values})
        return Ref("servicenow", made["sys_id"])

    def holders(self, create: Create) -> int:
        return sum(row["correlation_id"] == create.marker for row in self.sandbox.rows())

    @property
    def posts(self) -> int:
        operations = self.server.log.operations
        return sum(count for (_, name), count in operations.items() if name.startswith("POST"))


def create(number: int = 1) -> Create:
    values = {"short_description": f"From Jira {number}"}
    return Create("servicenow", "incident", values, f"m:r:{number}", Ref("jira", str(number)))


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = VirtualClock(START)
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": "pw"}, seed=5)
    sandbox.seed_world()
    log = RequestLog()
    sandbox.part_struck = lambda name: log.add_fault("servicenow", name)
    server = Server(sandbox, log, lock=sandbox.lock).start()
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=30), timing=timing(clock))
    settings = ServiceNowSettings("incident", FIELDS, page_size=4)
    connector = ServiceNowConnector(settings, adapter, BasicAuth("tieline", "pw"), timing(clock))
    yield Desk(sandbox, server, clock, connector)
    connector.close()
    server.stop()


READS: dict[str, tuple[type[ConnectorError], ...]] = {
    "rate-limit": (RateLimited,),
    "semaphore": (RateLimited,),
    "partial-rows": (Unavailable,),
    "broken-json": (Malformed,),
    "hibernating": (Unavailable, Malformed),
    "bad-gateway": (Unavailable,),
    "cancelled": (Unavailable,),
    "slow-body": (Unavailable,),
    "lost-request": (Unavailable,),
    "lost-answer": (Unavailable,),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_that_fails_for_good_has_its_name(desk: Desk, name: str) -> None:
    ref = desk.incident()
    desk.trouble(1.0, name)
    with pytest.raises(ConnectorError) as caught:
        desk.connector.read([ref])
    assert isinstance(caught.value, READS[name])
    assert "pw" not in str(caught.value).split()


REPEATED = ("rate-limit", "semaphore", "bad-gateway", "cancelled", "lost-request", "lost-answer")


@pytest.mark.parametrize("name", REPEATED)
def test_a_read_in_passing_trouble_is_asked_again(desk: Desk, name: str) -> None:
    ref = desk.incident()
    desk.trouble(0.5, name)
    read = 0
    for _ in range(6):
        try:
            read += isinstance(desk.connector.read([ref])[0], Record)
        except ConnectorError:
            desk.clock.advance(timedelta(minutes=10))
    assert read >= 4
    assert desk.server.log.faults["servicenow", name] > 0


WRITES: dict[str, tuple[type[ConnectorError], bool]] = {
    "rate-limit": (RateLimited, False),
    "semaphore": (RateLimited, False),
    "error-after-commit": (Unknown, True),
    "forbidden-after-commit": (Unknown, True),
    "denied-after-commit": (Unknown, True),
    "broken-json": (Unknown, True),
    "hibernating": (Unknown, False),
    "bad-gateway": (Unknown, True),
    "cancelled": (Unknown, False),
    "slow-body": (Unknown, True),
    "lost-request": (Unknown, False),
    "lost-answer": (Unknown, True),
}


@pytest.mark.parametrize("count", [1, 3], ids=["alone", "in a batch"])
@pytest.mark.parametrize("name", WRITES)
def test_a_create_in_trouble_is_made_once_at_most_and_found_if_it_was(
    desk: Desk, name: str, count: int
) -> None:
    kind, committed = WRITES[name]
    desk.trouble(1.0, name)
    creates = [create(number) for number in range(count)]
    outcomes = desk.connector.write(creates)
    repeatable = kind is RateLimited
    for each in outcomes:
        assert type(each) in (kind, Unavailable)
    assert isinstance(outcomes[0], kind)
    assert repeatable or desk.posts == 1
    desk.trouble()
    desk.clock.advance(timedelta(hours=1))
    for made in creates:
        assert desk.holders(made) <= 1
        assert len(desk.connector.find(made.marker, "incident", "")) == desk.holders(made)
    assert (desk.holders(creates[0]) == 1) is committed


def test_a_refusal_by_an_access_rule_stays_one_where_nothing_was_made(desk: Desk) -> None:
    desk.sandbox.access.writable = frozenset()
    [outcome] = desk.connector.write([create()])
    assert type(outcome) is not Unknown
    assert isinstance(outcome, Rejected)
    assert desk.holders(create()) == 0


def test_a_row_hidden_from_one_answer_of_the_feed_comes_with_a_later_one(desk: Desk) -> None:
    refs = {desk.incident() for _ in range(3)}
    desk.trouble(1.0, "hidden-rows")
    pages = list(desk.connector.feed(None, SINCE))
    told = {change.ref for page in pages for change in page.changes}
    assert len(told) == 2
    assert pages[-1].hidden == 1
    desk.trouble()
    desk.clock.advance(timedelta(minutes=30))  # far beyond the overlap
    again = list(desk.connector.feed(pages[-1].cursor, SINCE))
    assert told | {change.ref for page in again for change in page.changes} == refs
    assert '"gap"' not in again[-1].cursor


def test_rows_hidden_for_good_are_reached_back_for_an_hour_only(desk: Desk) -> None:
    desk.incident()
    desk.sandbox.access.hidden.add(desk.incident().id)
    cursor = list(desk.connector.feed(None, SINCE))[-1].cursor
    assert '"gap"' in cursor
    for _ in range(2):
        desk.clock.advance(timedelta(minutes=61))
        kept = desk.incident()
        pages = list(desk.connector.feed(cursor, SINCE))
        assert [change.ref for page in pages for change in page.changes] == [kept]
        cursor = pages[-1].cursor
    assert '"gap"' not in cursor


def test_a_hidden_row_is_gone_and_a_hidden_column_is_no_empty_one(desk: Desk) -> None:
    ref = desk.incident(category="network")
    desk.trouble(1.0, "hidden-rows")
    assert type(desk.connector.read([ref])[0]) is Gone
    desk.trouble()
    assert isinstance(desk.connector.read([ref])[0], Record)
    desk.sandbox.access.unreadable.add("category")
    [found] = desk.connector.read([ref])
    assert isinstance(found, Malformed)
    assert "category" in str(found)


def test_a_person_hidden_from_one_answer_is_asked_for_again(desk: Desk) -> None:
    address = "abel.tuter@example.com"
    desk.trouble(0.5, "hidden-rows")
    found = [bool(desk.connector.search_entities("person", [address])) for _ in range(8)]
    assert sum(found) >= 5
    desk.trouble()
    desk.sandbox.access.unreadable.add("email")
    with pytest.raises(Malformed, match="email of sys_user"):
        desk.connector.search_entities("person", [address])


def test_a_write_ignored_in_silence_shows_in_its_answer(desk: Desk) -> None:
    desk.sandbox.access.unwritable.add("urgency")
    ref = desk.incident(urgency="3")
    [before] = desk.connector.read([ref])
    assert isinstance(before, Record)
    [outcome] = desk.connector.write([Update(ref, {"urgency": "1"}, {"urgency": "3"}, before.version)])
    assert isinstance(outcome, Applied)
    assert outcome.record is not None
    assert outcome.record.values["urgency"] == "3"


def test_a_clock_that_is_off_is_measured_and_the_feed_goes_by_the_instances(desk: Desk) -> None:
    desk.trouble(1.0, "skewed-clock")
    skew = desk.connector.identity().skew
    assert abs(skew - desk.sandbox.skew) <= timedelta(seconds=1)
    ref = desk.incident()
    assert [c.ref for page in desk.connector.feed(None, SINCE) for c in page.changes] == [ref]


def test_an_older_copy_from_another_node_is_not_taken_for_an_edit(desk: Desk) -> None:
    ref = desk.incident(urgency="3")
    desk.trouble(1.0, "stale-node")
    [before] = desk.connector.read([ref])
    assert isinstance(before, Record)
    [outcome] = desk.connector.write([Update(ref, {"urgency": "1"}, {"urgency": "3"}, before.version)])
    assert isinstance(outcome, Applied)
    [stale] = desk.connector.read([ref])
    assert isinstance(stale, Unavailable)
    assert "older copy" in str(stale)
    desk.clock.advance(timedelta(minutes=2))
    [found] = desk.connector.read([ref])
    assert isinstance(found, Record)
    assert found.values["urgency"] == "1"


def test_a_rate_rule_is_waited_out_or_named(desk: Desk) -> None:
    ref = desk.incident()
    desk.sandbox.rate_rule = RateRule(limit=3)
    for _ in range(5):
        desk.connector.read([ref])
    desk.clock.advance(timedelta(seconds=31))
    before = desk.server.log.total
    for _ in range(4):
        with pytest.raises(RateLimited) as caught:
            desk.connector.read([ref])
        assert (caught.value.retry_after or 0) > 3000
    assert desk.server.log.total == before + 1  # the limit is believed, not hammered on
    desk.clock.advance(timedelta(hours=1))
    assert isinstance(desk.connector.read([ref])[0], Record)


def test_an_instance_that_is_down_is_tried_less_and_less(desk: Desk) -> None:
    ref = desk.incident()
    desk.trouble(1.0, "bad-gateway")
    for _ in range(20):
        with pytest.raises(Unavailable):
            desk.connector.read([ref])
    asked = desk.server.log.total
    assert asked < 20 * 5
    desk.trouble()
    desk.clock.advance(timedelta(minutes=10))
    assert isinstance(desk.connector.read([ref])[0], Record)


def test_a_revoked_password_stops_the_side(desk: Desk) -> None:
    desk.sandbox.sign_in.gate = True
    with pytest.raises(Denied):
        list(desk.connector.feed(None, SINCE))
