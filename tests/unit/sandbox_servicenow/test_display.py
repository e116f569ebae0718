"""The three display modes, and input in display values, in the account's own zone and format."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.servicenow import Preferences, ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.moments import duration_shown, shown, stored, understood

Call = Callable[..., Any]


@pytest.fixture
def sys_id(desk: ServiceNowSandbox) -> str:
    values = {
        "short_description": "x", "impact": "1", "urgency": "2", "assigned_to": "beth.anglin",
        "order": "1234567", "due_date": "2026-07-01 00:30:00", "contact_type": "self-service",
        "subcategory": "vpn", "watch_list": "",
    }  # fmt: skip
    return desk.create("abel.tuter", values)["sys_id"]


def read(call: Call, sys_id: str, mode: str, **params: str) -> dict[str, Any]:
    path = f"/api/now/table/incident/{sys_id}"
    found: dict[str, Any] = call("GET", path, sysparm_display_value=mode, **params).result
    return found


def test_display_values_are_what_people_see(call: Call, desk: ServiceNowSandbox, sys_id: str) -> None:
    row, beth = read(call, sys_id, "true"), desk.get(sys_id)["assigned_to"]
    assert row["assigned_to"] == {
        "display_value": "Beth Anglin",
        "link": f"http://desk.example:8080/api/now/table/sys_user/{beth}",
    }
    expected = {
        "state": "New", "impact": "1 - High", "urgency": "2 - Medium", "priority": "2 - High",
        "notify": "Do Not Notify", "escalation": "Normal", "approval": "Not Yet Requested",
        "upon_reject": "Cancel all future Tasks",
        "upon_approval": "Proceed to Next Task", "category": "Inquiry / Help", "contact_type": "Self-service",
        "sys_class_name": "Incident", "active": "true", "order": "1,234,567", "sla_due": "UNKNOWN",
        "activity_due": "UNKNOWN", "expected_start": "", "caller_id": "", "subcategory": "VPN",
        # seven hours behind UTC in summer, eight in winter
        "due_date": "2026-06-30 17:30:00", "sys_created_on": "2026-03-02 01:00:00",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["sys_domain"]["display_value"] == "global"


def test_all_shows_both(call: Call, desk: ServiceNowSandbox, sys_id: str) -> None:
    row, raw = read(call, sys_id, "all"), desk.get(sys_id)
    assert {name: both["value"] for name, both in row.items()} == raw
    assert row["caller_id"] == {"display_value": "", "value": ""}
    assert set(row["assigned_to"]) == {"display_value", "value", "link"}
    assert row["state"] == {"display_value": "New", "value": "1"}
    assert row["sla_due"] == {"display_value": "UNKNOWN", "value": ""}


def test_links_can_be_left_out_of_each_mode(call: Call, sys_id: str) -> None:
    people = read(call, sys_id, "true", sysparm_exclude_reference_link="true")
    assert people["assigned_to"] == "Beth Anglin"
    both = read(call, sys_id, "all", sysparm_exclude_reference_link="true")
    assert set(both["assigned_to"]) == {"display_value", "value"}


def test_dot_walked_fields_follow_the_mode(call: Call, sys_id: str) -> None:
    row = read(call, sys_id, "all", sysparm_fields="assigned_to.active,assigned_to.manager")
    assert row == {
        "assigned_to.active": {"display_value": "true", "value": "true"},
        "assigned_to.manager": {"display_value": "", "value": ""},
    }


def test_each_account_sees_its_own_zone_and_format(call: Call, desk: ServiceNowSandbox, sys_id: str) -> None:
    account = next(u["sys_id"] for u in desk.rows("sys_user") if u["user_name"] == "tieline")
    taste = {"time_zone": "Europe/Berlin", "date_format": "dd.MM.yyyy", "time_format": "H:mm:ss"}
    desk.update("admin", account, taste, table="sys_user")
    assert read(call, sys_id, "true")["due_date"] == "01.07.2026 2:30:00"
    assert read(call, sys_id, "false")["due_date"] == "2026-07-01 00:30:00"
    found = call("GET", "/api/now/table/incident", sysparm_query="due_date=01.07.2026 2:30:00")
    assert len(found.result) == 1, "a displayed date is no valid literal, so its term is dropped"


def test_input_in_display_values(call: Call, desk: ServiceNowSandbox, sys_id: str) -> None:
    body = {
        "state": "On Hold", "hold_reason": "Awaiting Vendor", "assigned_to": "Bow Ruggeri",
        "due_date": "2026-01-15 10:00:00",
    }  # fmt: skip
    path = f"/api/now/table/incident/{sys_id}"
    row = call("PATCH", path, body, sysparm_input_display_value="true", sysparm_display_value="all").result
    assert (row["state"]["value"], row["hold_reason"]["value"]) == ("3", "4")
    assert row["assigned_to"]["display_value"] == "Bow Ruggeri"
    assert row["due_date"]["value"] == "2026-01-15 18:00:00"
    raw = call("PATCH", path, {"state": "In Progress", "due_date": "2026-01-15 10:00:00"}).result
    assert (raw["state"], raw["due_date"]) == ("3", "2026-01-15 10:00:00"), (
        "labels are no values, times are UTC"
    )


def test_durations_read_as_days_hours_and_minutes(
    call: Call, desk: ServiceNowSandbox, sys_id: str, clock: VirtualClock
) -> None:
    clock.advance(timedelta(days=1, hours=4, minutes=23, seconds=17))
    desk.update("beth.anglin", sys_id, {"state": "6", "close_code": "Duplicate", "close_notes": "x"})
    row = read(call, sys_id, "all")
    assert row["calendar_duration"] == {
        "display_value": "1 Day 4 Hours 23 Minutes",
        "value": "1970-01-02 04:23:17",
    }
    assert row["calendar_stc"] == {"display_value": "102,197", "value": "102197"}
    assert duration_shown("1970-01-01 00:00:51") == "51 Seconds"


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Asia/Kolkata", "Asia/Tokyo"]),
    st.sampled_from(["yyyy-MM-dd", "dd/MM/yyyy", "MM-dd-yyyy", "d.M.yyyy"]),
    st.sampled_from(["HH:mm:ss", "hh:mm:ss a", "H:mm:ss"]),
)
def test_what_a_user_sees_can_be_typed_back(moment: datetime, zone: str, day: str, time: str) -> None:
    user = Preferences(zone, day, time)
    assert understood(shown(stored(moment), user), user) == stored(moment)
