"""What the two sides' values mean, worked out by itself: it shares no code and no record with the engine.

A unit's meaning is what the other side can hold too. Two values with one meaning are in step.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from tests.simulation.people import FIELDS
from tests.simulation.settings import NOTES
from tieline.connectors.base import Side, Value

OWN: Final[dict[Side, dict[str, tuple[str, ...]]]] = {
    "servicenow": {
        **{unit: (name,) for unit, name in FIELDS["servicenow"].items()},
        "status": ("state", "hold_reason", "close_code", "close_notes"),
        "priority": ("impact", "urgency", "priority"),
    },
    "jira": {
        **{unit: (name,) for unit, name in FIELDS["jira"].items()},
        "status": ("status", "resolution", NOTES),
        "priority": ("priority",),
    },
}

_CATEGORY: Final = {
    "Inquiry / Help": "inquiry", "Software": "software", "Hardware": "hardware", "Network": "network",
    "dns": "network",
}  # fmt: skip
_STATUS: Final = {"1": "Open", "2": "In Progress", "6": "Resolved", "7": "Closed", "8": "Canceled"}
_PRIORITY: Final = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
_CODE: Final = {
    "Solution provided": "Done", "Workaround provided": "Workaround", "Duplicate": "Duplicate",
    "Known error": "Won't Do",
}  # fmt: skip
_UNMAPPED_CATEGORIES: Final = ("database", "Database")
LIMIT: Final = 120
CUT: Final = "\n\n[… cut by Tieline: the full text stands in the other system]"


def own(side: Side, unit: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """The part of a record's values that belongs to a unit."""
    return {name: values.get(name) for name in OWN[side][unit]}


def meaning(side: Side, unit: str, values: Mapping[str, Value]) -> Hashable:
    """What a unit's values mean to both sides."""
    if unit == "status":
        return _status(side, values)
    if unit == "priority":
        priority = str(values.get("priority"))
        return _PRIORITY.get(priority) if side == "servicenow" else priority
    value = values.get(OWN[side][unit][0])
    match unit:
        case "summary" | "subcategory":
            return value
        case "description":
            return _short(str(value or ""))
        case "category":
            return _CATEGORY.get(str(value), value)
        case "labels":
            return value if isinstance(value, frozenset) else frozenset()
        case "assignee":
            return _person(value)
        case _:
            return None if value is None else int(str(value).lstrip("gGroup "))


def _person(value: Value) -> int | None:
    """The number of a person; nobody, if Jira does not have them."""
    if value is None:
        return None
    number = int(str(value)[1:])
    return None if number % 13 == 0 else number


def _short(text: str) -> str:
    if len(text) <= LIMIT:
        return text
    return text[: LIMIT - len(CUT)].rstrip() + CUT


def tail(text: str) -> str:
    """The end of a text that the narrower side cannot hold; "" if it holds all."""
    return text[LIMIT:] if len(text) > LIMIT else ""


def _status(side: Side, values: Mapping[str, Value]) -> Hashable:
    if side == "servicenow":
        state, reason = str(values.get("state")), values.get("hold_reason")
        status = _STATUS.get(state) or ("Blocked" if reason in ("3", "4") else "Waiting")
        ended = state in ("6", "7")
        return (
            status,
            *((_CODE.get(str(values.get("close_code"))), values.get("close_notes")) if ended else ()),
        )
    status = str(values.get("status"))
    ended = status in ("Resolved", "Closed")
    return (status, *((values.get("resolution"), values.get(NOTES)) if ended else ()))


def can_be_carried(side: Side, unit: str, values: Mapping[str, Value]) -> bool:
    """Whether the other side has a counterpart for it; what has none is held, as an open conflict."""
    value = values.get(OWN[side][unit][0])
    if unit == "category":
        return value not in _UNMAPPED_CATEGORIES
    if unit == "group":
        return value is None or int(str(value).lstrip("gGroup ")) % 11 != 0
    return True


def agree(unit: str, servicenow: Mapping[str, Value], jira: Mapping[str, Value]) -> bool:
    """Whether the two records are in step in this unit."""
    ours, theirs = meaning("servicenow", unit, servicenow), meaning("jira", unit, jira)
    if unit == "status" and isinstance(ours, tuple) and isinstance(theirs, tuple):
        if ours[0] != theirs[0]:
            return False
        return all(a is None or b is None or a == b for a, b in zip(ours[1:], theirs[1:], strict=True))
    return ours == theirs
