"""The Jira connector against the Jira stand-in over real HTTP, as Cloud and as Data Center."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import (
    Action,
    AddNote,
    Applied,
    Create,
    Record,
    Ref,
    RemoveLink,
    ShowLink,
    Transition,
    Update,
    Values,
)
from tieline.connectors.errors import (
    ConfigError,
    Denied,
    Gone,
    Malformed,
    Rejected,
    Stale,
    Unknown,
    Unreadable,
)
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
from tieline.connectors.sandbox.core import DROPPED, Fault, RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.settings import Settings

START = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)
ORIGIN = Ref("servicenow", "c" * 32)
ME = "tieline@example.com"
KINDS: dict[str, Any] = {
    "summary": "line", "description": "text", "priority": "choice", "status": "choice",
    "resolution": "choice", "assignee": "person", "labels": "set", "customfield_10050": "group",
    "customfield_10051": "choice", "customfield_10052": "choice", "customfield_10053": "text",
}  # fmt: skip
TEXT = "It is *down*.\n\n- C:\\temp\\*.log {x}\n  https://e.com/a_b?c=1&d=2\n\n\nBye :)"
PLAIN = "It is down.\n\n- see the log\nand https://e.com/a_b?c=1&d=2"


@dataclass
class World:
    """A Jira, its people, and a connector to it."""

    jira: JiraSandbox
    server: Server
    clock: VirtualClock
    cloud: bool
    connector: JiraConnector
    remake: Callable[..., JiraConnector]

    @property
    def log(self) -> dict[str, int]:
        """Requests so far, by operation without the version."""
        return {
            name.replace("/api/2", "").replace("/api/3", ""): n
            for (_, name), n in self.server.log.operations.items()
        }

    def requests(self, call: Callable[[], object]) -> int:
        before = self.server.log.total
        call()
        return self.server.log.total - before

    def later(self, **span: int) -> None:
        self.clock.advance(timedelta(**span))

    def raised(self, summary: str = "Mail is down", **fields: Any) -> Ref:
        """An issue that a person raises."""
        ticket = self.jira.create("beth.anglin", "OPS", "Incident", {"summary": summary, **fields})
        self.later(seconds=2)
        return Ref("jira", ticket.id)

    def record(self, ref: Ref) -> Record:
        (record,) = self.connector.read([ref])
        assert isinstance(record, Record), record
        return record

    def write(self, *actions: Action) -> Any:
        self.later(seconds=2)
        outcomes = self.connector.write(actions)
        return outcomes[0] if len(actions) == 1 else outcomes

    def person(self, name: str) -> str:
        return self.jira.account_id(name) if self.cloud else name

    def changes(self, cursor: str | None = None) -> tuple[list[str], str]:
        pages = list(self.connector.feed(cursor, START))
        return [change.label for page in pages for change in page.changes], pages[-1].cursor


def make(**values: Any) -> Create:
    return Create("jira", "OPS/Incident", {"summary": "VPN fails", **values}, "here:ops:1", ORIGIN)


Build = Callable[..., World]


@pytest.fixture(params=["cloud", "datacenter"])
def build(request: pytest.FixtureRequest) -> Iterator[Build]:
    running: list[Server] = []

    def built(sandbox: dict[str, Any] | None = None, **changes: Any) -> World:
        clock = VirtualClock(START)
        cloud = request.param == "cloud"
        password = secrets.token_hex(8)
        user = ME if cloud else "tieline"
        jira = JiraSandbox(clock, deployment=request.param, accounts={user: password}, **(sandbox or {}))
        server = Server(jira, RequestLog()).start()
        running.append(server)

        def connect(password: str = password, **settings: Any) -> JiraConnector:
            base: dict[str, Any] = {"places": (("OPS", "Incident"), ("DEV", "Bug")), "fields": KINDS}
            chosen = {**base, "marker": "customfield_10042", **changes, **settings}
            timing = Timing(now=clock.now, sleep=lambda _: None, rng=random.Random(0))
            adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=5), only_reads, timing)
            return JiraConnector(
                JiraSettings(server.url, request.param, **chosen),
                BasicAuth(user, password),
                adapter,
                clock.now,
            )

        return World(jira, server, clock, cloud, connect(), connect)

    yield built
    for server in running:
        server.stop()


@pytest.fixture
def world(build: Build) -> World:
    return build()


# Who we are


def test_identity_is_ours_and_tells_the_clock(world: World) -> None:
    identity = world.connector.identity()
    assert identity.id == world.person("tieline")
    assert identity.time_zone == "UTC"
    assert abs(identity.skew) < timedelta(seconds=2)


def test_wrong_credentials_are_denied_everywhere(world: World) -> None:
    ref = world.raised()
    stranger = world.remake(password="expired")
    with pytest.raises(Denied):
        stranger.identity()
    with pytest.raises(Denied):
        list(stranger.feed(None, START))
    with pytest.raises(Denied):
        stranger.read([ref])
    with pytest.raises(Denied):
        stranger.write([AddNote(ref, "x")])


# The feed


def test_an_idle_feed_is_one_request(world: World) -> None:
    ref = world.raised()
    _, cursor = world.changes()
    world.later(hours=1)
    assert world.requests(lambda: list(world.connector.feed(cursor, START))) == 1
    assert world.record(ref).label == "OPS-1"


def test_the_feed_shows_every_change_oldest_first_whoever_made_it(world: World) -> None:
    first, second = world.raised("one"), world.raised("two")
    labels, cursor = world.changes()
    assert labels == ["OPS-1", "OPS-2"]
    world.later(hours=1)
    world.jira.transition("abel.tuter", first.id, "In Progress")
    world.later(seconds=1)
    world.write(Update(second, {"summary": "two!"}))
    assert world.changes(cursor)[0][-2:] == ["OPS-1", "OPS-2"]
    assert world.changes(world.changes(cursor)[1])[0] == ["OPS-1", "OPS-2"]


def test_many_changes_come_in_pages(build: Build) -> None:
    world = build(page_size=3)
    for number in range(10):
        world.jira.create("beth.anglin", "OPS", "Incident", {"summary": f"n{number}"})
        world.later(milliseconds=number % 2)
    labels, cursor = world.changes()
    assert labels == [f"OPS-{n}" for n in range(1, 11)]
    world.later(hours=1)
    assert len(world.changes(cursor)[0]) == 10
    assert world.changes(world.changes(cursor)[1])[0] == []


def test_ties_in_any_order_lose_nothing(build: Build) -> None:
    world = build({"settings": Settings(unstable_ties=True)}, page_size=3)
    for number in range(11):
        world.jira.create("beth.anglin", "OPS", "Incident", {"summary": f"n{number}"})
    assert sorted(world.changes()[0]) == sorted(f"OPS-{n}" for n in range(1, 12))


def test_an_issue_that_the_index_shows_late_is_within_the_overlap(build: Build) -> None:
    world = build({"index_lag": timedelta(seconds=90)})
    world.raised("late")
    world.later(seconds=120)
    _, cursor = world.changes()
    world.raised("later")
    assert world.changes(cursor)[0] == ["OPS-1"]
    world.later(seconds=120)
    assert world.changes(cursor)[0] == ["OPS-1", "OPS-2"]


def test_a_moved_issue_stays_in_the_feed_under_its_new_key(world: World) -> None:
    ref = world.raised()
    _, cursor = world.changes()
    world.jira.move("abel.tuter", ref.id, "DEV")
    assert world.changes(cursor)[0] == ["DEV-1"]
    assert world.record(ref).place == "DEV/Bug"


def test_a_project_that_is_not_there_is_named(build: Build) -> None:
    world = build(places=(("NOPE", "Incident"),))
    with pytest.raises(Denied, match="NOPE"):
        list(world.connector.feed(None, START))


# Reading


def test_a_record_holds_what_people_see(world: World) -> None:
    ref = world.raised(
        description=PLAIN, priority="High", assignee="david.loo", labels=["vip", "mail"],
        customfield_10050="Network", customfield_10051="Inquiry / Help", customfield_10052="vpn",
    )  # fmt: skip
    record = world.record(ref)
    # In wiki markup, a line below an item belongs to it.
    shown = PLAIN if world.cloud else PLAIN.replace("\nand", "\n  and")
    assert dict(record.values) == {
        "summary": "Mail is down", "description": shown, "priority": "High", "status": "Open",
        "resolution": None, "assignee": world.person("david.loo"), "labels": frozenset({"vip", "mail"}),
        "customfield_10050": "Network", "customfield_10051": "Inquiry / Help", "customfield_10052": "vpn",
        "customfield_10053": None,
    }  # fmt: skip
    assert (record.label, record.place, record.marker) == ("OPS-1", "OPS/Incident", "")
    assert record.created == record.updated == START
    assert record.url == f"{world.server.url}/browse/OPS-1"


def test_open_moves_tell_target_and_screen(world: World) -> None:
    ref = world.raised()
    moves = {move.to: move for move in world.record(ref).moves}
    assert (moves["In Progress"].id, moves["In Progress"].done) == ("11", False)
    assert (moves["Canceled"].done, moves["Canceled"].required) == (True, frozenset({"resolution"}))
    assert "resolution" in moves["Canceled"].fields


def test_touches_tell_who_moved_a_field_last(world: World) -> None:
    ref = world.raised(customfield_10050="Network")
    world.jira.update("bow.ruggeri", ref.id, {"customfield_10050": "Database"})
    world.later(seconds=5)
    world.jira.update("abel.tuter", ref.id, {"summary": "x"})
    record = world.record(ref)
    touch = record.touched["customfield_10050"]
    assert touch.by == world.person("bow.ruggeri")
    assert touch.at == START + timedelta(seconds=2)
    assert record.updated_by == world.person("abel.tuter")


def test_deleted_and_hidden_issues_are_gone_and_stop_no_other(world: World) -> None:
    deleted, hidden, kept = world.raised("a"), world.raised("b"), world.raised("c")
    world.jira.delete(deleted.id)
    world.jira.hide(hidden.id)
    found = world.connector.read([hidden, kept, deleted, kept])
    assert isinstance(found[0], Gone) and isinstance(found[2], Gone)
    assert found[1] == found[3] == world.record(kept)


def test_a_hundred_and_one_issues_are_read_in_order(world: World) -> None:
    refs = [world.raised(f"n{n}") for n in range(101)]
    world.record(refs[0])
    if world.cloud:
        assert world.requests(lambda: world.connector.read(refs)) == 2
    found = world.connector.read(list(reversed(refs)))
    assert [r.ref for r in found if isinstance(r, Record)] == list(reversed(refs))


def test_lookup_follows_a_moved_issue_and_knows_no_other(world: World) -> None:
    ref = world.raised()
    assert world.connector.lookup("ops-1") == ref
    world.jira.move("abel.tuter", ref.id, "DEV")
    assert world.connector.lookup("OPS-1") == world.connector.lookup("DEV-1") == ref
    assert world.connector.lookup("OPS-77") is None
    assert world.connector.lookup("INC0010001") is None


# Scope, markers, people


def test_in_scope_is_asked_past_the_index(build: Build) -> None:
    world = build({"index_lag": timedelta(hours=1)})
    low, high = world.raised(priority="Low"), world.raised(priority="High")
    if not world.cloud:
        world.later(hours=2)  # only Cloud can make a search consistent
    assert world.connector.in_scope([low, high], "priority = High") == {high}
    assert world.connector.in_scope([low, high], "") == {low, high}
    assert world.connector.in_scope([], "priority = High") == frozenset()


def test_a_deleted_issue_is_out_of_every_scope_and_hides_no_other(world: World) -> None:
    deleted, kept = world.raised(), world.raised()
    world.jira.delete(deleted.id)
    assert world.connector.in_scope([deleted, kept], "project = OPS") == {kept}
    assert world.connector.in_scope([deleted], "project = OPS") == frozenset()


@pytest.mark.parametrize("scope", ["priorty = High", "priority = ", "project = OPS ORDER BY key"])
def test_an_invalid_scope_is_named(world: World, scope: str) -> None:
    ref = world.raised()
    with pytest.raises(ConfigError, match="scope"):
        world.connector.in_scope([ref], scope)


@pytest.mark.parametrize("marker", ["customfield_10042", "labels"])
def test_a_marked_issue_is_found_by_search_and_without_it(build: Build, marker: str) -> None:
    world = build({"index_lag": timedelta(minutes=10)}, marker=marker)
    world.raised()
    world.later(minutes=20)
    mark = world.connector.watermark("OPS/Incident")
    assert mark == "1"
    created = world.write(make())
    assert isinstance(created, Applied)
    for late in (False, True):
        if late:
            world.later(minutes=20)
        (found,) = world.remake(marker=marker).find("here:ops:1", "OPS/Incident", mark)
        assert (found.ref, found.marker) == (created.ref, "here:ops:1")
        assert world.connector.find("here:ops:2", "OPS/Incident", mark) == []
    copy = world.jira.clone("beth.anglin", created.ref.id)
    assert [r.ref.id for r in world.connector.find("here:ops:1", "OPS/Incident", mark)] == [
        created.ref.id,
        copy.id,
    ]


@pytest.mark.parametrize("marker", ["customfield_10042", "labels"])
def test_what_carries_our_markers_is_listed_oldest_first(build: Build, marker: str) -> None:
    world = build(marker=marker)
    made = []
    for number in range(120):
        foreign = number % 40 == 7
        name = "there" if foreign else "here"
        applied = world.write(replace(make(), marker=f"{name}:ops:{number}"))
        assert isinstance(applied, Applied)
        made += [] if foreign else [applied.ref]
        world.later(minutes=1)
    world.raised()
    world.later(minutes=20)
    pages = list(world.connector.marked("here"))
    assert [record.ref for page in pages for record in page] == made
    assert len(pages) > 1
    assert list(world.connector.marked("elsewhere")) in ([], [[], []])


def test_a_marked_issue_that_cannot_be_read_is_named_after_all_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number in range(4):
        applied = world.write(replace(make(), marker=f"here:ops:{number}"))
        assert isinstance(applied, Applied)
        made.append(applied.ref)
    world.later(minutes=20)
    reading = world.connector._finding._reading
    read = reading.read
    monkeypatch.setattr(
        reading,
        "read",
        lambda refs: [
            Malformed("a time that is none") if ref == made[1] else told
            for ref, told in zip(refs, read(refs), strict=True)
        ],
    )
    found = []
    with pytest.raises(Unreadable) as told:
        for page in world.connector.marked("here"):
            found += [record.ref for record in page]
    assert found == [made[0], *made[2:]]
    assert told.value.labels == (made[1].id,)


def test_a_marker_that_only_resembles_is_not_found(world: World) -> None:
    world.raised(customfield_10042="here:ops:11")
    world.raised(customfield_10042="there:here:ops:1")
    assert world.connector.find("here:ops:1", "OPS/Incident", "0") == []


def test_an_issue_far_above_the_watermark_is_found(build: Build) -> None:
    world = build({"index_lag": timedelta(hours=9)})
    for number in range(130):
        ref = world.raised(f"n{number}")
        if number % 3:
            world.jira.delete(ref.id)
    created = world.write(make())
    (found,) = world.connector.find("here:ops:1", "OPS/Incident", "0")
    assert found.ref == created.ref


def test_the_watermark_follows_what_is_seen(world: World) -> None:
    assert world.connector.watermark("OPS/Incident") == "0"
    assert world.requests(lambda: world.connector.watermark("OPS/Incident")) == 0
    world.record(world.raised())
    assert world.connector.watermark("OPS/Incident") == "1"
    world.write(make())
    assert world.connector.watermark("OPS/Incident") == "2"
    assert world.remake().watermark("OPS/Incident") == "2"
    assert world.remake().watermark("DEV/Bug") == "0"


def test_people_by_id_and_address(world: World) -> None:
    world.jira.add_user("shy.person", email_hidden=True)
    david = world.person("david.loo")
    (entity,) = world.connector.entities("person", [david, "nobody-there"])
    assert (entity.id, entity.email, entity.name) == (david, "david.loo@example.com", "David Loo")
    found = world.connector.search_entities(
        "person", ["David.Loo@example.com", "nobody@example.com", "loo@example.com"]
    )
    assert {email: e.id for email, e in found.items()} == {"David.Loo@example.com": david}
    if world.cloud:
        assert world.connector.search_entities("person", ["shy.person@example.com"]) == {}


def test_groups_are_their_names(world: World) -> None:
    (entity,) = world.connector.entities("group", ["Network"])
    assert (entity.id, entity.name) == ("Network", "Network")
    assert world.connector.search_entities("group", ["Network"]) == {"Network": entity}


# Writing


def test_a_create_gives_what_was_asked_for(world: World) -> None:
    values: Values = {
        "description": TEXT, "priority": "Low", "assignee": world.person("fred.luddy"),
        "labels": frozenset({"a", "b"}),
        "customfield_10050": "Hardware", "customfield_10051": "Hardware", "customfield_10053": "none\nyet",
    }  # fmt: skip
    created = world.write(make(**values))
    assert isinstance(created, Applied)
    record = world.record(created.ref)
    assert {name: record.values[name] for name in values} == values
    assert (record.marker, record.values["summary"], record.place) == (
        "here:ops:1",
        "VPN fails",
        "OPS/Incident",
    )


def test_creates_go_in_bulk_and_fail_one_by_one(world: World) -> None:
    world.connector.write([make()])
    good, bad = make(), make(priority="Nonsense")
    long, line = make(summary="x" * 256), make(summary="a\nb")
    outcomes: list[Any] = []
    assert world.requests(lambda: outcomes.extend(world.connector.write([good, bad, good, long, line]))) == 1
    assert [type(outcome) for outcome in outcomes] == [Applied, Rejected, Applied, Rejected, Rejected]
    assert set(outcomes[1].fields) == {"priority"} and set(outcomes[3].fields) == {"summary"}
    assert len(world.jira.issues()) == 3


def test_every_create_may_be_refused(world: World) -> None:
    outcomes = world.connector.write([make(summary="a\nb"), make(customfield_10051="Nonsense")])
    assert [type(outcome) for outcome in outcomes] == [Rejected, Rejected]
    assert world.jira.issues() == []


def test_an_update_sets_and_empties_fields(world: World) -> None:
    ref = world.raised(description="old", priority="Low", assignee="david.loo", labels=["a", "b"])
    before = world.record(ref)
    wanted: Values = {
        "summary": "new", "description": TEXT, "priority": "High", "assignee": None,
        "customfield_10051": "Software",
        "labels": frozenset({"b", "c"}),
    }  # fmt: skip
    world.jira.update("abel.tuter", ref.id, {"labels": ["a", "b", "theirs"]})
    applied = world.write(Update(ref, wanted, {name: before.values[name] for name in wanted}, before.version))
    assert isinstance(applied, Applied)
    after = world.record(ref)
    assert after.values == {**before.values, **wanted, "labels": frozenset({"b", "c", "theirs"})}
    if world.cloud:
        assert applied.record == after


def test_emptying_a_text_leaves_none(world: World) -> None:
    ref = world.raised(description="old")
    world.write(Update(ref, {"description": None}))
    assert world.record(ref).values["description"] is None


def test_alone_is_told_where_the_changelog_proves_it(world: World) -> None:
    ref = world.raised(priority="Low", description="a text")
    before = world.record(ref)
    action = Update(ref, {"priority": "High", "description": "other"}, before.values, before.version)
    applied = world.write(action)
    assert (applied.alone, applied.races) == (True if world.cloud else None, ())


def test_a_race_is_told_with_what_was_overwritten(world: World) -> None:
    ref = world.raised(priority="Low", assignee="david.loo", customfield_10050="Network", description="old")
    before = world.record(ref)
    world.later(seconds=1)
    theirs = {
        "priority": "Lowest",
        "assignee": "fred.luddy",
        "customfield_10050": "Database",
        "description": "theirs",
    }
    world.jira.update("abel.tuter", ref.id, theirs)
    at = world.clock.now()
    ours: Values = {
        "priority": "High", "assignee": world.person("beth.anglin"), "customfield_10050": "Hardware",
        "description": "ours",
    }  # fmt: skip
    applied = world.write(Update(ref, ours, before.values, before.version))
    assert isinstance(applied, Applied)
    if not world.cloud:
        assert (applied.record, applied.alone, applied.races) == (None, None, ())
        return
    told = {race.field: (race.value, race.known, race.at, race.by) for race in applied.races}
    by = world.person("abel.tuter")
    assert told == {
        "priority": ("Lowest", True, at, by), "assignee": (world.person("fred.luddy"), True, at, by),
        "customfield_10050": ("Database", True, at, by), "description": ("theirs", True, at, by),
    }  # fmt: skip
    assert applied.alone is False


def test_an_update_of_a_lost_issue_is_gone(world: World) -> None:
    ref = world.raised()
    world.jira.delete(ref.id)
    assert isinstance(world.write(Update(ref, {"summary": "x"})), Gone)


def test_a_field_that_is_on_no_screen_is_rejected_with_its_reason(world: World) -> None:
    ref = world.raised()
    outcome = world.write(Update(ref, {"resolution": "Done"}))
    assert isinstance(outcome, Rejected) and "resolution" in outcome.fields


def test_text_over_the_limit_is_rejected(world: World) -> None:
    ref = world.raised()
    outcome = world.write(Update(ref, {"description": "x" * 32_768}))
    assert isinstance(outcome, Rejected) and set(outcome.fields) == {"description"}


def move_to(world: World, ref: Ref, status: str, **values: Any) -> Any:
    move = next(move for move in world.record(ref).moves if move.to == status)
    return world.write(Transition(ref, move, values))


def test_a_status_moves_along_its_workflow(world: World) -> None:
    ref = world.raised()
    assert move_to(world, ref, "In Progress") == Applied(ref)
    refused = move_to(world, ref, "Resolved")
    assert isinstance(refused, Rejected) and "esolution" in str(refused)
    notes = "Restarted.\n\n*Twice*."
    assert move_to(world, ref, "Resolved", resolution="Done", customfield_10053=notes) == Applied(ref)
    record = world.record(ref)
    values = [record.values[name] for name in ("status", "resolution", "customfield_10053")]
    assert values == ["Resolved", "Done", notes]


def test_a_transition_that_somebody_was_faster_with_is_stale(world: World) -> None:
    ref = world.raised()
    move = next(move for move in world.record(ref).moves if move.to == "In Progress")
    world.jira.transition("abel.tuter", ref.id, "In Progress")
    assert isinstance(world.write(Transition(ref, move)), Stale)


def test_the_visible_link_is_one_however_often_it_is_shown(world: World) -> None:
    ref = world.raised()
    link = ShowLink(ref, "system=here&id=1", "INC0010001", "https://sn.example.com/1", "In Progress")
    assert world.write(link) == Applied(ref)
    assert world.write(replace(link, status="Resolved", done=True)) == Applied(ref)
    (shown,) = world.jira.site.store.issues[int(ref.id)].remote_links
    assert (shown.global_id, shown.object["title"]) == ("system=here&id=1", "INC0010001")
    assert shown.object["status"]["resolved"] is True
    assert world.write(RemoveLink(ref, "system=here&id=1")) == Applied(ref)
    assert world.jira.site.store.issues[int(ref.id)].remote_links == []
    assert world.write(RemoveLink(ref, "system=here&id=1")) == Applied(ref), "it may be repeated"


def test_notes_are_internal_and_show_what_was_typed(world: World) -> None:
    ref = world.raised()
    world.write(AddNote(ref, "*why*\n{code}"))
    world.write(Update(ref, {"summary": "x"}, note="and this"))
    comments = world.jira.site.store.issues[int(ref.id)].comments
    assert [comment.public for comment in comments] == [False, False]


def test_what_cannot_be_sent_twice_is_sent_once(world: World) -> None:
    ref = world.raised()
    world.connector.write([AddNote(ref, "first")])
    world.jira.faults.append(
        Fault("lost answer", after=lambda q, r: DROPPED if q.method in {"POST", "PUT"} else r)
    )
    outcomes = world.connector.write([make(), AddNote(ref, "second"), make()])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    world.jira.faults.clear()
    assert len(world.jira.issues()) == 3
    assert len(world.jira.site.store.issues[int(ref.id)].comments) == 2
    assert len(world.connector.find("here:ops:1", "OPS/Incident", "0")) == 2


def test_a_read_whose_answer_is_lost_is_asked_again(world: World) -> None:
    ref = world.raised()
    world.record(ref)
    world.jira.faults.append(Fault("lost answer", after=lambda q, r: DROPPED, times=1))
    assert world.changes()[0] == ["OPS-1"]
    world.jira.faults.append(Fault("lost answer", after=lambda q, r: DROPPED, times=1))
    assert world.record(ref).label == "OPS-1"


def test_capabilities(world: World) -> None:
    capabilities = world.connector.capabilities
    assert (capabilities.side, capabilities.transitions) == ("jira", True)
    assert (capabilities.read_batch, capabilities.create_batch) == (100, 50)
    world.connector.close()


def test_a_required_resolution_that_is_not_reported_is_learnt_from_the_refusal(build: Build) -> None:
    world = build(sandbox={"settings": Settings(unreported_resolution=True)})
    ref = world.raised()
    world.jira.transition("beth.anglin", ref.id, "In Progress")

    def resolve() -> Any:
        move = next(m for m in world.record(ref).moves if m.to == "Resolved")
        wanted = {"resolution": "Done"} if "resolution" in move.required else {}
        return world.write(Transition(ref, move, wanted))

    refused = resolve()
    assert isinstance(refused, Rejected)
    assert refused.fields == {"resolution": "is required"}
    assert isinstance(resolve(), Applied)
    assert world.jira.get(ref.id).values["resolution"] == "Done"


def test_an_edit_keeps_the_formatting_of_what_was_not_edited(world: World) -> None:
    strong = {"type": "text", "text": "strong", "marks": [{"type": "strong"}]}
    blocks = [
        {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Steps"}]},
        {"type": "paragraph", "content": [{"type": "text", "text": "old"}]},
        {"type": "codeBlock", "attrs": {"language": "java"}, "content": [{"type": "text", "text": "a\n\tb"}]},
        {"type": "paragraph", "content": [strong]},
    ]
    markup = "h2. Steps\n\nold\n\n{code:java}\na\n\tb\n{code}\n\n*strong*"
    raw: Any = {"type": "doc", "version": 1, "content": blocks} if world.cloud else markup
    ref, wire = world.raised(), world.connector._wire
    wire.send("a person's edit", "PUT", f"issue/{ref.id}", {"fields": {"description": raw}})
    before = world.record(ref)
    assert before.values["description"] == "Steps\n\nold\n\na\n\tb\n\nstrong"
    edited = "Steps\n\nnew *one*\n\na\n\tb\n\nstrong"
    assert isinstance(
        world.write(Update(ref, {"description": edited}, before.values, before.version)), Applied
    )
    assert world.record(ref).values["description"] == edited
    shown = wire.get("the issue", f"issue/{ref.id}")["fields"]["description"]
    if world.cloud:
        blocks[1] = {"type": "paragraph", "content": [{"type": "text", "text": "new *one*"}]}
        assert shown["content"] == blocks
    else:
        assert shown == markup.replace("old", "new \\*one*")
