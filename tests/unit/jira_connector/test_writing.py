"""Writing: each action once, its outcome in its place, what was overwritten told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tieline.connectors.base import (
    AddNote,
    Applied,
    Create,
    Move,
    Ref,
    ShowLink,
    Transition,
    Update,
    Values,
)
from tieline.connectors.errors import ConnectorError, Denied, Gone, RateLimited, Rejected, Stale, Unknown

from .conftest import MARKER, SECRET, Jira
from .histories import REF, Make, entry, shown, update

ORIGIN = Ref("servicenow", "a" * 32)


def create(**values: Any) -> Create:
    return Create("jira", "OPS/Incident", {"summary": "down", **values}, "here:ops:1", ORIGIN)


def refused(**errors: str) -> dict[str, Any]:
    return {"errorMessages": [], "errors": errors}


# Creates


def test_fifty_creates_are_one_request(cloud: Jira) -> None:
    cloud.fields()
    numbers = iter(range(1, 1000))
    lock = threading.Lock()

    def made(body: Any) -> tuple[int, Any]:
        with lock:
            issues = [(f["fields"]["summary"], next(numbers)) for f in body["issueUpdates"]]
        return 201, {"issues": [{"id": s, "key": f"OPS-{n}"} for s, n in issues], "errors": []}

    cloud.call("POST", "issue/bulk", made)
    outcomes = cloud.connector.write([create(summary=str(n)) for n in range(70)])
    assert outcomes == [Applied(Ref("jira", str(n))) for n in range(70)]
    assert cloud.log.count("POST 3/issue/bulk") == 2


def test_a_create_sends_jiras_forms_of_the_values(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", {"issues": [{"id": "1", "key": "OPS-1"}], "errors": []}, 201)
    cloud.connector.write(
        [
            create(
                description="a\n\nb", priority="High", assignee="acc-1", labels=frozenset({"y", "x"}),
                components=frozenset({"Mail"}), customfield_10050="Network", customfield_10051=None,
            )
        ]
    )  # fmt: skip
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "a"}]}
    other = {"type": "paragraph", "content": [{"type": "text", "text": "b"}]}
    assert cloud.sent()["issueUpdates"][0]["fields"] == {
        "project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "down",
        "description": {"type": "doc", "version": 1, "content": [paragraph, other]},
        "priority": {"name": "High"}, "assignee": {"accountId": "acc-1"}, "labels": ["x", "y"],
        "components": [{"name": "Mail"}], "customfield_10050": {"value": "Network"}, MARKER: "here:ops:1",
    }  # fmt: skip


def test_data_center_gets_wiki_markup_and_user_names(center: Jira) -> None:
    center.fields()
    center.on("POST", "issue/bulk", {"issues": [{"id": "1", "key": "OPS-1"}], "errors": []}, 201)
    center.connector.write([create(description="*not bold*", assignee="ann")])
    fields = center.sent()["issueUpdates"][0]["fields"]
    assert (fields["description"], fields["assignee"]) == ("\\*not bold*", {"name": "ann"})


def test_the_marker_can_be_a_label(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(marker="labels")
    jira.fields()
    jira.on("POST", "issue/bulk", {"issues": [{"id": "1", "key": "OPS-1"}], "errors": []}, 201)
    jira.connector.write([create(labels=frozenset({"vip"}))])
    assert jira.sent()["issueUpdates"][0]["fields"]["labels"] == ["vip", "here:ops:1"]


def failed(number: int, status: int = 400, **errors: str) -> dict[str, Any]:
    return {"status": status, "elementErrors": refused(**errors), "failedElementNumber": number}


def test_partial_success_keeps_each_outcome_in_its_place(cloud: Jira) -> None:
    cloud.fields()
    errors = [failed(1, priority="bad"), failed(3, 429)]
    issues = [{"id": "11", "key": "OPS-1"}, {"id": "12", "key": "OPS-2"}]
    cloud.on("POST", "issue/bulk", {"issues": issues, "errors": errors}, 201)
    a, b, c, d = cloud.connector.write([create() for _ in range(4)])
    assert (a, c) == (Applied(Ref("jira", "11")), Applied(Ref("jira", "12")))
    assert isinstance(b, Rejected) and b.fields == {"priority": "bad"}
    assert isinstance(d, RateLimited)


def test_all_refused_is_rejected_one_by_one(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", {"issues": [], "errors": [failed(0, summary="long"), failed(1)]}, 400)
    outcomes = cloud.connector.write([create(), create()])
    assert all(isinstance(outcome, Rejected) for outcome in outcomes)
    assert len(cloud.log) == 2


def test_a_request_refused_as_a_whole_stops_only_the_one_at_fault(cloud: Jira) -> None:
    cloud.fields()

    def answer(body: Any) -> tuple[int, Any]:
        summaries = [update["fields"]["summary"] for update in body["issueUpdates"]]
        if "bad" in summaries:
            return 400, {"errorMessages": ["INVALID_INPUT"], "errors": {}}
        return 201, {
            "issues": [{"id": str(n), "key": f"OPS-{n}"} for n, _ in enumerate(summaries, 1)],
            "errors": [],
        }

    cloud.call("POST", "issue/bulk", answer)
    good, bad = cloud.connector.write([create(), create(summary="bad")])
    assert good == Applied(Ref("jira", "1"))
    assert isinstance(bad, Rejected) and "INVALID_INPUT" in str(bad)


@pytest.mark.parametrize(
    "body",
    [
        {"issues": [{"id": "11", "key": "OPS-1"}], "errors": []},
        {"issues": [], "errors": []},
        {"issues": [{"key": "OPS-1"}, {"id": None}], "errors": []},
        {"errorMessages": ["x"]},
        "<html></html>",
        '{"issues": [',
        "",
    ],
)
def test_an_answer_that_does_not_tell_what_was_made_is_unknown(cloud: Jira, body: Any) -> None:
    cloud.fields()
    cloud.on("POST", "issue/bulk", body, 201)
    outcomes = cloud.connector.write([create(), create()])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    assert cloud.log.count("POST 3/issue/bulk") == 1


# Updates


def test_an_update_shows_the_record_in_the_same_request(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    cloud.me()
    mine = entry(2, "acc-tieline", "priority", "Low", "High")
    cloud.on("PUT", "issue/20001", shown(make_issue, mine, priority={"name": "High"}))
    (applied,) = cloud.connector.write([update({"priority": "Low"}, priority="High")])
    assert isinstance(applied, Applied) and applied.record is not None
    assert applied.record.values["priority"] == "High"
    assert (applied.alone, applied.races) == (True, ())
    request = cloud.mock.calls[1].request
    assert "returnIssue=true" in str(request.url) and "changelog" in str(request.url)
    assert cloud.sent(1) == {"fields": {"priority": {"name": "High"}}}


def test_an_answer_with_only_the_edited_fields_gives_no_record(cloud: Jira) -> None:
    cloud.fields()
    cloud.me()
    cloud.on("PUT", "issue/20001", {"id": "20001", "key": "OPS-1", "fields": {"summary": "x"}})
    assert cloud.connector.write([update(summary="x")]) == [Applied(REF)]


@pytest.mark.parametrize("body", [{"id": "20002", "key": "OPS-2"}, {"error": "x"}, [], "<html>", "{"])
def test_a_2xx_that_is_no_answer_to_the_write_is_unknown(cloud: Jira, body: Any) -> None:
    cloud.fields()
    cloud.on("PUT", "issue/20001", body)
    (outcome,) = cloud.connector.write([update(summary="x")])
    assert isinstance(outcome, Unknown)


def test_data_center_updates_show_nothing(center: Jira) -> None:
    center.fields()
    center.on("PUT", "issue/20001", status=204)
    assert center.connector.write([update(summary="x", customfield_10051=None)]) == [Applied(REF)]
    assert center.sent() == {"fields": {"summary": "x", "customfield_10051": None}}
    assert "returnIssue" not in str(center.mock.calls[-1].request.url)


def test_labels_and_components_are_added_and_removed_one_by_one(center: Jira) -> None:
    center.fields()
    center.on("PUT", "issue/20001", status=204)
    before: Values = {"labels": frozenset({"a", "b"}), "components": None}
    action = update(before, labels=frozenset({"b", "c"}), components=frozenset({"Mail"}))
    center.connector.write([action])
    assert center.sent() == {
        "update": {"labels": [{"add": "c"}, {"remove": "a"}], "components": [{"add": {"name": "Mail"}}]}
    }


def test_a_write_that_changes_nothing_sends_nothing(cloud: Jira) -> None:
    cloud.fields()
    same: Values = {"labels": frozenset({"a"})}
    assert cloud.connector.write([update(same, labels=frozenset({"a"}))]) == [Applied(REF)]
    assert cloud.log == ["GET 3/field"]


def test_a_note_follows_its_update_and_is_internal(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("PUT", "issue/20001", status=204)
    cloud.on("POST", "issue/20001/comment", {"id": "1"}, 201)
    assert cloud.connector.write([Update(REF, {"summary": "x"}, note="why")]) == [Applied(REF)]
    assert cloud.sent()["properties"] == [{"key": "sd.public.comment", "value": {"internal": True}}]
    assert cloud.log[-2:] == ["PUT 3/issue/20001", "POST 3/issue/20001/comment"]


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, refused(summary="Summary can't exceed 255 characters."), Rejected),
        (400, {"errorMessages": ["Field Resolution is required."], "errors": {}}, Rejected),
        (403, {"errorMessages": ["You do not have permission to edit issues in this project."]}, Rejected),
        (404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}, Gone),
        (409, refused(), Stale),
        (413, {"errorMessages": ["too many"], "errors": {}}, Rejected),
        (400, "Bad Request", Unknown),
        (403, "<html>firewall</html>", Unknown),
        (404, "<html>nginx</html>", Unknown),
        (500, {"errorMessages": ["Internal server error"], "errors": {}}, Unknown),
        (503, "", Unknown),
        (302, "", Unknown),
        (429, {"errorMessages": ["Rate limit exceeded."]}, RateLimited),
        (200, requests.exceptions.ChunkedEncodingError("cut"), Unknown),
    ],
)
def test_what_a_refusal_means(cloud: Jira, status: int, body: Any, failure: type[ConnectorError]) -> None:
    cloud.fields()
    cloud.on("PUT", "issue/20001", body, status)
    (outcome,) = cloud.connector.write([update(summary="x")])
    assert isinstance(outcome, failure), outcome


def test_a_refusal_names_the_fields(cloud: Jira) -> None:
    cloud.fields()
    text = "Field 'resolution' cannot be set. It is not on the appropriate screen, or unknown."
    cloud.on("PUT", "issue/20001", refused(resolution=text), 400)
    (outcome,) = cloud.connector.write([update(resolution="Done")])
    assert isinstance(outcome, Rejected) and outcome.fields == {"resolution": text}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"errorMessages": ["It seems that you have tried to perform a workflow operation (Start) "
                                 "that is not valid for the current state of this issue OPS-1."]}),
        (400, {"errorMessages": ["Transition id '11' is not valid for this issue."], "errors": {}}),
        (409, refused()),
    ],
)  # fmt: skip
def test_a_transition_that_is_no_longer_open_is_stale(cloud: Jira, status: int, body: Any) -> None:
    cloud.fields()
    cloud.on("POST", "issue/20001/transitions", body, status)
    (outcome,) = cloud.connector.write([Transition(REF, Move("11", "In Progress"))])
    assert isinstance(outcome, Stale)


def test_a_transition_sends_its_screens_fields(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/20001/transitions", status=204)
    values = {"resolution": "Done", "customfield_10053": "Restarted."}
    cloud.connector.write([Transition(REF, Move("41", "Resolved"), values, {"resolution": None})])
    assert cloud.sent()["fields"]["resolution"] == {"name": "Done"}
    assert cloud.sent()["fields"]["customfield_10053"]["type"] == "doc"


def test_a_link_is_upserted_with_its_state(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/20001/remotelink", {"id": 1}, 201)
    link = ShowLink(REF, "here:1", "INC0010001", "https://sn.example.com/x?sys_id=1", "Resolved", True)
    assert cloud.connector.write([link]) == [Applied(REF)]
    sent = cloud.sent()
    assert (sent["globalId"], sent["object"]["url"]) == ("here:1", "https://sn.example.com/x?sys_id=1")
    assert (sent["object"]["title"], sent["object"]["summary"]) == ("INC0010001", "Resolved")
    assert sent["object"]["status"]["resolved"] is True
    icon = {"url16x16": "https://sn.example.com/favicon.ico", "title": sent["application"]["name"]}
    assert sent["object"]["icon"] == icon
    assert sent["object"]["status"]["icon"] == {**icon, "title": "Resolved"}


# Many at once


def test_writes_to_one_issue_keep_their_order_and_stop_at_a_failure(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("POST", "issue/20001/transitions", refused(resolution="required"), 400)
    cloud.on("POST", "issue/20002/comment", {"id": "1"}, 201)
    first, second, other = cloud.connector.write(
        [
            Transition(REF, Move("41", "Resolved")),
            Transition(REF, Move("51", "Closed")),
            AddNote(Ref("jira", "20002"), "a note"),
        ]
    )
    assert isinstance(first, Rejected) and isinstance(second, Stale)
    assert other == Applied(Ref("jira", "20002"))
    assert cloud.log.count("POST 3/issue/20001/transitions") == 1


def test_outcomes_come_in_the_order_of_the_actions(cloud: Jira) -> None:
    cloud.fields()
    for number in range(20):
        body = {"id": "1"} if number % 2 else refused(body="empty")
        cloud.on("POST", f"issue/{number}/comment", body, 201 if number % 2 else 400)
    outcomes = cloud.connector.write([AddNote(Ref("jira", str(n)), "a note") for n in range(20)])
    assert [isinstance(outcome, Applied) for outcome in outcomes] == [bool(n % 2) for n in range(20)]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {}),
        (403, {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=https://jira.example.com"}),
        (401, {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}),
    ],
)
def test_denied_credentials_stop_the_side(cloud: Jira, status: int, headers: dict[str, str]) -> None:
    cloud.fields()
    cloud.on("PUT", "issue/20001", "Client must be authenticated.", status, headers=headers)
    with pytest.raises(Denied) as caught:
        cloud.connector.write([update(summary="x")])
    assert SECRET not in str(caught.value)


def test_denied_after_a_success_keeps_what_was_done(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(concurrency=1)
    jira.fields()
    jira.on("POST", "issue/1/comment", {"id": "1"}, 201)
    jira.on("POST", "issue/2/comment", "Client must be authenticated.", 401)
    notes = [AddNote(Ref("jira", str(n)), "a note") for n in (1, 2, 3)]
    done, denied, unsent = jira.connector.write(notes)
    assert done == Applied(Ref("jira", "1"))
    assert isinstance(denied, Denied) and isinstance(unsent, Denied)
    assert "POST 3/issue/3/comment" not in jira.log


def test_a_write_taken_from_a_stranger_is_unknown(cloud: Jira) -> None:
    cloud.fields()
    cloud.on("PUT", "issue/20001", status=204, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
    (outcome,) = cloud.connector.write([update(summary="x")])
    assert isinstance(outcome, Unknown)


def test_a_field_that_jira_does_not_have_is_refused_before_anything_is_sent(cloud: Jira) -> None:
    cloud.fields()
    (outcome,) = cloud.connector.write([update(customfield_77="x")])
    assert isinstance(outcome, Rejected) and "customfield_77" in outcome.fields
    assert cloud.log == ["GET 3/field"]
