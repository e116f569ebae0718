"""Issue links and remote links: their direction, what is asked, and what an answer proves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tieline.connectors.base import Applied, Record, Ref, Relate, Tie, Unrelate
from tieline.connectors.errors import Gone, Rejected, Unknown

from .conftest import URL, Jira

MINE = Ref("jira", "20001")
FAR = Ref("jira", "20002", "issue")
TYPE = {"id": "10004", "name": "Problem/Incident", "inward": "is caused by", "outward": "causes"}


@pytest.fixture(params=["cloud", "datacenter"])
def jira(request: pytest.FixtureRequest, make_jira: Callable[..., Jira]) -> Jira:
    made = make_jira(request.param, ties=frozenset({"Problem/Incident"}))
    made.fields()
    return made


def show(jira: Jira, issue: dict[str, Any]) -> None:
    jira.on("POST", "issue/bulkfetch", {"issues": [issue]})
    jira.on("GET", f"issue/{issue['id']}", issue)


def test_links_come_along_with_the_issue(jira: Jira, make_issue: Callable[..., dict[str, Any]]) -> None:
    other = {**TYPE, "name": "Relates"}
    links = [
        {"id": "7", "type": TYPE, "inwardIssue": {"id": "20002", "key": "OPS-2"}},
        {"id": "8", "type": TYPE, "outwardIssue": {"id": "20003", "key": "OPS-3"}},
        {"id": "9", "type": other, "outwardIssue": {"id": "20004", "key": "OPS-4"}},
        {"id": "10", "type": TYPE},
    ]
    show(jira, make_issue(1, issuelinks=links))
    (record,) = jira.connector.read([MINE])
    assert isinstance(record, Record)
    assert record.ties == (
        Tie("Problem/Incident", FAR, outward=False, id="7", label="OPS-2"),
        Tie("Problem/Incident", Ref("jira", "20003", "issue"), outward=True, id="8", label="OPS-3"),
    )


def test_an_issue_that_told_no_links_has_not_none(
    make_jira: Callable[..., Jira], make_issue: Callable[..., dict[str, Any]]
) -> None:
    for types in (frozenset[str](), frozenset({"Problem/Incident"})):
        jira = make_jira(ties=types)
        jira.fields()
        show(jira, make_issue(1))
        (record,) = jira.connector.read([MINE])
        assert isinstance(record, Record)
        assert record.ties is None


@pytest.mark.parametrize(("outward", "ends"), [(True, ("20001", "20002")), (False, ("20002", "20001"))])
def test_a_link_reads_in_the_direction_asked_for(jira: Jira, outward: bool, ends: tuple[str, str]) -> None:
    jira.on("POST", "issueLink", "", 201)
    assert jira.connector.write([Relate(MINE, "Problem/Incident", FAR, outward)]) == [Applied(MINE)]
    sent = jira.sent()
    assert (sent["inwardIssue"]["id"], sent["outwardIssue"]["id"]) == ends
    assert sent["type"] == {"name": "Problem/Incident"}


def test_a_remote_link_is_an_upsert_with_its_own_id(jira: Jira) -> None:
    jira.on("POST", "issue/20001/remotelink", {"id": 1}, 201)
    target = Ref("servicenow", "p" * 32, "problem")
    action = Relate(MINE, "problem", target, label="PRB1", url="https://sn/x", global_id="tieline:problem:p")
    assert jira.connector.write([action]) == [Applied(MINE, made="tieline:problem:p")]
    sent = jira.sent()
    assert (sent["globalId"], sent["relationship"]) == ("tieline:problem:p", "problem")
    assert sent["object"] == {"url": "https://sn/x", "title": "PRB1"}


def test_an_end_or_a_type_that_is_not_there_is_refused_by_name(jira: Jira) -> None:
    words = {"errorMessages": ["No issue link type with name 'Problem/Incident' found."], "errors": {}}
    jira.on("POST", "issueLink", words, 404)
    (outcome,) = jira.connector.write([Relate(MINE, "Problem/Incident", FAR)])
    assert isinstance(outcome, Rejected)
    assert "Problem/Incident" in str(outcome)


def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(jira: Jira) -> None:
    jira.on("POST", "issueLink", requests.ConnectionError("reset"))
    (outcome,) = jira.connector.write([Relate(MINE, "Problem/Incident", FAR)])
    assert isinstance(outcome, Unknown)
    assert len([line for line in jira.log if "issueLink" in line]) == 1


@pytest.mark.parametrize("status", [204, 404])
def test_a_link_is_taken_away_by_its_id_also_if_it_is_gone(jira: Jira, status: int) -> None:
    body = {"errorMessages": ["No issue link with id '7' exists."], "errors": {}} if status == 404 else None
    jira.on("DELETE", "issueLink/7", body, status)
    action = Unrelate(MINE, "Problem/Incident", FAR, id="7")
    assert jira.connector.write([action]) == [Applied(MINE)]


def test_remote_links_are_asked_an_issue_at_a_time(jira: Jira) -> None:
    links = [{"id": 1, "globalId": "tieline:problem:p"}, {"id": 2}]
    jira.on("GET", "issue/20001/remotelink", links)
    jira.on("GET", "issue/20002/remotelink", {"errorMessages": ["Issue does not exist"], "errors": {}}, 404)
    found = jira.connector.remote_ties([MINE, Ref("jira", "20002")])
    assert found[0] == frozenset({"tieline:problem:p"})
    assert isinstance(found[1], Gone)


def test_targets_are_told_with_their_times_and_addresses(jira: Jira) -> None:
    issue = {
        "id": "20002", "key": "OPS-2",
        "fields": {"summary": "A driver", "status": {"name": "Open"}, "issuetype": {"name": "Problem"},
                   "created": "2026-01-02T03:04:05.678+0000", "components": [{"name": "Printing"}]},
    }  # fmt: skip
    jira.on("POST", "issue/bulkfetch", {"issues": [issue]})
    jira.on("GET", "issue/OPS-2", issue)
    (target,) = jira.connector.targets("issue", ["OPS-2"])
    assert (target.label, target.title, target.component) == ("OPS-2", "A driver", "Printing")
    assert target.url == f"{URL}/browse/OPS-2"
    assert jira.connector.targets("problem", ["OPS-2"]) == []
