"""Who is let in, and what strangers meet: refusals, emptiness like an answer, and headers that tell."""

from __future__ import annotations

import pytest

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import EMAIL, NAME, SECRET, Client

ASK = "Client must be authenticated to access this resource."


@pytest.fixture
def expired(site: JiraSandbox) -> Client:
    return Client(site, secret="expired")


@pytest.fixture
def nobody(site: JiraSandbox) -> Client:
    return Client(site, user=None)


def test_an_account_is_told_who_it_is(api: Client) -> None:
    reply = api("GET", "/myself")
    assert (reply.status, reply.body["emailAddress"]) == (200, "tieline@example.com")
    assert reply.headers["x-aaccountid"] == reply.body["accountId"]
    assert "x-seraph-loginreason" not in reply.headers


def test_an_expired_token_sees_an_empty_site(api: Client, expired: Client) -> None:
    issue = api.create()
    reply = expired("POST", "/search/jql", {"jql": "project = OPS"})
    assert (reply.status, reply.body) == (200, {"issues": [], "isLast": True})
    assert reply.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
    assert expired("GET", f"/issue/{issue}").status == 404
    fetched = expired("POST", "/issue/bulkfetch", {"issueIdsOrKeys": [issue]})
    assert (fetched.status, fetched.body["issues"]) == (200, [])
    assert expired("PUT", f"/issue/{issue}", {"fields": {"summary": "x"}}).status == 404
    assert expired("POST", "/issue", {"fields": {}}).status == 401
    assert expired("GET", "/serverInfo").status == 200


def test_myself_says_401_in_text_or_json(expired: Client, nobody: Client) -> None:
    text, problem = expired("GET", "/myself"), nobody("GET", "/myself")
    assert (text.status, text.body) == (401, ASK)
    assert text.headers["content-type"].startswith("text/plain")
    assert (problem.status, problem.body) == (401, {"message": ASK, "status-code": 401})
    assert "www-authenticate" in text.headers


def test_nobody_sees_an_empty_site_too(nobody: Client) -> None:
    reply = nobody("GET", "/search/jql", jql="project = OPS")
    assert reply.body == {"issues": [], "isLast": True}
    assert "x-seraph-loginreason" not in reply.headers


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Digest x", "Bearer nope", "Basic " + "/w=="])
def test_odd_credentials_are_no_credentials(site: JiraSandbox, header: str) -> None:
    reply = Client(site, user=None, extra={"authorization": header})("GET", "/myself")
    assert reply.status == 401 and reply.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"


def test_bearer_tokens(server_site: JiraSandbox) -> None:
    client = Client(server_site, "/rest/api/2", user=None, extra={"authorization": f"Bearer {SECRET}"})
    assert client("GET", "/myself").body["name"] == NAME


def test_scoped_tokens_hold_on_the_gateway_only(clock: VirtualClock) -> None:
    site = JiraSandbox(clock, accounts={EMAIL: SECRET}, scoped={EMAIL: "scoped"})
    gateway = f"/ex/jira/{site.cloud_id}/rest/api/3"
    issue = Client(site).create()
    for secret in (SECRET, "scoped"):
        shown = Client(site, gateway, secret=secret)("GET", f"{gateway}/issue/{issue}")
        assert shown.body["self"] == f"http://jira.test{gateway}/issue/{issue}"
    refused = Client(site, secret="scoped")("GET", "/myself")
    assert (refused.status, refused.body) == (401, ASK)


def test_data_center_refuses_wrong_passwords_everywhere(server_site: JiraSandbox) -> None:
    wrong = Client(server_site, "/rest/api/2", NAME, secret="wrong")
    for path in ("/myself", "/search", "/serverInfo"):
        reply = wrong("GET", path)
        assert reply.status == 401 and reply.headers["content-type"].startswith("text/html")
        assert reply.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"


def test_limits_stand_on_every_answer(api: Client) -> None:
    headers = api("GET", "/myself").headers
    assert int(headers["x-ratelimit-remaining"]) < int(headers["x-ratelimit-limit"])


def test_paths_and_methods_that_are_not_there(api: Client, dc: Client) -> None:
    missing = api("GET", "/nonsense")
    assert (missing.status, missing.body["detail"]) == (404, "No endpoint GET /rest/api/3/nonsense.")
    assert api("PATCH", "/issue/1").status == 405
    assert dc("GET", "/rest/api/3/myself").status == 404
    assert dc("POST", "/search/jql", {"jql": "project = OPS"}).status in (404, 405)


def test_bodies_that_are_no_json(site: JiraSandbox, api: Client) -> None:
    api.extra["content-type"] = "text/plain"
    assert api("POST", "/issue", {}).status == 415
    api.extra["content-type"] = "application/json"
    assert api("POST", "/issue", []).status == 400
