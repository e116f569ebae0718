"""Search: JQL, bounds, pages and tokens, the lagging index, and reconciliation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import EMAIL, SECRET, START, Client


@pytest.fixture
def three(api: Client, clock: VirtualClock) -> list[str]:
    """Three incidents, a minute apart, unlike in every field that the queries below ask about."""
    first = api.create(
        summary="Mail down", labels=["Mail"], priority={"name": "High"}, customfield_10042="ex:ops:1"
    )
    clock.advance(timedelta(minutes=1))
    second = api.create(
        summary="Mail slow", customfield_10050={"value": "Network"}, customfield_10042="ex:ops:12"
    )
    clock.advance(timedelta(minutes=1))
    third = api.create(summary="Disk full", labels=["disk", "vip"])
    api(
        "POST",
        f"/issue/{third}/transitions",
        {"transition": {"id": "61"}, "fields": {"resolution": {"name": "Done"}}},
    )
    return [first, second, third]


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = OPS", "abc"),
        ("project in (OPS, DEV) AND issuetype = Incident", "abc"),
        ("project = 10000 and type in (Incident)", "abc"),
        ("project = DEV", ""),
        ("key = OPS-2", "b"),
        ("id in (10000, OPS-3)", "ac"),
        ("issuekey not in (OPS-1)", "bc"),
        ("key >= OPS-2", "bc"),
        ("status = Open", "ab"),
        ('status in ("Canceled", "In Progress")', "c"),
        ("statusCategory = Done", "c"),
        ("statusCategory != Done", "ab"),
        ("resolution = Unresolved", "ab"),
        ("resolution is not EMPTY", "c"),
        ("resolution = Done", "c"),
        ("priority = High", "a"),
        ("priority > Medium", "a"),
        ("labels = mail", "a"),
        ("labels in (vip, nobody)", "c"),
        ("labels is EMPTY", "b"),
        ("labels != mail", "c"),
        ("summary ~ mail", "ab"),
        ('summary ~ "mail down"', "a"),
        ('summary ~ "down mail"', "a"),
        ('summary ~ "\\"down mail\\""', ""),
        ("summary !~ mail", "c"),
        ('summary ~ "ma*"', "ab"),
        ('cf[10042] ~ "\\"ex:ops:1\\""', "a"),
        ('"Tieline marker" ~ "\\"ex:ops:12\\""', "b"),
        ('cf[10042] ~ "ex"', "ab"),
        ("cf[10042] is EMPTY", "c"),
        ('"Support group" = Network', "b"),
        ('cf[10050] = "Network" OR labels = vip', "bc"),
        ("NOT (summary ~ mail) AND project = OPS", "c"),
        ("project = OPS AND (labels = mail OR labels = vip) AND NOT status = Canceled", "a"),
        ("assignee is EMPTY", "abc"),
        ("assignee = currentUser()", ""),
        ("reporter = currentUser()", "abc"),
        ("creator = tieline@example.com", "abc"),
        ('created >= "2026-03-04 09:31"', "bc"),
        ('created >= "2026/03/04 09:32"', "c"),
        ('created < "2026-03-04 09:31"', "a"),
        ("created >= 1772616675250", "bc"),
        ("created > 1772616675250", "c"),
        ("created <= 1772616675250", "ab"),
        ("created >= -1m", "bc"),
        ("updated >= startOfDay() AND updated <= now()", "abc"),
        ('created >= "2026-03-05"', ""),
        ("resolved is not EMPTY", "c"),
        ("project = OPS ORDER BY created DESC", "cba"),
        ("project = OPS ORDER BY created", "cba"),
        ("project = OPS ORDER BY priority ASC, key DESC", "cba"),
        ("project = OPS ORDER BY priority, key", "abc"),
        ("project = OPS ORDER BY updated ASC, key ASC", "abc"),
        ("project = OPS ORDER BY summary ASC", "cab"),
    ],
)
def test_queries(api: Client, three: list[str], jql: str, expected: str) -> None:
    found = api.found(jql if "ORDER" in jql else jql + " ORDER BY key ASC")
    assert found == [three["abc".index(c)] for c in expected]


@pytest.mark.parametrize(
    ("jql", "message"),
    [
        ("nonsense = 1", "Field 'nonsense' does not exist or you do not have permission to view it."),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("issuetype = 999", "A value with ID '999' does not exist for the field 'issuetype'."),
        ("key = OPS-99", "An issue with key 'OPS-99' does not exist for field 'key'."),
        ("id in (999)", "A value with ID '999' does not exist for the field 'id'."),
        ("summary = mail", "The operator '=' is not supported by the 'summary' field."),
        ("updated ~ 5", "The operator '~' is not supported by the 'updated' field."),
        (
            'updated > "2026-03-04 09:31:15"',
            "Date value '2026-03-04 09:31:15' for field 'updated' is invalid.",
        ),
        ("priority > EMPTY", "The operator '>' is not supported by the 'priority' field."),
        ("updated > soon()", "Unable to find JQL function 'soon()'."),
        ('summary ~ "*x"', "is not allowed to start with character '*'."),
        ("project", "Expecting operator but reached end of query."),
        ("project OPS", "Expecting operator but got 'OPS'."),
        ("project = OPS status = Open", "Expecting either 'OR' or 'AND' but got 'status'."),
        ("(project = OPS", "Expecting ')'"),
        ("project = ", "Expecting either a value, list or function"),
        ("project = OPS ORDER BY nonsense", "Field 'nonsense' does not exist"),
        ("project = OPS ORDER BY a,b,c,d,e,f,g,h", "maximum of 7 fields"),
        ("project = [", "reserved JQL character"),
        ("ORDER BY created", "Unbounded JQL queries are not allowed here."),
        ("", "Unbounded JQL queries are not allowed here."),
    ],
)
def test_bad_queries_are_refused_in_jiras_words(api: Client, jql: str, message: str) -> None:
    reply = api("POST", "/search/jql", {"jql": jql})
    assert reply.status == 400 and reply.body["errors"] == {}
    assert message in reply.body["errorMessages"][0]


def test_every_unknown_id_is_named(api: Client) -> None:
    known = api.create()
    reply = api("POST", "/search/jql", {"jql": f"id in ({known}, 7, OPS-9)"})
    assert len(reply.body["errorMessages"]) == 2


def test_minutes_are_read_in_the_zone_of_the_account(clock: VirtualClock) -> None:
    api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}, time_zone="Asia/Tokyo"))
    issue = api.create()
    assert api.found('updated >= "2026-03-04 18:30"') == [issue]
    assert api.found('updated >= "2026-03-04 18:31"') == []


def test_only_ids_unless_fields_are_asked_for(api: Client) -> None:
    issue = api.create()
    jql = {"jql": "project = OPS"}
    assert api("POST", "/search/jql", jql).body == {"issues": [{"id": issue}], "isLast": True}
    assert api("GET", "/search/jql", jql="project = OPS").body == {"issues": [{"id": issue}], "isLast": True}
    (shown,) = api("POST", "/search/jql", jql | {"fields": ["summary"]}).body["issues"]
    assert (set(shown), set(shown["fields"])) == ({"expand", "id", "self", "key", "fields"}, {"summary"})
    (full,) = api("GET", "/search/jql", jql="project = OPS", fields="*all").body["issues"]
    assert "comment" in full["fields"]
    named = api("POST", "/search/jql", jql | {"fields": ["summary"], "expand": "names,schema"}).body
    assert named["names"] == {"summary": "Summary"} and named["schema"]["summary"]["type"] == "string"


@pytest.mark.parametrize(
    "body",
    [
        {"validateQuery": "strict"},
        {"fields": "summary"},
        {"expand": ["names"]},
        {"maxResults": "10"},
        {"maxResults": 0},
        {"reconcileIssues": list(range(51))},
        {"nextPageToken": "rubbish"},
    ],
)
def test_requests_of_the_wrong_shape_are_refused(api: Client, body: dict[str, object]) -> None:
    assert api("POST", "/search/jql", {"jql": "project = OPS"} | body).status == 400


def test_pages_shrink_when_more_is_asked_for(api: Client) -> None:
    for _ in range(120):
        api.create()

    def size(**more: object) -> int:
        return len(
            api("POST", "/search/jql", {"jql": "project = OPS", "maxResults": 5000} | more).body["issues"]
        )

    assert size() == size(fields=["id"]) == 120
    assert size(fields=["summary"]) == 100
    assert size(fields=["*all"]) < size(fields=["*navigable"]) < 100
    assert len(api("POST", "/search/jql", {"jql": "project = OPS"}).body["issues"]) == 50


def test_tokens_expire_and_belong_to_their_query(api: Client, clock: VirtualClock) -> None:
    for _ in range(3):
        api.create()
    body = {"jql": "project = OPS", "maxResults": 2}
    token = api("POST", "/search/jql", body).body["nextPageToken"]
    again = body | {"nextPageToken": token}
    assert len(api("POST", "/search/jql", again).body["issues"]) == 1
    assert api("POST", "/search/jql", again | {"jql": "key >= OPS-1"}).status == 400
    clock.advance(timedelta(days=7))
    assert api("POST", "/search/jql", again).status == 200
    clock.advance(timedelta(seconds=1))
    assert api("POST", "/search/jql", again).status == 400


def test_an_issue_edited_between_pages_is_not_lost(api: Client, clock: VirtualClock) -> None:
    ids = []
    for _ in range(4):
        clock.advance(timedelta(seconds=1))
        ids.append(api.create())
    body = {"jql": "project = OPS ORDER BY updated ASC", "maxResults": 2}
    first = api("POST", "/search/jql", body).body
    clock.advance(timedelta(seconds=1))
    api("PUT", f"/issue/{ids[0]}", {"fields": {"summary": "again"}})
    rest = api("POST", "/search/jql", body | {"nextPageToken": first["nextPageToken"], "maxResults": 9}).body
    assert [i["id"] for i in rest["issues"]] == [ids[2], ids[3], ids[0]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["High", "Low", "Medium"])), max_size=12),
    st.sampled_from(
        ["updated ASC", "updated ASC, key ASC", "updated DESC", "priority, created", "key", "summary"]
    ),
    st.integers(1, 5),
)
def test_pages_together_are_the_whole_in_order(
    rows: list[tuple[int, str]], order: str, size: int
) -> None:  # fmt: skip
    clock = VirtualClock(START)
    api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}))
    for wait, priority in rows:
        clock.advance(timedelta(seconds=wait))
        api.create(priority={"name": priority}, summary=f"S{wait}")
    whole = api.found(f"project = OPS ORDER BY {order}", maxResults=100)
    assert api.found(f"project = OPS ORDER BY {order}", maxResults=size) == whole
    assert sorted(whole) == [str(10000 + n) for n in range(len(rows))]


def test_search_lags_behind_reads(clock: VirtualClock) -> None:
    site = JiraSandbox(clock, accounts={EMAIL: SECRET}, index_lag=timedelta(seconds=30))
    api = Client(site)
    issue = api.create()
    assert api.read("OPS-1")["id"] == issue and api.found("project = OPS") == []
    clock.advance(timedelta(seconds=29))
    assert api.found("project = OPS") == []
    clock.advance(timedelta(seconds=1))
    assert api.found("project = OPS") == [issue]
    api("PUT", f"/issue/{issue}", {"fields": {"summary": "Renamed"}})
    assert api.found("summary ~ renamed") == []
    stale = api("POST", "/search/jql", {"jql": "project = OPS", "fields": ["summary"]}).body["issues"][0]
    assert stale["fields"]["summary"] == "Printer on fire"
    body = {"jql": "summary ~ renamed", "fields": ["summary"], "reconcileIssues": [int(issue)]}
    (fresh,) = api("POST", "/search/jql", body).body["issues"]
    assert fresh["fields"]["summary"] == "Renamed"
    clock.advance(timedelta(seconds=30))
    assert api.found("summary ~ renamed") == [issue]


def test_a_new_issue_can_be_reconciled_before_it_is_indexed(clock: VirtualClock) -> None:
    api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}, index_lag=timedelta(minutes=1)))
    issue = api.create()
    assert api.found("project = OPS", reconcileIssues=[int(issue)]) == [issue]
    assert api.found("project = DEV", reconcileIssues=[int(issue)]) == []


def test_deleted_and_hidden_issues_vanish_at_once(clock: VirtualClock) -> None:
    site = JiraSandbox(clock, accounts={EMAIL: SECRET}, index_lag=timedelta(seconds=5))
    api = Client(site)
    deleted, hidden = api.create(), api.create()
    clock.advance(timedelta(seconds=5))
    assert len(api.found("project = OPS")) == 2
    api("DELETE", f"/issue/{deleted}")
    site.hide(hidden)
    assert api.found("project = OPS") == []
    clock.advance(timedelta(seconds=5))
    assert api.found("project = OPS") == []


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_lag_of_varying_length_never_shows_an_older_state_after_a_newer(seed: int) -> None:
    clock = VirtualClock(START)
    lag = (timedelta(seconds=1), timedelta(seconds=20))
    api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}, seed=seed, index_lag=lag))
    issue = api.create(summary="S0")
    seen = []
    for n in range(1, 30):
        if n < 8:
            api("PUT", f"/issue/{issue}", {"fields": {"summary": f"S{n}"}})
        clock.advance(timedelta(seconds=1))
        found = api("POST", "/search/jql", {"jql": "project = OPS", "fields": ["summary"]}).body["issues"]
        seen += [int(i["fields"]["summary"][1:]) for i in found]
    assert seen == sorted(seen) and seen[-1] == 7


def test_counting(api: Client) -> None:
    api.create()
    assert api("POST", "/search/approximate-count", {"jql": "project = OPS"}).body == {"count": 1}
    assert api("POST", "/search/approximate-count", {"jql": ""}).status == 400
