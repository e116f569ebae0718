"""Answers against the vendor's own description, and refusals against bodies recorded from real sites."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import SHARED, Client, Reply, doc

SPEC = SHARED / "api/specs/jira-cloud-v3.openapi.json"
EXAMPLES = SHARED / "api/examples/jira"
needs_spec = pytest.mark.skipif(not SPEC.exists(), reason="the vendor's OpenAPI document is not here")
needs_examples = pytest.mark.skipif(not EXAMPLES.exists(), reason="the recorded answers are not here")

SHOWN_BY_EXAMPLE = {
    ("GET", "/serverInfo"): {"defaultLocale"},
    ("POST", "/issue/bulkfetch"): {"expand"},
}
"""Keys that the description's own examples (and real sites) show, although its schemas leave them out."""


@cache
def _spec() -> Any:
    return json.loads(SPEC.read_text())


def _present(value: Any) -> Any:
    """Without nulls: the description never says nullable, yet its examples and real sites send them."""
    if isinstance(value, dict):
        return {k: _present(v) for k, v in value.items() if v is not None}
    return [_present(v) for v in value] if isinstance(value, list) else value


def faults(method: str, template: str, reply: Reply) -> list[str]:
    """What the description has against an answer."""
    operation = _spec()["paths"][f"/rest/api/3{template}"][method.lower()]
    described = operation["responses"].get(str(reply.status))
    if described is None:
        return [f"{reply.status} is not described"]
    schema = described.get("content", {}).get("application/json", {}).get("schema")
    if schema is None or reply.body is None:
        return []
    body = _present(reply.body)
    if isinstance(body, dict):
        body = {k: v for k, v in body.items() if k not in SHOWN_BY_EXAMPLE.get((method, template), ())}
    validator = Draft4Validator(schema | {"components": _spec()["components"]})
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(body)]


def unknown_parameters(method: str, template: str, query: dict[str, Any]) -> set[str]:
    """Query parameters that the description does not have."""
    operation = _spec()["paths"][f"/rest/api/3{template}"][method.lower()]
    return set(query) - {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}


ISSUE = "/issue/{issueIdOrKey}"
NEW = {"project": {"key": "OPS"}, "issuetype": {"id": "10100"}, "summary": "S"}
REMOTE = {"globalId": "g", "object": {"url": "https://x.example", "title": "T"}}
CALLS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("POST", "/issue", {"fields": NEW}, {}),
    ("POST", "/issue", {"fields": {"project": {"key": "OPS"}}}, {}),
    ("POST", "/issue/bulk", {"issueUpdates": [
        {"fields": NEW}, {"fields": {}},
    ]}, {}),
    ("POST", "/issue/bulk", {"issueUpdates": [{"fields": {}}]}, {}),
    ("GET", ISSUE, None, {"expand": "transitions.fields,changelog,names,editmeta", "properties": "*all"}),
    ("PUT", ISSUE, {"fields": {"summary": "New"}}, {"returnIssue": "true", "expand": "transitions"}),
    ("PUT", ISSUE, {"fields": {"summary": "Newer"}}, {"notifyUsers": "false"}),
    ("GET", f"{ISSUE}/transitions", None, {"expand": "transitions.fields"}),
    ("POST", f"{ISSUE}/transitions", {"transition": {"id": "11"}}, {}),
    ("GET", f"{ISSUE}/changelog", None, {"startAt": 0, "maxResults": 1}),
    ("POST", "/changelog/bulkfetch", {"issueIdsOrKeys": ["OPS-1"]}, {}),
    ("GET", f"{ISSUE}/editmeta", None, {}),
    ("POST", "/issue/bulkfetch", {"issueIdsOrKeys": ["OPS-1"], "expand": ["transitions"]}, {}),
    ("POST", "/search/jql", {"jql": "key = OPS-1", "fields": ["*all"], "expand": "names,changelog"}, {}),
    ("GET", "/search/jql", None, {"jql": "project = OPS", "fields": "summary", "maxResults": 1}),
    ("POST", "/search/approximate-count", {"jql": "project = OPS"}, {}),
    ("POST", f"{ISSUE}/comment", {"body": doc("x")}, {"expand": "properties"}),
    ("GET", f"{ISSUE}/comment", None, {"startAt": 0, "maxResults": 5, "orderBy": "-created"}),
    ("POST", f"{ISSUE}/remotelink", REMOTE, {}),
    ("POST", f"{ISSUE}/remotelink", REMOTE | {"relationship": "mirrors"}, {}),
    ("GET", f"{ISSUE}/remotelink", None, {"globalId": "g"}),
    ("DELETE", f"{ISSUE}/remotelink", None, {"globalId": "g"}),
    ("PUT", f"{ISSUE}/properties/{{propertyKey}}", {"a": 1}, {}),
    ("GET", f"{ISSUE}/properties/{{propertyKey}}", None, {}),
    ("GET", f"{ISSUE}/properties", None, {}),
    ("POST", "/issueLink", {"type": {"name": "Relates"}, "inwardIssue": {"key": "OPS-1"},
                            "outwardIssue": {"key": "OPS-2"}}, {}),
    ("GET", "/issueLinkType", None, {}),
    ("GET", "/myself", None, {}),
    ("GET", "/serverInfo", None, {}),
    ("GET", "/field", None, {}),
    ("GET", "/priority", None, {}),
    ("GET", "/resolution", None, {}),
    ("GET", "/status", None, {}),
    ("GET", "/statuscategory", None, {}),
    ("GET", "/issuetype", None, {}),
    ("GET", "/user/bulk", None, {"accountId": "?"}),
    ("GET", "/user", None, {"accountId": "?"}),
    ("GET", "/user/search", None, {"query": "beth"}),
    ("GET", "/user/assignable/search", None, {"project": "OPS", "query": "b"}),
    ("GET", "/project", None, {}),
    ("GET", "/project/search", None, {"keys": "OPS"}),
    ("GET", "/project/{projectIdOrKey}", None, {}),
    ("GET", "/project/{projectIdOrKey}/statuses", None, {}),
    ("GET", "/issue/createmeta/{projectIdOrKey}/issuetypes", None, {"maxResults": 10}),
    ("GET", "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}", None, {}),
    ("DELETE", ISSUE, None, {}),
]  # fmt: skip
PARAMETERS = {
    "issueIdOrKey": "OPS-1", "projectIdOrKey": "OPS", "issueTypeId": "10100", "propertyKey": "p",
}  # fmt: skip
EPOCH_MS = "/changelog/bulkfetch"


@needs_spec
def test_answers_are_as_described(api: Client, site: JiraSandbox) -> None:
    for _ in range(2):
        api.create(description=doc("x"), assignee={"accountId": site.account_id("beth.anglin")})
    site.update("abel.tuter", "OPS-1", {"summary": "S", "labels": ["a"]})
    found: dict[str, list[str]] = {}
    for method, template, body, query in CALLS:
        path = template
        for name, value in PARAMETERS.items():
            path = path.replace(f"{{{name}}}", value)
        asked = {k: site.account_id("beth.anglin") if v == "?" else v for k, v in query.items()}
        reply = api(method, path, body, **asked)
        wrong = [f for f in faults(method, template, reply) if not (template == EPOCH_MS and "/created" in f)]
        wrong += [f"unknown parameter {p}" for p in unknown_parameters(method, template, query)]
        if wrong:
            found[f"{method} {template} {reply.status}"] = wrong
    assert found == {}


@needs_spec
def test_every_operation_served_is_described(site: JiraSandbox) -> None:
    from tieline.connectors.sandbox.jira import api_attached, api_issue, api_search, api_site

    paths = _spec()["paths"]
    for module in (api_attached, api_issue, api_search, api_site):
        for route in module.routes():
            assert route.method.lower() in paths[f"/rest/api/3{route.path}"], route


@needs_spec
def test_documents_that_are_taken_follow_the_published_schema() -> None:
    from tieline.connectors.sandbox.jira import adf, wiki

    schema = json.loads((SHARED / "api/specs/adf-schema.full.json").read_text())
    validator = Draft4Validator(schema)
    markup = "h1. A\n\n* one\n** two\n# three\n\n{code:java}x{code}\n*b* _e_ {{m}} [l|https://x.example]"
    for document in (adf.from_plain("a\nb\n\n\nc"), wiki.to_adf(markup), doc("x", "y")):
        assert [e.message for e in validator.iter_errors(document)] == []


def _edit(**fields: Any) -> Callable[[Client], Reply]:
    return lambda api: api("PUT", f"/issue/{api.create()}", {"fields": fields})


def _resolve_bare(api: Client) -> Reply:
    issue = api.create()
    api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "11"}})
    return api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "41"}})


def _unsupported(api: Client) -> Reply:
    fields = {
        "project": {"key": "OPS"},
        "issuetype": {"name": "Incident"},
        "summary": "S",
        "description": doc(""),
    }
    return api("POST", "/issue", {"fields": fields})


def _link(api: Client) -> Reply:
    ends = {"inwardIssue": {"id": api.create()}, "outwardIssue": {"id": api.create()}}
    return api("POST", "/issueLink", {"type": {"name": "Blocks"}} | ends)


def _expired(api: Client) -> Reply:
    return Client(api.site, secret="expired")("POST", "/search/jql", {"jql": "project = OPS"})


RECORDED: list[tuple[str, Callable[[Client], Reply]]] = [
    ("err_400_not_adf", _edit(description="plain")),
    ("err_400_not_on_screen", _edit(resolution={"name": "Done"})),
    ("err_400_resolution_required", _resolve_bare),
    ("err_400_summary_newline", _edit(summary="a\nb")),
    ("err_400_summary_too_long", _edit(summary="x" * 256)),
    ("err_400_text_too_long", _edit(description=doc("x" * 32_768))),
    ("err_400_unbounded_jql", lambda api: api("POST", "/search/jql", {"jql": "order by key"})),
    ("err_400_unsupported_content", _unsupported),
    ("err_401_cloud", lambda api: Client(api.site, secret="wrong")("GET", "/myself")),
    ("err_404_issue", lambda api: api("GET", "/issue/OPS-404")),
    ("err_410_search_removed", lambda api: api("GET", "/search", jql="project = OPS")),
    ("issue_link_created", _link),
    ("ok200_expired_token_anonymous", _expired),
]


@needs_examples
@pytest.mark.parametrize(("name", "provoke"), RECORDED, ids=[name for name, _ in RECORDED])
def test_recorded_answers(api: Client, name: str, provoke: Callable[[Client], Reply]) -> None:
    recorded = json.loads((EXAMPLES / f"{name}.json").read_text())
    reply = provoke(api)
    assert (reply.status, reply.body or "") == (recorded["status"], recorded["body"])
    reason = recorded["headers"].get("x-seraph-loginreason")
    assert reply.headers.get("x-seraph-loginreason") == reason or reason is None
