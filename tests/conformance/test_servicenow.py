"""The ServiceNow connector against the stand-in over real HTTP: what one promises, the other lets happen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import (
    AddNote,
    Applied,
    Create,
    Record,
    Ref,
    RemoveLink,
    ShowLink,
    Update,
    Version,
)
from tieline.connectors.errors import (
    ConfigError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
    Unreadable,
)
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.sandbox.core import (
    DROPPED,
    Fault,
    Request,
    RequestLog,
    Response,
    Server,
    VirtualClock,
)
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.records import plain
from tieline.connectors.servicenow.settings import ServiceNowSettings

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
PASSWORD = "correct horse"
FIELDS: dict[str, Any] = {
    "short_description": "line", "description": "text", "category": "choice", "assigned_to": "person",
    "assignment_group": "group", "state": "choice", "hold_reason": "choice", "close_code": "choice",
    "close_notes": "text", "impact": "choice", "urgency": "choice", "priority": "choice",
}  # fmt: skip
ORIGIN = Ref("jira", "10001")
MARKER = "example:operations:10001"


@dataclass
class Desk:
    """A running stand-in, and connectors to it."""

    sandbox: ServiceNowSandbox
    server: Server
    clock: VirtualClock
    slept: list[float] = field(default_factory=list)

    def connector(self, password: str = PASSWORD, **settings: Any) -> ServiceNowConnector:
        timing = Timing(now=self.clock.now, sleep=self.slept.append)
        adapter = HardenedAdapter(HttpSettings(self.server.url, timeout_s=5), timing=timing)
        known = ServiceNowSettings(**({"table": "incident", "fields": FIELDS} | settings))
        return ServiceNowConnector(known, adapter, BasicAuth("tieline", password), timing)

    def incident(self, **values: str) -> Ref:
        filled = {"short_description": "Mail is down", "caller_id": "", **values}
        return Ref("servicenow", self.sandbox.create("joe.employee", filled)["sys_id"])

    def edit(self, ref: Ref, user: str = "beth.anglin", **values: str) -> None:
        self.sandbox.update(user, ref.id, values)

    @property
    def requests(self) -> int:
        return self.server.log.total


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = VirtualClock(START)
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": PASSWORD}, seed=11)
    sandbox.seed_world()
    server = Server(sandbox, RequestLog(), lock=sandbox.lock).start()
    yield Desk(sandbox, server, clock)
    server.stop()


@pytest.fixture
def connector(desk: Desk) -> Iterator[ServiceNowConnector]:
    made = desk.connector()
    yield made
    made.close()


def only(outcomes: list[Any]) -> Any:
    [outcome] = outcomes
    return outcome


def seen(connector: ServiceNowConnector, ref: Ref) -> Record:
    record = only(connector.read([ref]))
    assert isinstance(record, Record)
    return record


def user(desk: Desk, name: str) -> str:
    return str(next(row["sys_id"] for row in desk.sandbox.rows("sys_user") if row["user_name"] == name))


# Who we are


def test_the_canary_answers_for_us_alone(desk: Desk, connector: ServiceNowConnector) -> None:
    identity = connector.identity()
    assert identity.id == user(desk, "tieline")
    assert abs(identity.skew) <= timedelta(seconds=1)
    assert desk.requests == 1


def test_a_wrong_password_is_denied(desk: Desk) -> None:
    with pytest.raises(Denied):
        desk.connector(password="guess").identity()


def test_a_clock_that_differs_is_measured(desk: Desk, connector: ServiceNowConnector) -> None:
    desk.sandbox.skew = timedelta(minutes=7)
    assert abs(connector.identity().skew - timedelta(minutes=7)) <= timedelta(seconds=1)


def test_a_stopped_instance_is_unavailable(desk: Desk, connector: ServiceNowConnector) -> None:
    desk.server.stop()
    with pytest.raises(Unavailable):
        connector.identity()


# The feed


def drain(connector: ServiceNowConnector, cursor: str | None = None) -> tuple[list[str], str]:
    pages = list(connector.feed(cursor, START - timedelta(days=1)))
    return [change.ref.id for page in pages for change in page.changes], pages[-1].cursor


def test_an_idle_feed_costs_one_request(desk: Desk, connector: ServiceNowConnector) -> None:
    desk.incident()
    _, cursor = drain(connector)
    desk.clock.advance(timedelta(minutes=10))
    before = desk.requests
    assert drain(connector, cursor)[0] == []
    assert desk.requests == before + 1


def test_a_feed_tells_of_every_change_oldest_first(desk: Desk) -> None:
    connector = desk.connector(page_size=3)
    refs = []
    for number in range(10):
        refs.append(desk.incident().id)
        if number % 4:
            desk.clock.advance(timedelta(seconds=1))
    found, cursor = drain(connector)
    assert sorted(found) == sorted(refs)
    desk.clock.advance(timedelta(minutes=5))
    drain(connector, cursor)
    desk.edit(Ref("servicenow", refs[2]), urgency="1")
    assert drain(connector, cursor)[0][-1] == refs[2]


def test_hidden_rows_end_no_feed(desk: Desk) -> None:
    connector = desk.connector(page_size=2)
    refs = []
    for _ in range(9):
        refs.append(desk.incident().id)
        desk.clock.advance(timedelta(seconds=1))
    desk.sandbox.access.hidden.update(refs[1:7])
    pages = list(connector.feed(None, START - timedelta(days=1)))
    assert [change.ref.id for page in pages for change in page.changes] == [refs[0], refs[7], refs[8]]
    assert pages[-1].hidden == 6


def test_a_closed_incident_stays_in_the_feed(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident()
    _, cursor = drain(connector)
    desk.clock.advance(timedelta(minutes=30))
    desk.edit(ref, state="7", close_code="Solution provided", close_notes="done")
    assert drain(connector, cursor)[0] == [ref.id]


# Reading


def test_a_record_is_read_as_it_is_stored(desk: Desk, connector: ServiceNowConnector) -> None:
    network = next(row["sys_id"] for row in desk.sandbox.rows("sys_user_group") if row["name"] == "Network")
    ref = desk.incident(
        description="first\r\n\r\nsecond  \r\n", category="network", impact="1", urgency="2",
        assigned_to=user(desk, "abel.tuter"), assignment_group=network,
    )  # fmt: skip
    record = seen(connector, ref)
    assert record.label.startswith("INC")
    assert record.values["description"] == "first\n\nsecond"
    assert record.values["category"] == "network"
    assert record.values["assigned_to"] == user(desk, "abel.tuter")
    assert record.values["assignment_group"] == network
    assert record.values["priority"] == "2"
    assert record.values["close_notes"] is None
    assert record.created == START
    assert (record.marker, record.place) == ("", "incident")


def test_hidden_and_deleted_records_are_gone_alone(desk: Desk, connector: ServiceNowConnector) -> None:
    kept, hidden, deleted = desk.incident(), desk.incident(), desk.incident()
    desk.sandbox.access.hidden.add(hidden.id)
    desk.sandbox.delete(deleted.id)
    before = desk.requests
    found = connector.read([hidden, kept, deleted])
    assert [type(each) for each in found] == [Gone, Record, Gone]
    assert desk.requests == before + 1


@pytest.mark.parametrize("strict", ["true", "false"])
def test_an_unknown_column_is_said_and_not_read_as_empty(desk: Desk, strict: str) -> None:
    desk.sandbox.properties["glide.invalid_query.returns_no_rows"] = strict
    connector = desk.connector(fields={"u_nonsense": "line"})
    with pytest.raises(ConfigError, match="u_nonsense"):
        connector.read([desk.incident()])


def test_scopes(desk: Desk, connector: ServiceNowConnector) -> None:
    mail, net = desk.incident(category="software"), desk.incident(category="network", urgency="1", impact="1")
    other = desk.incident(category="hardware")
    asked = [mail, net]
    assert connector.in_scope(asked, "category=network^ORcategory=hardware") == {net}
    assert connector.in_scope(asked, "active=true^priority=1") == {net}
    assert connector.in_scope([*asked, other], "") == {mail, net, other}
    assert connector.in_scope(asked, "assigned_to.nameISEMPTY") in ({mail, net}, frozenset())


def test_a_scope_on_an_unknown_column_does_not_match_everything(
    desk: Desk, connector: ServiceNowConnector
) -> None:
    with pytest.raises(ConfigError):
        connector.in_scope([desk.incident()], "u_nonsense=1")


def test_numbers_are_looked_up(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident()
    assert connector.lookup(seen(connector, ref).label.lower()) == ref
    assert connector.lookup(ref.id) == ref
    assert connector.lookup("INC9999999") is None


def test_people_and_groups(desk: Desk, connector: ServiceNowConnector) -> None:
    abel = user(desk, "abel.tuter")
    assert only(connector.entities("person", [abel, "f" * 32])).email == "abel.tuter@example.com"
    found = connector.search_entities("person", ["Abel.Tuter@Example.com", "nobody@example.com", "a^b"])
    assert {key: entity.id for key, entity in found.items()} == {"Abel.Tuter@Example.com": abel}
    desk.sandbox.add_user("abel.two", email="abel.tuter@example.com")
    assert connector.search_entities("person", ["abel.tuter@example.com"]) == {}
    desk.sandbox.add_group("Desk, North")
    names = ["Service Desk", "Desk, North", "Nobody"]
    assert set(connector.search_entities("group", names)) == {"Service Desk", "Desk, North"}


# Writing


def create(**values: Any) -> Create:
    return Create(
        "servicenow", "incident", {"short_description": "From Jira", **values}, MARKER, ORIGIN, "Mirror"
    )


def test_a_mirror_is_made_in_one_request_and_found_by_its_marker(
    desk: Desk, connector: ServiceNowConnector
) -> None:
    outcome = only(connector.write([create(category="software", impact="1", urgency="1")]))
    assert desk.requests == 1
    assert isinstance(outcome, Applied)
    assert outcome.alone is True
    assert outcome.record is not None
    assert outcome.record.values["priority"] == "1"
    assert outcome.record.marker == MARKER
    assert [record.ref for record in connector.find(MARKER, "incident", "")] == [outcome.ref]
    assert connector.find(MARKER + "0", "incident", "") == []


def test_a_mirror_shows_the_other_half_from_the_start(desk: Desk, connector: ServiceNowConnector) -> None:
    outcome = only(connector.write([replace(create(), shown="OPS-1")]))
    assert outcome.record.values["correlation_display"] == "OPS-1"
    only(connector.write([RemoveLink(outcome.ref, "tieline:1")]))
    assert seen(connector, outcome.ref).values["correlation_display"] is None


def test_a_marked_record_that_cannot_be_read_is_named_after_all_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = desk.connector(read_batch=2)
    made = []
    for number in range(5):
        made.append(only(connector.write([replace(create(), marker=f"example:operations:{number}")])).ref)
        desk.clock.advance(timedelta(seconds=2))
    read, rows = connector._wire.rows, connector._fields

    def without(*args: Any, **options: Any) -> Any:
        page, more = read(*args, **options)
        kept = [
            {name: x for name, x in row.items() if name != "short_description"}
            if plain(row["sys_id"]) in (made[2].id, made[3].id) else row
            for row in page.rows
        ]  # fmt: skip
        return replace(page, rows=kept), more

    assert "short_description" in rows
    monkeypatch.setattr(connector._wire, "rows", without)
    found: list[Ref] = []
    with pytest.raises(Unreadable) as told:
        for page in connector.marked("example"):
            found += [record.ref for record in page]
    assert found == [made[0], made[1], made[4]]
    assert len(told.value.labels) == 2
    assert all(label.startswith("INC") for label in told.value.labels)


def test_what_carries_our_markers_is_listed_oldest_first(desk: Desk) -> None:
    connector = desk.connector(read_batch=7)
    made = []
    for number in range(20):
        marker = f"{'there' if number % 5 == 2 else 'example'}:operations:{number}"
        ref = only(connector.write([replace(create(), marker=marker)])).ref
        made += [ref] if marker.startswith("example:") else []
        desk.clock.advance(timedelta(seconds=number % 3))
    desk.incident(correlation_id="monitoring 4711")
    pages = list(connector.marked("example"))
    found = [record.ref for page in pages for record in page]
    assert sorted(found) == sorted(made)
    assert [r.created for page in pages for r in page] == sorted(r.created for page in pages for r in page)
    assert len(pages) > 1
    assert [record for page in connector.marked("nobody") for record in page] == []


def test_an_update_is_one_request_and_answers_with_the_record(
    desk: Desk, connector: ServiceNowConnector
) -> None:
    ref = desk.incident()
    record = seen(connector, ref)
    before = desk.requests
    outcome = only(
        connector.write([Update(ref, {"urgency": "1", "impact": "1"}, seen=record.version, note="why")])
    )
    assert desk.requests == before + 1
    assert outcome.alone is True
    assert outcome.record.values["priority"] == "1"
    assert outcome.record == seen(connector, ref)


def test_a_write_that_changes_nothing_is_ours_alone(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident()
    record = seen(connector, ref)
    same = {"short_description": record.values["short_description"]}
    assert only(connector.write([Update(ref, same, seen=record.version)])).alone is True
    desk.sandbox.writing.idle_writes_count = True
    assert only(connector.write([Update(ref, same, seen=record.version)])).alone is True


def test_somebody_who_set_the_same_and_more_before_us_is_noticed(
    desk: Desk, connector: ServiceNowConnector
) -> None:
    connector.identity()
    ref = desk.incident()
    record = seen(connector, ref)
    desk.edit(ref, urgency="1", impact="1")
    outcome = only(connector.write([Update(ref, {"urgency": "1"}, {"urgency": "3"}, record.version)]))
    assert (outcome.alone, outcome.races) == (False, ())
    assert outcome.record.values["impact"] == "1"


def test_somebody_elses_edit_in_between_is_noticed(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident()
    record = seen(connector, ref)
    desk.edit(ref, short_description="Mail is slow")
    outcome = only(connector.write([Update(ref, {"short_description": "Mail"}, seen=record.version)]))
    assert outcome.alone is False
    [race] = outcome.races
    assert (race.field, race.known) == ("", False)


def test_many_writes_are_one_request_with_an_outcome_each(desk: Desk, connector: ServiceNowConnector) -> None:
    good, bad, gone = desk.incident(), desk.incident(), desk.incident()
    versions = {ref: seen(connector, ref).version for ref in (good, bad)}
    desk.sandbox.delete(gone.id)
    before = desk.requests
    outcomes: list[Any] = connector.write([
        Update(good, {"urgency": "1"}, seen=versions[good]),
        Update(bad, {"state": "6"}, seen=versions[bad]),
        Update(gone, {"urgency": "1"}, seen=Version("0@x")),
        create(),
        ShowLink(good, "g", "OPS-7", "https://jira.test/browse/OPS-7"),
        AddNote(good, "a note"),
    ])  # fmt: skip
    assert desk.requests == before + 1
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Applied, Rejected, Gone, Applied, Applied, Applied]
    assert outcomes[4].record.values["correlation_display"] == "OPS-7"
    assert outcomes[0].alone is True


def test_a_batch_that_reaches_a_limit_leaves_the_rest_unsent(
    desk: Desk, connector: ServiceNowConnector
) -> None:
    refs = [desk.incident() for _ in range(4)]
    desk.sandbox.batch_limits.items = 2
    outcomes = connector.write([Update(ref, {"urgency": "1"}) for ref in refs])
    assert [type(outcome) for outcome in outcomes] == [Applied, Applied, Unavailable, Unavailable]
    assert [desk.sandbox.get(ref.id)["urgency"] for ref in refs] == ["1", "1", "3", "3"]


def test_a_refusal_names_what_is_missing(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident()
    outcome = only(connector.write([Update(ref, {"state": "6"})]))
    assert isinstance(outcome, Rejected)
    assert outcome.fields
    assert desk.sandbox.get(ref.id)["state"] == "1"


def test_a_value_that_the_system_drops_is_visible(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident(category="software")
    version = seen(connector, ref).version
    outcome = only(connector.write([Update(ref, {"category": "nonsense", "urgency": "1"}, seen=version)]))
    assert outcome.alone is True
    assert outcome.record.values["category"] == "software"


def test_a_person_is_set_and_taken_away(desk: Desk, connector: ServiceNowConnector) -> None:
    ref, abel = desk.incident(), user(desk, "abel.tuter")
    connector.write([Update(ref, {"assigned_to": abel})])
    assert seen(connector, ref).values["assigned_to"] == abel
    connector.write([Update(ref, {"assigned_to": None})])
    assert seen(connector, ref).values["assigned_to"] is None


def test_text_survives_the_way_there_and_back(desk: Desk, connector: ServiceNowConnector) -> None:
    text = 'Zeile eins\n\n  eingerückt: <b>&amp;</b> "q" \\ ^ 😀\nlast'
    ref = desk.incident()
    assert only(connector.write([Update(ref, {"description": text})])).record.values["description"] == text
    assert seen(connector, ref).values["description"] == text


# Trouble


def is_write(request: Request) -> bool:
    return request.method in {"POST", "PATCH"}


def answering(response: Response, *, times: int | None = None, after: bool = False) -> Fault:
    if after:
        return Fault("after", after=lambda asked, given: response if is_write(asked) else given, times=times)
    return Fault("before", before=lambda _: response, times=times)


HTML = (("Content-Type", "text/html"),)
PAGE = b"<html><title>Instance Hibernating page</title></html>"


@pytest.mark.parametrize(
    "response",
    [
        DROPPED,
        Response(500, b'{"error": {"message": "Transaction cancelled"}, "status": "failure"}'),
        Response(503, PAGE, HTML),
        Response(200, PAGE, HTML),
        Response(200, b'{"result": {"sys_id"'),
        Response(403, b'{"error": {"message": "Operation Failed", "detail": null}, "status": "failure"}'),
        Response(302, b"", (("Location", "https://developer.servicenow.com/"),)),
    ],
    ids=["dropped", "500", "503 page", "200 page", "cut", "403", "302"],
)
@pytest.mark.parametrize("count", [1, 3])
def test_a_create_whose_answer_is_lost_is_unknown_made_once_and_found_by_its_marker(
    desk: Desk, connector: ServiceNowConnector, response: Response, count: int
) -> None:
    desk.sandbox.faults.append(answering(response, after=True))
    outcomes = connector.write([create()] * count)
    assert {type(outcome) for outcome in outcomes} == {Unknown}
    desk.sandbox.faults.clear()
    assert len(connector.find(MARKER, "incident", "")) == count


def test_a_read_survives_what_passes(desk: Desk, connector: ServiceNowConnector) -> None:
    ref = desk.incident()
    desk.sandbox.faults += [answering(DROPPED, times=1), answering(Response(502, PAGE, HTML), times=1)]
    assert seen(connector, ref).ref == ref


def test_a_rate_limit_is_waited_for_and_no_write_is_made_twice(
    desk: Desk, connector: ServiceNowConnector
) -> None:
    desk.sandbox.faults.append(answering(Response(429, b"", (("Retry-After", "3"),)), times=2))
    assert isinstance(only(connector.write([create()])), Applied)
    assert len(connector.find(MARKER, "incident", "")) == 1
    assert all(pause >= 3 for pause in desk.slept)
    desk.sandbox.faults.append(answering(Response(429)))
    assert isinstance(only(connector.write([create()])), RateLimited)


def test_no_cookie_binds_us_to_a_node(desk: Desk, connector: ServiceNowConnector) -> None:
    cookies: list[str] = []

    def note(request: Request) -> None:
        cookies.append(request.headers.get("cookie", ""))

    desk.sandbox.faults.append(Fault("note", before=note))
    for _ in range(2):
        connector.identity()
    assert cookies == ["", ""]
