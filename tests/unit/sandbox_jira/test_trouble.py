"""Each fault of the Jira stand-in as it looks to a plain client, and the limits that it counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.core import DROPPED, Request, Response, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import Client, Reply, doc

Ask = Callable[[str, str], Reply]


class Troubled(Client):
    """A client of a stand-in whose faults strike, as its server lets them; `struck` names those that did."""

    def __init__(self, inner: Client, struck: list[str]) -> None:
        super().__init__(inner.site, inner.root, inner.user, inner.secret)
        self.struck = struck
        site = inner.site
        handle = site.handle

        def around(request: Request) -> Response:
            answer = site.faults.around(request, handle, struck.append)
            return Response(599) if answer is DROPPED else answer

        self.site = _Front(around)  # type: ignore[assignment]


class _Front:
    def __init__(self, handle: Callable[[Request], Response]) -> None:
        self.handle = handle


def troubled(client: Client, clock: VirtualClock, *names: str, rate: float = 1.0) -> Troubled:
    struck: list[str] = []
    client.site.struck = struck.append
    faults.install(client.site, "jira", dict.fromkeys(names, rate), seed=5, clock=clock)
    return Troubled(client, struck)


@pytest.mark.parametrize(
    ("name", "status", "headers", "done"),
    [
        ("lost-request", 599, {}, False),
        ("lost-answer", 599, {}, True),
        ("error-after-commit", 500, {}, True),
        ("bad-gateway", 502, {"Content-Type": "text/html;charset=UTF-8"}, True),
        ("expired-token", 404, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}, False),
        ("plain-401", 401, {"Content-Type": "text/plain;charset=UTF-8"}, False),
        ("captcha", 403, {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}, False),
        ("conflicting-edit", 409, {}, False),
        ("burst-limit", 429, {"RateLimit-Reason": "jira-burst-based"}, False),
        ("issue-limit", 429, {"RateLimit-Reason": "jira-per-issue-on-write"}, False),
        ("quota-limit", 429, {"X-RateLimit-Remaining": "0"}, False),
        ("gateway-limit", 429, {"Content-Type": "text/plain"}, False),
        ("busy", 503, {"Content-Type": "text/html;charset=UTF-8"}, False),
    ],
)
def test_what_becomes_of_an_edit(
    api: Client, clock: VirtualClock, name: str, status: int, headers: dict[str, str], done: bool
) -> None:
    issue = api.create()
    api.site.site.store.issues[int(issue)].state.values["summary"]
    client = troubled(api, clock, name)
    reply = client("PUT", f"/issue/{issue}", {"fields": {"summary": "Other"}})
    assert reply.status == status
    assert headers.items() <= dict(reply.headers).items()
    assert client.struck == [name]
    assert (api.read(issue)["fields"]["summary"] == "Other") is done


@pytest.mark.parametrize("name", ["burst-limit", "issue-limit", "quota-limit", "busy"])
def test_limits_say_how_long(api: Client, clock: VirtualClock, name: str) -> None:
    issue = api.create()
    reply = troubled(api, clock, name)("PUT", f"/issue/{issue}", {"fields": {"summary": "Other"}})
    assert int(reply.headers["Retry-After"]) >= 1


def test_the_gateway_does_not_say_how_long(api: Client, clock: VirtualClock) -> None:
    reply = troubled(api, clock, "gateway-limit")("GET", "/myself")
    assert not {n for n in reply.headers if "ratelimit" in n.lower() or n.lower() == "retry-after"}


def test_a_quota_tells_its_policy(api: Client, clock: VirtualClock) -> None:
    headers = troubled(api, clock, "quota-limit")("GET", "/myself").headers
    assert headers["Beta-RateLimit-Policy"] == '"tenant-app-quota";q=100100;w=3600'
    assert headers["Beta-RateLimit"].startswith('"tenant-app-quota";r=0;t=')


def test_an_expired_token_finds_nothing_and_is_nobody(api: Client, clock: VirtualClock) -> None:
    api.create()
    client = troubled(api, clock, "expired-token")
    found = client("POST", "/search/jql", {"jql": "project = OPS"})
    assert (found.status, found.body) == (200, {"issues": [], "isLast": True})
    assert found.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
    assert client("GET", "/myself").status == 401


def test_a_page_names_its_own_token(api: Client, clock: VirtualClock) -> None:
    for _ in range(3):
        api.create()
    client = troubled(api, clock, "repeated-token")
    first = client("POST", "/search/jql", {"jql": "project = OPS", "maxResults": 1}).body
    query = {"jql": "project = OPS", "maxResults": 1, "nextPageToken": first["nextPageToken"]}
    second = client("POST", "/search/jql", query).body
    assert second["nextPageToken"] == first["nextPageToken"]
    assert client.struck == ["repeated-token"]


def test_a_bulk_fetch_names_what_it_could_not_read(api: Client, clock: VirtualClock) -> None:
    ids = [api.create(), api.create()]
    body = troubled(api, clock, "unread-issue")("POST", "/issue/bulkfetch", {"issueIdsOrKeys": ids}).body
    (failed,) = body["issueErrors"]
    assert sorted([failed["id"], *(issue["id"] for issue in body["issues"])]) == ids


def test_the_index_is_minutes_late_and_reads_are_not(api: Client, clock: VirtualClock) -> None:
    troubled(api, clock, "late-index")
    issue = api.create()
    clock.advance(timedelta(seconds=59))
    assert api.found("project = OPS") == []
    assert api.read(issue)["id"] == issue
    clock.advance(timedelta(minutes=10))
    assert api.found("project = OPS") == [issue]


def test_an_older_issue_gets_a_level_and_loses_it(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    client = troubled(api, clock, "security-level")
    assert client("GET", f"/issue/{issue}").status == 200
    clock.advance(timedelta(days=2))
    assert client("GET", f"/issue/{issue}").status == 404
    assert client.struck == ["security-level"]
    assert api.found("project = OPS") == []
    clock.advance(timedelta(minutes=10))
    assert api("GET", f"/issue/{issue}").status == 200


def test_levels_are_taken_off_with_the_fault(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    clock.advance(timedelta(days=2))
    assert troubled(api, clock, "security-level")("GET", f"/issue/{issue}").status == 404
    faults.install(api.site, "jira", {}, seed=5, clock=clock)
    assert api("GET", f"/issue/{issue}").status == 200


def test_a_resolution_is_asked_for_and_not_reported(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "11"}})
    troubled(api, clock, "unreported-resolution")
    shown = api("GET", f"/issue/{issue}/transitions", expand="transitions.fields").body["transitions"]
    resolve = next(t for t in shown if t["name"] == "Resolve")
    assert "resolution" not in resolve["fields"]
    bare = api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "41"}})
    assert bare.body["errorMessages"] == ["Field Resolution is required."]
    full = {"transition": {"id": "41"}, "fields": {"resolution": {"name": "Done"}}}
    assert api("POST", f"/issue/{issue}/transitions", full).status == 204


def test_a_resolution_is_taken_and_forgotten(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "11"}})
    client = troubled(api, clock, "forgotten-resolution")
    full = {"transition": {"id": "41"}, "fields": {"resolution": {"name": "Done"}}}
    assert api("POST", f"/issue/{issue}/transitions", full).status == 204
    fields = api.read(issue)["fields"]
    assert (fields["status"]["name"], fields["resolution"]) == ("Resolved", None)
    assert client.struck == ["forgotten-resolution"]


def test_bodies_break_and_trickle(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    client = troubled(api, clock, "slow-body")
    before = clock.now()
    assert client("GET", f"/issue/{issue}").status == 200
    assert clock.now() - before > timedelta(seconds=60)
    with pytest.raises(ValueError):
        troubled(api, clock, "broken-json")("GET", f"/issue/{issue}")


# Limits that are counted


def put(client: Client, issue: str, text: Any) -> int:
    return client("PUT", f"/issue/{issue}", {"fields": {"summary": str(text)}}).status


def test_twenty_writes_to_an_issue_in_two_seconds(api: Client, clock: VirtualClock) -> None:
    issue, other = api.create(), api.create()
    client = troubled(api, clock, "counted-limits")
    assert {put(client, issue, n) for n in range(20)} == {204}
    refused = client("POST", f"/issue/{issue}/comment", {"body": doc("x")})
    assert (refused.status, refused.headers["RateLimit-Reason"]) == (429, "jira-per-issue-on-write")
    assert client.struck == ["counted-limits"]
    assert put(client, other, "free") == 204
    assert client("GET", f"/issue/{issue}").status == 200
    clock.advance(timedelta(seconds=int(refused.headers["Retry-After"])))
    assert put(client, issue, "again") == 204


def test_a_hundred_writes_to_an_issue_in_thirty_seconds(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    client = troubled(api, clock, "counted-limits")
    for n in range(100):
        assert put(client, issue, n) == 204
        clock.advance(timedelta(milliseconds=150))
    refused = client("PUT", f"/issue/{issue}", {"fields": {"summary": "more"}})
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 10


@pytest.mark.parametrize(("path", "most"), [("/myself", 100), ("/issue/{}", 150)])
def test_bursts_are_counted_for_each_method_and_endpoint(
    api: Client, clock: VirtualClock, path: str, most: int
) -> None:
    path = path.format(api.create())
    client = troubled(api, clock, "counted-limits")
    assert {client("GET", path).status for _ in range(most)} == {200}
    refused = client("GET", path)
    assert (refused.status, refused.headers["RateLimit-Reason"]) == (429, "jira-burst-based")
    assert client("GET", "/field").status == 200
    clock.advance(timedelta(seconds=1))
    assert client("GET", path).status == 200


def test_data_center_has_a_bucket_of_tokens(
    dc: Client, clock: VirtualClock, server_site: JiraSandbox
) -> None:
    client = troubled(dc, clock, "counted-limits")
    first = client("GET", "/myself")
    told = {
        n: first.headers[n] for n in ("X-RateLimit-FillRate", "X-RateLimit-Interval-Seconds", "Retry-After")
    }
    assert told == {"X-RateLimit-FillRate": "10", "X-RateLimit-Interval-Seconds": "1", "Retry-After": "0"}
    for _ in range(49):
        assert client("GET", "/myself").status == 200
    refused = client("GET", "/myself")
    assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (429, "0")
    clock.advance(timedelta(seconds=int(refused.headers["Retry-After"])))
    assert client("GET", "/myself").status == 200


def test_an_ordinary_site_has_none_of_it(api: Client, clock: VirtualClock) -> None:
    troubled(api, clock, *[f.name for f in faults.CATALOGUE["jira"]], rate=0.5)
    client = troubled(api, clock)
    issue = api.create()
    assert {put(client, issue, n) for n in range(200)} == {204}
    assert client.struck == []
    assert api.found("project = OPS") == [issue]
