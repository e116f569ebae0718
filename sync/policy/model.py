"""A policy as frozen values: what `tieline.sync.policy.load` makes of its files, each part with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from tieline.connectors.base import Side
from tieline.sync.config.policy import Strength
from tieline.sync.policy.calendars import Calendar
from tieline.sync.policy.conditions import Condition
from tieline.sync.policy.fields import CANONICAL, Cell, Kind

if TYPE_CHECKING:
    from tieline.sync.links.rules import LinkPolicy

MAJOR: Final = "major"
MAJOR_ENDS: Final = "major-ends"
"""Ids of the rules that `[major]` is made of."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """Where something stands: a file, a line and a column, both from 1 (0: nowhere)."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def short(self) -> str:
        """File and line, as people quote them."""
        return f"{self.file}:{self.line}"


NOWHERE: Final = Spot()


@dataclass(frozen=True, slots=True)
class Term:
    """One value of a vocabulary: its name, what it is called on either side, and what it belongs to."""

    name: str
    servicenow: tuple[str, ...]
    jira: tuple[str, ...]
    of: tuple[str, ...] = ()
    lossy: str = ""
    spot: Spot = NOWHERE

    def own(self, side: Side) -> tuple[str, ...]:
        """What a side calls it; the first is the one that is written."""
        return self.servicenow if side == "servicenow" else self.jira


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field that nobody mirrors is read: a column, reached over references or not, and a field id.

    "" for nowhere; a source that is nowhere at all is false.
    """

    servicenow: str = ""
    jira: str = ""

    def of(self, side: Side) -> str:
        """The side's own name of it."""
        return self.servicenow if side == "servicenow" else self.jira

    def __bool__(self) -> bool:
        return bool(self.servicenow or self.jira)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A value that a rule gives a field, and how strongly. Elements of sets add to what is there."""

    field: str
    value: Cell
    strength: Strength


Order = str | bool | frozenset[str] | Mapping[Side, str]
"""What a rule demands: a reason, yes, elements, or what each side is told."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `orders` holds what it demands besides values: `hold`, `leave_out`, `note`, `unlabel`."""

    id: str
    when: Condition
    sets: tuple[Assignment, ...]
    orders: Mapping[str, Order] = field(default_factory=lambda: MappingProxyType({}))
    about: str = ""
    before: frozenset[str] = frozenset()
    spot: Spot = NOWHERE
    spots: Mapping[str, Spot] = field(default_factory=lambda: MappingProxyType({}))
    """Places of its parts: `when`, `then.FIELD`, ..."""

    def at(self, part: str) -> Spot:
        """Where a part of it stands, or the rule itself."""
        return self.spots.get(part, self.spot)


@dataclass(frozen=True, slots=True)
class Bound:
    """The priority that incidents meeting `when` are never below (floor) or above (ceiling)."""

    id: str
    kind: Literal["floor", "ceiling"]
    when: Condition
    priority: str
    spot: Spot = NOWHERE


@dataclass(frozen=True, slots=True)
class Matrix:
    """Priority by (impact, urgency). The lists are the names in order, the gravest first."""

    impacts: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    cells: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    rows: tuple[tuple[str, ...], ...] = ()
    spot: Spot = NOWHERE


@dataclass(frozen=True, slots=True)
class Sla:
    """Targets for a priority; `calendar` "" counts every hour. None: no such target."""

    priority: str
    respond: timedelta | None
    resolve: timedelta | None
    calendar: str = ""
    pause_on: frozenset[str] = frozenset()
    spot: Spot = NOWHERE


@dataclass(frozen=True, slots=True)
class TestStep:
    """One edit of a test and what is expected after it."""

    by: Literal["person", "system"]
    after: timedelta
    edits: Mapping[str, Cell]
    expect: Mapping[str, Cell]
    reasons: Mapping[str, str]
    spot: Spot = NOWHERE


@dataclass(frozen=True, slots=True)
class Test:
    """An incident, what is expected of it, and what happens afterwards."""

    name: str
    given: Mapping[str, Cell]
    touched: frozenset[str]
    fresh: bool
    now: datetime
    expect: Mapping[str, Cell]
    reasons: Mapping[str, str]
    steps: tuple[TestStep, ...] = ()
    spot: Spot = NOWHERE


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides. `rules` holds those of `[major]` as well, before all others."""

    rules: tuple[Rule, ...] = ()
    bounds: tuple[Bound, ...] = ()
    matrix: Matrix = field(default_factory=Matrix)
    vocabulary: Mapping[str, tuple[Term, ...]] = field(default_factory=lambda: MappingProxyType({}))
    own_fields: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    """Where fields are read that nobody mirrors, as far as the file says it."""
    calendars: Mapping[str, Calendar] = field(default_factory=lambda: MappingProxyType({}))
    calendar_spots: Mapping[str, Spot] = field(default_factory=lambda: MappingProxyType({}))
    slas: tuple[Sla, ...] = ()
    tests: tuple[Test, ...] = ()
    files: tuple[str, ...] = ()
    links: LinkPolicy | None = None
    """What it says about links; None if nothing, and the usual rules hold (`tieline.sync.links.rules`)."""

    def kind(self, name: str) -> Kind | None:
        """What a field holds; None if there is no such field."""
        return self.own_fields.get(name) or CANONICAL.get(name)

    def names(self, name: str) -> frozenset[str] | None:
        """The values that there are for a field; None where the vocabulary does not list them."""
        terms = self.vocabulary.get(name)
        return None if terms is None else frozenset(term.name for term in terms)

    @property
    def entries(self) -> tuple[Rule | Bound, ...]:
        """Rules, then floors and ceilings."""
        return (*self.rules, *self.bounds)

    def rule(self, id_: str) -> Rule | Bound | None:
        """The rule, floor or ceiling of this id."""
        return next((entry for entry in self.entries if entry.id == id_), None)
