"""Creating, reading and editing issues: what is shown, what is refused, and in which words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.settings import Settings

from .conftest import EMAIL, SECRET, Client, doc

NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


def test_a_created_issue_is_named_by_id_key_and_url(api: Client) -> None:
    fields = {"project": {"id": "10000"}, "issuetype": {"id": "10100"}, "summary": "One"}
    reply = api("POST", "/issue", {"fields": fields})
    url = "http://jira.test/rest/api/3/issue/10000"
    assert (reply.status, reply.body) == (201, {"id": "10000", "key": "OPS-1", "self": url})


def test_what_was_set_is_read_back(api: Client) -> None:
    wanted = {
        "summary": "Mail is down",
        "description": doc("Since nine", "Everybody"),
        "priority": {"name": "High"},
        "labels": ["vip", "mail"],
        "customfield_10042": "example:operations:1",
        "customfield_10050": {"value": "Network"},
        "customfield_10053": doc("Restarted"),
    }
    fields = api.read(api.create(**wanted))["fields"]
    assert fields["summary"] == "Mail is down"
    assert fields["description"] == doc("Since nine", "Everybody")
    assert fields["labels"] == ["mail", "vip"]
    assert (fields["priority"]["name"], fields["priority"]["id"]) == ("High", "2")
    assert fields["customfield_10050"]["value"] == "Network"
    assert fields["customfield_10042"] == "example:operations:1"
    assert fields["status"]["statusCategory"]["key"] == "new"
    assert fields["assignee"] is None and fields["resolution"] is None
    assert fields["reporter"]["emailAddress"] == EMAIL


def test_times_have_milliseconds_and_the_zone_of_the_caller(clock: VirtualClock) -> None:
    site = JiraSandbox(clock, accounts={EMAIL: SECRET}, time_zone="America/Los_Angeles")
    api = Client(site)
    assert api.read(api.create())["fields"]["created"] == "2026-03-04T01:30:15.250-0800"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"project": None}, {"project": "Specify a valid project ID or key"}),
        ({"project": {"key": "NOPE"}}, {"project": "Specify a valid project ID or key"}),
        ({"issuetype": {"name": "Bug"}}, {"issuetype": "Specify a valid issue type"}),
        ({"summary": ""}, {"summary": "You must specify a summary of the issue."}),
        ({"summary": 5}, {"summary": "Operation value must be a string"}),
        ({"resolution": {"name": "Done"}}, {"resolution": NOT_ON_SCREEN.format("resolution")}),
        ({"status": {"name": "Closed"}}, {"status": NOT_ON_SCREEN.format("status")}),
        ({"customfield_9": "x"}, {"customfield_9": NOT_ON_SCREEN.format("customfield_9")}),
        ({"priority": {"name": "Urgent"}}, {"priority": "Priority name 'Urgent' is not valid"}),
        ({"customfield_10050": {"value": "X"}}, {"customfield_10050": "Option value 'X' is not valid"}),
        ({"customfield_10050": {"id": "1"}}, {"customfield_10050": "Option id '1' is not valid"}),
        (
            {"customfield_10050": "Network"},
            {"customfield_10050": "Specify a valid 'id' or 'name' for Support group"},
        ),
        ({"labels": ["a b"]}, {"labels": "The label 'a b' contains spaces which is invalid."}),
        ({"assignee": {"accountId": "ghost"}}, {"assignee": "Specify a valid value for assignee"}),
        ({"assignee": {"name": "beth.anglin"}}, None),
    ],
)
def test_what_a_create_refuses(api: Client, fields: dict[str, Any], errors: dict[str, str] | None) -> None:
    known = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "S"}
    reply = api("POST", "/issue", {"fields": known | fields})
    if errors is None:  # Cloud knows nobody by name: the assignee stays empty
        assert api.read(reply.body["id"])["fields"]["assignee"] is None
        return
    assert (reply.status, reply.body) == (400, {"errorMessages": [], "errors": errors})
    assert api.found("project = OPS") == []


def test_the_summary_holds_255_characters(api: Client) -> None:
    api.create(summary="x" * 255)
    body = {"fields": {"summary": "x" * 256}}
    assert api("PUT", "/issue/OPS-1", body).body["errors"] == {
        "summary": "Summary can't exceed 255 characters."
    }


def test_an_edit_answers_nothing_unless_the_issue_is_asked_for(api: Client) -> None:
    issue = api.create()
    assert api("PUT", f"/issue/{issue}", {"fields": {"summary": "New"}}).status == 204
    body = {"fields": {"summary": "Newer"}}
    reply = api("PUT", f"/issue/{issue}", body, returnIssue="true", expand="transitions,changelog")
    assert reply.status == 200
    assert reply.body["fields"]["summary"] == "Newer"
    assert [t["id"] for t in reply.body["transitions"]] == ["11", "61"]
    assert reply.body["changelog"]["total"] == 2


def test_one_bad_field_leaves_the_others_alone_too(api: Client) -> None:
    issue = api.create()
    body = {"fields": {"summary": "New", "resolution": {"name": "Done"}, "nonsense": 1}}
    reply = api("PUT", f"/issue/{issue}", body)
    assert set(reply.body["errors"]) == {"resolution", "nonsense"}
    assert api.read(issue)["fields"]["summary"] == "Printer on fire"


def test_a_transition_in_an_edit_is_ignored(api: Client) -> None:
    issue = api.create()
    body = {"fields": {"summary": "New"}, "transition": {"id": "11"}}
    assert api("PUT", f"/issue/{issue}", body).status == 204
    assert api.read(issue)["fields"]["status"]["name"] == "Open"


def test_update_operations_add_and_remove_labels_and_comments(api: Client) -> None:
    issue = api.create(labels=["a", "b"])
    update = {"labels": [{"add": "c"}, {"remove": "a"}], "comment": [{"add": {"body": doc("Seen")}}]}
    assert api("PUT", f"/issue/{issue}", {"update": update}).status == 204
    fields = api.read(issue)["fields"]
    assert fields["labels"] == ["b", "c"]
    assert [c["body"] for c in fields["comment"]["comments"]] == [doc("Seen")]
    both = {"fields": {"labels": []}, "update": {"labels": [{"add": "x"}]}}
    assert api("PUT", f"/issue/{issue}", both).status == 400
    assert api("PUT", f"/issue/{issue}", {}).status == 400


def test_every_edit_moves_updated_and_writes_one_changelog_entry(api: Client, clock: VirtualClock) -> None:
    issue = api.create(customfield_10050={"value": "Network"})
    clock.advance(timedelta(milliseconds=7))
    api("PUT", f"/issue/{issue}", {"fields": {"summary": "B", "customfield_10050": {"value": "Database"}}})
    shown = api.read(issue, expand="changelog")
    assert shown["fields"]["updated"] == "2026-03-04T09:30:15.257+0000"
    (entry,) = shown["changelog"]["histories"]
    assert entry["author"]["emailAddress"] == EMAIL and entry["created"] == shown["fields"]["updated"]
    line, option = entry["items"]
    assert line == {
        "field": "summary",
        "fieldtype": "jira",
        "fieldId": "summary",
        "from": None,
        "fromString": "Printer on fire",
        "to": None,
        "toString": "B",
    }
    assert (option["field"], option["fieldtype"], option["fieldId"]) == (
        "Support group",
        "custom",
        "customfield_10050",
    )
    assert (option["fromString"], option["toString"]) == ("Network", "Database")
    assert option["from"].isdigit() and option["to"].isdigit()


def test_an_edit_that_changes_nothing_leaves_no_trace(clock: VirtualClock) -> None:
    for bumps in (False, True):
        api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}, settings=Settings(bump_on_unchanged=bumps)))
        issue = api.create()
        before = api.read(issue)["fields"]["updated"]
        clock.advance(timedelta(seconds=1))
        api("PUT", f"/issue/{issue}", {"fields": {"summary": "Printer on fire"}})
        shown = api.read(issue, expand="changelog")
        assert shown["changelog"]["total"] == 0
        assert (shown["fields"]["updated"] != before) is bumps


def test_changelogs_are_oldest_first_in_pages_and_newest_first_in_an_issue(api: Client) -> None:
    issue = api.create()
    for text in ("1", "2", "3"):
        api("PUT", f"/issue/{issue}", {"fields": {"summary": text}})
    first = api("GET", f"/issue/{issue}/changelog", maxResults=2).body
    assert [h["items"][0]["toString"] for h in first["values"]] == ["1", "2"]
    assert (first["total"], first["isLast"], first["startAt"]) == (3, False, 0)
    assert "startAt=2" in first["nextPage"]
    rest = api("GET", f"/issue/{issue}/changelog", maxResults=2, startAt=2).body
    assert [h["items"][0]["toString"] for h in rest["values"]] == ["3"] and rest["isLast"]
    embedded = api.read(issue, expand="changelog")["changelog"]["histories"]
    assert [h["items"][0]["toString"] for h in embedded] == ["3", "2", "1"]


def test_changelogs_of_many_can_be_narrowed_to_fields(api: Client) -> None:
    one, two = api.create(), api.create()
    api("PUT", f"/issue/{one}", {"fields": {"summary": "x"}})
    api("PUT", f"/issue/{two}", {"fields": {"priority": {"name": "Low"}}})
    body = {"issueIdsOrKeys": [one, two], "fieldIds": ["priority"]}
    logs = api("POST", "/changelog/bulkfetch", body).body["issueChangeLogs"]
    assert [log["issueId"] for log in logs] == [two]
    paged: list[str] = []
    token = None
    while True:
        more: dict[str, str] = {"nextPageToken": token} if token else {}
        page = api(
            "POST", "/changelog/bulkfetch", {"issueIdsOrKeys": [one, two], "maxResults": 1} | more
        ).body
        paged += [log["issueId"] for log in page["issueChangeLogs"]]
        token = page.get("nextPageToken")
        if token is None:
            break
    assert paged == [one, two]
    too_many = api("POST", "/changelog/bulkfetch", {"issueIdsOrKeys": [str(n) for n in range(1001)]})
    assert too_many.status == 400


def test_bulk_create_keeps_what_succeeds(api: Client) -> None:
    good = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "Good"}
    updates = [{"fields": good}, {"fields": good | {"summary": "a\nb"}}, {"fields": good}]
    reply = api("POST", "/issue/bulk", {"issueUpdates": updates})
    assert reply.status == 201
    assert [i["key"] for i in reply.body["issues"]] == ["OPS-1", "OPS-2"]
    (error,) = reply.body["errors"]
    assert (error["status"], error["failedElementNumber"]) == (400, 1)
    assert "newline" in error["elementErrors"]["errors"]["summary"]
    assert api("POST", "/issue/bulk", {"issueUpdates": [updates[1]]}).status == 400
    assert api("POST", "/issue/bulk", {"issueUpdates": [{"fields": good}] * 51}).status == 400
    assert len(api.found("project = OPS")) == 2


def test_bulk_fetch_gives_what_is_there_by_ascending_id(api: Client, site: JiraSandbox) -> None:
    one, two, hidden = api.create(), api.create(), api.create()
    site.hide(hidden)
    asked = [two, "OPS-1", "OPS-99", hidden, "424242", two]
    body = {"issueIdsOrKeys": asked, "fields": ["summary"], "expand": ["transitions", "changelog"]}
    reply = api("POST", "/issue/bulkfetch", body)
    assert [i["id"] for i in reply.body["issues"]] == [one, two]
    assert reply.body["issueErrors"] == []
    assert set(reply.body["issues"][0]) == {
        "expand",
        "id",
        "self",
        "key",
        "changelog",
        "transitions",
        "fields",
    }
    assert set(reply.body["issues"][0]["fields"]) == {"summary"}
    assert api("POST", "/issue/bulkfetch", {"issueIdsOrKeys": [one] * 101}).status == 400
    assert api("POST", "/issue/bulkfetch", {"issueIdsOrKeys": []}).status == 400


@pytest.mark.parametrize(
    ("fields", "there", "absent"),
    [
        ("summary,status", {"summary", "status"}, {"description", "comment"}),
        ("*navigable", {"summary", "customfield_10050"}, {"comment", "worklog", "attachment"}),
        ("*all,-comment", {"summary", "worklog"}, {"comment"}),
        ("-description", {"summary", "comment"}, {"description"}),
        ("nonsense", set(), {"summary"}),
    ],
)
def test_fields_are_chosen(api: Client, fields: str, there: set[str], absent: set[str]) -> None:
    shown = set(api.read(api.create(), fields=fields).get("fields", {}))
    assert there <= shown and not absent & shown


def test_missing_deleted_and_hidden_issues_look_alike(api: Client, site: JiraSandbox) -> None:
    deleted, hidden = api.create(), api.create()
    assert api("DELETE", f"/issue/{deleted}").status == 204
    site.hide(hidden)
    replies = [api("GET", f"/issue/{handle}") for handle in (deleted, hidden, "OPS-77", "424242")]
    assert {r.status for r in replies} == {404}
    assert len({str(r.body) for r in replies}) == 1
    site.unhide(hidden)
    assert api.read(hidden)["id"] == hidden


def test_a_moved_issue_keeps_its_id_and_answers_to_both_keys(api: Client, site: JiraSandbox) -> None:
    issue = api.create()
    site.move("beth.anglin", issue, "DEV")
    for handle in (issue, "OPS-1", "ops-1", "DEV-1"):
        shown = api.read(handle, expand="changelog")
        assert (shown["id"], shown["key"]) == (issue, "DEV-1")
    moved = {i["field"]: i["toString"] for i in shown["changelog"]["histories"][0]["items"]}
    assert moved["Key"] == "DEV-1" and moved["project"] == "Development" and moved["issuetype"] == "Bug"
    assert api.found("project = OPS") == [] and api.found("project = DEV") == [issue]


def test_a_clone_takes_the_marker_along(api: Client, site: JiraSandbox) -> None:
    issue = api.create(customfield_10042="example:operations:1")
    copy = site.clone("abel.tuter", issue)
    assert copy.values["customfield_10042"] == "example:operations:1"
    assert copy.values["summary"] == "CLONE - Printer on fire"
    (link,) = api.read(copy.id)["fields"]["issuelinks"]
    assert (link["type"]["name"], link["outwardIssue"]["key"]) == ("Cloners", "OPS-1")
    assert sorted(api.found('"Tieline marker" ~ "\\"example:operations:1\\""')) == [issue, copy.id]


def test_create_meta_lists_the_screen_in_pages(api: Client) -> None:
    types = api("GET", "/issue/createmeta/OPS/issuetypes").body
    assert [t["name"] for t in types["issueTypes"]] == ["Incident"]
    first = api("GET", "/issue/createmeta/OPS/issuetypes/10100", maxResults=5).body
    assert (len(first["fields"]), first["total"]) == (5, 14)
    rest = api("GET", "/issue/createmeta/OPS/issuetypes/10100", startAt=5).body
    fields = {f["fieldId"]: f for f in (*first["fields"], *rest["fields"])}
    assert fields["summary"]["required"] and not fields["description"]["required"]
    assert [o["value"] for o in fields["customfield_10050"]["allowedValues"]][:2] == [
        "Service Desk",
        "Network",
    ]
    assert "resolution" not in fields
    assert api("GET", "/issue/createmeta/OPS/issuetypes", maxResults=201).status == 400
