"""Turns the free tables of a policy (`when`, `then`, values of tests) into conditions and values.

Every fault becomes a `Problem` with its path; unknown fields and values are no faults here, but findings of
`tieline policy check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from pydantic_core import PydanticCustomError

from tieline.connectors.base import SIDES
from tieline.sync.config.faults import Path, Problem, shown, suggestion
from tieline.sync.config.values import parse_duration
from tieline.sync.policy.conditions import AllOf, AnyOf, Atom, Condition, Not, pattern
from tieline.sync.policy.fields import DERIVED, ORDERS, Cell, Kind, Said
from tieline.sync.policy.model import Order

MAX_DEPTH: Final = 20
OPERATORS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "choice": ("is", "is_not", "in", "not_in", "contains", "starts_with", "matches", "empty"),
    "text": ("is", "is_not", "in", "not_in", "contains", "starts_with", "matches", "empty"),
    "texts": ("is", "is_not", "in", "not_in", "contains", "starts_with", "matches", "empty"),
    "set": ("contains", "empty"),
    "time": ("before", "after", "older_than", "within", "calendar", "empty"),
    "flag": ("is", "is_not"),
}
"""What may be asked of each kind of field."""
WORDS: Final = ("any", "all", "not")


@dataclass(slots=True)
class Reader:
    """Reads the tables of one file; `kinds` are the fields that there are, `problems` what is wrong."""

    kinds: Mapping[str, Kind]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, path: Path, what: str, remedy: str, value: object = "") -> None:
        """Note a fault."""
        self.problems.append(Problem(path, what, remedy, shown(path, value) if value != "" else ""))

    def condition(self, table: object, path: Path, depth: int = 0) -> Condition:
        """A table of conditions: all of its entries must hold."""
        if not isinstance(table, dict) or depth > MAX_DEPTH:
            self.wrong(path, "must be a table of conditions", "write { field = value }", table)
            return AllOf()
        parts = [self._entry(key, value, (*path, key), depth) for key, value in table.items()]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _entry(self, key: str, value: object, path: Path, depth: int) -> Condition:
        if key == "not":
            return Not(self.condition(value, path, depth + 1))
        if key in WORDS:
            if not isinstance(value, list) or not value:
                self.wrong(path, "must be an array of tables", f"write {key} = [{{ ... }}, {{ ... }}]", value)
                return AllOf()
            parts = tuple(self.condition(v, (*path, i), depth + 1) for i, v in enumerate(value))
            return AnyOf(parts) if key == "any" else AllOf(parts)
        if isinstance(value, dict):
            return self._operators(key, value, path)
        kind = self.kinds.get(key, "choice")
        return self._one(key, "contains" if kind == "set" else "is", value, path, "")

    def _operators(self, name: str, table: Mapping[str, object], path: Path) -> Condition:
        known = OPERATORS[self.kinds.get(name, "choice")] if name in self.kinds else _every_operator()
        calendar = table.get("calendar", "")
        if not isinstance(calendar, str) or ("calendar" in table and "older_than" not in table):
            self.wrong(
                (*path, "calendar"), "needs an older_than beside it", "name a calendar's hours to count in"
            )
            calendar = ""
        parts = []
        for operator, argument in table.items():
            if operator not in known:
                self.wrong((*path, operator), f"cannot be asked of {name}", suggestion(operator, known))
            elif operator != "calendar":
                parts.append(self._one(name, operator, argument, (*path, operator), calendar))
        if not table:
            self.wrong(path, "asks nothing", "name a value, or leave the field out")
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self, name: str, operator: str, value: object, path: Path, calendar: str) -> Condition:
        match operator:
            case "is" | "in":
                return self._is(name, value, path)
            case "is_not" | "not_in":
                return Not(self._is(name, value, path))
            case "empty":
                if not isinstance(value, bool):
                    self.wrong(path, "must be true or false", "write empty = true", value)
                atom = Atom(name, "empty")
                return Not(atom) if value is False else atom
            case "contains" | "starts_with":
                return self._text(name, operator, value, path)
            case "matches":
                return self._matches(name, value, path)
            case "before" | "after":
                moment = self._moment(value, path)
                return Atom(name, "before" if operator == "before" else "after", moment)
            case "within":
                hours = value if isinstance(value, str) else ""
                if not hours:
                    self.wrong(path, "must name a calendar", 'write within = "office"', value)
                return Atom(name, "within", None, hours)
            case _:
                return Atom(name, "older_than", self._age(value, path), calendar)

    def _is(self, name: str, value: object, path: Path) -> Condition:
        kind = self.kinds.get(name, "choice")
        if kind in ("time", "set"):
            self.wrong(path, f"cannot be asked of {name}", suggestion("is", OPERATORS[kind]))
            return AllOf()
        words = value if isinstance(value, list) else [value]
        names = {word for word in (self._word(w, path, kind) for w in words) if word is not None}
        if not words:
            self.wrong(path, "lists nothing", "name at least one value")
        parts: list[Condition] = [Atom(name, "in", frozenset(names - {""}))] if names - {""} else []
        parts += [Atom(name, "empty")] if "" in names else []
        if kind == "flag" and "false" in names:
            return Not(Atom(name, "in", frozenset({"true"}))) if names == {"false"} else AllOf()
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _word(self, value: object, path: Path, kind: Kind) -> str | None:
        match value:
            case bool() if kind == "flag":
                return "true" if value else "false"
            case str() if kind != "flag":
                return value
            case int() if kind == "choice" and not isinstance(value, bool):
                return str(value)
        wanted = "true or false" if kind == "flag" else "text, in quotes"
        self.wrong(path, f"must be {wanted}", "correct the value", value)
        return None

    def _text(self, name: str, operator: str, value: object, path: Path) -> Condition:
        given = value if isinstance(value, list) else [value]
        words = [word for word in given if isinstance(word, str) and word]
        if not words or len(words) < len(given):
            self.wrong(path, "must be text, or an array of texts, none empty", "write it in quotes", value)
            return AllOf()
        is_set = self.kinds.get(name) == "set"
        parts: tuple[Condition, ...]
        if is_set:
            parts = tuple(Atom(name, "has", word) for word in words)
        else:
            parts = tuple(
                Atom(name, "contains" if operator == "contains" else "starts_with", word.lower())
                for word in words
            )
        return parts[0] if len(parts) == 1 else AnyOf(parts)

    def _matches(self, name: str, value: object, path: Path) -> Condition:
        if not isinstance(value, str) or not value:
            self.wrong(path, "must be a pattern", "write it in single quotes: 'vpn|wlan'", value)
            return AllOf()
        try:
            pattern(value)
        except ValueError as error:
            remedy = "correct it; it is an RE2 pattern, which knows no look-ahead and no back-reference"
            self.wrong(path, f"is not a usable pattern: {error}", remedy, value)
            return AllOf()
        return Atom(name, "matches", value)

    def _moment(self, value: object, path: Path) -> datetime:
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime.combine(value, time(), UTC)
        self.wrong(path, "must be a day or a time", "write it without quotes: 2026-01-05T08:00:00Z", value)
        return datetime(1970, 1, 1, tzinfo=UTC)

    def _age(self, value: object, path: Path) -> timedelta:
        try:
            return parse_duration(value)
        except PydanticCustomError as error:
            context: Mapping[str, Any] = error.context or {}
            self.wrong(path, str(context.get("what")), str(context.get("remedy")), value)
            return timedelta(0)

    def assignments(self, table: Mapping[str, object], path: Path) -> tuple[dict[str, Cell], dict[str, Any]]:
        """The values that a `then` sets, and its orders."""
        values: dict[str, Cell] = {}
        orders: dict[str, Any] = {}
        for name, value in table.items():
            kind = self.kinds.get(name, "choice")
            if name in ORDERS:
                orders[name] = self._order(name, value, (*path, name))
            elif name in DERIVED or kind in ("text", "texts", "time"):
                why = "it follows from impact and urgency" if name == "priority" else "rules only read it"
                self.wrong((*path, name), "cannot be set by a rule", f"{why}; set another field")
            else:
                values[name] = self.cell(name, value, (*path, name))
        return values, orders

    def _order(self, name: str, value: object, path: Path) -> Order:
        match name, value:
            case "note", dict() if value and all(_is_said(value.get(side, "-")) for side in SIDES):
                for key in value.keys() - set(SIDES):
                    self.wrong((*path, key), "is no side", "name servicenow, jira or both")
                return {side: value[side] for side in SIDES if side in value}
            case "leave_out", bool():
                return value
            case "hold" | "note", str() if value:
                return value
            case "unlabel", str() if value:
                return frozenset({value})
            case "unlabel", list() if value and all(isinstance(v, str) for v in value):
                return frozenset(value)
        remedy = "write true" if name == "leave_out" else "write it in quotes"
        self.wrong(path, "cannot be used", remedy, value)
        return ""

    def cell(self, name: str, value: object, path: Path, now: datetime | None = None) -> Cell:
        """A value of a field; "" is none. With `now`, a time may be said as how long ago it was."""
        match self.kinds.get(name, "choice"), value:
            case "set", str():
                return frozenset({value}) if value else None
            case "set", list() if all(isinstance(v, str) for v in value):
                return frozenset(value) or None
            case "flag", bool():
                return value
            case "time", str() if now is not None:
                return None if not value else now - self._age(value, path)
            case "time", _:
                return self._moment(value, path)
            case "choice", int() if not isinstance(value, bool):
                return str(value)
            case "texts", str():
                return Said(frozenset({value})) if value else None
            case "texts", list() if all(isinstance(v, str) and v for v in value):
                return Said(frozenset(value)) if value else None
            case (("choice" | "text"), str()):
                return value or None
            case kind, _:
                self.wrong(path, f"is not what {name} holds", f"it holds a {kind}", value)
                return None

    def cells(self, table: Mapping[str, object], path: Path, now: datetime | None = None) -> dict[str, Cell]:
        """A table of values."""
        return {name: self.cell(name, value, (*path, name), now) for name, value in table.items()}


def _is_said(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _every_operator() -> tuple[str, ...]:
    return tuple(dict.fromkeys(operator for known in OPERATORS.values() for operator in known))


def first_places(table: object, path: Path) -> Iterable[tuple[str, Path]]:
    """Every field that a table of conditions names, with its path; in the table's order."""
    if isinstance(table, dict):
        for key, value in table.items():
            if key in WORDS:
                inner = value if isinstance(value, list) else [value]
                for number, part in enumerate(inner):
                    yield from first_places(
                        part, (*path, key, number) if isinstance(value, list) else (*path, key)
                    )
            else:
                yield key, (*path, key)
