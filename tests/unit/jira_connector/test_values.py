"""Single fields between Jira's JSON and values, and what goes into queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import FieldKind, Ref, Value
from tieline.connectors.errors import ConfigError, Malformed
from tieline.connectors.jira import JiraSettings
from tieline.connectors.jira.finding import marker_clause
from tieline.connectors.jira.settings import quoted
from tieline.connectors.jira.values import Field, decode, edits, encode, field_of, instant
from tieline.connectors.richtext import canonical_text

from .conftest import Jira

_CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes"


def field(type_: str, items: str = "", custom: str = "", id_: str = "customfield_1") -> Field:
    return Field(id_, "A field", type_, items, f"{_CUSTOM}:{custom}" if custom else "")


@pytest.mark.parametrize(
    ("definition", "kind", "raw", "value"),
    [
        (field("string"), "line", " a\r\n", " a"),
        (field("string"), "line", "", None),
        (field("number"), "line", 3.0, "3"),
        (field("number"), "choice", 0, "0"),
        (field("option"), "choice", {"id": "1", "value": "Inquiry / Help"}, "Inquiry / Help"),
        (field("priority"), "choice", {"id": "1", "name": "High"}, "High"),
        (field("option-with-child"), "choice", {"value": "A", "child": {"value": "B"}}, "A > B"),
        (field("array", "component"), "group", [{"name": "Mail"}], "Mail"),
        (field("array", "component"), "group", [], None),
        (field("group"), "group", {"name": "it-ops"}, "it-ops"),
        (field("any"), "group", {"id": "t-1", "title": "Team"}, "Team"),
        (field("array", "string"), "set", [], None),
        (field("array", "option"), "set", [{"value": "b"}, {"value": "a"}], frozenset({"a", "b"})),
        (field("array", "string"), "set", None, None),
        (field("user"), "person", {"accountId": "acc", "displayName": "Ann"}, "acc"),
        (field("user"), "person", None, None),
        (field("user"), "person", {"displayName": "Former user"}, None),
        (field("array", "user"), "person", [{"accountId": "acc"}], "acc"),
        (field("array", "user"), "person", [], None),
    ],
)
def test_decode(definition: Field, kind: FieldKind, raw: Any, value: Value) -> None:
    assert decode(definition, kind, raw, cloud=True) == value


@pytest.mark.parametrize(
    ("definition", "value", "raw"),
    [
        (field("string"), "a", "a"),
        (field("string"), None, None),
        (field("string", custom="textarea"), None, None),
        (field("option"), "Network", {"value": "Network"}),
        (field("option"), None, None),
        (field("option-with-child"), "A > B", {"value": "A", "child": {"value": "B"}}),
        (field("option-with-child"), "A", {"value": "A"}),
        (field("priority"), "High", {"name": "High"}),
        (field("user"), "acc", {"accountId": "acc"}),
        (field("number"), "2.5", 2.5),
        (field("number"), "2", 2),
        (field("array", "string"), frozenset({"b", "a"}), ["a", "b"]),
        (field("array", "string"), None, []),
        (field("array", "component"), "Mail", [{"name": "Mail"}]),
        (field("array", "option"), frozenset({"x"}), [{"value": "x"}]),
        (field("array", "user"), "acc", [{"accountId": "acc"}]),
        (field("option"), frozenset({"one"}), {"value": "one"}),
    ],
)
def test_encode(definition: Field, value: Value, raw: Any) -> None:
    assert encode(definition, value, cloud=True) == raw


@pytest.mark.parametrize(
    ("definition", "value"), [(field("option"), frozenset("ab")), (field("number"), "many")]
)
def test_what_does_not_fit_is_said(definition: Field, value: Value) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode(definition, value, cloud=True)


@given(text=st.text(), cloud=st.booleans())
def test_texts_come_back_as_they_were_written(text: str, cloud: bool) -> None:
    rich = field("string", custom="textarea")
    written = encode(rich, canonical_text(text), cloud=cloud)
    assert decode(rich, "text", written, cloud=cloud) == canonical_text(text)


def test_a_plain_text_field_of_data_center_is_no_wiki_markup() -> None:
    plain = field("string", custom="textfield")
    assert decode(plain, "line", "a\\*b", cloud=False) == "a\\*b"
    assert encode(plain, "a*b", cloud=False) == "a*b"


def test_other_arrays_are_set_as_a_whole() -> None:
    assert edits(field("array", "option"), frozenset("a"), None, cloud=True) is None
    assert edits(field("array", "string", id_="labels"), None, frozenset("a"), cloud=True) == [
        {"remove": "a"}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2019-08-27T12:43:24.193-0700",
        "2019-08-27T19:43:24.193Z",
        "2019-08-27T19:43:24.193+00:00",
        1566935004193,
    ],
)
def test_times_are_utc_whatever_their_offset(text: object) -> None:
    assert instant(text) == datetime(2019, 8, 27, 19, 43, 24, 193000, UTC)
    assert instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", [None, "", "yesterday", {}, 10**30])
def test_what_is_no_time_is_malformed(text: object) -> None:
    with pytest.raises(Malformed):
        instant(text)


def test_a_field_without_a_schema_is_described() -> None:
    assert field_of({"id": "issuekey", "name": "Key"}) == Field("issuekey", "Key", "")


# Queries


@pytest.mark.parametrize(("value", "jql"), [("OPS", '"OPS"'), ('a"b', '"a\\"b"'), ("a\\", '"a\\\\"')])
def test_values_in_queries_cannot_leave_their_quotes(value: str, jql: str) -> None:
    assert quoted(value) == jql


def test_a_marker_is_searched_as_a_phrase() -> None:
    assert marker_clause("customfield_10042", "here:ops:1") == 'cf[10042] ~ "\\"here:ops:1\\""'
    assert marker_clause("labels", "here:ops:1") == 'labels = "here:ops:1"'


def test_a_scope_is_asked_with_its_ids_made_consistent(cloud: Jira) -> None:
    cloud.call("POST", "search/jql", lambda body: (200, {
        "issues": [{"id": str(body["reconcileIssues"][0])}, {"id": "999"}], "isLast": True,
    }))  # fmt: skip
    refs = [Ref("jira", str(n)) for n in range(100, 160)]
    assert cloud.connector.in_scope(refs, "priority = High OR x = 1") == {refs[0], refs[50]}
    bodies = [cloud.sent(n) for n in range(2)]
    assert sorted(len(body["reconcileIssues"]) for body in bodies) == [10, 50]
    assert all(body["jql"].endswith(" AND (priority = High OR x = 1)") for body in bodies)


def test_a_key_that_could_be_a_path_is_not_looked_up(cloud: Jira) -> None:
    assert cloud.connector.lookup("OPS-1/../../myself") is None
    assert cloud.log == []


def test_two_people_with_one_address_are_not_guessed_between(cloud: Jira) -> None:
    twin = {"emailAddress": "a@example.com", "displayName": "A", "active": True, "accountType": "atlassian"}
    people = [twin | {"accountId": "1"}, twin | {"accountId": "2"}]
    cloud.on("GET", "user/search", people)
    assert cloud.connector.search_entities("person", ["a@example.com"]) == {}


def test_a_customer_or_former_account_with_the_same_address_does_not_count(cloud: Jira) -> None:
    same = {"emailAddress": "a@example.com", "displayName": "A", "accountType": "atlassian"}
    people = [
        same | {"accountId": "1", "active": True}, same | {"accountId": "2", "active": False},
        same | {"accountId": "3", "active": True, "accountType": "customer"},
    ]  # fmt: skip
    cloud.on("GET", "user/search", people)
    assert cloud.connector.search_entities("person", ["A@example.com"])["A@example.com"].id == "1"


def test_nothing_found_for_a_marker_is_believed_only_if_it_was_said_to_us(cloud: Jira) -> None:
    cloud.on("POST", "search/jql", {"issues": [], "isLast": True})
    cloud.me()
    assert cloud.connector.find("here:ops:1", "OPS/Incident", "") == []
    assert cloud.log == ["POST 3/search/jql", "GET 3/myself"]


@pytest.mark.parametrize(
    "changes",
    [{"marker": "correlation"}, {"overlap": timedelta(seconds=-1)}, {"page_size": 0}, {"concurrency": 0}],
)
def test_settings_that_cannot_work_are_refused(
    make_jira: Callable[..., Jira], changes: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        make_jira(**changes)


def test_requests_go_to_the_api_and_links_to_the_site() -> None:
    settings = JiraSettings(
        "https://site.atlassian.net/",
        "cloud",
        (),
        {},
        "labels",
        api_url="https://api.atlassian.com/ex/jira/1/",
    )
    assert (settings.url, settings.api_url) == (
        "https://site.atlassian.net",
        "https://api.atlassian.com/ex/jira/1",
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "team", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:atlassian-team"},
        {"type": "any", "custom": "com.atlassian.teams:rm-teams-custom-field-team"},
    ],
)
def test_a_team_is_read_as_an_object_and_written_as_its_bare_id(schema: dict[str, str]) -> None:
    """As Atlassian's "Team field in Jira REST API" shows it."""
    id_ = "36885b3c-1bf0-4f85-a357-c5b858c31de4"
    team = field_of({"id": "customfield_10001", "name": "Team", "schema": schema})
    shown = {
        "id": id_,
        "name": "Some Team Name",
        "avatarUrl": "",
        "isVisible": True,
        "title": "Some Team Name",
    }
    assert decode(team, "group", shown, cloud=True) == id_
    assert decode(team, "group", id_, cloud=False) == id_
    assert decode(team, "group", None, cloud=True) is None
    assert encode(team, id_, cloud=True) == id_
    assert encode(team, None, cloud=True) is None
