"""The business rules and data policy of incidents, pure: rows in, row out; storing comes after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from tieline.connectors.sandbox.servicenow import moments
from tieline.connectors.sandbox.servicenow.choices import CANCELED, CLOSED, ON_HOLD, RESOLVED
from tieline.connectors.sandbox.servicenow.schema import Row

STOCK_MATRIX: Final = ((1, 2, 3), (2, 3, 4), (3, 4, 5))
"""Priority by impact (row) and urgency (column): the data lookup rules of a fresh instance."""

_ENDED: Final = frozenset({RESOLVED, CLOSED, CANCELED})
_INACTIVE: Final = frozenset({CLOSED, CANCELED})
_ANSWERED: Final = frozenset({RESOLVED, CLOSED})


class Abort(Exception):
    """Raised by a business rule to stop the write; its text is the rule's name."""


BusinessRule = Callable[[Row | None, Row, str], Mapping[str, str] | None]
"""(row before or None, row as it will be, user name) -> values to change; may raise `Abort`."""


class TableRules(Protocol):
    """What a table adds to plain storage. `actor` is the sys_id of the writing user, `now` a stored time."""

    def defaults(self, number: str, now: str, actor: str) -> Mapping[str, str]:
        """Values of a new row beside the dictionary's defaults."""

    def settle(self, before: Row | None, wished: Row, now: str, actor: str) -> Row:
        """The row that the rules make of the wished one."""

    def missing(self, row: Row) -> list[str]:
        """Columns that a data policy demands and the row lacks."""

    def takes_notes(self, before: Row | None, after: Row) -> bool:
        """Whether journal entries are kept with this write."""


class IncidentRules:
    """Incident as a fresh instance has it; the priority matrix can be replaced."""

    def __init__(self, matrix: Sequence[Sequence[int]] = STOCK_MATRIX) -> None:
        self._priority = {
            (str(impact), str(urgency)): str(priority)
            for impact, line in enumerate(matrix, 1)
            for urgency, priority in enumerate(line, 1)
        }

    def defaults(self, number: str, now: str, actor: str) -> Mapping[str, str]:
        """Number, opening time and opener."""
        return {"number": number, "opened_at": now, "opened_by": actor}

    def settle(self, before: Row | None, wished: Row, now: str, actor: str) -> Row:
        """Keep derived fields true: priority, both states, stamps, counters, durations."""
        row = dict(wished)
        _join_states(before, row)
        row["priority"] = self._priority.get((row["impact"], row["urgency"]), row["priority"])
        row["task_effective_number"] = row["number"]
        row["active"] = "false" if row["state"] in _INACTIVE else "true"
        if before is not None:
            _count_reassignment(before, row)
            _leave_hold(before, row)
            _reopen(before, row, now, actor)
        _stamp_end(before, row, now, actor)
        return row

    def missing(self, row: Row) -> list[str]:
        """The data policy "Make close info mandatory when resolved or closed"."""
        if row["state"] not in _ANSWERED:
            return []
        return [name for name in ("close_code", "close_notes") if not row[name]]

    def takes_notes(self, before: Row | None, after: Row) -> bool:
        """A closed incident that stays closed drops journal entries in silence."""
        return before is None or before["state"] != CLOSED or after["state"] != CLOSED


class PlainRules:
    """A table without rules of its own."""

    def defaults(self, number: str, now: str, actor: str) -> Mapping[str, str]:
        """None."""
        return {}

    def settle(self, before: Row | None, wished: Row, now: str, actor: str) -> Row:
        """The wished row."""
        return wished

    def missing(self, row: Row) -> list[str]:
        """Nothing."""
        return []

    def takes_notes(self, before: Row | None, after: Row) -> bool:
        """Always."""
        return True


class UserRules(PlainRules):
    """sys_user: the name is made of its parts."""

    def settle(self, before: Row | None, wished: Row, now: str, actor: str) -> Row:
        """The row with its name."""
        parts = (wished["first_name"], wished["middle_name"], wished["last_name"])
        return {**wished, "name": " ".join(part for part in parts if part)}


def _join_states(before: Row | None, row: Row) -> None:
    start = before or {"state": "1", "incident_state": "1"}
    leader = "state" if row["state"] != start["state"] else "incident_state"
    row["state"] = row["incident_state"] = row[leader]


def _count_reassignment(before: Row, row: Row) -> None:
    if before["assignment_group"] and before["assignment_group"] != row["assignment_group"]:
        row["reassignment_count"] = _plus_one(before["reassignment_count"])


def _leave_hold(before: Row, row: Row) -> None:
    if before["state"] == ON_HOLD and row["state"] != ON_HOLD:
        row["hold_reason"] = ""


def _reopen(before: Row, row: Row, now: str, actor: str) -> None:
    if before["state"] == row["state"]:
        return
    if before["state"] in _INACTIVE and row["state"] not in _INACTIVE:
        row.update(closed_at="", closed_by="")
    if before["state"] in _ENDED and row["state"] not in _ENDED:
        row.update(resolved_at="", resolved_by="")
        if before["state"] in _ANSWERED:
            count = _plus_one(before["reopen_count"])
            row.update(reopen_count=count, reopened_time=now, reopened_by=actor)


def _stamp_end(before: Row | None, row: Row, now: str, actor: str) -> None:
    if row["state"] in _ANSWERED:
        row["resolved_at"] = row["resolved_at"] or now
        row["resolved_by"] = row["resolved_by"] or actor
        if before is None or before["state"] not in _ANSWERED:
            _measure(row)
    if row["state"] in _INACTIVE:
        row["closed_at"] = row["closed_at"] or now
        row["closed_by"] = row["closed_by"] or actor


def _measure(row: Row) -> None:
    if not row["opened_at"]:
        return
    length = moments.parsed(row["resolved_at"]) - moments.parsed(row["opened_at"])
    seconds = max(0, int(length.total_seconds()))
    row["calendar_stc"] = row["business_stc"] = str(seconds)
    row["calendar_duration"] = row["business_duration"] = moments.duration(seconds)


def _plus_one(count: str) -> str:
    return str(int(count or 0) + 1)
