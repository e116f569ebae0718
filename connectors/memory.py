"""An in-memory side behind the port: no kinder than the real ones, and without HTTP in the way.

It checks no version when it is written to, keeps second-grained times where ServiceNow does, shows no record
after a transition where Jira shows none, counts notes and links as changes where the real ones do, and can
lag, hide, refuse, fail and lose answers as a test scripts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from tieline.connectors.base import (
    DROPPED,
    Action,
    AddComment,
    AddNote,
    Affected,
    Applied,
    Ask,
    Attach,
    Attachment,
    Capabilities,
    Change,
    Conversation,
    Create,
    Entity,
    Identity,
    Move,
    Page,
    PersonKey,
    Race,
    Record,
    Ref,
    Relate,
    RemoveLink,
    Reviewed,
    Search,
    ShowLink,
    Side,
    Target,
    Transition,
    Unrelate,
    Update,
)
from tieline.connectors.errors import ConnectorError, Gone, Rejected, Stale
from tieline.connectors.memory_reviews import OWN_ACCOUNT, ran_over, reviewed
from tieline.connectors.memory_rows import MemoryRows, Row
from tieline.connectors.memory_ties import MemoryTies, applied

__all__ = ["OWN_ACCOUNT", "MemorySide", "Row"]

CLOSED: Final = "7"
"""The state in which an incident takes no entries."""


class MemorySide(MemoryRows):
    """One side in memory. People use `make` and `edit`; the engine uses the port.

    `workflow` maps a status to its transitions (Jira); with it, the field `status` is set only by them.
    `rules` run at once after each write. `before_write` may return an error for an action, or None;
    `after_write` may replace an outcome, as a lost answer does. `fault` is told the name of each request, and
    may raise. `locked` are the fields that no edit sets, a workflow's status at least.
    """

    def __init__(
        self,
        side: Side,
        clock: Callable[[], datetime],
        *,
        place: str,
        prefix: str,
        workflow: Mapping[str, tuple[Move, ...]] | None = None,
        first_status: str = "",
        overlap: timedelta = timedelta(minutes=2),
    ) -> None:
        super().__init__(
            side, clock, place=place, prefix=prefix, workflow=workflow, first_status=first_status
        )
        self.people: dict[str, Entity] = {}
        self.groups: dict[str, Entity] = {}
        self.ties = MemoryTies(side)
        self.requests: list[str] = []
        self.locked = frozenset({"status"}) if workflow is not None else frozenset[str]()
        self.fault: Callable[[str], None] = lambda _request: None
        self.before_write: Callable[[Action], ConnectorError | None] = lambda _action: None
        self.after_write: Callable[[Action, Applied | ConnectorError], Applied | ConnectorError] = (
            lambda _action, outcome: outcome
        )
        self._overlap = overlap

    @property
    def capabilities(self) -> Capabilities:
        """Transitions with a workflow, none without."""
        return Capabilities(self.side, transitions=self._workflow is not None)

    def identity(self) -> Identity:
        """Always ourselves."""
        self._asked("identity")
        return Identity(OWN_ACCOUNT, "Tieline")

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Pages of fifty, oldest first. The last page's cursor is the time at which the feed was asked."""
        asked = self._now()
        since = start if cursor is None else datetime.fromisoformat(json.loads(cursor)) - self._overlap
        rows = sorted((r for r in self.rows.values() if r.updated >= since), key=lambda r: (r.updated, r.id))
        for index in range(0, max(len(rows), 1), 50):
            self._asked("feed")
            page = rows[index : index + 50]
            at = page[-1].updated if index + 50 < len(rows) else max(asked, start)
            changes = tuple(
                Change(Ref(self.side, r.id), r.label, self._version(r), r.updated)
                for r in page
                if not r.hidden
            )
            yield Page(changes, json.dumps(at.isoformat()), len(page) - len(changes))

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records as they are now."""
        self._asked("read")
        return [self._shown(ref) for ref in refs]

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Scopes read `field=value` here."""
        self._asked("scope")
        name, _, value = scope.partition("=")
        rows = {ref: self.rows[ref.id] for ref in refs if ref.id in self.rows}
        return frozenset(ref for ref, row in rows.items() if row.values.get(name) == value and not row.hidden)

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every row that holds the marker."""
        self._asked("find")
        return [self._record(row) for row in self.rows.values() if row.marker == marker and not row.hidden]

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """Pages of fifty, the one made first first."""
        rows = [r for r in self.rows.values() if r.marker.startswith(f"{installation}:") and not r.hidden]
        rows.sort(key=lambda row: (row.created, len(row.id), row.id))
        for index in range(0, len(rows), 50):
            self._asked("marked")
            yield [self._record(row) for row in rows[index : index + 50]]

    def lookup(self, label: str) -> Ref | None:
        """By number or key, or by id."""
        self._asked("lookup")
        rows = (row for row in self.rows.values() if label in (row.label, row.id))
        return next((Ref(self.side, row.id) for row in rows), None)

    def watermark(self, place: str) -> str:
        """Not needed: `find` reads everything."""
        return ""

    def entities(self, kind: Literal["person", "group"], ids: Sequence[str]) -> list[Entity]:
        """Those of the ids that are known."""
        self._asked("entities")
        known = self.people if kind == "person" else self.groups
        return [known[id_] for id_ in ids if id_ in known]

    def search_entities(
        self, kind: Literal["person", "group"], keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        """People by e-mail address or, in ServiceNow, user name; groups by name."""
        self._asked("search")
        if kind == "person" and by != "email":
            by_key = {getattr(entity, by): entity for entity in self.people.values()}
        elif kind == "person":
            by_key = {entity.email: entity for entity in self.people.values()}
            if self.side == "servicenow":
                by_key |= {entity.user_name: entity for entity in self.people.values()}
        else:
            by_key = {entity.name: entity for entity in self.groups.values()}
        return {key: by_key[key] for key in keys if key in by_key}

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record; Jira's records tell them themselves."""
        if self._workflow is None:
            self._asked("attachments")
        return [
            tuple(file for file, _ in self.rows[record.ref.id].files)
            if record.attachments is None else record.attachments
            for record in records
        ]  # fmt: skip

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """One page of what got a file in ServiceNow, where the record does not tell."""
        if self._workflow is not None:
            return
        self._asked("attached")
        since = start if cursor is None else datetime.fromisoformat(cursor) - self._overlap
        rows = [(max(f.created for f, _ in row.files), row) for row in self.rows.values() if row.files]
        changes = [
            Change(Ref(self.side, row.id), row.label, self._version(row), at)
            for at, row in rows
            if at >= since and not row.hidden
        ]
        yield Page(tuple(sorted(changes, key=lambda c: c.updated)), self._now().isoformat())

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The content in pieces of eight bytes."""
        self._asked("content")
        row = self.rows.get(file.ref.id)
        found = [content for f, content in row.files if f.id == file.id] if row and not row.hidden else []
        if not found:
            raise Gone(f"file {file.id} does not exist, or is hidden")
        for start in range(0, len(found[0]), 8):
            yield found[0][start : start + 8]

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The records that a test made known."""
        self._asked("targets")
        rows = [row for row in self.rows.values() if not row.hidden and {row.id, row.label} & set(keys)]
        found = {target.ref.id: target for target in self.ties.find(kind, keys)}
        for row in rows if kind == ("issue" if self.side == "jira" else "incident") else ():
            bare = Target(Ref(self.side, row.id, kind), row.label, url=f"https://{self.side}/{row.label}")
            found.setdefault(row.id, bare)
        return list(found.values())

    def seek(self, search: Search) -> list[Target]:
        """Those of them that a search finds."""
        self._asked("seek")
        return self.ties.seek(search)

    def depends_on(self, cis: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Nothing."""
        return {}

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        """The items that people put on these records."""
        self._asked("affected")
        return [self.ties.items_of(ref.id) for ref in refs]

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """One page of what got an item."""
        self._asked("affecting")
        since = start if cursor is None else datetime.fromisoformat(cursor) - self._overlap
        yield Page(self.ties.affecting(since), self._now().isoformat())

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """The remote links that were made for ties."""
        for _ in refs:
            self._asked("remote")
        shown = (self._shown(ref) for ref in refs)
        return [
            self.ties.remote_of(ref.id) if isinstance(record, Record) else record
            for ref, record in zip(refs, shown, strict=True)
        ]

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on these records; Jira told it along with them."""
        if self._workflow is None and asks:
            self._asked("conversations")
        shown = (self._shown(ask.ref) for ask in asks)
        return [
            record if isinstance(record, ConnectorError) else self.talk.told(ask)
            for record, ask in zip(shown, asks, strict=True)
        ]

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Each action once; scripted failures come before, lost answers after."""
        outcomes: list[Applied | ConnectorError] = []
        for action in actions:
            self._asked(type(action).__name__)
            outcome = self.before_write(action) or self._write(action)
            outcomes.append(self.after_write(action, outcome))
        return outcomes

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """The record now; made if it holds the values, alone by the count where there is one."""
        history = self._workflow is not None
        return [
            reviewed(write, shown, history=history) if isinstance(shown, Record) else shown
            for write, shown in zip(writes, self.read([write.ref for write in writes]), strict=True)
        ]

    def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, action: Action) -> Applied | ConnectorError:
        if isinstance(action, Create):
            made = self.make(action.values, OWN_ACCOUNT, place=action.place, marker=action.marker)
            self._note(made, action.note)
            return Applied(Ref(self.side, made.id), self._answer(made))
        row = self.rows.get(action.ref.id)
        if row is None or row.hidden:
            return Gone(f"{action.ref} does not exist, or is hidden")
        match action:
            case Update():
                return self._update(row, action)
            case Transition():
                return self._transition(row, action)
            case ShowLink():
                row.links[action.global_id] = action
                return self._noted(row, action.note)
            case RemoveLink():
                row.links.pop(action.global_id, None)
                return self._noted(row, "")
            case AddNote():
                return self._noted(row, action.text)
            case AddComment():
                return self._comment(row, action)
            case Relate() | Unrelate():
                return self._tied(row, action)
            case Attach():
                content = Path(action.path).read_bytes()
                file = self.put(row.id, action.name, content, OWN_ACCOUNT, action.type)
                return Applied(action.ref, made=file.id, url=file.url)

    def _tied(self, row: Row, action: Relate | Unrelate) -> Applied | ConnectorError:
        raced, alone = self._races(row, Update(action.ref, {}, seen=action.seen))
        if isinstance(action, Relate) and not action.global_id and not self._is_there(action.target):
            return Rejected(f"{action.target} does not exist", {action.name: "not there"})
        outcome = applied(action, self.ties.write(action))
        if isinstance(outcome, Rejected):
            return outcome
        self._stamp(row, {}, OWN_ACCOUNT, person=True)
        told = replace(outcome, record=self._answer(row), races=raced)
        return replace(told, alone=alone if action.seen.token else None)

    def _is_there(self, target: Ref) -> bool:
        row = self.rows.get(target.id)
        return self.ties.knows(target) if row is None else not row.hidden

    def _noted(self, row: Row, note: str) -> Applied:
        """A note or a link: no mapped value moves, but the record counts as changed."""
        self._note(row, note)
        self._stamp(row, {}, OWN_ACCOUNT, person=True)
        return Applied(Ref(self.side, row.id), self._answer(row))

    def _note(self, row: Row, note: str) -> None:
        if note:
            row.notes.append(note)
            self.talk.say(row.id, note, OWN_ACCOUNT, public=False, own=True)

    def _comment(self, row: Row, action: AddComment) -> Applied | ConnectorError:
        state = action.values.get("state", row.values.get("state"))
        if self._workflow is None and state == row.values.get("state") == CLOSED:
            return Rejected(f"{row.label} is closed: the entry was dropped in silence", {"comments": DROPPED})
        _, alone = self._races(row, Update(action.ref, {}, seen=action.seen))
        said = self.talk.add(action, OWN_ACCOUNT)
        row.values.update(action.values)
        self._stamp(row, action.values, OWN_ACCOUNT, person=True)
        known = alone if action.seen.token and self._workflow is None else None
        return Applied(action.ref, self._answer(row), known, made=said.id)

    def _update(self, row: Row, action: Update) -> Applied | ConnectorError:
        refused = {name: "cannot be set" for name in action.values if name in self.locked}
        if refused:
            return Rejected(f"Field {min(refused)} is not on the appropriate screen.", refused)
        races, alone = self._races(row, action)
        self.edit(row.id, action.values, OWN_ACCOUNT)
        return Applied(action.ref, self._answer(row, always=True), alone, races)

    def _transition(self, row: Row, action: Transition) -> Applied | ConnectorError:
        assert self._workflow is not None, "transitions go to Jira"
        open_now = self._workflow.get(str(row.values.get("status")), ())
        if action.move.id not in {move.id for move in open_now}:
            return Stale(f"transition {action.move.id} is not open from {row.values.get('status')}")
        missing = [name for name in action.move.required if action.values.get(name) is None]
        if missing:
            return Rejected(f"Field {missing[0]} is required.", {missing[0]: "is required"})
        foreign = {name: "cannot be set" for name in action.values if name not in action.move.fields}
        if foreign:
            return Rejected(f"Field {min(foreign)} is not on the appropriate screen.", foreign)
        self.edit(row.id, {**action.values, "status": action.move.to}, OWN_ACCOUNT)
        return Applied(action.ref)

    def _races(self, row: Row, action: Update) -> tuple[tuple[Race, ...], bool | None]:
        return ran_over(action, self._record(row), history=self._workflow is not None)

    def _answer(self, row: Row, *, always: bool = False) -> Record | None:
        return self._record(row) if always or self._workflow is None else None

    def _shown(self, ref: Ref) -> Record | ConnectorError:
        row = self.rows.get(ref.id)
        return Gone(f"{ref} does not exist, or is hidden") if row is None or row.hidden else self._record(row)

    def _record(self, row: Row) -> Record:
        status = str(row.values.get("status"))
        return Record(
            Ref(self.side, row.id), row.label, self._version(row), MappingProxyType(dict(row.values)),
            row.created, row.updated, row.updated_by, row.place, row.marker, f"https://{self.side}/{row.label}",
            () if self._workflow is None else self._workflow.get(status, ()),
            MappingProxyType({} if self._workflow is None else dict(row.touched)),
            None if self._workflow is None else tuple(file for file, _ in row.files),
            self.ties.shown(row.id, {each.id: each.label for each in self.rows.values() if not each.hidden}),
        )  # fmt: skip

    def _asked(self, request: str) -> None:
        self.requests.append(request)
        self.fault(request)
