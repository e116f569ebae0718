"""Gives JQL clauses their meaning: what each tests on an issue, and what it lets search leave out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Final, assert_never

from tieline.connectors.sandbox.jira import dates, jql
from tieline.connectors.sandbox.jira.choices import choice
from tieline.connectors.sandbox.jira.fields import plain
from tieline.connectors.sandbox.jira.index import words
from tieline.connectors.sandbox.jira.model import ApiError, State, Text
from tieline.connectors.sandbox.jira.pieces import COMPARE, Piece, Scope, negated, unsupported
from tieline.connectors.sandbox.jira.world import World


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
    return choice(field, clause, scope)


# Issue keys and ids


def _keys(clause: jql.Clause, scope: Scope) -> Piece:
    if clause.operator in ("=", "!=", "in", "not in"):
        ids = _known(clause, scope)
        if negated(clause.operator):
            return Piece(lambda s: s.id not in ids)
        return Piece(lambda s: s.id in ids, ids=ids)
    if clause.operator not in (">", ">=", "<", "<="):
        raise unsupported(clause)
    operand = clause.operands[0]
    text = operand.text if isinstance(operand, jql.Literal) else ""
    project, _, number = text.upper().rpartition("-")
    if not number.isdigit():
        raise ApiError(400, (f"The issue key '{text}' for field '{clause.field}' is invalid.",))
    compare = COMPARE[clause.operator]
    if not project:
        return Piece(lambda s: compare(s.id, int(number)))
    return Piece(lambda s: s.project.key == project and compare(s.number, int(number)))


def _known(clause: jql.Clause, scope: Scope) -> frozenset[int]:
    """The ids that are meant; every one that does not exist is named in the refusal."""
    ids, missing = [], []
    for operand in clause.operands:
        if not isinstance(operand, jql.Literal):
            raise unsupported(clause)
        found = scope.find(operand.text)
        if found is not None:
            ids.append(found)
        elif operand.text.isdigit():
            missing.append(f"A value with ID '{operand.text}' does not exist for the field '{clause.field}'.")
        else:
            missing.append(f"An issue with key '{operand.text}' does not exist for field '{clause.field}'.")
    if missing and scope.strict:
        raise ApiError(400, tuple(missing))
    return frozenset(ids)


# Dates


def _date(field: str, clause: jql.Clause, scope: Scope) -> Piece:
    read = _DATES[field]
    if clause.operator in ("is", "is not"):
        wanted = clause.operator == "is not"
        return Piece(lambda s: (read(s) is not None) == wanted)
    if clause.operator in ("~", "!~"):
        raise unsupported(clause)
    if clause.operator in ("=", "!=", "in", "not in"):
        spans = [(d, d + timedelta(minutes=1)) for d in (_instant(clause, o, scope) for o in clause.operands)]
        wanted = not negated(clause.operator)
        return Piece(lambda s: (d := read(s)) is not None and any(a <= d < b for a, b in spans) == wanted)
    limit = _instant(clause, clause.operands[0], scope)
    compare = COMPARE[clause.operator]
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
            raise unsupported(clause)
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
        raise unsupported(clause)
    operand = clause.operands[0]
    if not isinstance(operand, jql.Literal):
        raise unsupported(clause)
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
