"""Whatever is sent, the answer is one of Jira's: no request breaks the stand-in."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.connectors.sandbox.core import Request, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import EMAIL, SECRET, START, Client


def one_of(words: str, separator: str | None = None) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split(separator))


NAMES = one_of(
    """fields update transition id key name value project issuetype summary description labels components
    assignee accountId priority customfield_10050 comment add set body type doc content text version
    properties object globalId application title url jql nextPageToken maxResults reconcileIssues expand
    issueIdsOrKeys
    issueUpdates inwardIssue outwardIssue fieldIds"""
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 20_000), st.text(max_size=5),
    st.sampled_from(["OPS", "OPS-1", "10000", "10100", "Incident", "doc", "11", "Blocks", "project = OPS"]),
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TARGETS = one_of(
    """POST /issue, PUT /issue/OPS-1, POST /issue/bulk, POST /issue/bulkfetch, POST /issueLink,
    POST /issue/OPS-1/transitions, POST /changelog/bulkfetch, POST /search/jql,
    POST /search/approximate-count,
    POST /issue/OPS-1/comment, POST /issue/OPS-1/remotelink, PUT /issue/OPS-1/assignee,
    PUT /issue/OPS-1/properties/x""",
    ",",
).map(str.split)
JQL_WORDS = one_of(
    """project = OPS ( ) AND or NOT in , ~ "x" is EMPTY ORDER BY updated >= -5m now() cf[10042] key OPS-1
    labels != priority > desc status ' ["""
)
JQL_PARTS = st.lists(JQL_WORDS, max_size=12).map(" ".join)


@pytest.fixture(scope="module")
def sturdy() -> Client:
    api = Client(JiraSandbox(VirtualClock(START), accounts={EMAIL: SECRET}))
    api.create()
    return api


@settings(max_examples=400, deadline=None)
@given(target=TARGETS, body=st.dictionaries(NAMES, JSON, max_size=4) | JSON)
def test_any_body_is_answered(sturdy: Client, target: list[str], body: Any) -> None:
    method, path = target
    reply = sturdy(method, path, body)
    assert 200 <= reply.status < 500
    if reply.status >= 400 and path != "/issue/bulk":
        assert reply.body["errorMessages"] or reply.body["errors"]


@settings(max_examples=300, deadline=None)
@given(JQL_PARTS | st.text(max_size=30))
def test_any_query_is_answered(sturdy: Client, jql: str) -> None:
    reply = sturdy("POST", "/search/jql", {"jql": jql, "fields": ["summary"]})
    assert reply.status in (200, 400)
    assert ("issues" in reply.body) is (reply.status == 200)


@settings(max_examples=200, deadline=None)
@given(
    one_of("GET POST PUT DELETE PATCH"),
    st.lists(one_of("rest api 3 2 issue OPS-9 search jql x user") | st.just(""), max_size=6),
    st.dictionaries(one_of("startAt maxResults jql query fields"), st.text(max_size=4)),
)
def test_any_path_is_answered(sturdy: Client, method: str, parts: list[str], query: dict[str, str]) -> None:
    pair = base64.b64encode(f"{EMAIL}:{SECRET}".encode()).decode()
    request = Request(
        method, "/" + "/".join(parts), tuple(query.items()), {"authorization": f"Basic {pair}"}, b"{}"
    )
    response = sturdy.site.handle(request)
    assert 200 <= response.status < 500 and sturdy.site.operation(request).startswith(method)
    if dict(response.headers).get("content-type", "").startswith("application/json"):
        orjson.loads(response.body)


def test_deep_nesting_is_refused(sturdy: Client) -> None:
    assert sturdy("POST", "/search/jql", {"jql": "(" * 5000 + "project = OPS" + ")" * 5000}).status == 400
