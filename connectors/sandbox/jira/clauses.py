"""Gives JQL clauses their meaning: what each tests on an issue, and what it lets search leave out."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final, TypeVar, assert_never
from zoneinfo import ZoneInfo

from tieline.connectors.sandbox.jira import dates, jql
from tieline.connectors.sandbox.jira.fields import find_named, plain
from tieline.connectors.sandbox.jira.index import Index, words
from tieline.connectors.sandbox.jira.model import CATEGORIES, ApiError, Field, Named, State, Text, User
from tieline.connectors.sandbox.jira.world import World

Test = Callable[[State], bool]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query is read against: the site, the index, who asks, when, and in which zone.

    `find` gives the id behind an issue id or key that the caller can see. `strict` refuses keys and ids that
    do not exist, as Jira's search does.
    """

    world: World
    index: Index
    find: Callable[[str], int | None]
    caller: User
    now: datetime
    zone: ZoneInfo
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """A test, with what is known to hold wherever it does: ids, projects, earliest and latest `updated`."""

    test: Test
    ids: frozenset[int] | None = None
    projects: frozenset[str] | None = None
    low: datetime | None = None
    high: datetime | None = None

    def both(self, other: Piece) -> Piece:
        """The conjunction of two pieces."""
        mine, theirs = self.test, other.test
        return Piece(
            lambda s: mine(s) and theirs(s),
            _meet(self.ids, other.ids),
            _meet(self.projects, other.projects),
            max((d for d in (self.low, other.low) if d is not None), default=None),
            min((d for d in (self.high, other.high) if d is not None), default=None),
        )


def _meet(one: frozenset[T] | None, two: frozenset[T] | None) -> frozenset[T] | None:
    return one & two if one is not None and two is not None else (one if two is None else two)


def compile_query(node: jql.Node | None, scope: Scope) -> Piece:
    """The meaning of a tree. Raises `ApiError` 400 for unknown fields, values and unsupported operators."""
    match node:
        case None:
            return Piece(lambda _: True)
        case jql.All(nodes):
            return reduce(Piece.both, (compile_query(n, scope) for n in nodes))
        case jql.Any(nodes):
            return _either([compile_query(n, scope) for n in nodes])
        case jql.Not(inner):
            test = compile_query(inner, scope).test
            return Piece(lambda s: not test(s))
        case jql.Clause():
            return _clause(node, scope)
        case _:
            assert_never(node)


def _either(pieces: list[Piece]) -> Piece:
    tests = [p.test for p in pieces]
    ids = [p.ids for p in pieces if p.ids is not None]
    projects = [p.projects for p in pieces if p.projects is not None]
    return Piece(
        lambda s: any(t(s) for t in tests),
        frozenset().union(*ids) if len(ids) == len(pieces) else None,
        frozenset().union(*projects) if len(projects) == len(pieces) else None,
    )


_ALIASES: Final = {
    "type": "issuetype", "issue": "key", "issuekey": "key", "id": "key", "createddate": "created",
    "updateddate": "updated", "resolved": "resolutiondate", "component": "components",
    "statuscategorychangeddate": "statuscategorychangedate",
}  # fmt: skip
_DATES: Final[dict[str, Callable[[State], datetime | None]]] = {
    "created": lambda s: s.created,
    "updated": lambda s: s.updated,
    "resolutiondate": lambda s: s.resolved,
    "statuscategorychangedate": lambda s: s.status_since,
}


def resolve(name: str, world: World) -> str:
    """The id of the field that JQL calls `name`; `ApiError` 400 if there is none."""
    lowered = name.lower()
    known = _ALIASES.get(lowered, lowered)
    if known in ("key", "text", "statuscategory", *_DATES) or known in world.fields:
        return known
    for field in world.fields.values():
        if lowered == field.id.lower() or any(lowered == clause.lower() for clause in field.clauses):
            return field.id
    raise ApiError(400, (f"Field '{name}' does not exist or you do not have permission to view it.",))


def _clause(clause: jql.Clause, scope: Scope) -> Piece:
    field = resolve(clause.field, scope.world)
    if field == "key":
        return _keys(clause, scope)
    if field in _DATES:
        return _date(field, clause, scope)
    definition = scope.world.fields.get(field)
    if field == "text" or (definition is not None and definition.kind in ("line", "text")):
        return _text(field, clause, scope)
    return _choice(field, clause, scope)


def _unsupported(clause: jql.Clause) -> ApiError:
    return ApiError(
        400, (f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.",)
    )


def _negated(operator: str) -> bool:
    return operator in ("!=", "not in", "is not", "!~")


# Issue keys and ids


def _keys(clause: jql.Clause, scope: Scope) -> Piece:
    if clause.operator in ("=", "!=", "in", "not in"):
        ids = frozenset(i for o in clause.operands if (i := _issue(clause, o, scope)) is not None)
        if _negated(clause.operator):
            return Piece(lambda s: s.id not in ids)
        return Piece(lambda s: s.id in ids, ids=ids)
    if clause.operator not in (">", ">=", "<", "<="):
        raise _unsupported(clause)
    operand = clause.operands[0]
    text = operand.text if isinstance(operand, jql.Literal) else ""
    project, _, number = text.upper().rpartition("-")
    if not number.isdigit():
        raise ApiError(400, (f"The issue key '{text}' for field '{clause.field}' is invalid.",))
    compare = _COMPARE[clause.operator]
    if not project:
        return Piece(lambda s: compare(s.id, int(number)))
    return Piece(lambda s: s.project.key == project and compare(s.number, int(number)))


def _issue(clause: jql.Clause, operand: jql.Operand, scope: Scope) -> int | None:
    if not isinstance(operand, jql.Literal):
        raise _unsupported(clause)
    found = scope.find(operand.text)
    if found is None and scope.strict:
        if operand.text.isdigit():
            message = f"A value with ID '{operand.text}' does not exist for the field '{clause.field}'."
        else:
            message = f"An issue with key '{operand.text}' does not exist for field '{clause.field}'."
        raise ApiError(400, (message,))
    return found


# Dates


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _date(field: str, clause: jql.Clause, scope: Scope) -> Piece:
    read = _DATES[field]
    if clause.operator in ("is", "is not"):
        wanted = clause.operator == "is not"
        return Piece(lambda s: (read(s) is not None) == wanted)
    if clause.operator in ("~", "!~"):
        raise _unsupported(clause)
    if clause.operator in ("=", "!=", "in", "not in"):
        spans = [(d, d + timedelta(minutes=1)) for d in (_instant(clause, o, scope) for o in clause.operands)]
        wanted = not _negated(clause.operator)
        return Piece(lambda s: (d := read(s)) is not None and any(a <= d < b for a, b in spans) == wanted)
    limit = _instant(clause, clause.operands[0], scope)
    compare = _COMPARE[clause.operator]
    piece = Piece(lambda s: (d := read(s)) is not None and compare(d, limit))
    if field != "updated":
        return piece
    return replace(piece, low=limit) if clause.operator.startswith(">") else replace(piece, high=limit)


def _instant(clause: jql.Clause, operand: jql.Operand, scope: Scope) -> datetime:
    match operand:
        case jql.Literal(text):
            instant = dates.parse(text, scope.now, scope.zone)
            if instant is None:
                raise ApiError(400, (
                    f"Date value '{text}' for field '{clause.field}' is invalid. Valid formats include: "
                    "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format "
                    "e.g. '-5d', '4w 2d'.",
                ))  # fmt: skip
            return instant
        case jql.Function(name, arguments):
            return _moment(name, arguments, scope)
        case jql.Empty():
            raise _unsupported(clause)
        case _:
            assert_never(operand)


def _moment(name: str, arguments: tuple[str, ...], scope: Scope) -> datetime:
    days = (
        int(arguments[0].rstrip("d")) if arguments and arguments[0].rstrip("d").lstrip("+-").isdigit() else 0
    )
    match name.lower():
        case "now":
            return scope.now
        case "startofday":
            return dates.start_of_day(scope.now, scope.zone, days)
        case "endofday":
            return dates.start_of_day(scope.now, scope.zone, days + 1) - timedelta(milliseconds=1)
        case _:
            raise ApiError(400, (f"Unable to find JQL function '{name}({', '.join(arguments)})'.",))


# Texts


def _text(field: str, clause: jql.Clause, scope: Scope) -> Piece:
    read = _text_reader(field)
    if clause.operator in ("is", "is not"):
        wanted = clause.operator == "is not"
        return Piece(lambda s: bool(read(s)) == wanted)
    if clause.operator not in ("~", "!~"):
        raise _unsupported(clause)
    operand = clause.operands[0]
    if not isinstance(operand, jql.Literal):
        raise _unsupported(clause)
    holds, terms = _phrase(operand.text, clause.field)
    if clause.operator == "!~":
        return Piece(lambda s: bool(text := read(s)) and not holds(text))
    ids = scope.index.holding(field, terms)
    return Piece(lambda s: holds(read(s)), ids=None if ids is None else frozenset(ids))


def _text_reader(field: str) -> Callable[[State], str]:
    def shown(state: State, name: str) -> str:
        value = state.values.get(name)
        return plain(value) if isinstance(value, Text) else value if isinstance(value, str) else ""

    if field == "text":
        return lambda s: " ".join(shown(s, name) for name, v in s.values.items() if isinstance(v, str | Text))
    return lambda s: shown(s, field)


def _phrase(query: str, field: str) -> tuple[Callable[[str], bool], list[str]]:
    """What a text query asks for: all its words; side by side, where it is in quotation marks."""
    if query[:1] in ("*", "?"):
        raise ApiError(400, (
            f"The text query '{query}' for field '{field}' is not allowed to start with "
            f"character '{query[0]}'.",
        ))  # fmt: skip
    terms = words(query)
    quoted = len(query) > 1 and query[0] == query[-1] == '"'
    if quoted:
        return (lambda text: _side_by_side(words(text), terms)), terms
    prefix = query.rstrip().endswith("*") and bool(terms)
    exact = terms[:-1] if prefix else terms

    def holds(text: str) -> bool:
        there = words(text)
        starts = not prefix or any(w.startswith(terms[-1]) for w in there)
        return starts and set(exact).issubset(there)

    return holds, exact


def _side_by_side(there: list[str], terms: list[str]) -> bool:
    return any(there[i : i + len(terms)] == terms for i in range(len(there) - len(terms) + 1))


# Everything that is one or several of a list


def _choice(field: str, clause: jql.Clause, scope: Scope) -> Piece:
    if clause.operator in ("~", "!~", "<", ">", "<=", ">=") and field != "priority":
        raise _unsupported(clause)
    read = _choice_reader(field)
    if clause.operator in ("is", "is not"):
        wanted = clause.operator == "is not"
        return Piece(lambda s: bool(read(s)) == wanted)
    if clause.operator in _COMPARE:
        return _ranked(clause, scope)
    wanted_ids = frozenset(i for o in clause.operands for i in _choices(field, clause, o, scope))
    empty_too = "" in wanted_ids or any(isinstance(o, jql.Empty) for o in clause.operands)
    if _negated(clause.operator):
        return Piece(lambda s: bool(ids := read(s)) and wanted_ids.isdisjoint(ids))
    piece = Piece(lambda s: not wanted_ids.isdisjoint(ids) if (ids := read(s)) else empty_too)
    if field == "project":
        return replace(piece, projects=wanted_ids)
    if field == "labels" and not empty_too:
        sets = [scope.index.holding("labels", [label]) or set() for label in wanted_ids]
        return replace(piece, ids=frozenset().union(*sets))
    return piece


def _ranked(clause: jql.Clause, scope: Scope) -> Piece:
    (wanted,) = _choices("priority", clause, clause.operands[0], scope) or ("",)
    compare = _COMPARE[clause.operator]

    def test(state: State) -> bool:
        value = state.values.get("priority")
        return isinstance(value, Named) and compare(-int(value.id), -int(wanted))

    return Piece(test)


def _choice_reader(field: str) -> Callable[[State], Iterable[str]]:
    match field:
        case "project":
            return lambda s: (s.project.id,)
        case "issuetype":
            return lambda s: (s.type.id,)
        case "status":
            return lambda s: (s.status.id,)
        case "statuscategory" | "statusCategory":
            return lambda s: (s.status.category.key,)
        case "creator":
            return lambda s: (s.creator.id,)
        case _:
            return lambda s: _ids(s.values.get(field))


def _ids(value: object) -> tuple[str, ...]:
    match value:
        case Named() | User():
            return (value.id,)
        case tuple():
            return tuple(v.lower() if isinstance(v, str) else v.id for v in value)
        case _:
            return ()


def _choices(field: str, clause: jql.Clause, operand: jql.Operand, scope: Scope) -> tuple[str, ...]:
    match operand:
        case jql.Empty():
            return ()
        case jql.Function(name, arguments):
            if name.lower() == "currentuser" and field in ("assignee", "reporter", "creator"):
                return (scope.caller.id,)
            raise ApiError(400, (f"Unable to find JQL function '{name}({', '.join(arguments)})'.",))
        case jql.Literal(text):
            ids = _named_ids(field, text, scope.world)
            if not ids:
                kind = f"A value with ID '{text}'" if text.isdigit() else f"The value '{text}'"
                raise ApiError(400, (f"{kind} does not exist for the field '{clause.field}'.",))
            return ids
        case _:
            assert_never(operand)


def _named_ids(field: str, text: str, world: World) -> tuple[str, ...]:
    wanted = text.lower()
    match field:
        case "project":
            project = world.project(text)
            return (project.id,) if project else ()
        case "issuetype":
            types = (t for p in world.projects.values() for t in p.issue_types)
            return tuple({t.id for t in types if wanted in (t.id, t.name.lower())})
        case "status":
            status = world.status(text)
            return (status.id,) if status else ()
        case "statuscategory" | "statusCategory":
            return tuple(c.key for c in CATEGORIES if wanted in (str(c.id), c.key, c.name.lower()))
        case "assignee" | "reporter" | "creator":
            user = world.user(text)
            return (user.id,) if user else ()
        case "labels":
            return (wanted,)
        case "components":
            return tuple(
                {
                    c.id
                    for p in world.projects.values()
                    for c in p.components
                    if wanted in (c.id, c.name.lower())
                }
            )
        case "resolution" if wanted == "unresolved":
            return ("",)
        case _:
            return _option_ids(world.fields[field], text, world)


def _option_ids(definition: Field, text: str, world: World) -> tuple[str, ...]:
    found = find_named(world, definition, text)
    return (found.id,) if found else ()
