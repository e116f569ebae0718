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

PersonKey = Literal["email", "user_name", "name"]
"""What people can be searched by."""

FieldKind = Literal["line", "text", "choice", "person", "group", "set", "people"]
"""How a field is read and written: one line, many lines, a list's value, a reference, several of them."""


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
class Attachment:
    """A file on a record, as its side tells of it; its content is fetched apart (`Connector.content`).

    `size` is in bytes, `created` UTC, `author` that side's user id or name. `type` is the content type as the
    side has it. `digest` is the SHA-256 of the content in hex digits, "" where the side does not tell it.
    """

    id: str
    ref: Ref
    name: str
    size: int
    type: str
    created: datetime
    author: str = ""
    digest: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Tie:
    """A link from one record to another, as its side shows it along with the record.

    `name` is the column that refers (ServiceNow), or the type of issue link (Jira); of the latter, `outward`
    tells that it reads from this record to `target` ("blocks"), not back ("is blocked by"), and `id` names
    it. `label` is the target's number or key, "" where the side does not tell it.
    """

    name: str
    target: Ref
    outward: bool = True
    id: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A problem, a change, a configuration item, an incident or a Jira issue that an incident may be tied to.

    `ref` is its identity; its kind is `incident`, `problem`, `change`, `ci` or, in Jira, `issue`. `label` is
    its number or key, which may change. `state` is that side's own word. `opened`, `started` and `closed`
    (UTC) are when it was raised, when work on it began (for a change: its implementation) and when it was
    closed or implemented. `ci`, `service`, `component` (with all `components`), `group` and `category` (in
    Jira the issue type) are what it is about, ""
    where unknown.
    """

    ref: Ref
    label: str
    title: str = ""
    state: str = ""
    opened: datetime | None = None
    started: datetime | None = None
    closed: datetime | None = None
    ci: str = ""
    service: str = ""
    component: str = ""
    group: str = ""
    category: str = ""
    url: str = ""
    components: frozenset[str] = frozenset()

    @property
    def side(self) -> Side:
        """Where the record lives."""
        return self.ref.side

    @property
    def kind(self) -> str:
        """What it is."""
        return self.ref.kind


@dataclass(frozen=True, slots=True)
class Affected:
    """The configuration items that an incident affects, as a list of its own that is no field of it.

    `whole`: nothing is left out or hidden from us, so that an item which is not here is not affected.
    """

    items: tuple[Target, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """Which targets of one kind are asked for: those that a condition of each given one finds.

    `cis`, `groups`, `categories` and `services` are own-side ids or values, any of them; empty means
    whatever. `since` and `until` (UTC) bound when it was raised (`opened`), or when it was worked on (`work`:
    implemented or closed within). At most `limit` come, the latest first.
    """

    kind: str
    cis: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    by: Literal["opened", "work"] = "opened"
    limit: int = 200
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """One side's view of an Incident at one moment. Times are UTC.

    `label` is the number or key, which may change. `place` tells where the record lives: the table in
    ServiceNow; `PROJECT/Issue type` in Jira. `marker` is the content of the marker field ("" for none).
    `touched` holds what the side itself tells about single fields, and may be empty. `attachments` are its
    files where the side tells them along with the record, None where they must be asked for. `ties` are its
    links to other records, as far as they are configured, None where this answer did not tell them.
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
    attachments: tuple[Attachment, ...] | None = None
    ties: tuple[Tie, ...] | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """One entry of a record's conversation: a Jira comment, or an entry of a ServiceNow journal.

    `author` is that side's user id or user name, "" where only the `name` is told. Times are UTC. `stamp`
    changes with every edit. `text` is canonical, None where it was not asked for (its stamp was known).
    `public`: customers may read it. `kind` is the journal's name in ServiceNow, `comment` in Jira. `own`: our
    own account wrote it; only then is `mark` believed, by which Tieline knows what it carried here.
    """

    id: str
    ref: Ref
    author: str
    name: str
    created: datetime
    updated: datetime
    stamp: str
    text: str | None
    public: bool
    kind: str
    own: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Which part of a record's conversation is asked for.

    `since` (UTC): entries made before may be left out; None asks for all. `known` are stamps by id: the text
    and the mark of an entry whose stamp is known are not needed again. With `fresh` the side is asked anew,
    whatever it told along with the record before.
    """

    ref: Ref
    since: datetime | None = None
    known: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a side tells of a record's conversation, oldest first, ties in the order of its ids.

    `whole`: nothing is left out, so that an entry which is not here is deleted, or hidden from us.
    """

    ref: Ref
    entries: tuple[Comment, ...] = ()
    whole: bool = True


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
    """Add one internal note (a ServiceNow work note, an internal Jira comment).

    `about` is not sent: it tells whoever planned the note what it was for.
    """

    ref: Ref
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class AddComment:
    """Add one entry to a record's conversation: `line` says who wrote it and where, `text` is canonical.

    `mark` is kept on the record itself, so that what was carried is known without any state: in Jira as a
    property of the comment, in ServiceNow it stands in `line`. `values` are set in the same request
    (ServiceNow: a state that reopens the incident). Of an entry that the side drops in silence the outcome
    is `Rejected`, with `DROPPED` as the word for its field.
    """

    ref: Ref
    text: str
    public: bool
    line: str
    mark: str
    values: Values = field(default_factory=no_values)
    before: Values = field(default_factory=no_values)
    seen: Version = Version("")


DROPPED: Final = "dropped in silence"
"""Among the fields of a `Rejected`: the side took the entry and kept nothing, as closed incidents do."""


@dataclass(frozen=True, slots=True)
class Attach:
    """Put a file of the other side, its attachment `origin`, on this record under `name`.

    `size` is in bytes. `digest` (SHA-256, hex digits) and `path`, where its content lies meanwhile, are known
    once it was fetched; a connector sends the content as a stream, and never holds it as a whole.
    """

    ref: Ref
    origin: str
    name: str
    size: int
    type: str = ""
    digest: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class RemoveLink:
    """Take away what `ShowLink` made: Jira's remote link with this `global_id`; it is safe to repeat.

    ServiceNow shows the other half in a plain field, which an `Update` empties.
    """

    ref: Ref
    global_id: str


@dataclass(frozen=True, slots=True)
class Relate:
    """Tie a record to `target`: set the column `name` (ServiceNow), make an issue link of type `name` (Jira).

    `outward` tells in which direction Jira's link reads from this record. With `global_id`, Jira gets a
    remote link to `url` instead, shown as `label` and read as `name`: an upsert, safe to repeat. `before`
    holds what the column held, by name; `seen` is the Version that this was decided from. `about` is not
    sent: it tells whoever planned the write what it was for.
    """

    ref: Ref
    name: str
    target: Ref
    outward: bool = True
    label: str = ""
    url: str = ""
    global_id: str = ""
    before: Values = field(default_factory=no_values)
    seen: Version = Version("")
    about: str = ""

    @property
    def values(self) -> Values:
        """What stands there afterwards, for people."""
        return {self.name: self.label or str(self.target)}


@dataclass(frozen=True, slots=True)
class Unrelate:
    """Take a tie away: empty the column `name` (ServiceNow), delete the link `id` or `global_id` (Jira)."""

    ref: Ref
    name: str
    target: Ref
    outward: bool = True
    id: str = ""
    global_id: str = ""
    before: Values = field(default_factory=no_values)
    seen: Version = Version("")
    about: str = ""

    @property
    def values(self) -> Values:
        """What stands there afterwards, for people: nothing."""
        return {self.name: None}


Action = (
    Create | Update | Transition | ShowLink | RemoveLink | AddNote | AddComment | Attach | Relate | Unrelate
)


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
    url: str = ""
    """Where people open what was made, if the answer tells."""


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
        """Every record with a marker of this installation, in pages, the one made first first.

        Unreadable at the end, if single records with a marker could not be read: all others were told then.
        """

    def lookup(self, label: str) -> Ref | None:
        """The record that a person means by a number or key; None if there is none."""

    def watermark(self, place: str) -> str:
        """A mark below every record that will be made at `place` from now on ("" where not needed)."""

    def entities(self, kind: Literal["person", "group"], ids: Sequence[str]) -> list[Entity]:
        """The people or groups behind these field values; unknown ones are absent."""

    def search_entities(
        self, kind: Literal["person", "group"], keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        """People by e-mail address, groups by name: each key found exactly once, with its entity.

        In ServiceNow a key without an @ is a user name, as the configured map has it. `by` names another
        property of people to search by; a side that has none such finds nobody.
        """

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record, the oldest first: out of the records where they tell, else in batches."""

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records that got a file, where that does not change the record itself; like `feed` in all else.

        A side whose `feed` shows them anyway has no pages here.
        """

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The content of a file in pieces, none of them large; it ends only when all of it was told.

        `Gone` for a file that is not shown, `Rejected` for one that this account may not read.
        """

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The records of a kind (`Target.kind`) with these ids, numbers or keys, in batches; others are not.

        What it does not know of the kind, or may not read, is no error: nothing is found.
        """

    def seek(self, search: Search) -> list[Target]:
        """The targets that a search finds."""

    def depends_on(self, cis: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """The configuration items that each of these depends on, one step far; none where it is not told."""

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        """The items that each of these incidents affects, in batches; a side that has no such list: nothing.

        What this account may not read is told as not `whole`.
        """

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Incidents that got an affected item, which does not change them; like `feed` in all else."""

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """The global ids of each record's remote links, one request each; ServiceNow has none."""

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on these records, in batches; of records just read, without asking again where
        the side tells it along with them. Entries of one second may come in any order of writing.
        """

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once. A lost answer is `Unknown`; nothing here is ever sent twice."""

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What became of writes that were made, or may have been: read by id, with what history tells."""

    def close(self) -> None:
        """Let go of connections."""
