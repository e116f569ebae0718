"""What a rule may ask of an incident, as a tree, and what it means: the plain reading, atom by atom.

`tieline.sync.policy.matcher` answers the same for many rules at once; the two agree by test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, assert_never

from tieline.sync.policy.calendars import Calendar
from tieline.sync.policy.fields import Cell, Record, Said

Operator = Literal[
    "in", "empty", "contains", "starts_with", "matches", "has", "before", "after", "older_than", "within"
]
Argument = frozenset[str] | str | datetime | timedelta | None


@dataclass(frozen=True, slots=True)
class Atom:
    """One question about one field. `calendar` names the hours in which an age is counted ("" for all).

    `in` holds names (a flag's are "true" and "false"), `contains` and `starts_with` text without regard to
    case, `matches` an RE2 pattern searched for, `has` an element of a set, `before` and `after` a moment.
    """

    field: str
    operator: Operator
    argument: Argument = None
    calendar: str = ""

    def __str__(self) -> str:
        match self.operator, self.argument:
            case "in", frozenset() as words:
                names = sorted(words)
                return f"{self.field} is {names[0]!r}" if len(names) == 1 else f"{self.field} in {names}"
            case "empty", _:
                return f"{self.field} is empty"
            case "within", _:
                return f"{self.field} within {self.calendar}"
            case "older_than", timedelta() as age:
                hours = f" of {self.calendar}" if self.calendar else ""
                return f"{self.field} older than {age}{hours}"
            case operator, argument:
                shown = argument.isoformat() if isinstance(argument, datetime) else repr(argument)
                return f"{self.field} {operator.replace('_', ' ')} {shown}"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; so does AllOf nothing."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Atom | AllOf | AnyOf | Not
ALWAYS = AllOf()


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of asking (UTC) and the calendars by name."""

    now: datetime
    calendars: Mapping[str, Calendar]


def holds(condition: Condition, record: Record, moment: Moment) -> bool:
    """Whether the condition holds for the incident at this moment."""
    match condition:
        case Atom():
            value = moment.now if condition.field == "now" else record.get(condition.field)
            return atom_holds(condition, value, moment)
        case AllOf(parts):
            return all(holds(part, record, moment) for part in parts)
        case AnyOf(parts):
            return any(holds(part, record, moment) for part in parts)
        case Not(part):
            return not holds(part, record, moment)
        case _:
            assert_never(condition)


def atom_holds(atom: Atom, value: Cell, moment: Moment | None) -> bool:
    """Whether one atom holds for a value. An empty value meets nothing but `empty`; a flag is then false."""
    if isinstance(value, Said):
        return _said(atom, value)
    argument: Any = atom.argument
    match atom.operator:
        case "in":
            return _word(value) in argument
        case "empty":
            return not value
        case "contains":
            return isinstance(value, str) and argument in value.lower()
        case "starts_with":
            return isinstance(value, str) and value.lower().startswith(argument)
        case "matches":
            return isinstance(value, str) and bool(value) and pattern(argument).search(value) is not None
        case "has":
            return isinstance(value, frozenset) and argument in value
        case "before":
            return isinstance(value, datetime) and value < argument
        case "after":
            return isinstance(value, datetime) and value > argument
        case "older_than" | "within":
            return isinstance(value, datetime) and moment is not None and _timed(atom, value, moment)
        case _:
            assert_never(atom.operator)


def _said(atom: Atom, said: Said) -> bool:
    """Whether one of the texts answers the question, or one that is not kept did."""
    if atom.operator == "empty":
        return not said
    return mark_of(atom) in said.marks or any(atom_holds(atom, text, None) for text in said.texts)


def mark_of(atom: Atom) -> str:
    """What is remembered of a question that was once answered: a digest, no text."""
    argument = sorted(atom.argument) if isinstance(atom.argument, frozenset) else [str(atom.argument)]
    return hashlib.sha256("\0".join([atom.operator, *argument]).encode()).hexdigest()[:12]


def _word(value: Cell) -> str | None:
    """A flag as a word: one that is not set is false. Empty text is as good as none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) and value else None


def _timed(atom: Atom, value: datetime, moment: Moment) -> bool:
    if atom.operator == "within":
        return moment.calendars[atom.calendar].contains(value)
    assert isinstance(atom.argument, timedelta)
    if not atom.calendar:
        return moment.now - value > atom.argument
    return moment.calendars[atom.calendar].elapsed(value, moment.now) > atom.argument


@lru_cache(maxsize=4096)
def pattern(text: str) -> Any:
    """An RE2 pattern, whose search takes time linear in the text. ValueError if it is none."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def atoms(condition: Condition) -> Iterator[Atom]:
    """Every atom of a condition, repeated ones too."""
    match condition:
        case Atom():
            yield condition
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from atoms(part)
        case Not(part):
            yield from atoms(part)
        case _:
            assert_never(condition)


def is_timed(condition: Condition) -> bool:
    """Whether what the condition says changes with time alone."""
    return any(a.operator == "older_than" or a.field == "now" for a in atoms(condition))
