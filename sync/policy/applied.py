"""What is known of an incident beside its values, and what a policy makes of it: values, no decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, Side
from tieline.sync.config.policy import Strength
from tieline.sync.policy.fields import Cell, Record
from tieline.sync.policy.model import Assignment, Bound, Rule
from tieline.sync.policy.sla import Statuses


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known beside the values: fields that a person changed, and whether it was raised just now.

    `statuses` is since when it had which status: the clock of its targets stands still in some.
    """

    touched: frozenset[str] = frozenset()
    fresh: bool = False
    statuses: Statuses = ()


UNTOUCHED: Final = Standing()
"""Nothing is known beside the values."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that got another value. `overrides` a person's choice; `round` counts from 1."""

    field: str
    old: Cell
    new: Cell
    rule: str
    strength: Strength
    overrides: bool
    round: int


@dataclass(frozen=True, slots=True)
class Left:
    """A value that a rule would set and does not, and why."""

    field: str
    value: Cell
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What the rules that hold say: the first of each field, and of sets each element's first."""

    fields: tuple[tuple[Assignment, Rule], ...] = ()
    adds: tuple[tuple[Assignment, Rule], ...] = ()
    orders: tuple[Rule, ...] = ()
    bounds: tuple[Bound, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What a rule tells people, and on which sides."""

    rule: str
    text: str
    sides: tuple[Side, ...] = SIDES


@dataclass(frozen=True, slots=True)
class Applied:
    """What a policy makes of an incident.

    `speaks` names the rule that speaks for each field in the end. `before` are the records that each round
    began with. With `flapping` nothing is changed: the fields that never come to rest, with the rules.
    """

    values: Record
    changes: Mapping[str, Change]
    left: Mapping[str, Left] = field(default_factory=lambda: MappingProxyType({}))
    speaks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    fired: frozenset[str] = frozenset()
    hold: tuple[str, str] | None = None
    """(rule, reason) of the first rule that wants a person to look."""
    leave_out: str = ""
    """The rule that leaves the incident out of scope."""
    notes: tuple[Note, ...] = ()
    """What people are to be told."""
    flapping: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    before: tuple[Record, ...] = ()

    @property
    def changed(self) -> dict[str, Cell]:
        """The fields that got another value."""
        return {name: change.new for name, change in self.changes.items()}
