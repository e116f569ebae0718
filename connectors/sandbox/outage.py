"""The end of the demo: three incidents of one outage, the change behind it, its problem, and its cure.

It writes the script only; the stage carries it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.sandbox.stage import DeskEdit, FileRecord, LinkIssue, Raise, Script
from tieline.connectors.sandbox.world import CATEGORY_FIELD, GROUP_FIELD, SUBCATEGORY_FIELD

DESK: Final = "beth.anglin"
MANAGER: Final = "abel.tuter"
ENGINEER: Final = "fred.luddy@example.com"
CAUSE: Final = "CHG0039001"
CURE: Final = "CHG0039002"
PROBLEM: Final = "PRB0040901"
KEYS: Final = ("outage 1", "outage 2", "outage 3")
"""The three incidents, as the ledger names them; the last one is raised in Jira."""
_GROUP: Final = {"assignment_group": "Database"}


def broken(start: datetime, step: timedelta) -> list[Script]:
    """A change goes wrong, and three people notice: two call the desk, one is an engineer."""
    return [
        FileRecord(start + step, "change_request", CAUSE, MANAGER,
                   _change("Move the order database", ("-2", "-1"))),
        _call(start + 2 * step, KEYS[0], "Orders cannot be placed", "1"),
        _call(start + 3 * step, KEYS[1], "The café till cannot reach the order database", "2"),
        Raise(start + 4 * step, KEYS[2], ENGINEER, {
            "summary": "Nightly order export fails", "description": "No connection to the order database.",
            "priority": "High", CATEGORY_FIELD: "Database", SUBCATEGORY_FIELD: "oracle",
            GROUP_FIELD: "Database",
        }),
    ]  # fmt: skip


def explained(start: datetime, step: timedelta) -> list[Script]:
    """The desk finds the change and opens a problem; the engineer ties the other incidents to the first."""
    problem = {
        "short_description": "Order database unreachable after its move",
        "assigned_to": "david.loo",
        "state": "101",
    }
    first, second, third = KEYS
    why = {"caused_by": CAUSE, "problem_id": PROBLEM}
    return [
        FileRecord(start + step, "problem", PROBLEM, DESK, (problem,)),
        DeskEdit(start + 2 * step, first, DESK, why),
        DeskEdit(start + 3 * step, second, DESK, why),
        DeskEdit(start + 4 * step, third, DESK, why),
        LinkIssue(start + 5 * step, second, ENGINEER, first),
        LinkIssue(start + 6 * step, third, ENGINEER, first),
    ]


def cured(start: datetime, step: timedelta) -> list[Script]:
    """A second change puts it right. The incidents are resolved, and only then tied to their cure."""
    how = "The connection string was corrected."
    script: list[Script] = [
        FileRecord(
            start + step, "change_request", CURE, MANAGER, _change("Correct the address", ("-2", "-1", "0"))
        )
    ]
    for number, key in enumerate(KEYS, 2):
        at = start + number * 3 * step
        ended = {"state": "6", "close_code": "Resolved by change", "close_notes": how}
        script += [
            DeskEdit(at, key, DESK, {"state": "2", "hold_reason": ""}),
            DeskEdit(at + step, key, DESK, {**ended, "hold_reason": ""}),
            DeskEdit(at + 2 * step, key, DESK, {"rfc": CURE}),
        ]
    return script


def _change(title: str, states: Sequence[str]) -> tuple[dict[str, str], ...]:
    """A standard change with its way through these states."""
    first = {"short_description": title, "type": "standard", **_GROUP}
    return (first, *({"state": state} for state in states))


def _call(at: datetime, key: str, title: str, impact: str) -> DeskEdit:
    values = {
        "short_description": title, "description": f"{title}. Since this morning.", "category": "database",
        "subcategory": "oracle", "impact": impact, "urgency": "1", "caller_id": "joe.employee@example.com",
        **_GROUP,
    }  # fmt: skip
    return DeskEdit(at, key, DESK, values, first=True)
