"""Answers JQL from the index: which issues, in which order, and where the next page starts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from tieline.connectors.sandbox.jira import dates, jql
from tieline.connectors.sandbox.jira.clauses import compile_query, resolve
from tieline.connectors.sandbox.jira.fields import to_simple
from tieline.connectors.sandbox.jira.model import ApiError, Named, State, User
from tieline.connectors.sandbox.jira.pieces import Piece, Scope

Raw = int | str | None
Place = tuple[Raw, ...]
"""A result's position: the values it is sorted by, and its id."""


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the results, and the place of the last one if there are more."""

    states: list[State]
    next: Place | None


@dataclass(frozen=True, slots=True)
class _Term:
    read: Callable[[State], Raw]
    descending: bool


@dataclass(frozen=True, slots=True)
class _Backward:
    value: Raw

    def __lt__(self, other: _Backward) -> bool:
        return _forward(other.value) < _forward(self.value)


def _forward(value: Raw) -> tuple[bool, int, str]:
    return (value is None, value if isinstance(value, int) else 0, value if isinstance(value, str) else "")


_LATEST_FIRST: Final = frozenset(
    {"created", "updated", "resolutiondate", "statuscategorychangedate", "priority"}
)
"""Fields that sort downward unless ASC is said: each field has a default direction of its own."""


def find(
    query: jql.Query, scope: Scope, visible: Callable[[int], bool], limit: int, after: Place | None = None,
    fresh: Sequence[State] = (),
) -> Found:  # fmt: skip
    """Up to `limit` results beyond `after`; `fresh` states stand in for what the index holds of them."""
    piece = compile_query(query.where, scope)
    terms = _terms(query, scope)
    if _feeds(query, scope) and not fresh and piece.ids is None:
        stream = (s for s in _stream(piece, scope, after) if piece.test(s) and visible(s.id))
        states = list(islice(stream, limit + 1))
    else:
        ordered = _ordered(piece, terms, scope, visible, fresh)
        start = 0 if after is None else _beyond(ordered, terms, after)
        states = ordered[start : start + limit + 1]
    more = len(states) > limit
    states = states[:limit]
    return Found(states, _place(states[-1], terms) if more and states else None)


def find_all(query: jql.Query, scope: Scope, visible: Callable[[int], bool]) -> list[State]:
    """Every result, in order."""
    piece = compile_query(query.where, scope)
    return _ordered(piece, _terms(query, scope), scope, visible, ())


def _feeds(query: jql.Query, scope: Scope) -> bool:
    """Whether the order is the one that the index keeps: by `updated`, ascending, then by id."""
    fields = [(resolve(s.field, scope.world), s.descending) for s in query.order]
    return fields[:1] == [("updated", False)] and all(f == "key" and not d for f, d in fields[1:])


def _stream(piece: Piece, scope: Scope, after: Place | None) -> Iterator[State]:
    resume = None
    if after is not None:
        updated, *_, last = after
        resume = (dates.from_ms(int(updated or 0)), int(last or 0))
    return scope.index.updated(piece.projects, piece.low, piece.high, resume)


def _ordered(
    piece: Piece, terms: list[_Term], scope: Scope, visible: Callable[[int], bool], fresh: Sequence[State]
) -> list[State]:
    replaced = {s.id for s in fresh}
    pool = (s for s in _pool(piece, scope) if s.id not in replaced)
    matches = [s for s in (*pool, *fresh) if visible(s.id) and piece.test(s)]
    matches.sort(key=lambda s: s.id)
    for term in reversed(terms):
        matches.sort(key=lambda s, t=term: _forward(t.read(s)), reverse=term.descending)  # type: ignore[misc]
    return matches


def _pool(piece: Piece, scope: Scope) -> Iterable[State]:
    states = scope.index.states
    if piece.ids is not None:
        return [states[i] for i in piece.ids if i in states]
    if piece.projects is None and piece.low is None and piece.high is None:
        return list(states.values())
    return scope.index.updated(piece.projects, piece.low, piece.high, None)


def _beyond(ordered: list[State], terms: list[_Term], after: Place) -> int:
    def key(values: Sequence[Raw]) -> tuple[object, ...]:
        sides = [_Backward(v) if t.descending else _forward(v) for v, t in zip(values, terms, strict=False)]
        return (*sides, values[-1])

    return bisect_right([key(_place(s, terms)) for s in ordered], key(after))


def _place(state: State, terms: list[_Term]) -> Place:
    return (*(t.read(state) for t in terms), state.id)


def _terms(query: jql.Query, scope: Scope) -> list[_Term]:
    sorts = query.order or (jql.Sort("created", descending=True),)
    return [_term(s, scope) for s in sorts]


def _term(sort: jql.Sort, scope: Scope) -> _Term:
    field = resolve(sort.field, scope.world)
    if field in ("text", "description", "comment", "attachment"):
        raise ApiError(400, (f"Field '{sort.field}' is not sortable.",))
    descending = field in _LATEST_FIRST if sort.descending is None else sort.descending
    return _Term(_reader(field), descending)


def _reader(field: str) -> Callable[[State], Raw]:
    match field:
        case "key":
            return lambda s: f"{s.project.key}-{s.number:010d}"
        case "created":
            return lambda s: dates.epoch_ms(s.created)
        case "updated":
            return lambda s: dates.epoch_ms(s.updated)
        case "resolutiondate":
            return lambda s: _ms(s.resolved)
        case "project":
            return lambda s: s.project.name
        case "issuetype":
            return lambda s: s.type.name
        case "status" | "statuscategory" | "statusCategory":
            return lambda s: s.status.id
        case "priority":
            return lambda s: -int(p.id) if isinstance(p := s.values.get("priority"), Named) else None
        case _:
            return lambda s: _shown(s, field)


def _ms(instant: datetime | None) -> int | None:
    return None if instant is None else dates.epoch_ms(instant)


def _shown(state: State, field: str) -> str | None:
    value = state.values.get(field)
    if isinstance(value, User):
        return value.display
    simple = to_simple(value)
    return " ".join(simple) if isinstance(simple, tuple) else simple
