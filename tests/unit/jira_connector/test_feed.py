"""The feed: one request when idle, nothing lost between pages, nothing believed that is not ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieline.connectors.base import Page
from tieline.connectors.errors import Denied, Malformed, StateError

from .conftest import NOW, START, Jira

OVERLAP = timedelta(minutes=5)


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def entry(number: int, moment: datetime) -> dict[str, Any]:
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}+0000"
    return {"id": str(20000 + number), "key": f"OPS-{number}", "fields": {"updated": text}}


def page(*issues: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    return {"issues": list(issues), "isLast": token is None, **({"nextPageToken": token} if token else {})}


def labels(pages: list[Page]) -> list[str]:
    return [change.label for p in pages for change in p.changes]


def test_an_idle_feed_is_one_request_with_few_fields_and_no_scope(cloud: Jira) -> None:
    cloud.on("POST", "search/jql", page())
    (only,) = cloud.connector.feed(None, START)
    assert only.changes == ()
    assert cloud.log == ["POST 3/search/jql"]
    assert cloud.sent() == {
        "jql": f'project in ("OPS") AND updated >= {ms(START - OVERLAP)} ORDER BY updated ASC, key ASC',
        "fields": ["updated"],
        "maxResults": 100,
    }


def test_the_cursor_is_where_the_next_look_starts_less_the_overlap(cloud: Jira) -> None:
    moment = START + timedelta(hours=1, milliseconds=7)
    cloud.on("POST", "search/jql", page(entry(1, moment)))
    (first,) = cloud.connector.feed(None, START)
    list(cloud.connector.feed(first.cursor, START))
    assert f"updated >= {ms(moment - OVERLAP)} " in cloud.sent()["jql"]
    assert first.changes[0].updated == moment


def test_an_empty_look_keeps_the_cursor(cloud: Jira) -> None:
    cloud.on("POST", "search/jql", page())
    (first,) = cloud.connector.feed(None, START)
    (second,) = cloud.connector.feed(first.cursor, START - timedelta(days=9))
    assert first.cursor == second.cursor


def test_a_drained_feed_claims_the_time_at_which_jira_was_asked(cloud: Jira) -> None:
    """Otherwise every later look would hand out a burst of changes again, for as long as it is quiet."""
    told = {"Date": "Thu, 01 Jan 2026 09:00:00 GMT"}
    cloud.on("POST", "search/jql", page(entry(1, START), token="t"), headers=told)
    cloud.on("POST", "search/jql", page(entry(2, START + timedelta(minutes=1))), headers=told)
    first, last = (json.loads(p.cursor)["updated"] for p in cloud.connector.feed(None, START))
    assert (first, last) == (ms(START), ms(START + timedelta(hours=9)))


def test_a_time_ahead_of_ours_is_not_claimed(cloud: Jira) -> None:
    cloud.on("POST", "search/jql", page(), headers={"Date": "Thu, 01 Jan 2032 09:00:00 GMT"})
    (only,) = cloud.connector.feed(None, START)
    assert json.loads(only.cursor)["updated"] == ms(NOW)


def test_every_project_is_asked_for_once(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(places=(("OPS", "Incident"), ("DEV", "Bug"), ("OPS", "Problem")))
    jira.on("POST", "search/jql", page())
    list(jira.connector.feed(None, START))
    assert jira.sent()["jql"].startswith('project in ("OPS", "DEV") AND ')


def test_pages_follow_tokens_and_repeat_nothing(cloud: Jira) -> None:
    a, b, c = (entry(n, START + timedelta(minutes=n)) for n in (1, 2, 3))
    cloud.on("POST", "search/jql", page(a, b, token="t1"))
    cloud.on("POST", "search/jql", page(b, c))
    pages = list(cloud.connector.feed(None, START))
    assert labels(pages) == ["OPS-1", "OPS-2", "OPS-3"]
    assert cloud.sent()["nextPageToken"] == "t1"


def test_between_pages_the_cursor_claims_no_more_than_the_page_begins_with(cloud: Jira) -> None:
    """The index may sort by an older time than the one shown: the newest shown says nothing yet."""
    jumped = entry(9, START + timedelta(days=1))
    cloud.on("POST", "search/jql", page(entry(1, START + timedelta(minutes=1)), jumped, token="t1"))
    first = next(iter(cloud.connector.feed(None, START)))
    assert json.loads(first.cursor)["updated"] == ms(START + timedelta(minutes=1))


def test_a_token_that_comes_again_makes_the_search_start_anew_where_it_was(cloud: Jira) -> None:
    a, b = entry(1, START), entry(2, START + timedelta(minutes=9))
    for _ in range(2):
        cloud.on("POST", "search/jql", page(a, b, token="t"))
    cloud.on("POST", "search/jql", page(b, entry(3, START + timedelta(minutes=10))))
    assert labels(list(cloud.connector.feed(None, START))) == ["OPS-1", "OPS-2", "OPS-3"]
    assert f"updated >= {ms(START + timedelta(minutes=9))} " in cloud.sent()["jql"]
    assert "nextPageToken" not in cloud.sent()


def test_new_tokens_for_the_same_page_end_too(cloud: Jira) -> None:
    tokens = iter(range(1000))
    cloud.call(
        "POST", "search/jql", lambda _: (200, page(entry(1, START - OVERLAP), token=f"t{next(tokens)}"))
    )
    with pytest.raises(Malformed, match="does not get on"):
        list(cloud.connector.feed(None, START))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"issues": [], "isLast": False}, "there is more and not where"),
        ({"isLast": True}, "no list of issues"),
        ({"issues": [{"key": "OPS-1"}]}, "no list of issues"),
        ({"issues": [{"id": "1", "key": "OPS-1"}], "isLast": True}, "without the fields"),
        (
            {"issues": [{"id": "1", "key": "OPS-1", "fields": {"updated": None}}], "isLast": True},
            "not a time",
        ),
        ([], "no list of issues"),
        (page(entry(1, START - timedelta(days=1))), "ignored the query"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_malformed(cloud: Jira, answer: Any, why: str) -> None:
    cloud.on("POST", "search/jql", answer)
    with pytest.raises(Malformed, match=why):
        list(cloud.connector.feed(None, START))


@pytest.mark.parametrize("reason", ["AUTHENTICATED_FAILED", "OUT", "AUTHENTICATION_DENIED, OK"])
def test_an_empty_answer_to_a_stranger_is_denied(cloud: Jira, reason: str) -> None:
    cloud.on("POST", "search/jql", page(), headers={"X-Seraph-LoginReason": reason})
    with pytest.raises(Denied, match="renew the token"):
        list(cloud.connector.feed(None, START))


def test_an_answer_that_says_ok_is_ours(cloud: Jira) -> None:
    cloud.on("POST", "search/jql", page(), headers={"x-seraph-loginreason": "OK"})
    assert labels(list(cloud.connector.feed(None, START))) == []


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, {"errorMessages": ["The value 'OPS' does not exist for the field 'project'."]}, Denied),
        (401, "Client must be authenticated to access this resource.", Denied),
        (410, {"errorMessages": ["The requested API has been removed."], "errors": {}}, Malformed),
        (200, "<html><title>Log in</title></html>", Malformed),
    ],
)
def test_a_refused_look_names_what_to_do(cloud: Jira, status: int, body: Any, failure: type) -> None:
    cloud.on("POST", "search/jql", body, status)
    with pytest.raises(failure):
        list(cloud.connector.feed(None, START))


def test_a_cursor_of_somebody_else_is_not_guessed_at(cloud: Jira) -> None:
    with pytest.raises(StateError):
        list(cloud.connector.feed("2026-01-01", START))


# Data Center pages by offset, over issues that move while it does so


class Center:
    """Data Center's search over issues that people edit between pages; ties come in any order."""

    def __init__(self, times: list[int], edits: dict[int, int]) -> None:
        self.times = dict(enumerate(times, 1))
        self.edits = edits
        self.asked = 0

    def __call__(self, body: Any) -> tuple[int, Any]:
        self.asked += 1
        since = int(body["jql"].split(">= ")[1].split(" ")[0])
        rows = [(t, n) for n, t in self.times.items() if ms(START) + t >= since]
        rows.sort()
        start, size = body["startAt"], body["maxResults"]
        shown = [entry(n, START + timedelta(milliseconds=t)) for t, n in rows[start : start + size]]
        edited = self.edits.pop(self.asked, None)
        if edited in self.times:
            self.times[edited] = max(self.times.values()) + 1
        return 200, {"startAt": start, "maxResults": size, "total": len(rows), "issues": shown}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.integers(0, 6).map(lambda n: n * 60_000), max_size=14),
    edits=st.dictionaries(st.integers(1, 6), st.integers(1, 14), max_size=5),
    size=st.integers(1, 4),
)
def test_data_center_shows_every_issue_though_issues_move_between_pages(
    make_jira: Callable[..., Jira], times: list[int], edits: dict[int, int], size: int
) -> None:
    jira = make_jira("datacenter", page_size=size)
    jira.mock.reset()
    center = Center(times, edits)
    jira.call("POST", "search", center)
    pages = list(jira.connector.feed(None, START))
    assert set(labels(pages)) == {f"OPS-{n}" for n in center.times}
    seen = [(c.ref, c.version) for p in pages for c in p.changes]
    assert len(seen) == len(set(seen))


def test_data_center_gets_past_more_equal_times_than_it_shows_on_a_page(
    make_jira: Callable[..., Jira],
) -> None:
    jira = make_jira("datacenter", page_size=2)
    search = Center([60_000] * 9, {})

    def capped(body: Any) -> tuple[int, Any]:
        return search({**body, "maxResults": min(body["maxResults"], 4)})

    jira.call("POST", "search", capped)
    assert len(labels(list(jira.connector.feed(None, START)))) == 9


def test_data_center_without_a_total_is_malformed(center: Jira) -> None:
    center.on("POST", "search", {"issues": []})
    with pytest.raises(Malformed):
        list(center.connector.feed(None, START.astimezone(UTC)))
