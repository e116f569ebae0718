"""Gives meaning to JQL clauses about fields with values from a list: projects, statuses, people, labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import assert_never

from tieline.connectors.sandbox.jira import jql
from tieline.connectors.sandbox.jira.fields import find_named
from tieline.connectors.sandbox.jira.model import CATEGORIES, ApiError, Field, Named, State, User
from tieline.connectors.sandbox.jira.pieces import COMPARE, Piece, Scope, negated, unsupported
from tieline.connectors.sandbox.jira.world import World


def choice(field: str, clause: jql.Clause, scope: Scope) -> Piece:
    """The meaning of a clause about a field that holds one or several of a list, or people."""
    if clause.operator in ("~", "!~", "<", ">", "<=", ">=") and field != "priority":
        raise unsupported(clause)
    read = _choice_reader(field)
    if clause.operator in ("is", "is not"):
        wanted = clause.operator == "is not"
        return Piece(lambda s: bool(read(s)) == wanted)
    if clause.operator in COMPARE:
        return _ranked(clause, scope)
    wanted_ids = frozenset(i for o in clause.operands for i in _choices(field, clause, o, scope))
    empty_too = "" in wanted_ids or any(isinstance(o, jql.Empty) for o in clause.operands)
    if negated(clause.operator):
        return Piece(lambda s: bool(ids := read(s)) and wanted_ids.isdisjoint(ids))
    piece = Piece(lambda s: not wanted_ids.isdisjoint(ids) if (ids := read(s)) else empty_too)
    if field == "project":
        return replace(piece, projects=wanted_ids)
    if field == "labels" and not empty_too:
        sets = [scope.index.holding("labels", [label]) or set() for label in wanted_ids]
        return replace(piece, ids=frozenset().union(*sets))
    return piece


def _ranked(clause: jql.Clause, scope: Scope) -> Piece:
    found = _choices("priority", clause, clause.operands[0], scope)
    if not found:
        raise unsupported(clause)
    wanted = found[0]
    compare = COMPARE[clause.operator]

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
