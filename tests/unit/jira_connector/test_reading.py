"""Reading issues by id: values, moves, touches; what is absent is Gone only if it was said to us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tieline.connectors.base import Move, Record, Ref, Touch, Version
from tieline.connectors.errors import ConfigError, Denied, Gone, Malformed, Unavailable

from .conftest import FIELDS, MARKER, URL, Jira

Make = Callable[..., dict[str, Any]]
ADF = {
    "type": "doc", "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "It is down. "}]}],
}  # fmt: skip


def refs(*numbers: int) -> list[Ref]:
    return [Ref("jira", str(20000 + number)) for number in numbers]


def history(number: int, when: str, who: str, *items: tuple[str, str, str], kind: str = "atlassian") -> Any:
    changed = [{"field": f, "fieldId": f, "fromString": a, "toString": b} for f, a, b in items]
    return {
        "id": str(number),
        "created": when,
        "author": {"accountId": who, "accountType": kind},
        "items": changed,
    }


def test_an_issue_becomes_a_record_of_typed_values(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    issue = make_issue(
        7,
        moment="2026-01-02T03:04:05.678-0700",
        description=ADF,
        priority={"id": "2", "name": "High"},
        status={"id": "1", "name": "In Progress", "statusCategory": {"key": "indeterminate"}},
        assignee={"accountId": "acc-1", "displayName": "Ann", "emailAddress": "ann@example.com"},
        labels=["b", "a"],
        components=[{"id": "1", "name": "Mail"}],
        customfield_10050={"id": "9", "value": "Network"},
        customfield_10053=None,
        **{MARKER: "here:ops:abc"},
    )
    cloud.on("POST", "issue/bulkfetch", {"issues": [issue], "issueErrors": []})
    (record,) = cloud.connector.read(refs(7))
    assert isinstance(record, Record)
    assert record.values == {
        "summary": "Issue 7", "description": "It is down.", "priority": "High", "status": "In Progress",
        "resolution": None, "assignee": "acc-1", "labels": frozenset({"a", "b"}),
        "components": frozenset({"Mail"}), "customfield_10050": "Network", "customfield_10051": None,
        "customfield_10053": None,
    }  # fmt: skip
    assert (record.label, record.place, record.marker) == ("OPS-7", "OPS/Incident", "here:ops:abc")
    assert record.url == f"{URL}/browse/OPS-7"
    assert record.updated == datetime(2026, 1, 2, 10, 4, 5, 678000, UTC)
    assert record.created.tzinfo is UTC
    assert record.version == Version("2026-01-02T03:04:05.678-0700")


def test_moves_and_touches_come_in_the_shared_read(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    screen = {"resolution": {"required": True}, "customfield_10053": {"required": False}}
    issue = make_issue(1) | {
        "transitions": [
            {
                "id": "41",
                "name": "Fix",
                "to": {"name": "Resolved", "statusCategory": {"key": "done"}},
                "fields": screen,
            },
            {
                "id": "21",
                "name": "Wait",
                "to": {"name": "Waiting", "statusCategory": {"key": "new"}},
                "fields": {},
            },
        ],
        "changelog": {
            "histories": [
                history(3, "2026-01-02T00:00:03.000+0000", "acc-b", ("priority", "Low", "High")),
                history(2, "2026-01-02T00:00:02.000+0000", "acc-app", ("summary", "a", "b"), kind="app"),
                history(1, "2026-01-02T00:00:01.000+0000", "acc-a", ("priority", "High", "Low")),
            ]
        },
    }
    cloud.on("POST", "issue/bulkfetch", {"issues": [issue]})
    (record,) = cloud.connector.read(refs(1))
    assert isinstance(record, Record)
    assert record.moves == (
        Move(
            "41", "Resolved", True, frozenset({"resolution", "customfield_10053"}), frozenset({"resolution"})
        ),
        Move("21", "Waiting"),
    )
    assert record.touched == {
        "priority": Touch(datetime(2026, 1, 2, 0, 0, 3, tzinfo=UTC), "acc-b", True),
        "summary": Touch(datetime(2026, 1, 2, 0, 0, 2, tzinfo=UTC), "acc-app", False),
    }
    assert record.updated_by == "acc-b"
    assert cloud.log == ["GET 3/field", "POST 3/issue/bulkfetch"]


def test_screens_that_are_not_told_are_asked_for_once_a_status(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    bare = {"id": "41", "name": "Fix", "to": {"name": "Resolved", "statusCategory": {"key": "done"}}}
    issues = [make_issue(n) | {"transitions": [bare]} for n in (1, 2)]
    cloud.on("POST", "issue/bulkfetch", {"issues": issues})
    cloud.on(
        "GET",
        "issue/20001/transitions",
        {"transitions": [bare | {"fields": {"resolution": {"required": True}}}]},
    )
    for _ in range(2):
        found = cloud.connector.read(refs(1, 2))
        assert [r.moves[0].required for r in found if isinstance(r, Record)] == [
            frozenset({"resolution"})
        ] * 2
    assert cloud.log.count("GET 3/issue/20001/transitions") == 1


def test_a_hundred_issues_are_one_request_and_keep_their_places(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    cloud.call("POST", "issue/bulkfetch", lambda body: (200, {"issues": [
        make_issue(int(i) - 20000) for i in sorted(body["issueIdsOrKeys"], key=int) if i != "20002"
    ]}))  # fmt: skip
    asked = refs(3, 2, 1, *range(4, 151), 3)
    found = cloud.connector.read(asked)
    assert isinstance(found[1], Gone)
    assert [r.ref for r in found if isinstance(r, Record)] == [ref for ref in asked if ref.id != "20002"]
    assert cloud.log.count("POST 3/issue/bulkfetch") == 2


def test_nothing_is_gone_before_we_know_that_it_was_said_to_us(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulkfetch", {"issues": []})
    cloud.on("GET", "myself", "Client must be authenticated to access this resource.", 401)
    with pytest.raises(Denied):
        cloud.connector.read(refs(1, 2))


def test_all_may_be_gone_if_we_are_known(cloud: Jira) -> None:
    cloud.fields()
    cloud.me()
    cloud.on("POST", "issue/bulkfetch", {"issues": []})
    assert all(isinstance(found, Gone) for found in cloud.connector.read(refs(1, 2)))


def test_an_anonymous_answer_is_denied_though_it_is_200(cloud: Jira) -> None:
    cloud.fields()
    headers = {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}
    cloud.on("POST", "issue/bulkfetch", {"issues": []}, headers=headers)
    with pytest.raises(Denied):
        cloud.connector.read(refs(1))


@pytest.mark.parametrize("body", ['{"issues": [', "", "<html>maintenance</html>", "[]", '{"issues": {}}'])
def test_a_cut_answer_is_malformed_never_gone(cloud: Jira, body: str) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulkfetch", body)
    with pytest.raises(Malformed):
        cloud.connector.read(refs(1))


def test_one_unreadable_issue_stops_no_other(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    broken = make_issue(1)
    del broken["fields"]["updated"]
    errors = [{"id": "20003", "errorMessage": "try again later"}]
    cloud.on("POST", "issue/bulkfetch", {"issues": [broken, make_issue(2)], "issueErrors": errors})
    first, second, third = cloud.connector.read(refs(1, 2, 3))
    assert isinstance(first, Malformed) and "OPS-1" in str(first)
    assert isinstance(second, Record)
    assert isinstance(third, Unavailable)


def test_a_configured_field_that_does_not_exist_is_not_read_as_empty(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(fields={"summary": "line", "customfield_99": "choice"})
    jira.fields()
    with pytest.raises(ConfigError, match="customfield_99"):
        jira.connector.read(refs(1))


def test_no_fields_at_all_is_an_account_without_rights(cloud: Jira) -> None:
    cloud.on("GET", "field", [])
    with pytest.raises(Denied):
        cloud.connector.read(refs(1))


def test_labels_can_hold_the_marker_and_do_not_show_it_as_a_value(
    make_jira: Callable[..., Jira], make_issue: Make
) -> None:
    jira = make_jira(marker="labels")
    jira.fields()
    jira.on("POST", "issue/bulkfetch", {"issues": [make_issue(1, labels=["here:ops:abc", "vip"])]})
    (record,) = jira.connector.read(refs(1))
    assert isinstance(record, Record)
    assert (record.marker, record.values["labels"]) == ("here:ops:abc", frozenset({"vip"}))


def test_data_center_reads_each_issue_past_the_index(center: Jira, make_issue: Make) -> None:
    center.fields()
    issue = make_issue(1, description="It \\*is\\* down", assignee={"name": "ann", "key": "JIRAUSER1"})
    center.on("GET", "issue/20001", issue)
    gone = {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}
    center.on("GET", "issue/20002", gone, 404)
    record, absent = center.connector.read(refs(1, 2))
    assert isinstance(record, Record)
    assert (record.values["description"], record.values["assignee"]) == ("It *is* down", "ann")
    assert isinstance(absent, Gone)


def test_data_center_changelogs_name_fields_as_people_see_them(center: Jira, make_issue: Make) -> None:
    center.fields()
    item = {"field": "Support group", "fieldtype": "custom", "fromString": "Network", "toString": "Database"}
    entry = {"id": "5", "created": "2026-01-02T00:00:03.000+0000", "author": {"name": "ann"}, "items": [item]}
    center.on("GET", "issue/20001", make_issue(1) | {"changelog": {"histories": [entry]}})
    (record,) = center.connector.read(refs(1))
    assert isinstance(record, Record)
    touch = record.touched["customfield_10050"]
    assert touch == replace(touch, by="ann", person=None)


def test_reading_nothing_asks_nothing(cloud: Jira) -> None:
    assert cloud.connector.read([]) == []
    assert cloud.log == []


def test_the_described_fields_are_those_of_the_fixture() -> None:
    assert len({field["id"] for field in FIELDS}) == len(FIELDS)
