"""Problems and changes: the moves there are, what each state demands, and how incidents point to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Refused
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

DB = "david.loo"


def problem(desk: ServiceNowSandbox, **values: str) -> str:
    assigned = next(row["sys_id"] for row in desk.rows("sys_user") if row["user_name"] == DB)
    made = desk.create(DB, {"short_description": "Why?", "assigned_to": assigned, **values}, table="problem")
    return made["sys_id"]


def moved(desk: ServiceNowSandbox, table: str, sys_id: str, *steps: Mapping[str, str]) -> Mapping[str, str]:
    row: Mapping[str, str] = {}
    for step in steps:
        row = desk.update(DB, sys_id, step, table=table)
    return row


def test_a_problem_goes_its_way(desk: ServiceNowSandbox) -> None:
    sys_id = problem(desk)
    assert desk.get(sys_id, table="problem")["number"].startswith("PRB")
    assert desk.get(sys_id, table="problem")["state"] == "101"
    row = moved(
        desk, "problem", sys_id, {"state": "102"}, {"state": "103"},
        {"state": "104", "cause_notes": "A leak", "fix_notes": "Plugged"},
        {"state": "106", "resolution_code": "fix_applied"}, {"state": "107"},
    )  # fmt: skip
    assert (row["active"], row["problem_state"]) == ("false", "107")
    assert row["resolved_at"]
    assert row["closed_at"]


def test_a_problem_takes_no_short_cut(desk: ServiceNowSandbox) -> None:
    sys_id = problem(desk)
    moved(desk, "problem", sys_id, {"state": "102"})
    with pytest.raises(Refused, match="Problem state transition from state 102 to 106 is not possible"):
        moved(desk, "problem", sys_id, {"state": "106", "resolution_code": "fix_applied"})


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"state": "104"}, "Cause notes, Fix notes"),
        ({"state": "107", "resolution_code": "risk_accepted", "cause_notes": "x"}, "Close notes"),
        ({"state": "107", "resolution_code": "duplicate"}, "Duplicate of"),
        ({"state": "107"}, "Resolution code"),
    ],
)
def test_a_problem_demands_what_its_state_needs(
    desk: ServiceNowSandbox, values: dict[str, str], missing: str
) -> None:
    sys_id = problem(desk)
    moved(desk, "problem", sys_id, {"state": "102"}, {"state": "103"})
    with pytest.raises(Refused, match=f"The following fields are mandatory: {missing}"):
        moved(desk, "problem", sys_id, values)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("normal", ["-4", "-3", "-2", "-1", "0"]),
        ("standard", ["-2", "-1", "0"]),
        ("emergency", ["-3", "-2", "-1", "0"]),
    ],
)
def test_a_change_goes_the_way_of_its_type(desk: ServiceNowSandbox, kind: str, path: list[str]) -> None:
    group = desk.rows("sys_user_group")[0]["sys_id"]
    made = desk.create(DB, {"type": kind, "assignment_group": group}, table="change_request")
    assert made["number"].startswith("CHG")
    sys_id = made["sys_id"]
    moved(desk, "change_request", sys_id, *({"state": state} for state in path))
    with pytest.raises(Refused, match="Close code, Close notes"):
        moved(desk, "change_request", sys_id, {"state": "3"})
    closing = {"state": "3", "close_code": "successful", "close_notes": "done"}
    assert moved(desk, "change_request", sys_id, closing)["active"] == "false"
    with pytest.raises(Refused, match="from state 3 to -1 is not possible"):
        moved(desk, "change_request", sys_id, {"state": "-1"})


def test_a_change_may_be_canceled_with_a_reason(desk: ServiceNowSandbox) -> None:
    sys_id = desk.create(DB, {}, table="change_request")["sys_id"]
    with pytest.raises(Refused, match="Reason"):
        moved(desk, "change_request", sys_id, {"state": "4"})
    assert moved(desk, "change_request", sys_id, {"state": "4", "reason": "no need"})["state"] == "4"


def test_an_incident_points_to_its_problem_changes_and_parent(desk: ServiceNowSandbox, call: Any) -> None:
    parent = desk.create(DB, {"short_description": "the first"})
    change = desk.create(DB, {}, table="change_request")
    values = {
        "problem_id": problem(desk), "rfc": change["number"], "caused_by": change["sys_id"],
        "parent_incident": parent["number"],
    }  # fmt: skip
    made = call("POST", "/api/now/table/incident", values).result
    assert made["problem_id"]["link"].endswith(f"/problem/{values['problem_id']}")
    assert made["rfc"]["value"] == made["caused_by"]["value"] == change["sys_id"]
    assert made["parent_incident"]["value"] == parent["sys_id"]
    found = call("GET", "/api/now/table/incident", sysparm_query=f"rfc.number={change['number']}").result
    assert [row["sys_id"] for row in found] == [made["sys_id"]]


def test_rest_refuses_a_move_with_the_same_words(desk: ServiceNowSandbox, call: Any) -> None:
    desk.access.writable |= {"problem"}
    sys_id = problem(desk)
    answer = call("PATCH", f"/api/now/table/problem/{sys_id}", {"state": "106"})
    assert answer.status == 403
    assert answer.json["error"]["detail"] == (
        "Problem state transition from state 101 to 106 is not possible"
    )
