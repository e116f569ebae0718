"""The port: what the engine asks of a system, in values that carry no client, socket or callback.

Whoever uses or implements it imports from here. Its values stand in two modules of their own, by direction:
`records.py` has what a side tells, `actions.py` what it can be asked to write and what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from tieline.connectors.actions import (
    DROPPED,
    Action,
    AddComment,
    AddNote,
    Applied,
    Attach,
    Create,
    Race,
    Relate,
    RemoveLink,
    Reviewed,
    ShowLink,
    Transition,
    Unrelate,
    Update,
)
from tieline.connectors.errors import ConnectorError
from tieline.connectors.records import (
    ISSUE_KEY,
    SIDES,
    Affected,
    Ask,
    Attachment,
    Change,
    Comment,
    Conversation,
    Entity,
    FieldKind,
    Identity,
    Move,
    Page,
    PersonKey,
    Record,
    Ref,
    Search,
    Side,
    Target,
    Tie,
    Touch,
    Value,
    Values,
    Version,
    no_values,
    other,
)

__all__ = [
    "DROPPED",
    "ISSUE_KEY",
    "SIDES",
    "Action",
    "AddComment",
    "AddNote",
    "Affected",
    "Applied",
    "Ask",
    "Attach",
    "Attachment",
    "Capabilities",
    "Change",
    "Comment",
    "Connector",
    "Conversation",
    "Create",
    "Entity",
    "FieldKind",
    "Identity",
    "Move",
    "Page",
    "PersonKey",
    "Race",
    "Record",
    "Ref",
    "Relate",
    "RemoveLink",
    "Reviewed",
    "Search",
    "ShowLink",
    "Side",
    "Target",
    "Tie",
    "Touch",
    "Transition",
    "Unrelate",
    "Update",
    "Value",
    "Values",
    "Version",
    "no_values",
    "other",
]


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
