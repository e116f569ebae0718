"""Turns one term of a query into a test of a stored value; a term that makes no sense gives none."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable
from typing import Any, Final

from tieline.connectors.sandbox.servicenow import moments
from tieline.connectors.sandbox.servicenow.moments import Preferences
from tieline.connectors.sandbox.servicenow.schema import MOMENTS, NUMBERS, Column

Test = Callable[[str], bool]

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge,
}  # fmt: skip


def condition(column: Column, operator: str, value: str, user: Preferences) -> Test | None:
    """Whether a stored value meets `operator value`; None if the term is invalid for this column.

    A negation is met by an empty field too, as the platform adds "or is null". Scripts (`javascript:`)
    are not run, which makes their terms invalid.
    """
    if "javascript:" in value:
        return None
    match operator:
        case "ISEMPTY" | "EMPTYSTRING":
            return _empty
        case "ISNOTEMPTY":
            return lambda stored: stored != ""
        case "ANYTHING":
            return lambda stored: True
        case "=" | "!=" | "IN" | "NOT IN":
            return _equality(column, operator, value)
        case "<" | "<=" | ">" | ">=" | "BETWEEN":
            return _comparison(column, operator, value)
        case "ON" | "NOTON":
            return _on(column, value, user, negated=operator == "NOTON")
        case _:
            return _likeness(operator, value)


def _empty(stored: str) -> bool:
    return stored == ""


def _equality(column: Column, operator: str, value: str) -> Test | None:
    values = [value] if operator in ("=", "!=") else value.split(",")
    known = {v for v in (_literal(column, v) for v in values) if v is not None}
    if not known:
        return None
    if operator in ("=", "IN"):
        return known.__contains__
    return lambda stored: stored not in known


def _literal(column: Column, value: str) -> str | None:
    if value in ("", "NULL"):
        return ""
    if column.type in MOMENTS:
        return moments.literal(value)
    if column.type == "boolean":
        return {"1": "true", "0": "false"}.get(value, value)
    return value


def _comparison(column: Column, operator: str, value: str) -> Test | None:
    texts = value.split("@", 1) if operator == "BETWEEN" else [value]
    bounds = [_bound(column, text) for text in texts]
    if len(texts) != (2 if operator == "BETWEEN" else 1) or None in bounds:
        return None
    low, high = bounds[0], bounds[-1]
    compare = _COMPARE.get(operator) or (lambda value, low: low <= value <= high)
    if column.type in NUMBERS:
        return lambda stored: stored != "" and compare(int(stored), low)
    return lambda stored: stored != "" and compare(stored, low)


def _bound(column: Column, value: str) -> Any:
    if value == "":
        return None
    if column.type in MOMENTS:
        return moments.literal(value)
    if column.type in NUMBERS:
        return int(value) if value.lstrip("-").isdecimal() else None
    return value


def _on(column: Column, value: str, user: Preferences, *, negated: bool) -> Test | None:
    span = moments.day(value, user) if column.type in MOMENTS else None
    if span is None:
        return None
    start, end = span
    if negated:
        return lambda stored: not start <= stored < end
    return lambda stored: start <= stored < end


def _likeness(operator: str, value: str) -> Test | None:
    if value == "":
        return None
    match operator:
        case "LIKE" | "CONTAINS":
            return lambda stored: value in stored
        case "NOT LIKE" | "DOES NOT CONTAIN":
            return lambda stored: value not in stored
        case "STARTSWITH":
            return lambda stored: stored.startswith(value)
        case "ENDSWITH":
            return lambda stored: stored.endswith(value)
        case _:
            return None
