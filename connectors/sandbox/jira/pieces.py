"""What a JQL condition is made of once it is understood: a test, and what lets search leave issues out."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from tieline.connectors.sandbox.jira import jql
from tieline.connectors.sandbox.jira.index import Index
from tieline.connectors.sandbox.jira.model import ApiError, State, User
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


COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def unsupported(clause: jql.Clause) -> ApiError:
    """The refusal of an operator that a field does not have."""
    return ApiError(
        400, (f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.",)
    )


def negated(sign: str) -> bool:
    """Whether an operator asks for the opposite."""
    return sign in ("!=", "not in", "is not", "!~")
