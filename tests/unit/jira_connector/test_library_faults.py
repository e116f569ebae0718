"""The faults of the jira library that architecture.md names: none of them shows through the connector."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
import requests

from tieline.connectors.base import Applied, Create, Move, Ref, Transition
from tieline.connectors.errors import ConnectorError, Malformed, Unavailable, Unknown

from .conftest import SECRET, START, Jira


def create(summary: str = "down") -> Create:
    return Create("jira", "OPS/Incident", {"summary": summary}, "here:ops:1", Ref("servicenow", "a" * 32))


def test_a_create_whose_answer_is_lost_is_sent_once_and_unknown(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", requests.exceptions.ReadTimeout("no answer"))
    (outcome,) = cloud.connector.write([create()])
    assert isinstance(outcome, Unknown)
    assert cloud.log.count("POST 3/issue/bulk") == 1


@pytest.mark.parametrize("status", [403, 500, 502, 503, 504])
def test_a_create_that_failed_after_it_may_have_been_made_is_sent_once(cloud: Jira, status: int) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", {"errorMessages": ["oops"], "errors": {}}, status)
    (outcome,) = cloud.connector.write([create()])
    assert isinstance(outcome, Unknown)
    assert cloud.log.count("POST 3/issue/bulk") == 1


def test_a_create_that_was_refused_for_its_rate_is_sent_again(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", "", 429, headers={"Retry-After": "1"})
    cloud.on("POST", "issue/bulk", {"issues": [{"id": "20001", "key": "OPS-1"}], "errors": []}, 201)
    assert cloud.connector.write([create()]) == [Applied(Ref("jira", "20001"))]


def test_every_request_has_a_time_out(cloud: Jira) -> None:
    cloud.me()
    cloud.connector.identity()
    connect_s, read_s = cloud.mock.calls[0].request.req_kwargs["timeout"]  # type: ignore[attr-defined]
    assert 0 < connect_s <= read_s


def test_a_repeated_page_token_ends(cloud: Jira, make_issue: Any) -> None:
    page = {"issues": [make_issue(1)], "nextPageToken": "again", "isLast": False}
    cloud.call("POST", "search/jql", lambda _: (200, page))
    with pytest.raises(Malformed, match="repeats a page"):
        list(cloud.connector.feed(None, START))
    assert len(cloud.log) < 10


def test_no_header_cookie_or_secret_is_in_an_error(cloud: Jira) -> None:
    headers = {"Set-Cookie": "JSESSIONID=cafe; Path=/", "X-AREQUESTID": "1x2"}
    cloud.on("GET", "myself", f"trace Authorization: Basic {SECRET}", 400, headers=headers)
    with pytest.raises(ConnectorError) as caught:
        cloud.connector.identity()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for hidden in ("cafe", "JSESSIONID", SECRET, "X-AREQUESTID", "JIRAError", "JiraError", "headers"):
        assert hidden not in shown


def test_the_library_logs_no_body(cloud: Jira, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    cloud.on("GET", "myself", "{broken, and somebody's words")
    with pytest.raises(Malformed):
        cloud.connector.identity()
    assert "somebody" not in caplog.text


def test_a_create_is_one_request_and_reads_nothing_back(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", {"issues": [{"id": "20001", "key": "OPS-1"}], "errors": []}, 201)
    cloud.connector.write([create()])
    cloud.connector.write([create("again")])
    assert cloud.log == ["GET 3/field", "POST 3/issue/bulk", "POST 3/issue/bulk"]


def test_a_transition_goes_by_its_id_in_one_request(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/20001/transitions", status=204)
    outcome = cloud.connector.write([Transition(Ref("jira", "20001"), Move("11", "In Progress"))])
    assert outcome == [Applied(Ref("jira", "20001"))]
    assert cloud.log == ["GET 3/field", "POST 3/issue/20001/transitions"]
    assert cloud.sent() == {"transition": {"id": "11"}}


def test_making_a_connector_sends_nothing(cloud: Jira) -> None:
    assert cloud.log == []


def test_a_search_reads_nothing_else_first(center: Jira) -> None:
    center.on("POST", "search", {"issues": [], "total": 0, "startAt": 0, "maxResults": 100})
    list(center.connector.feed(None, START))
    assert center.log == ["POST 2/search"]


def test_a_read_is_repeated_and_then_given_up(cloud: Jira) -> None:
    cloud.on("POST", "search/jql", requests.exceptions.ConnectionError("reset"))
    with pytest.raises(Unavailable):
        list(cloud.connector.feed(None, START))
    assert len(cloud.log) == 3
