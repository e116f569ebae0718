"""How a problem or a change gets from one state to another where ServiceNow allows single steps only. Pure.

Jira's counterpart is in `steps`: both search with `Workflow`. Incidents have no such guard, and go straight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tieline.connectors.base import Move, Value, Values
from tieline.sync.workflow import Workflow

MOST: Final = 8
"""As many hops as lead through any of the known state machines."""
KIND: Final = "type"
"""The column that tells which way a change goes."""

_PROBLEM: Final = (
    ("101", "102"), ("102", "103"), ("103", "104"), ("104", "106"), ("106", "107"),
    ("104", "103"), ("106", "103"), ("107", "103"),
)  # fmt: skip
_LATER: Final = (("-2", "-1"), ("-1", "0"), ("0", "3"))
_CANCELED: Final = tuple((state, "4") for state in ("-5", "-4", "-3", "-2", "-1", "0"))
_CHANGE: Final = {
    "normal": (("-5", "-4"), ("-4", "-3"), ("-3", "-2"), *_LATER, *_CANCELED),
    "standard": (("-5", "-2"), *_LATER, *_CANCELED),
    "emergency": (("-5", "-3"), ("-3", "-2"), *_LATER, *_CANCELED),
}

Steps = Iterable[tuple[str, str]]


def _workflow(steps: Steps) -> Workflow:
    moves: dict[str, tuple[Move, ...]] = {}
    for start, to in steps:
        moves[start] = (*moves.get(start, ()), Move(to, to))
    return Workflow(moves)


@dataclass(frozen=True)
class StateMachine:
    """The steps that a table allows between states, by the kind of record ("" for any).

    `gives` holds by state what ServiceNow demands there and the other side does not have: it is written where
    the column is empty.
    """

    ways: Mapping[str, Workflow] = field(default_factory=dict)
    gives: Mapping[str, Values] = field(default_factory=dict)

    def path(self, start: str, target: str, values: Values) -> tuple[str, ...]:
        """The states on the way, `target` last. Where no way is known, straight there: it may be allowed."""
        way = self.ways.get(str(values.get(KIND) or "normal")) or self.ways.get("")
        found = None if way is None else way.path(start, (target,), most=MOST)
        return tuple(move.to for move in found) if found else (target,)

    def given(self, state: str, values: Values, written: Values) -> dict[str, Value]:
        """What to write along with a state: its demands, as far as nothing stands there, nor is written."""
        gives = self.gives.get(state, {})
        return {n: v for n, v in gives.items() if not values.get(n) and not written.get(n)}

    @property
    def columns(self) -> frozenset[str]:
        """What has to be read to know the way, and what is missing there."""
        kinds = {KIND} if set(self.ways) - {""} else set()
        return frozenset(kinds | {name for gives in self.gives.values() for name in gives})


def state_machine(table: str, steps: Sequence[tuple[str, str]], gives: Mapping[str, Values]) -> StateMachine:
    """The state machine of a table: as it is configured, or as ServiceNow comes.

    The usual moves are those of "Problem states" and "Change request states" in ServiceNow's documentation.
    """
    if steps:
        return StateMachine({"": _workflow(steps)}, gives)
    if table == "problem":
        return StateMachine({"": _workflow(_PROBLEM)}, gives)
    if table == "change_request":
        return StateMachine({kind: _workflow(way) for kind, way in _CHANGE.items()}, gives)
    return StateMachine({}, gives)
