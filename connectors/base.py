"""The port: what the engine asks of a system, in values that carry no client, socket or callback.

Each side speaks its own vocabulary here: `Record.values` maps a side's own field names to that side's
own values, text already in canonical form. Only `tieline.sync.mapping` knows what the two have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, Protocol

from tieline.connectors.errors import ConnectorError

Side = Literal["servicenow", "jira"]
SIDES: Final[tuple[Side, Side]] = ("servicenow", "jira")

Value = str | frozenset[str] | None
"""One field's value. Empty is always None: never "" and never an empty set."""

Values = Mapping[str, Value]

FieldKind = Literal["line", "text", "choice", "person", "group", "set"]
"""How a field is read and written: one line, many lines, a list's value, a reference, several values."""


def no_values() -> Values:
    """An empty, unchangeable mapping: the default where a record or write names no field."""
    return MappingProxyType({})


def other(side: Side) -> Side:
    """The side across."""
    return "jira" if side == "servicenow" else "servicenow"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A record's identity: side, the id that never changes (sys_id, numeric issue id) and its kind."""

    side: Side
    id: str
    kind: str = "incident"

    def __str__(self) -> str:
        return f"{self.side}:{self.id}"


@dataclass(frozen=True, slots=True)
class Version:
    """Opaque token: a hint that something moved. It proves nothing, least of all that nothing did."""

    token: str


@dataclass(frozen=True, slots=True)
class Touch:
    """The last known change of one field: when (UTC), and by whom (that side's user id or name).

    `person` is False where the system is known to have done it, True where a person is, None where the
    side does not tell.
    """

    at: datetime
    by: str
    person: bool | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A transition that is open to an issue now (Jira); ServiceNow has none and needs none.

    `to` is the status name, `done` whether its category is done, `fields` the ids on its screen and
    `required` those that must be given.
    """

    id: str
    to: str
    done: bool = False
    fields: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """One side's view of an Incident at one moment. Times are UTC.

    `label` is the number or key, which may change. `place` tells where the record lives: the table in
    ServiceNow; `PROJECT/Issue type` in Jira. `marker` is the content of the marker field ("" for none).
    `touched` holds what the side itself tells about single fields, and may be empty.
    """

    ref: Ref
    label: str
    version: Version
    values: Values
    created: datetime
    updated: datetime
    updated_by: str = ""
    place: str = ""
    marker: str = ""
    url: str = ""
    moves: tuple[Move, ...] = ()
    touched: Mapping[str, Touch] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a feed: something about this record moved at `updated` (UTC, the side's clock)."""

    ref: Ref
    label: str
    version: Version
    updated: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a feed and the cursor to store, in one transaction, with it.

    `cursor` is opaque to the engine. `hidden` counts rows the system counted and did not show.
    """

    changes: tuple[Change, ...]
    cursor: str
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """A person or a group on one side. `id` is what a field holds: sys_id, accountId, user or option name."""

    side: Side
    kind: Literal["person", "group"]
    id: str
    name: str
    email: str = ""
    user_name: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the side says that we are: proof that answers are not anonymous. `skew` = its clock - ours."""

    id: str
    name: str
    time_zone: str = ""
    skew: timedelta = timedelta(0)


# Writes. Each is data; `seen` is the Version of the record it was decided from, and `before` holds the
# values it overwrites as they were then, so that a race can be found afterwards.


@dataclass(frozen=True, slots=True)
class Create:
    """Make the mirror of `origin` at `place`, found again by `marker`.

    `watermark` is what `Connector.watermark(place)` said when the intent was written. `shown` is what the
    link field shows from the start (ServiceNow's display field; ignored by Jira), `note` an internal note.
    """

    side: Side
    place: str
    values: Values
    marker: str
    origin: Ref
    note: str = ""
    watermark: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """Set fields of one record. `note` is an internal note to add in the same request ("" for none)."""

    ref: Ref
    values: Values
    before: Values = field(default_factory=no_values)
    seen: Version = Version("")
    note: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """Take one hop of a Jira workflow, with the fields of its screen."""

    ref: Ref
    move: Move
    values: Values = field(default_factory=no_values)
    before: Values = field(default_factory=no_values)
    seen: Version = Version("")


@dataclass(frozen=True, slots=True)
class ShowLink:
    """Make the other half visible on this record: upsert by `global_id`, so it is safe to repeat.

    ServiceNow puts `label` into the configured display field and adds `note` as a work note in the same
    request ("" for none); Jira keeps a remote link with all the rest.
    """

    ref: Ref
    global_id: str
    label: str
    url: str
    status: str = ""
    done: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class AddNote:
    """Add one internal note (a ServiceNow work note, an internal Jira comment)."""

    ref: Ref
    text: str


@dataclass(frozen=True, slots=True)
class RemoveLink:
    """Take away what `ShowLink` made: Jira's remote link with this `global_id`; it is safe to repeat.

    ServiceNow shows the other half in a plain field, which an `Update` empties.
    """

    ref: Ref
    global_id: str


Action = Create | Update | Transition | ShowLink | RemoveLink | AddNote


@dataclass(frozen=True, slots=True)
class Race:
    """Somebody wrote `field` between our reading and our writing.

    `value` is what we overwrote, where the side tells (`known`); `field` is "" where it does not even
    tell which one.
    """

    field: str
    value: Value
    known: bool
    at: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The write was made. `record` is the record as the answer showed it, None where it showed nothing.

    `alone` is True if the answer proves that nobody else wrote since `seen`, False if it proves that
    somebody did, None if it proves neither. Where `alone` is True, values that differ from those sent
    are the system's own. `made` is the id of the comment, attachment or link that the write made, where
    it made one and the answer tells.
    """

    ref: Ref
    record: Record | None = None
    alone: bool | None = None
    races: tuple[Race, ...] = ()
    made: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a side tells afterwards about a write whose answer was lost, or showed nothing.

    `record` is the record as it is now. `made` is whether the side shows that the write was made, None where
    it does not tell: its values may have been overwritten since. `alone` and `races` are as in `Applied`.
    """

    record: Record
    made: bool | None = None
    alone: bool | None = None
    races: tuple[Race, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a side can do, asked before anything is planned that it cannot."""

    side: Side
    transitions: bool
    """A status moves along a workflow (Jira), instead of being written like any field (ServiceNow)."""
    read_batch: int = 100
    create_batch: int = 50


class Connector(Protocol):
    """One remote system. Lists go in and come out in equal length and order.

    Every method may raise `Denied`, `RateLimited`, `Unavailable` or `Malformed` for the side as a whole;
    what concerns one record comes back in its place in the list.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this side can do."""

    def identity(self) -> Identity:
        """The canary: one request that fails with `Denied` unless the answer is ours."""

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Everything that changed since `cursor` (since `start`, without one), oldest first, in pages.

        It carries no user scope, reaches back by the configured overlap, may repeat entries, and ends.
        """

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records by id, in batches, past every index; `Gone` for those that are not shown."""

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Those of `refs` that the side's own query `scope` matches now."""

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every record that holds `marker`, by consistent reads above `watermark` as well as by search."""

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """Every record with a marker of this installation, in pages, the one made first first."""

    def lookup(self, label: str) -> Ref | None:
        """The record that a person means by a number or key; None if there is none."""

    def watermark(self, place: str) -> str:
        """A mark below every record that will be made at `place` from now on ("" where not needed)."""

    def entities(self, kind: Literal["person", "group"], ids: Sequence[str]) -> list[Entity]:
        """The people or groups behind these field values; unknown ones are absent."""

    def search_entities(self, kind: Literal["person", "group"], keys: Sequence[str]) -> Mapping[str, Entity]:
        """People by e-mail address, groups by name: each key found exactly once, with its entity.

        In ServiceNow a key without an @ is a user name, as the configured map has it.
        """

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once. A lost answer is `Unknown`; nothing here is ever sent twice."""

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What became of writes that were made, or may have been: read by id, with what history tells."""

    def close(self) -> None:
        """Let go of connections."""
