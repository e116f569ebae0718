"""What a side can be asked to write, each write as data, and what became of it; it sends nothing.

In a write, `seen` is the Version of the record it was decided from, and `before` holds the values it
overwrites as they were then, so that a race can be found afterwards. These are part of the port: import
them from `tieline.connectors.base`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tieline.connectors.records import Move, Record, Ref, Side, Value, Values, Version, no_values

UNSEEN: Final = Version("")
"""What a write was decided from that looked at no record."""


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
    seen: Version = UNSEEN
    note: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """Take one hop of a Jira workflow, with the fields of its screen."""

    ref: Ref
    move: Move
    values: Values = field(default_factory=no_values)
    before: Values = field(default_factory=no_values)
    seen: Version = UNSEEN


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
    seen: Version = UNSEEN


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
    seen: Version = UNSEEN
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
    seen: Version = UNSEEN
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
    certain: bool = False
    """Whether the record's history shows the write: what stands as before was put back since."""


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
