"""The values that the engine decides about and writes down: Pair, Base, Conflict, Plan, Intent, Outcome.

Nothing here decides or acts. All times are UTC; all values are frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from tieline.connectors.base import Action, Record, Ref, Side, Values

Origin = Literal["person", "rule", "system"]
UNDO: Final = "undo "
"""How the rule begins that stands in a Base where a person undid a pass: the sides differ on purpose."""
PairState = Literal["active", "frozen", "unlinked"]


@dataclass(frozen=True, slots=True)
class Dealt:
    """The last values of one unit on one side that were dealt with, in that side's own vocabulary.

    `system` holds what the system made of them without a person behind it (a Rewrite), None if nothing.
    """

    values: Values
    origin: Origin = "person"
    rule: str = ""
    system: Values | None = None


@dataclass(frozen=True, slots=True)
class UnitBase:
    """What one unit (a field, or fields that are one) stood at when it was last dealt with.

    A side is None where nothing was dealt with yet. `equal_at` is when (our clock) the pair was last seen
    with nothing moved here. `trail` holds the values last taken with no person known behind them, oldest
    first, each as `side=class`: the sign of two rules that fight. `apart` is set while a status is on its way
    to an issue that stood open beside its closed incident when that began.
    """

    servicenow: Dealt | None = None
    jira: Dealt | None = None
    equal_at: datetime | None = None
    trail: tuple[str, ...] = ()
    apart: bool = False

    def of(self, side: Side) -> Dealt | None:
        """The entry of one side."""
        return self.servicenow if side == "servicenow" else self.jira

    def put(self, side: Side, dealt: Dealt | None) -> UnitBase:
        """The same with another entry of one side."""
        return replace(self, servicenow=dealt) if side == "servicenow" else replace(self, jira=dealt)

    @property
    def ruled(self) -> bool:
        """Whether a rule of the policy set what was dealt with: no person's change went along."""
        return any(dealt is not None and dealt.origin == "rule" for dealt in (self.servicenow, self.jira))

    @property
    def undone(self) -> str:
        """The rule by which a person undid a pass here; "" where nobody did."""
        rules = [dealt.rule for dealt in (self.servicenow, self.jira) if dealt is not None]
        return next((rule for rule in rules if rule.startswith(UNDO)), "")


@dataclass(frozen=True, slots=True)
class Base:
    """Per unit what was last dealt with, and per side what the visible link line last showed."""

    units: Mapping[str, UnitBase] = field(default_factory=lambda: MappingProxyType({}))
    shown: Mapping[Side, str] = field(default_factory=lambda: MappingProxyType({}))

    def unit(self, name: str) -> UnitBase:
        """The entry of one unit; an empty one where there is none."""
        return self.units.get(name, UnitBase())


@dataclass(frozen=True, slots=True)
class Pair:
    """Two Refs known to be one Incident. `origin` is the side on which it was raised.

    `number` and `key` are labels as last seen. `checked_at` is when both records were last compared.
    """

    id: int
    route: str
    servicenow: Ref
    jira: Ref
    origin: Side
    number: str = ""
    key: str = ""
    state: PairState = "active"
    base: Base = field(default_factory=Base)
    created_at: datetime | None = None
    checked_at: datetime | None = None

    def ref(self, side: Side) -> Ref:
        """The Ref of one side."""
        return self.servicenow if side == "servicenow" else self.jira

    def label(self, side: Side) -> str:
        """The number or key of one side, as last seen."""
        return self.number if side == "servicenow" else self.key


@dataclass(frozen=True, slots=True)
class Park:
    """Why a Pair (or a record without one) is left alone, since when, and when it is tried again.

    `reason` is a short code (`rejected`, `no-path`, `gone`, `copy`, ...), `detail` the sentence for people.
    `seen` is the fingerprint of the mapped values then: the park ends when they move. `label` names a record
    that has no pair.
    """

    key: str
    reason: str
    detail: str
    since: datetime
    retry_at: datetime | None
    tries: int = 0
    seen: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the policy may say something else about an incident though nobody touches it (None: never).

    `key` is that of the inbox. `left_out` is the rule, with its place, that leaves it out of scope ("" if
    none does), `label` the name of it then. An outlook that says neither is false.
    """

    key: str
    due: datetime | None = None
    left_out: str = ""
    label: str = ""

    def __bool__(self) -> bool:
        return self.due is not None or bool(self.left_out)


ConflictKind = Literal["clash", "first", "unmapped", "race", "flapping", "cut", "rule", "left", "unfilled"]
LEFT: Final[Mapping[ConflictKind, Side]] = {"left": "jira", "unfilled": "servicenow"}
"""The kinds that tell what a side left empty when it was ended, with that side."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides moved one unit apart (or it could not be carried over), what was decided, and why.

    `open` means that a person has to decide; `winner` is None then. `choice` is the side a person named
    by `tieline conflicts resolve`, to be carried out by the next pass. `id` is 0 until it is stored.
    """

    pair: int
    unit: str
    kind: ConflictKind
    servicenow: Values
    jira: Values
    reason: str
    at: datetime
    winner: Side | None = None
    open: bool = False
    id: int = 0
    choice: Side | None = None
    closed_at: datetime | None = None
    pass_id: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that says: look at this record. `reason` is feed, sweep, unknown, person, ..."""

    ref: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """One thing to look at. `key` is `p:<pair id>` or `r:<side>:<id>`; `stamp` rises with each arrival."""

    key: str
    pair_id: int | None
    ref: Ref
    reasons: frozenset[str]
    since: datetime
    due: datetime
    stamp: int


@dataclass(frozen=True, slots=True)
class Step:
    """One write of a Plan, what it makes of the Base when it is applied, and why it is made.

    `bases` maps units to what they become once this step is done.
    """

    action: Action
    why: tuple[str, ...]
    bases: Mapping[str, UnitBase] = field(default_factory=lambda: MappingProxyType({}))
    shown: str = ""
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Base and both Records of one pair at one moment (`at`, our clock), with its open conflicts."""

    pair: Pair
    servicenow: Record
    jira: Record
    at: datetime
    conflicts: tuple[Conflict, ...] = ()
    said: tuple[str, ...] = ()
    """Comments of people that are new since the last look, or edited: for a policy to judge by, for nobody
    to write anywhere."""

    def record(self, side: Side) -> Record:
        """The record of one side."""
        return self.servicenow if side == "servicenow" else self.jira


@dataclass(frozen=True, slots=True)
class Plan:
    """What should be written for one pair, and why; and what is settled without any write.

    `bases` are the units whose Base advances at once. `conflicts` are recorded at once, `closed` are ids of
    open conflicts that no longer stand. `park` leaves the pair alone; it may come with steps of other
    units only if they do not depend on it.
    """

    steps: tuple[Step, ...] = ()
    bases: Mapping[str, UnitBase] = field(default_factory=lambda: MappingProxyType({}))
    conflicts: tuple[Conflict, ...] = ()
    closed: tuple[int, ...] = ()
    park: Park | None = None
    remarks: tuple[str, ...] = ()
    due: datetime | None = None
    """When time alone may change what the policy says of the pair; None for never."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An Action written down before it is tried. `pair` is None for a create.

    `base` is the pair's Base as it becomes when this is applied. `unknown` marks one whose answer was
    lost; it is settled no sooner than `probe_at`. `id` is 0 until it is stored. `label` names the pair, or
    the record that is mirrored, for people.
    """

    pass_id: str
    pair: int | None
    route: str
    step: Step
    at: datetime
    probe_at: datetime
    unknown: bool = False
    id: int = 0
    label: str = ""


OutcomeKind = Literal["applied", "skipped", "stale", "unknown", "rejected", "retry"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an Intent."""

    kind: OutcomeKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One write that was tried: where, what, old and new, why, in which pass, and what came of it."""

    pass_id: str
    at: datetime
    pair: int | None
    ref: Ref | None
    action: str
    old: Values
    new: Values
    why: tuple[str, ...]
    outcome: OutcomeKind
    detail: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class PassSummary:
    """One run of the engine. `counts` names what it did; `error` says why it stopped early ("" if not)."""

    id: str
    started: datetime
    ended: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    error: str = ""
