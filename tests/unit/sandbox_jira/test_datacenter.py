"""Data Center: REST v2, wiki markup, people by name, pages by number."""

from __future__ import annotations

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.settings import Settings

from .conftest import NAME, SECRET, Client


def test_texts_are_wiki_markup(dc: Client, server_site: JiraSandbox) -> None:
    issue = dc.create(description="h1. Hi\n*there*")
    assert dc.read(issue)["fields"]["description"] == "h1. Hi\n*there*"
    assert server_site.get(issue).values["description"] == "h1. Hi\n*there*"
    refused = dc("PUT", f"/issue/{issue}", {"fields": {"description": {"type": "doc"}}})
    assert refused.body["errors"] == {"description": "Operation value must be a string"}


def test_people_have_names(dc: Client) -> None:
    issue = dc.create(assignee={"name": "beth.anglin"})
    assignee = dc.read(issue)["fields"]["assignee"]
    assert (assignee["name"], assignee["key"][:8]) == (
        "beth.anglin",
        "JIRAUSER",
    ) and "accountId" not in assignee
    refused = dc("PUT", f"/issue/{issue}", {"fields": {"assignee": {"name": "ghost"}}})
    assert refused.body["errors"] == {"assignee": "User 'ghost' does not exist."}
    assert dc("GET", "/user", username="beth.anglin").body["displayName"] == "Beth Anglin"
    assert dc("GET", "/user", username="ghost").status == 404
    assert [u["name"] for u in dc("GET", "/user/search", username="beth").body] == ["beth.anglin"]
    assert len(dc("GET", "/user/search", username=".").body) > 5
    assert dc("GET", "/myself").headers["x-ausername"] == NAME


def test_search_counts_and_pages_by_number(dc: Client) -> None:
    for _ in range(5):
        dc.create()
    page = dc(
        "GET", "/search", jql="project = OPS ORDER BY key", startAt=3, maxResults=2, fields="summary"
    ).body
    assert (page["startAt"], page["maxResults"], page["total"]) == (3, 2, 5)
    assert [i["key"] for i in page["issues"]] == ["OPS-4", "OPS-5"]
    assert set(page["issues"][0]["fields"]) == {"summary"}
    body = {"jql": "project = OPS ORDER BY key", "startAt": 4, "fields": ["*all"], "expand": ["changelog"]}
    posted = dc("POST", "/search", body).body
    assert [i["key"] for i in posted["issues"]] == ["OPS-5"] and "comment" in posted["issues"][0]["fields"]
    everything = dc("POST", "/search", {"jql": ""}).body  # unbounded is fine here
    assert everything["total"] == 5 and "summary" in everything["issues"][0]["fields"]


def test_the_changelog_comes_with_the_issue_oldest_first(dc: Client) -> None:
    issue = dc.create()
    for text in ("1", "2"):
        dc("PUT", f"/issue/{issue}", {"fields": {"summary": text}})
    histories = dc.read(issue, expand="changelog")["changelog"]["histories"]
    assert [h["items"][0]["toString"] for h in histories] == ["1", "2"]
    assert "fieldId" not in histories[0]["items"][0]
    assert dc("GET", f"/issue/{issue}/changelog").status == 404
    assert dc("POST", "/issue/bulkfetch", {"issueIdsOrKeys": [issue]}).status in (404, 405)


def test_the_text_limit_is_the_sites_own(clock: VirtualClock) -> None:
    site = JiraSandbox(
        clock, deployment="datacenter", accounts={NAME: SECRET}, settings=Settings(text_limit=10)
    )
    dc = Client(site, "/rest/api/2", NAME)
    issue = dc.create(description="0123456789")
    assert dc("PUT", f"/issue/{issue}", {"fields": {"description": "0123456789x"}}).status == 400


def test_create_meta_has_values(dc: Client) -> None:
    types = dc("GET", "/issue/createmeta/OPS/issuetypes").body
    assert (types["isLast"], types["values"][0]["name"]) == (True, "Incident")
    fields = dc("GET", "/issue/createmeta/OPS/issuetypes/10100").body["values"]
    assert {"summary", "customfield_10050"} <= {f["fieldId"] for f in fields}


def test_ties_may_change_places_between_requests(clock: VirtualClock) -> None:
    settings = Settings(unstable_ties=True)
    site = JiraSandbox(clock, deployment="datacenter", accounts={NAME: SECRET}, settings=settings)
    dc = Client(site, "/rest/api/2", NAME)
    for _ in range(8):
        dc.create()
    orders = {
        tuple(i["id"] for i in dc("GET", "/search", jql="project = OPS ORDER BY updated ASC").body["issues"])
        for _ in range(6)
    }
    assert len(orders) > 1 and len({frozenset(o) for o in orders}) == 1


def test_server_info_says_server(dc: Client) -> None:
    assert dc("GET", "/serverInfo").body["deploymentType"] == "Server"
