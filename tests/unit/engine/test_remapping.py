"""Which changes of the mapping go on at once, and which a person has to accept."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.sync.remapping import changes

FIELD: dict[str, Any] = {
    "kind": "choice", "servicenow": "category", "jira": "cf1", "unmapped": "hold", "longest": [None, None],
    "map": [{"servicenow": ["a", "b"], "jira": ["A"]}, {"servicenow": ["c"], "jira": ["C"]}],
}  # fmt: skip


def mapping(**field: Any) -> dict[str, Any]:
    return {
        "fields": {"operations": {"category": FIELD | field}},
        "status": {"map": [{"servicenow": ["1"], "jira": ["Open"]}], "jira": {"status": "status"}},
        "priority": None, "people": {"match": "email", "map": []}, "groups": {"map": []},
    }  # fmt: skip


def edges(*lines: tuple[str, str]) -> list[dict[str, list[str]]]:
    return [{"servicenow": ours.split(), "jira": theirs.split()} for ours, theirs in lines]


def grave(old: dict[str, Any], new: dict[str, Any]) -> list[bool]:
    return [change.grave for change in changes(old, new)]


def test_nothing_changed() -> None:
    assert changes(mapping(), mapping()) == ()


@pytest.mark.parametrize(
    "lines",
    [
        [("a b", "A"), ("c", "C"), ("d", "D")],
        [("d", "D"), ("c", "C"), ("a b", "A")],
        [("a b d", "A"), ("c", "C")],
        [("a b", "A E"), ("c", "C")],
    ],
    ids=["a new line", "another order", "a new value of an old class", "a new partner beside the old"],
)
def test_values_that_were_not_known_go_on_at_once(lines: list[tuple[str, str]]) -> None:
    assert grave(mapping(), mapping(map=edges(*lines))) == [False]


@pytest.mark.parametrize(
    "lines",
    [
        [("a b", "C"), ("c", "A")],
        [("a", "A"), ("b", "C"), ("c", "C")],
        [("b a", "A"), ("c", "C")],
        [("a b", "A"), ("c", "A")],
        [("a b", "A")],
        [("a b", "A C"), ("c", "C")],
    ],
    ids=["swapped", "moved", "another one is written", "joined", "removed", "joined by a value"],
)
def test_values_that_were_known_want_a_person(lines: list[tuple[str, str]]) -> None:
    (change,) = changes(mapping(), mapping(map=edges(*lines)))
    assert change.grave
    assert change.where == "field category"


@pytest.mark.parametrize(
    "key, value", [("jira", "cf2"), ("kind", "line"), ("unmapped", "pass"), ("longest", [9, 9])]
)
def test_another_field_kind_or_length_wants_a_person(key: str, value: Any) -> None:
    (change,) = changes(mapping(), mapping(**{key: value}))
    assert change.grave
    assert key in change.what


def test_a_new_field_wants_a_person_and_a_removed_one_does_not() -> None:
    old, new = mapping(), mapping()
    new["fields"]["operations"]["summary"] = FIELD
    assert grave(old, new) == [True]
    assert grave(new, old) == [False]


def test_a_new_route_has_no_pairs_yet() -> None:
    old, new = mapping(), mapping()
    new["fields"]["other"] = {"summary": FIELD}
    assert changes(old, new) == changes(new, old) == ()


def test_groups_count_too() -> None:
    old, new = mapping(), mapping()
    new["priority"] = {"map": [], "matrix": [[1]]}
    new["people"] = {"match": "email", "map": edges(("ada", "acc-1"))}
    assert [(change.where, change.grave) for change in changes(old, new)] == [
        ("priority", True),
        ("people", False),
    ]
