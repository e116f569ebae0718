"""What the Jira client makes of each fault: nothing is sent twice, no stranger's answer is believed."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tieline.connectors.auth import BasicAuth, BearerAuth
from tieline.connectors.base import Applied, Create, Record, Ref, Transition, Update
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    RateLimited,
    Rejected,
    Stale,
    Unavailable,
    Unknown,
)
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
from tieline.connectors.jira.metadata import JiraInspector
from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.core import Fault, Request, RequestLog, Response, Server, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.catalog import custom
from tieline.connectors.sandbox.jira.limits import limited

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
KINDS: dict[str, Any] = {"summary": "line", "status": "choice", "resolution": "choice"}
MARKER = "here:ops:1"


@dataclass
class World:
    jira: JiraSandbox
    server: Server
    clock: VirtualClock
    connector: JiraConnector
    secret: str = field(repr=False)

    def inspector(self) -> JiraInspector:
        settings = JiraSettings(self.server.url, self.jira.world.deployment, (), {}, "labels")
        user = "tieline@example.com" if settings.cloud else "tieline"
        adapter = HardenedAdapter(HttpSettings(self.server.url), only_reads)
        return JiraInspector(settings, BasicAuth(user, self.secret), adapter, self.clock.now)

    def trouble(self, *names: str, times: int | None = None) -> None:
        """From now on every request meets these faults; each strikes so many times."""
        self.jira.struck = lambda name: self.server.log.add_fault("jira", name)
        faults.install(self.jira, "jira", dict.fromkeys(names, 1.0), seed=1, clock=self.clock)
        for fault in self.jira.faults:
            fault.times = times

    def struck(self, name: str) -> int:
        return self.server.log.faults["jira", name]

    def raised(self, summary: str = "Mail is down") -> Ref:
        ref = Ref("jira", self.jira.create("beth.anglin", "OPS", "Incident", {"summary": summary}).id)
        self.clock.advance(timedelta(seconds=2))
        return ref

    def edit(self, *refs: Ref) -> list[Applied | ConnectorError]:
        return self.connector.write([Update(ref, {"summary": "Edited"}) for ref in refs])

    def create(self) -> Applied | ConnectorError:
        action = Create("jira", "OPS/Incident", {"summary": "New"}, MARKER, Ref("servicenow", "c" * 32))
        return self.connector.write([action])[0]

    def read(self, ref: Ref) -> Record | ConnectorError:
        return self.connector.read([ref])[0]

    def summaries(self) -> list[object]:
        return [ticket.values["summary"] for ticket in self.jira.issues()]


Build = Callable[..., World]


@pytest.fixture
def build() -> Iterator[Build]:
    running: list[Server] = []

    def built(deployment: Any = "cloud", **settings: Any) -> World:
        clock, password = VirtualClock(START), secrets.token_hex(8)
        user = "tieline@example.com" if deployment == "cloud" else "tieline"
        jira = JiraSandbox(clock, deployment=deployment, accounts={user: password})
        server = Server(jira, RequestLog()).start()
        running.append(server)
        timing = Timing(
            clock.now, lambda: clock.now().timestamp(), lambda s: clock.advance(timedelta(seconds=s)),
            random.Random(0),
        )  # fmt: skip
        chosen = JiraSettings(
            server.url, deployment, (("OPS", "Incident"),), KINDS, "customfield_10042", **settings
        )
        adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=600), only_reads, timing)
        connector = JiraConnector(chosen, BasicAuth(user, password), adapter, clock.now)
        connector.identity()
        return World(jira, server, clock, connector, password)

    yield built
    for server in running:
        server.stop()


@pytest.fixture(params=["cloud", "datacenter"])
def world(request: pytest.FixtureRequest, build: Build) -> World:
    return build(request.param)


@pytest.fixture
def cloud(build: Build) -> World:
    return build()


@pytest.mark.parametrize(
    ("name", "kind", "made"),
    [
        ("lost-request", Unknown, False),
        ("lost-answer", Unknown, True),
        ("error-after-commit", Unknown, True),
        ("bad-gateway", Unknown, True),
        ("busy", Unknown, False),
        ("conflicting-edit", Stale, False),
        ("expired-token", Denied, False),
        ("plain-401", Denied, False),
        ("captcha", Denied, False),
    ],
)
def test_an_edit_in_trouble_is_sent_once_and_named(
    world: World, name: str, kind: type[ConnectorError], made: bool
) -> None:
    ref = world.raised()
    world.read(ref)
    world.trouble(name, times=1)
    try:
        (outcome,) = world.edit(ref)
    except Denied as denied:
        outcome = denied
    assert isinstance(outcome, kind), outcome
    assert world.struck(name) == 1
    assert (world.jira.get(ref.id).values["summary"] == "Edited") is made
    puts = sum(n for (_, what), n in world.server.log.operations.items() if what.startswith("PUT"))
    assert puts == 1


@pytest.mark.parametrize("name", ["burst-limit", "issue-limit", "quota-limit", "gateway-limit"])
def test_an_edit_that_was_one_too_many_is_sent_again(world: World, name: str) -> None:
    ref = world.raised()
    world.read(ref)
    world.trouble(name, times=1)
    assert isinstance(world.edit(ref)[0], Applied)
    assert world.struck(name) == 1
    assert world.jira.get(ref.id).values["summary"] == "Edited"


@pytest.mark.parametrize("name", ["lost-request", "lost-answer", "bad-gateway", "busy", "quota-limit"])
def test_a_read_in_trouble_is_asked_again(world: World, name: str) -> None:
    ref = world.raised()
    world.trouble(name, times=1)
    assert isinstance(world.read(ref), Record)
    assert world.struck(name) == 1


@pytest.mark.parametrize("name", ["expired-token", "plain-401", "captcha"])
def test_nothing_is_believed_that_was_said_to_a_stranger(world: World, name: str) -> None:
    ref = world.raised()
    world.read(ref)
    world.trouble(name)
    with pytest.raises(Denied):
        world.connector.read([ref])
    with pytest.raises(Denied):
        list(world.connector.feed(None, START))
    with pytest.raises(Denied):
        world.connector.find(MARKER, "OPS/Incident", "0")
    with pytest.raises(Denied):
        world.connector.identity()


@pytest.mark.parametrize("name", ["lost-answer", "error-after-commit", "bad-gateway", "broken-json"])
def test_a_create_whose_answer_is_lost_is_found_once(world: World, name: str) -> None:
    world.read(world.raised())
    mark = world.connector.watermark("OPS/Incident")
    world.trouble(name, times=1)
    assert isinstance(world.create(), Unknown)
    world.trouble("late-index")
    (found,) = world.connector.find(MARKER, "OPS/Incident", mark)
    assert found.marker == MARKER
    assert world.summaries().count("New") == 1


def test_a_broken_body_is_malformed_never_gone(world: World) -> None:
    ref = world.raised()
    world.read(ref)
    world.trouble("broken-json")
    try:
        found = world.read(ref)
    except Malformed as error:
        found = error
    assert isinstance(found, Malformed)


def test_a_page_that_names_its_own_token_ends_and_loses_nothing(build: Build) -> None:
    world = build(page_size=2)
    labels = [world.jira.get(world.raised(f"S{n}").id).key for n in range(7)]
    world.trouble("repeated-token", times=3)
    pages = list(world.connector.feed(None, START))
    assert [change.label for page in pages for change in page.changes] == labels
    assert world.struck("repeated-token") >= 1


def test_a_late_index_is_within_the_overlap_or_found_by_id(build: Build) -> None:
    world = build(overlap=timedelta(minutes=11))
    world.trouble("late-index")
    ref = world.raised()
    first = list(world.connector.feed(None, START))
    assert not any(page.changes for page in first)
    assert isinstance(world.read(ref), Record)
    world.clock.advance(timedelta(minutes=10))
    again = list(world.connector.feed(first[-1].cursor, START))
    assert [change.ref for page in again for change in page.changes] == [ref]


def test_a_security_level_hides_one_and_stops_no_other(world: World) -> None:
    hidden, other = world.raised(), world.raised()
    world.clock.advance(timedelta(days=2))
    world.trouble("security-level", times=1)
    world.jira.hide(hidden.id)
    first, second = world.connector.read([hidden, other])
    assert isinstance(first, Gone)
    assert isinstance(second, Record | Gone)
    world.trouble()
    world.jira.unhide(hidden.id)
    assert all(isinstance(found, Record) for found in world.connector.read([hidden, other]))


def test_an_issue_that_could_not_be_read_is_not_gone(cloud: World) -> None:
    refs = [cloud.raised(), cloud.raised()]
    cloud.connector.read(refs)
    cloud.trouble("unread-issue", times=1)
    found = cloud.connector.read(refs)
    assert sorted(type(record).__name__ for record in found) == ["Record", "Unavailable"]
    assert any(isinstance(record, Unavailable) for record in found)


def test_a_create_among_keys_that_could_not_be_read_is_not_taken_for_absent(cloud: World) -> None:
    cloud.read(cloud.raised())
    mark = cloud.connector.watermark("OPS/Incident")
    cloud.trouble("late-index", "lost-answer")
    for fault in cloud.jira.faults:
        fault.times = 1
    assert isinstance(cloud.create(), Unknown)
    cloud.trouble("unread-issue", times=1)
    with pytest.raises(Unavailable):
        cloud.connector.find(MARKER, "OPS/Incident", mark)
    assert len(cloud.connector.find(MARKER, "OPS/Incident", mark)) == 1


def test_a_mirror_that_was_made_is_not_absent_while_it_is_hidden(world: World) -> None:
    world.read(world.raised())
    mark = world.connector.watermark("OPS/Incident")
    made = world.create()
    assert isinstance(made, Applied)
    world.jira.hide(made.ref.id)
    with pytest.raises(Unavailable, match="not shown"):
        world.connector.find(MARKER, "OPS/Incident", mark)
    world.jira.unhide(made.ref.id)
    assert [record.ref for record in world.connector.find(MARKER, "OPS/Incident", mark)] == [made.ref]


def test_a_resolution_that_was_forgotten_is_seen_when_read_back(world: World) -> None:
    ref = world.raised()
    world.jira.transition("beth.anglin", ref.id, "In Progress")
    world.trouble("forgotten-resolution")
    record = world.read(ref)
    assert isinstance(record, Record)
    move = next(move for move in record.moves if move.to == "Resolved")
    (outcome,) = world.connector.write([Transition(ref, move, {"resolution": "Done"})])
    assert outcome == Applied(ref)
    after = world.read(ref)
    assert isinstance(after, Record)
    assert (after.values["status"], after.values["resolution"]) == ("Resolved", None)


def test_a_resolution_that_is_not_reported_is_refused_by_name_and_then_known(world: World) -> None:
    ref = world.raised()
    world.jira.transition("beth.anglin", ref.id, "In Progress")
    world.trouble("unreported-resolution")
    record = world.read(ref)
    assert isinstance(record, Record)
    move = next(move for move in record.moves if move.to == "Resolved")
    assert "resolution" not in move.required
    (refused,) = world.connector.write([Transition(ref, move)])
    assert isinstance(refused, Rejected)
    assert "resolution" in refused.fields
    again = world.read(ref)
    assert isinstance(again, Record)
    assert "resolution" in next(move for move in again.moves if move.to == "Resolved").required


def test_a_personal_access_token_is_all_that_is_needed(build: Build) -> None:
    world = build("datacenter")
    settings = JiraSettings(world.server.url, "datacenter", (("OPS", "Incident"),), KINDS, "labels")
    assert JiraConnector(settings, BearerAuth(world.secret), clock=world.clock.now).identity().id == "tieline"
    with pytest.raises(Denied):
        JiraConnector(settings, BearerAuth("other"), clock=world.clock.now).identity()


def test_screens_that_come_in_pages_are_read_whole(world: World) -> None:
    world.raised()
    for number in range(60):
        world.jira.add_field(custom(20_000 + number, f"Extra {number}", "line"), projects=["OPS"])
    found = world.inspector().place("OPS/Incident")
    assert found.create is not None
    assert {f"customfield_{20_000 + number}" for number in range(60)} <= set(found.create.fields)


# Limits


def test_a_limit_of_one_issue_stalls_no_other(world: World) -> None:
    busy, others = world.raised(), [world.raised(f"S{n}") for n in range(6)]
    world.connector.read([busy, *others])

    def before(request: Request) -> Response | None:
        if request.method == "PUT" and request.path.endswith(f"/{busy.id}"):
            return limited("jira-per-issue-on-write", 30, world.clock.now())
        return None

    world.jira.faults.append(Fault("one-issue", before=before))
    first, *rest = world.edit(busy, *others)
    assert isinstance(first, RateLimited)
    assert [type(outcome) for outcome in rest] == [Applied] * 6, rest
    started = world.clock.now()
    assert all(isinstance(outcome, Applied) for outcome in world.edit(*others))
    assert world.clock.now() - started < timedelta(seconds=5)


def test_many_writes_to_one_issue_wait_for_their_turn(cloud: World) -> None:
    ref = cloud.raised()
    cloud.trouble("counted-limits")
    outcomes = cloud.connector.write([Update(ref, {"summary": f"S{n}"}) for n in range(45)])
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert cloud.struck("counted-limits") >= 1
    assert cloud.jira.get(ref.id).values["summary"] == "S44"


def test_a_bucket_of_tokens_is_not_overdrawn_for_long(build: Build) -> None:
    world = build("datacenter")
    refs = [world.raised(f"S{n}") for n in range(120)]
    world.trouble("counted-limits")
    found = world.connector.read(refs)
    assert all(isinstance(record, Record) for record in found)
    assert world.server.log.statuses["jira", 429] < 60


def test_ties_that_change_places_lose_nothing(build: Build) -> None:
    world = build("datacenter", page_size=3)
    tickets = [world.jira.create("beth.anglin", "OPS", "Incident", {"summary": f"S{n}"}) for n in range(10)]
    world.clock.advance(timedelta(seconds=2))
    world.trouble("shuffled-ties")
    pages = list(world.connector.feed(None, START))
    assert {change.label for page in pages for change in page.changes} == {ticket.key for ticket in tickets}
