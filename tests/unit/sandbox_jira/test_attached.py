"""Comments, remote links, issue links and properties."""

from __future__ import annotations

from datetime import timedelta

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.settings import Settings

from .conftest import EMAIL, SECRET, Client, doc

LINK = {
    "globalId": "tieline:1",
    "object": {"url": "https://desk.example/1", "title": "INC1", "summary": "New"},
}


def updated(api: Client, issue: str) -> str:
    return str(api.read(issue)["fields"]["updated"])


def test_a_comment_is_public_unless_its_property_says_internal(api: Client) -> None:
    issue = api.create()
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    first = api("POST", f"/issue/{issue}/comment", {"body": doc("All"), "properties": []})
    second = api(
        "POST", f"/issue/{issue}/comment", {"body": doc("Us"), "properties": internal}, expand="properties"
    )
    assert (first.status, first.body["jsdPublic"], second.body["jsdPublic"]) == (201, True, False)
    assert second.body["properties"] == internal
    listed = api("GET", f"/issue/{issue}/comment", maxResults=1, orderBy="-created").body
    assert (listed["total"], [c["body"] for c in listed["comments"]]) == (2, [doc("Us")])
    for body in ("text", doc(), {"type": "doc", "version": 1, "content": [{"type": "x"}]}):
        assert api("POST", f"/issue/{issue}/comment", {"body": body}).status == 400


def test_comments_are_edited_and_deleted(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    id_ = api("POST", f"/issue/{issue}/comment", {"body": doc("Old")}).body["id"]
    clock.advance(timedelta(seconds=1))
    edited = api("PUT", f"/issue/{issue}/comment/{id_}", {"body": doc("New")}).body
    assert (edited["id"], edited["body"]) == (id_, doc("New")) and edited["updated"] > edited["created"]
    assert api("DELETE", f"/issue/{issue}/comment/{id_}").status == 204
    assert api("GET", f"/issue/{issue}/comment/{id_}").status == 404


def test_a_remote_link_with_a_known_global_id_is_replaced(api: Client) -> None:
    issue = api.create()
    first = api("POST", f"/issue/{issue}/remotelink", LINK | {"relationship": "mirrors"})
    bare = {"globalId": "tieline:1", "object": {"url": "https://desk.example/1", "title": "INC1"}}
    second = api("POST", f"/issue/{issue}/remotelink", bare)
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    (shown,) = api("GET", f"/issue/{issue}/remotelink").body
    assert "relationship" not in shown and "summary" not in shown["object"]
    assert api("GET", f"/issue/{issue}/remotelink", globalId="tieline:1").body["id"] == shown["id"]
    assert api("GET", f"/issue/{issue}/remotelink", globalId="other").status == 404
    assert api("DELETE", f"/issue/{issue}/remotelink", globalId="tieline:1").status == 204
    assert api("DELETE", f"/issue/{issue}/remotelink", globalId="tieline:1").status == 404
    refused = api("POST", f"/issue/{issue}/remotelink", {"object": {"url": "https://x.example"}})
    assert refused.body == {"errorMessages": [], "errors": {"title": "'title' is required."}}


def test_properties(api: Client) -> None:
    issue = api.create()
    path = f"/issue/{issue}/properties/tieline"
    assert api("GET", path).status == 404
    assert api("PUT", path, {"a": 1}).status == 201
    assert api("PUT", path, {"a": 2}).status == 200
    assert api("GET", path).body == {"key": "tieline", "value": {"a": 2}}
    assert [k["key"] for k in api("GET", f"/issue/{issue}/properties").body["keys"]] == ["tieline"]
    assert api("PUT", path, "x" * 32_769).status == 400
    assert api.read(issue, properties="*all")["properties"] == {"tieline": {"a": 2}}
    assert api("DELETE", path).status == 204 and api("GET", path).status == 404


def test_an_issue_is_born_with_its_properties(api: Client) -> None:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "S"}
    body = {"fields": fields, "properties": [{"key": "origin", "value": "sn:1"}]}
    issue = api("POST", "/issue", body).body["id"]
    assert api("GET", f"/issue/{issue}/properties/origin").body["value"] == "sn:1"


def test_issue_links_answer_nothing_and_may_be_made_twice(api: Client, site: JiraSandbox) -> None:
    one, two = api.create(), api.create()
    body = {"type": {"name": "Blocks"}, "inwardIssue": {"key": "OPS-1"}, "outwardIssue": {"id": two}}
    for _ in range(2):
        reply = api("POST", "/issueLink", body)
        assert (reply.status, reply.body) == (201, None)
    blocking = api.read(one)["fields"]["issuelinks"]
    assert [k["outwardIssue"]["key"] for k in blocking] == ["OPS-2", "OPS-2"]
    assert api.read(two)["fields"]["issuelinks"][0]["inwardIssue"]["fields"]["status"]["name"] == "Open"
    item = api("GET", f"/issue/{one}/changelog").body["values"][0]["items"][0]
    assert (item["field"], item["toString"]) == ("Link", "This issue blocks OPS-2")
    link = blocking[0]["id"]
    assert api("GET", f"/issueLink/{link}").body["inwardIssue"]["key"] == "OPS-1"
    assert api("DELETE", f"/issueLink/{link}").status == 204
    assert len(api.read(two)["fields"]["issuelinks"]) == 1
    site.hide(two)
    assert api("POST", "/issueLink", body).status == 404
    assert api.read(one)["fields"]["issuelinks"] == []


def test_what_moves_updated_is_a_switch(clock: VirtualClock) -> None:
    for link, comment in ((False, True), (True, False)):
        settings = Settings(bump_on_remote_link=link, bump_on_property=link, bump_on_comment=comment)
        api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}, settings=settings))
        issue = api.create()
        moved = []
        for path, body in (("remotelink", LINK), ("comment", {"body": doc("x")})):
            before = updated(api, issue)
            clock.advance(timedelta(seconds=1))
            api("POST", f"/issue/{issue}/{path}", body)
            moved.append(updated(api, issue) != before)
        before = updated(api, issue)
        clock.advance(timedelta(seconds=1))
        api("PUT", f"/issue/{issue}/properties/x", 1)
        assert [*moved, updated(api, issue) != before] == [link, comment, link]
