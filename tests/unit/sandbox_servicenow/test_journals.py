"""Journals: empty as values, rendered for people, and counted but not shown without the right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

TABLE = "/api/now/table/"


def worked_on(desk: ServiceNowSandbox, clock: VirtualClock) -> str:
    sys_id = desk.create("joe.employee", {"short_description": "Mail"})["sys_id"]
    desk.update("joe.employee", sys_id, {"comments": "Any news?"})
    clock.advance(timedelta(minutes=5))
    desk.update("beth.anglin", sys_id, {"work_notes": "Looking.", "comments": "On it."})
    return sys_id


def test_the_raw_value_is_empty_and_the_rendered_one_newest_first_in_the_callers_zone(
    desk: ServiceNowSandbox, clock: VirtualClock, call: Any
) -> None:
    sys_id = worked_on(desk, clock)
    fields = "comments,work_notes,comments_and_work_notes"
    raw = call("GET", f"{TABLE}incident/{sys_id}", sysparm_fields=fields).result
    assert raw == dict.fromkeys(fields.split(","), "")
    shown = call(
        "GET", f"{TABLE}incident/{sys_id}", sysparm_fields=fields, sysparm_display_value="true"
    ).result
    entries = shown["comments_and_work_notes"].split("\n\n")
    assert entries[-2:] == ["2026-03-02 01:00:00 - Joe Employee (Additional comments)\nAny news?", ""]
    assert "2026-03-02 01:05:00 - Beth Anglin (Work notes)\nLooking." in entries[:2]
    assert shown["work_notes"] == "2026-03-02 01:05:00 - Beth Anglin (Work notes)\nLooking.\n\n"
    both = call("GET", f"{TABLE}incident/{sys_id}", sysparm_fields="comments", sysparm_display_value="all")
    assert both.result["comments"]["value"] == ""
    assert both.result["comments"]["display_value"].count("(Additional comments)") == 2


def test_without_the_right_rows_are_counted_and_not_shown(
    desk: ServiceNowSandbox, clock: VirtualClock, call: Any
) -> None:
    sys_id = worked_on(desk, clock)
    asked = {"sysparm_query": f"element_id={sys_id}"}
    assert len(call("GET", f"{TABLE}sys_journal_field", **asked).result) == 3
    desk.access.journals = False
    answer = call("GET", f"{TABLE}sys_journal_field", **asked)
    assert (answer.status, answer.result, answer.headers["X-Total-Count"]) == (200, [], "3")
