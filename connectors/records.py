"""What a side tells: records and their conversation, files and ties, feeds, people; nothing here is written.

Each side speaks its own vocabulary here: `Record.values` maps a side's own field names to that side's
own values, text already in canonical form. Only `tieline.sync.mapping` knows what the two have in common.
These are part of the port: import them from `tieline.connectors.base`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

Side = Literal["servicenow", "jira"]
SIDES: Final[tuple[Side, Side]] = ("servicenow", "jira")

ISSUE_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+")
"""What Jira calls an issue, as a whole: its project's key and a number."""

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
