"""The state machines of problems and changes: which moves there are, and what each state demands. Pure.

Sources: ServiceNow, "Problem states" and "Change request states"; the wording of refusals was measured on
live instances by the authors of Ansible's ITSM collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tieline.connectors.sandbox.servicenow.answers import operation_failed
from tieline.connectors.sandbox.servicenow.rules import PlainRules
from tieline.connectors.sandbox.servicenow.schema import Row

NEW, ASSESS, ANALYSIS, FIX, RESOLVED, CLOSED = "101", "102", "103", "104", "106", "107"
PROBLEM_MOVES: Final[Mapping[str, frozenset[str]]] = {
    NEW: frozenset({ASSESS, CLOSED}),
    ASSESS: frozenset({ANALYSIS, CLOSED}),
    ANALYSIS: frozenset({FIX, CLOSED}),
    FIX: frozenset({RESOLVED, ANALYSIS, CLOSED}),
    RESOLVED: frozenset({CLOSED, ANALYSIS}),
    CLOSED: frozenset({ANALYSIS}),
}
RESOLUTION_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "fix_applied": ("cause_notes", "fix_notes"),
    "risk_accepted": ("cause_notes", "close_notes"),
    "canceled": ("close_notes",),
    "duplicate": ("duplicate_of",),
}

C_NEW, C_ASSESS, C_AUTHORIZE, C_SCHEDULED, C_IMPLEMENT, C_REVIEW = "-5", "-4", "-3", "-2", "-1", "0"
C_CLOSED, C_CANCELED = "3", "4"
_LATER: Final = (C_SCHEDULED, C_IMPLEMENT, C_REVIEW, C_CLOSED)
CHANGE_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "normal": (C_NEW, C_ASSESS, C_AUTHORIZE, *_LATER),
    "standard": (C_NEW, *_LATER),
    "emergency": (C_NEW, C_AUTHORIZE, *_LATER),
}


class ProblemRules(PlainRules):
    """Problem as a fresh instance has it."""

    def defaults(self, number: str, now: str, actor: str) -> Mapping[str, str]:
        """Number, opening time and opener."""
        return {"number": number, "opened_at": now, "opened_by": actor}

    def settle(self, before: Row | None, wished: Row, now: str, actor: str) -> Row:
        """Keeps to the moves there are; stamps resolution and closure. `Refusal` for any other move."""
        row = dict(wished)
        start = NEW if before is None else before["state"]
        if row["state"] != start and row["state"] not in PROBLEM_MOVES.get(start, ()):
            to = row["state"]
            raise operation_failed(f"Problem state transition from state {start} to {to} is not possible")
        row["problem_state"] = row["state"]
        row["active"] = "false" if row["state"] == CLOSED else "true"
        _stamp(row, row["state"] in (RESOLVED, CLOSED), ("resolved_at", "resolved_by"), now, actor)
        _stamp(row, row["state"] == CLOSED, ("closed_at", "closed_by"), now, actor)
        return row

    def missing(self, row: Row) -> list[str]:
        """What the state, and the way of resolving, demand."""
        needed: list[str] = []
        if row["state"] == ASSESS:
            needed = ["assigned_to"]
        elif row["state"] == FIX:
            needed = ["assigned_to", "cause_notes", "fix_notes"]
        elif row["state"] in (RESOLVED, CLOSED):
            needed = ["resolution_code", *RESOLUTION_NEEDS.get(row["resolution_code"], ())]
        return [name for name in needed if not row[name]]


class ChangeRules(PlainRules):
    """Change request as a fresh instance has it: each type goes its way, and any may be canceled."""

    def defaults(self, number: str, now: str, actor: str) -> Mapping[str, str]:
        """Number, opening time and opener."""
        return {"number": number, "opened_at": now, "opened_by": actor}

    def settle(self, before: Row | None, wished: Row, now: str, actor: str) -> Row:
        """Keeps to the way of the type. `Refusal` for a step that is not the next one."""
        row = dict(wished)
        start = C_NEW if before is None else before["state"]
        if row["state"] != start and row["state"] not in _next_states(row["type"], start):
            to = row["state"]
            raise operation_failed(f"Change state transition from state {start} to {to} is not possible")
        ended = row["state"] in (C_CLOSED, C_CANCELED)
        row["active"] = "false" if ended else "true"
        _stamp(row, ended, ("closed_at", "closed_by"), now, actor)
        return row

    def missing(self, row: Row) -> list[str]:
        """A group from assessment on, code and notes to close, a reason to cancel."""
        needed: list[str] = []
        if row["state"] not in (C_NEW, C_CANCELED):
            needed = ["assignment_group"]
        if row["state"] == C_CLOSED:
            needed = [*needed, "close_code", "close_notes"]
        if row["state"] == C_CANCELED:
            needed = ["reason"]
        return [name for name in needed if not row[name]]


def _next_states(kind: str, now: str) -> frozenset[str]:
    path = CHANGE_PATHS.get(kind, CHANGE_PATHS["normal"])
    if now in (C_CLOSED, C_CANCELED):
        return frozenset()
    following = path[path.index(now) + 1 : path.index(now) + 2] if now in path else ()
    return frozenset({*following, C_CANCELED})


def _stamp(row: Row, ended: bool, columns: tuple[str, str], now: str, actor: str) -> None:
    for name, value in zip(columns, (now, actor), strict=True):
        row[name] = (row[name] or value) if ended else ""
