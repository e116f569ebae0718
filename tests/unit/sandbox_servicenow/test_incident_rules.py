"""What an incident does by itself: priority, states, stamps, policy, choices, journals, business rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.core import Refused, VirtualClock
from tieline.connectors.sandbox.servicenow import STOCK_MATRIX, Abort, ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.rules import IncidentRules
from tieline.connectors.sandbox.servicenow.schema import Row
from tieline.connectors.sandbox.servicenow.tables import all_tables

Call = Callable[..., Any]
SOLVED = {"state": "6", "close_code": "Solution provided", "close_notes": "Restarted."}


@pytest.fixture
def sys_id(desk: ServiceNowSandbox) -> str:
    return desk.create("joe.employee", {"short_description": "Mail is down", "caller_id": "joe.employee"})[
        "sys_id"
    ]


@pytest.fixture
def edit(desk: ServiceNowSandbox, sys_id: str) -> Callable[..., Row]:
    """Beth changes the incident."""
    return lambda **values: desk.update("beth.anglin", sys_id, values)


Edit = Callable[..., Row]


def test_a_new_incident_has_the_defaults_of_a_fresh_instance(desk: ServiceNowSandbox, sys_id: str) -> None:
    row = desk.get(sys_id)
    expected = {
        "state": "1", "incident_state": "1", "impact": "3", "urgency": "3", "priority": "5", "severity": "3",
        "category": "inquiry", "active": "true", "made_sla": "true", "knowledge": "false", "notify": "1",
        "upon_reject": "cancel", "upon_approval": "proceed", "approval": "not requested", "escalation": "0",
        "reassignment_count": "0", "reopen_count": "0", "child_incidents": "0", "sys_domain": "global",
        "sys_domain_path": "/", "sys_class_name": "incident", "task_effective_number": row["number"],
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["opened_by"] == row["caller_id"] != ""


def test_priority_is_looked_up_and_a_written_one_is_overwritten(edit: Edit) -> None:
    assert edit(impact="1", urgency="1")["priority"] == "1"
    assert edit(urgency="3")["priority"] == "3"
    assert edit(priority="5")["priority"] == "3"


def test_the_matrix_can_be_replaced(clock: VirtualClock) -> None:
    matrix = ((1, 2, 4), (2, 3, 4), (3, 4, 4))
    other = ServiceNowSandbox(clock, accounts={}, matrix=matrix)
    assert other.create("admin", {})["priority"] == "4"


def test_both_states_stay_in_step(edit: Edit) -> None:
    assert edit(state="2")["incident_state"] == "2"
    assert edit(incident_state="3")["state"] == "3"


def test_the_hold_reason_goes_when_the_hold_ends(edit: Edit) -> None:
    assert edit(state="3", hold_reason="4")["hold_reason"] == "4"
    assert edit(state="2")["hold_reason"] == ""
    assert edit(state="3")["state"] == "3", "a missing hold reason is no policy of the REST APIs"


@pytest.mark.parametrize("state", ["6", "7"])
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "Resolution code, Resolution notes"),
        ({"close_notes": "x"}, "Resolution code"),
        ({"close_code": "Duplicate"}, "Resolution notes"),
        ({"close_notes": "x", "close_code": "Solved (Permanently)"}, "Resolution code"),
    ],
)
def test_the_data_policy_names_labels(
    call: Call, desk: ServiceNowSandbox, sys_id: str, state: str, given: Mapping[str, str], missing: str
) -> None:
    before = desk.get(sys_id)
    answer = call("PATCH", f"/api/now/table/incident/{sys_id}", {"state": state, **given})
    words = f"Data Policy Exception: The following fields are mandatory: {missing}"
    assert answer.status == 403
    assert answer.json == {"error": {"message": "Operation Failed", "detail": words}, "status": "failure"}
    assert desk.get(sys_id) == before
    with pytest.raises(Refused, match=words):
        desk.update("beth.anglin", sys_id, {"state": state, **given})


def test_resolving_stamps_and_closing_ends(edit: Edit, desk: ServiceNowSandbox, clock: VirtualClock) -> None:
    beth = next(u["sys_id"] for u in desk.rows("sys_user") if u["user_name"] == "beth.anglin")
    clock.advance(timedelta(minutes=27, seconds=51))
    row = edit(**SOLVED)
    assert (row["resolved_at"], row["resolved_by"]) == ("2026-03-02 09:27:51", beth)
    assert (row["closed_at"], row["active"]) == ("", "true")
    assert (row["calendar_stc"], row["calendar_duration"]) == ("1671", "1970-01-01 00:27:51")
    clock.advance(timedelta(hours=1))
    row = edit(state="7")
    assert (row["resolved_at"], row["closed_at"], row["closed_by"]) == (
        "2026-03-02 09:27:51", "2026-03-02 10:27:51", beth,
    )  # fmt: skip
    assert row["active"] == "false"


def test_reopening_takes_the_stamps_back_and_counts(edit: Edit, clock: VirtualClock) -> None:
    edit(**SOLVED | {"state": "7"})
    clock.advance(timedelta(hours=1))
    row = edit(state="2")
    stamps = ("resolved_at", "resolved_by", "closed_at", "closed_by")
    assert [row[name] for name in stamps] == ["", "", "", ""]
    assert (row["active"], row["reopen_count"], row["reopened_time"]) == ("true", "1", "2026-03-02 10:00:00")
    assert row["close_code"] == "Solution provided"
    assert edit(**SOLVED)["resolved_at"] == "2026-03-02 10:00:00"
    assert edit(state="1")["reopen_count"] == "2"


def test_cancelling_needs_no_code_and_ends(edit: Edit) -> None:
    row = edit(state="8")
    assert (row["active"], row["resolved_at"], row["closed_at"]) == ("false", "", "2026-03-02 09:00:00")


def test_reassignments_are_counted_from_the_second_group_on(edit: Edit) -> None:
    assert edit(assignment_group="Network")["reassignment_count"] == "0"
    assert edit(assignment_group="Database")["reassignment_count"] == "1"
    assert edit(short_description="x")["reassignment_count"] == "1"
    assert edit(assignment_group="")["reassignment_count"] == "2"


@pytest.mark.parametrize("field", ["state", "impact", "category", "subcategory", "close_code", "hold_reason"])
def test_unknown_choices_are_dropped_unless_a_property_lets_them_in(
    edit: Edit, desk: ServiceNowSandbox, sys_id: str, field: str
) -> None:
    before = desk.get(sys_id)
    assert edit(**{field: "99"}) == before
    desk.properties["glide.rest.choice.allow_non_existing_value"] = "true"
    assert edit(**{field: "99"})[field] == "99"


def test_new_choices_users_and_groups_are_known_at_once(edit: Edit, desk: ServiceNowSandbox) -> None:
    desk.add_choice("category", "Category 20")
    desk.add_user("resolver.62", name="Resolver 62")
    group = desk.add_group("Group 70")
    row = edit(category="Category 20", assigned_to="resolver.62", assignment_group="Group 70")
    assert row["category"] == "Category 20" and row["assignment_group"] == group["sys_id"]
    assert edit(assigned_to="Nobody At All")["assigned_to"] == row["assigned_to"]
    assert edit(assigned_to="")["assigned_to"] == ""


def test_long_texts_are_cut_in_silence(edit: Edit) -> None:
    row = edit(short_description="é" * 161, description="d" * 4001, correlation_id="c" * 101)
    assert [len(row[n]) for n in ("short_description", "description", "correlation_id")] == [160, 4000, 100]


def test_an_idle_write_leaves_no_trace_unless_switched(
    edit: Edit, desk: ServiceNowSandbox, sys_id: str, clock: VirtualClock
) -> None:
    before = desk.get(sys_id)
    clock.advance(timedelta(minutes=1))
    assert edit(short_description="Mail is down") == before
    desk.writing.idle_writes_count = True
    row = edit(short_description="Mail is down")
    assert (row["sys_mod_count"], row["sys_updated_on"]) == ("1", "2026-03-02 09:01:00")


def test_the_servers_clock_may_differ(clock: VirtualClock) -> None:
    late = ServiceNowSandbox(clock, accounts={}, skew=timedelta(seconds=-90))
    assert late.create("admin", {})["sys_updated_on"] == "2026-03-02 08:58:30"


def journal(desk: ServiceNowSandbox, sys_id: str) -> list[tuple[str, str, str]]:
    rows = [r for r in desk.rows("sys_journal_field") if r["element_id"] == sys_id]
    return [(r["element"], r["value"], r["sys_created_by"]) for r in rows]


def test_journals_are_written_and_never_read_back(call: Call, desk: ServiceNowSandbox, sys_id: str) -> None:
    body = {"work_notes": "Looking.", "comments": "We are on it."}
    row = call("PATCH", f"/api/now/table/incident/{sys_id}", body).result
    assert (row["work_notes"], row["comments"], row["sys_mod_count"]) == ("", "", "1")
    assert journal(desk, sys_id) == [
        ("work_notes", "Looking.", "tieline"),
        ("comments", "We are on it.", "tieline"),
    ]
    entry = call("GET", "/api/now/table/sys_journal_field", sysparm_query=f"element_id={sys_id}").result[0]
    keys = {
        "sys_id",
        "name",
        "element",
        "element_id",
        "value",
        "sys_created_on",
        "sys_created_by",
        "sys_tags",
    }
    assert set(entry) == keys and entry["name"] == "incident"


def test_a_closed_incident_drops_notes_in_silence(edit: Edit, desk: ServiceNowSandbox, sys_id: str) -> None:
    closed = edit(**SOLVED | {"state": "7", "work_notes": "closing"})
    assert edit(work_notes="too late") == closed
    assert edit(state="2", work_notes="reopening")["sys_mod_count"] == "2"
    assert [text for _, text, _ in journal(desk, sys_id)] == ["closing", "reopening"]


def test_a_business_rule_may_rewrite_within_the_write(edit: Edit, desk: ServiceNowSandbox) -> None:
    def upper(before: Row | None, after: Row, user: str) -> Mapping[str, str] | None:
        return {"short_description": after["short_description"].upper(), "impact": "1", "nope": "x"}

    desk.writing.rules.append(upper)
    row = edit(short_description="down", urgency="1")
    assert (row["short_description"], row["priority"], row["sys_mod_count"]) == ("DOWN", "1", "1")
    assert "nope" not in row


def test_a_business_rule_may_abort(call: Call, desk: ServiceNowSandbox, sys_id: str) -> None:
    def guard(before: Row | None, after: Row, user: str) -> None:
        if before is not None and before["assignment_group"] != after["assignment_group"]:
            raise Abort("Abort changes on group")

    desk.writing.rules.append(guard)
    answer = call("PATCH", f"/api/now/table/incident/{sys_id}", {"assignment_group": "Network"})
    error = answer.json["error"]
    start = "Operation against file 'incident' was aborted by Business Rule 'Abort changes on group^"
    assert answer.status == 403 and error["message"] == "Operation Failed"
    assert error["detail"].startswith(start)
    assert error["detail"].endswith("'. Business Rule Stack:Abort changes on group")
    assert desk.get(sys_id)["sys_mod_count"] == "0"


def test_rules_after_the_fact_write_by_themselves(edit: Edit, desk: ServiceNowSandbox) -> None:
    desk.later.append(lambda before, after, user: {"category": "software"})
    edit(short_description="x")
    assert desk.by_number("INC0010001")["category"] == "inquiry"
    assert (desk.tick(), desk.tick()) == (1, 0)
    row = desk.by_number("INC0010001")
    assert (row["category"], row["sys_mod_count"], row["sys_updated_by"]) == ("software", "2", "system")


def test_resolved_incidents_close_by_themselves(
    edit: Edit, desk: ServiceNowSandbox, sys_id: str, clock: VirtualClock
) -> None:
    edit(**SOLVED)
    clock.advance(timedelta(days=8))
    assert desk.tick() == 0, "off unless the property says otherwise"
    desk.properties["glide.ui.autoclose.time"] = "7"
    assert (desk.tick(), desk.tick()) == (1, 0)
    row = desk.get(sys_id)
    assert (row["state"], row["active"], row["sys_updated_by"]) == ("7", "false", "system")
    assert journal(desk, sys_id)[-1][0] == "comments"


TABLE = all_tables()["incident"]
WRITES = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from("123678"),
        "incident_state": st.sampled_from("123678"),
        "impact": st.sampled_from("123"),
        "urgency": st.sampled_from("123"),
        "hold_reason": st.sampled_from(["", "1", "4"]),
        "assignment_group": st.sampled_from(["", "g1", "g2"]),
    },
)


@given(st.lists(WRITES, max_size=8))
def test_derived_fields_hold_after_any_history(history: list[dict[str, str]]) -> None:
    rules = IncidentRules()
    row = rules.settle(None, TABLE.fresh(), "2026-01-01 00:00:00", "u1")
    for at, write in enumerate(history):
        row = rules.settle(row, {**row, **write}, f"2026-01-02 00:00:{at:02}", "u2")
        assert row["state"] == row["incident_state"]
        assert row["priority"] == str(STOCK_MATRIX[int(row["impact"]) - 1][int(row["urgency"]) - 1])
        assert (row["active"] == "false") == (row["state"] in "78") == (row["closed_at"] != "")
        assert (row["resolved_at"] != "") >= (row["state"] in "67")
        assert not (row["state"] in "123" and row["resolved_at"])
        assert rules.settle(row, row, "2026-01-03 00:00:00", "u3") == row
