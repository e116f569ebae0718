"""Text from outside stays a value in a query, whatever it holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.errors import ConfigError
from tieline.connectors.servicenow import query

AT = datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC)


def test_keyset_alternatives_are_joined_as_whole_queries() -> None:
    asked = query.changed_after(AT, "abc1")
    assert asked == (
        "sys_updated_on>2026-03-01 10:00:00"
        "^NQsys_updated_on>=2026-03-01 10:00:00^sys_id>abc1"
        "^ORDERBYsys_updated_on^ORDERBYsys_id"
    )
    assert "^OR" not in asked.replace("^ORDERBY", "")


@given(st.text())
def test_no_askable_value_adds_a_condition(value: str) -> None:
    if query.is_askable(value):
        asked = query.equals("email", value)
        assert asked.split("^") == [f"email={value}"]
    else:
        with pytest.raises(ConfigError):
            query.equals("email", value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " a",
        "a ",
        "a^ORactive=true",
        "a\nb",
        "a\x00",
        "javascript:gs.getUserID()",
        "JavaScript:x",
        "a^NQb",
    ],
)
def test_what_would_change_a_query_is_not_askable(value: str) -> None:
    assert not query.is_askable(value)


@given(st.lists(st.text(alphabet="ab, .'\"=<>%", min_size=1), min_size=1))
def test_each_searched_value_stands_whole(values: list[str]) -> None:
    askable = {value for value in values if query.is_askable(value)}
    found: set[str] = set()
    for condition in filter(None, query.any_of("name", askable).split("^OR")):
        if condition.startswith("nameIN"):
            found |= set(condition.removeprefix("nameIN").split(","))
        else:
            found.add(condition.removeprefix("name="))
    assert found == askable


@pytest.mark.parametrize("scope", [
    "active=true^NQpriority=1", "active=true^ORDERBYnumber", "a=1^ORDERBYDESCb", "GROUPBYcategory", "NQx=1",
    "ORDERBYnumber",
])  # fmt: skip
def test_a_scope_that_is_more_than_a_condition_is_refused(scope: str) -> None:
    with pytest.raises(ConfigError, match="one query"):
        query.checked_scope(scope)


@pytest.mark.parametrize(
    "scope", ["ORactive=true", "^active=true", "active=true^", "active=true^^priority=1"]
)
def test_a_scope_that_would_join_the_ids_otherwise_is_refused(scope: str) -> None:
    with pytest.raises(ConfigError):
        query.checked_scope(scope)


@pytest.mark.parametrize(
    ("scope", "condition"),
    [("", ""), ("  ", ""), ("active=true^EQ", "active=true"), ("a=1^ORb=2^c=3", "a=1^ORb=2^c=3")],
)
def test_ordinary_scopes_pass(scope: str, condition: str) -> None:
    assert query.checked_scope(scope) == condition


def test_the_columns_of_a_scope_are_found() -> None:
    scope = "active=true^ORpriorityIN1,2^assignment_group.nameSTARTSWITHNet^short_descriptionISNOTEMPTY"
    assert query.scope_fields(scope) == {"active", "priority", "assignment_group.name", "short_description"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9d385017c611228701d22104cc95c371", True), ("glide.maint", True), ("a", False),
     ("", False), ("a,b", False),
     ("a^b", False), ("a/b", False), ("ab\n", False), ("é" * 32, False)],
)  # fmt: skip
def test_ids(text: str, expected: bool) -> None:
    assert query.is_id(text) is expected
