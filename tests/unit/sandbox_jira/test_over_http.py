"""The stand-in behind a real server, through requests and through the jira library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jira
import pytest
import requests

from tieline.connectors.sandbox.core import DROPPED, Fault
from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import EMAIL, NAME, SECRET, Http, doc

Serve = Callable[[JiraSandbox, str], Http]
FIELDS = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "Über HTTP"}


def test_an_incident_from_create_to_close(site: JiraSandbox, over_http: Serve) -> None:
    http = over_http(site, EMAIL)
    created = http("POST", "/rest/api/3/issue", json={"fields": FIELDS | {"description": doc("é")}})
    assert created.status_code == 201
    issue: dict[str, Any] = requests.get(created.json()["self"], auth=(EMAIL, SECRET), timeout=10).json()
    assert issue["fields"]["summary"] == "Über HTTP"
    root = f"/rest/api/3/issue/{issue['key']}"
    assert http("POST", f"{root}/transitions", json={"transition": {"id": "11"}}).status_code == 204
    close = {"transition": {"id": "52"}, "fields": {"resolution": {"name": "Done"}}}
    assert http("POST", f"{root}/transitions", json=close).content == b""
    found = http("GET", "/rest/api/3/search/jql", params={"jql": "statusCategory = Done", "fields": "status"})
    assert found.json()["issues"][0]["fields"]["status"]["name"] == "Closed"
    assert http.log.operations["jira", "POST /rest/api/3/issue/{issueIdOrKey}/transitions"] == 2
    assert http.log.statuses["jira", 204] == 2
    assert found.headers["Date"] == "Wed, 04 Mar 2026 09:30:15 GMT"


def test_a_lost_answer_leaves_the_issue_behind(site: JiraSandbox, over_http: Serve) -> None:
    http = over_http(site, EMAIL)
    site.faults.append(Fault("lost answer", after=lambda request, response: DROPPED, times=1))
    with pytest.raises(requests.ConnectionError):
        http("POST", "/rest/api/3/issue", json={"fields": FIELDS})
    assert [t.key for t in site.issues()] == ["OPS-1"]
    assert http.log.faults["jira", "lost answer"] == 1


def test_the_jira_library_works_on_cloud(site: JiraSandbox, over_http: Serve) -> None:
    http = over_http(site, EMAIL)
    client = jira.JIRA(http.url, basic_auth=(EMAIL, SECRET), options={"rest_api_version": "3"}, max_retries=0)
    assert client.deploymentType == "Cloud"
    issue = client.create_issue(fields=FIELDS)
    assert issue.fields.status.name == "Open"
    client.transition_issue(issue, "Start")
    (found,) = client.enhanced_search_issues("project = OPS", fields="status")
    assert found.fields.status.name == "In Progress"
    client.close()  # type: ignore[no-untyped-call]


def test_the_jira_library_works_on_data_center(server_site: JiraSandbox, over_http: Serve) -> None:
    http = over_http(server_site, NAME)
    client = jira.JIRA(http.url, token_auth=SECRET, max_retries=0)
    assert client.current_user() == NAME
    issue = client.create_issue(fields=FIELDS | {"description": "*hi*"})
    client.assign_issue(issue, "beth.anglin")
    client.add_comment(issue, "Seen")
    (found,) = client.search_issues("assignee = beth.anglin", fields="*all")
    assert found.fields.description == "*hi*" and found.fields.comment.comments[0].body == "Seen"
    client.close()  # type: ignore[no-untyped-call]
