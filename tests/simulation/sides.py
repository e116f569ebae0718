"""A hostile side behind the port: records, people's view of them, feeds, searches and reads that misbehave.

What differs between the two systems is in `servicenow` and `jira`. It starts from what `memory.MemorySide`
promises and is no kinder: late commits, a lagging index, hidden rows, skewed clocks, faults as told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal

from tests.simulation.files import FileRoom
from tests.simulation.scenario import FaultKind
from tests.simulation.talk import TalkRoom
from tests.simulation.ties import TieRoom
from tests.simulation.world import Effect, Happened, Who, World
from tieline.connectors.base import (
    Action,
    AddComment,
    Applied,
    Attach,
    Capabilities,
    Change,
    Create,
    Entity,
    Identity,
    Page,
    PersonKey,
    Record,
    Ref,
    Relate,
    Reviewed,
    Side,
    Transition,
    Unrelate,
    Update,
    Value,
    Version,
)
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    RateLimited,
    Rejected,
    Stale,
    Unavailable,
    Unknown,
)

US: Final = "tieline"


@dataclass
class Row:
    """One record as the side keeps it. `shown` is what the search index knows of it."""

    id: str
    label: str
    place: str
    created: datetime
    updated: datetime
    updated_by: str
    values: dict[str, Value] = field(default_factory=dict)
    marker: str = ""
    origin: Ref | None = None
    """What it is the mirror of, if the engine made it."""
    copied: bool = False
    mod_count: int = 0
    notes: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    changelog: list[Entry] = field(default_factory=list)
    hidden: bool = False
    deleted: bool = False
    sour: bool = False
    garbled: bool = False
    """Whether no answer that holds it can be believed."""
    indexed: tuple[datetime, str, str] | None = None
    """Time of the last change, marker and place as the index has them; None: not indexed yet."""

    @property
    def visible(self) -> bool:
        """Whether our account sees it."""
        return not (self.hidden or self.deleted)


@dataclass(frozen=True, slots=True)
class Entry:
    """One changed field in a record's history."""

    at: datetime
    by: str
    person: bool | None
    field: str
    old: Value
    new: Value


Rule = Callable[[Row, frozenset[str], Who], Mapping[str, Value]]
"""A rule that runs within a write: sees the row, what changed and who, and gives what it makes of it."""


class HostileSide:
    """One hostile side. Subclasses say how it writes, what its answers prove, and how it searches."""

    side: Side
    place: str
    overlap: timedelta

    def __init__(self, world: World, skew: float, page: int) -> None:
        self.world = world
        self.rows: dict[str, Row] = {}
        self.rules: list[Rule] = []
        self.after_change: list[Callable[[Row, frozenset[str], Who], None]] = []
        self.ambush: Callable[[Action, bool], None] = lambda _action, _before: None
        self.files = FileRoom(self)
        self.talks = TalkRoom(self)
        self.conversations = self.talks.conversations
        self.ties = TieRoom(self)
        self.remote_ties = self.ties.remote_ties
        self.targets, self.seek = self.ties.targets, self.ties.seek
        self.depends_on = self.ties.depends_on
        self.affected, self.affecting = self.ties.affected, self.ties.affecting
        self.attachments = self.files.attachments
        self.attached = self.files.attached
        self.content = self.files.content
        self.identity_down = False
        if not world.scenario.traits.overlap:
            self.overlap = timedelta(seconds=1)
        self._skew = timedelta(seconds=skew)
        self._page = page

    # The record keeper: everything that changes a record goes through here.

    def server_now(self) -> datetime:
        """The side's own clock, as it stamps."""
        return self.world.now() + self._skew

    def insert(
        self, values: Mapping[str, Value], who: Who, *, marker: str = "", place: str = "", label: str = ""
    ) -> Row:
        """A record comes to be."""
        now, number = self.server_now(), len(self.rows) + 1
        row = Row(
            self._id(number), label or self._label(number), place or self.place, now, now, self._by(who)
        )
        row.marker = marker
        self.rows[row.id] = row
        row.values.update(self._blank())
        self._apply(row, values, who, now, first=True)
        return row

    def change(
        self, row: Row, values: Mapping[str, Value], who: Who, *, stamp: datetime | None = None
    ) -> frozenset[str]:
        """Fields of a record change, at once for everybody; what changed in the end, rules included."""
        return self._apply(row, values, who, stamp or self.server_now())

    def touch(self, row: Row, who: Who) -> None:
        """Something that is not mapped changes."""
        row.mod_count += 1
        row.updated, row.updated_by = self.server_now(), self._by(who)
        self.world.touched.append((self.world.next_seq(), self.world.now(), row.id, who))
        self._index(row)

    def _apply(
        self, row: Row, values: Mapping[str, Value], who: Who, stamp: datetime, *, first: bool = False
    ) -> frozenset[str]:
        before = dict(row.values)
        row.values.update(values)
        self._system_rules(row, before)
        for rule in self.rules:
            changed = frozenset(n for n, v in row.values.items() if before.get(n) != v)
            row.values.update(rule(row, changed, who))
        self._system_rules(row, before)
        changed = frozenset(n for n, v in row.values.items() if before.get(n) != v)
        if changed or first:
            row.updated, row.updated_by = stamp, self._by(who)
            row.mod_count += 0 if first else 1
            self._remember(row, before, changed, who, stamp)
            self._index(row)
            self._log(row, changed, frozenset(values), who)
            for hook in self.after_change:
                hook(row, changed, who)
        return changed

    def _log(self, row: Row, changed: frozenset[str], meant: frozenset[str], who: Who) -> None:
        seq, now = self.world.next_seq(), self.world.now()
        self.world.log.append(Happened(seq, now, self.side, row.id, who, dict(row.values), changed, meant))
        shown = {name: row.values[name] for name in sorted(changed)}
        self.world.tell(f"{who} at {self.side} {row.label}: {shown}")

    @staticmethod
    def _by(who: Who) -> str:
        return {"person": "somebody", "automation": "system", "tieline": US}[who]

    # What subclasses say.

    def _id(self, number: int) -> str:
        raise NotImplementedError

    def _label(self, number: int) -> str:
        raise NotImplementedError

    def _blank(self) -> Mapping[str, Value]:
        raise NotImplementedError

    def _system_rules(self, row: Row, before: Mapping[str, Value]) -> None:
        raise NotImplementedError

    def _remember(
        self, row: Row, before: Mapping[str, Value], changed: frozenset[str], who: Who, stamp: datetime
    ) -> None:
        raise NotImplementedError

    def _index(self, row: Row) -> None:
        row.indexed = (row.updated, row.marker, row.place)

    def refusal(self, row: Row | None, action: Action) -> ConnectorError | None:
        """Why the side refuses an action, if it does."""
        raise NotImplementedError

    def _take(self, row: Row | None, action: Action) -> Applied:
        """Carry out an action that is not refused, and say what the answer proves."""
        raise NotImplementedError

    def record(self, row: Row) -> Record:
        """The row as the port shows it."""
        raise NotImplementedError

    def entity(self, kind: str, id_: str) -> Entity | None:
        """The person or group behind a value."""
        raise NotImplementedError

    def entity_by_key(self, kind: str, key: str) -> Entity | None:
        """A person by e-mail address, a group by name."""
        raise NotImplementedError

    def version(self, row: Row) -> Version:
        """The row's version."""
        return Version(f"{row.mod_count}@{row.updated.isoformat()}")

    # The port: reading.

    @property
    def capabilities(self) -> Capabilities:
        """Transitions in Jira alone."""
        return Capabilities(self.side, transitions=self.side == "jira")

    def identity(self) -> Identity:
        """The canary. Clocks are told to the second, as an answer's Date header tells them."""
        self._read("identity")
        if self.identity_down:
            raise Denied(f"{self.side} does not take us for ourselves")
        self.world.answered()
        return Identity(US, "Tieline", skew=timedelta(seconds=round(self._skew.total_seconds())))

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """What the index knows, oldest first, by keyset; entries come twice, and an end is never promised."""
        stored: dict[str, Any] = {} if cursor is None else json.loads(cursor)
        mark = datetime.fromisoformat(stored["at"]) if stored else start
        bound = mark - self.overlap if stored else start
        last: tuple[datetime, str] | None = None
        while True:
            fault = self._read("feed", half=True)
            rows = [] if self.identity_down else self._feed_rows(bound, last)
            page, more = rows[: self._page], len(rows) > self._page
            changes = tuple(
                Change(Ref(self.side, row.id), row.label, self.version(row), at)
                for at, row in page
                if row.visible
            )
            last = (page[-1][0], page[-1][1].id) if page else last
            mark = max([mark, *(at for at, _ in page)])
            self.world.answered()
            yield Page(changes, json.dumps({"at": mark.isoformat()}), len(page) - len(changes))
            if fault == "half":
                raise Unavailable(f"{self.side} answered one page and then no more")
            if not more:
                return

    def _feed_rows(self, bound: datetime, last: tuple[datetime, str] | None) -> list[tuple[datetime, Row]]:
        known = [(row.indexed[0], row) for row in self.rows.values() if row.indexed and self._is_fed(row)]
        fresh = [(at, row) for at, row in known if at >= bound and (last is None or (at, row.id) > last)]
        return sorted(fresh, key=lambda item: (item[0], item[1].id))

    def _is_fed(self, row: Row) -> bool:
        return not row.deleted

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records as they are now; half an answer leaves some of them out."""
        fault = self._read("read", half=True)
        found: list[Record | ConnectorError] = []
        for number, ref in enumerate(refs):
            row = self.rows.get(ref.id)
            if fault == "half" and number % 2:
                found.append(Unavailable(f"{ref} was left out of the answer"))
            elif row is None or not row.visible:
                found.append(Gone(f"{ref} is deleted or hidden"))
            elif row.garbled:
                self.world.reach["record that cannot be read"] += 1
                found.append(Malformed(f"{ref} has no place"))
            else:
                found.append(self.record(row))
        look = self.world.look()
        self.world.answered()
        for shown in found:
            if isinstance(shown, Record):
                self.world.looks[self.side, shown.ref.id].append(look)
        return found

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Everything is in scope here."""
        self._read("scope")
        self.world.answered()
        return frozenset(refs)

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every visible row with the marker."""
        self._read("find")
        rows = self._holders(marker, watermark)
        if any(row.garbled for row in rows):
            self.world.reach["search that finds what cannot be read"] += 1
            raise Malformed(f"searching {marker}: a record has no place")
        found = [self.record(row) for row in rows]
        self.world.answered()
        return found

    def _holders(self, marker: str, watermark: str) -> list[Row]:
        return [row for row in self.rows.values() if row.marker == marker and row.visible]

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """Every visible row with a marker of this installation."""
        rows = [r for r in self.rows.values() if r.marker.startswith(f"{installation}:") and r.visible]
        for index in range(0, len(rows), self._page):
            self._read("marked")
            self.world.answered()
            yield [self.record(row) for row in rows[index : index + self._page]]

    def lookup(self, label: str) -> Ref | None:
        """By number or key, or by id."""
        self._read("lookup")
        self.world.answered()
        rows = (row for row in self.rows.values() if label in (row.label, row.id) and row.visible)
        return next((Ref(self.side, row.id) for row in rows), None)

    def watermark(self, place: str) -> str:
        """Not needed where searches are consistent."""
        return ""

    def entities(self, kind: Literal["person", "group"], ids: Sequence[str]) -> list[Entity]:
        """Those of the ids that are known."""
        self._read("entities")
        self.world.answered()
        return [entity for entity in (self.entity(kind, id_) for id_ in ids) if entity is not None]

    def search_entities(
        self, kind: Literal["person", "group"], keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        """Those of the keys that are known."""
        self._read("search")
        self.world.answered()
        found = ((key, self.entity_by_key(kind, key)) for key in keys)
        return {key: entity for key, entity in found if entity is not None}

    def _read(self, what: str, *, half: bool = False) -> FaultKind | None:
        """A read goes out. Raises what a fault makes of it; `half` is left to those that can do it."""
        fault = self.world.request(self.side, what)
        match fault:
            case None:
                return None
            case "half":
                if half:
                    return fault
                raise Malformed(f"{what}: the answer ends in the middle")
            case "busy":
                raise RateLimited(f"{self.side} is busy", 20.0)
            case "denied":
                raise Denied(f"{self.side} denies us")
            case "malformed":
                raise Malformed(f"{what}: the answer is no JSON")
            case _:
                raise Unavailable(f"{what}: connection reset")

    # The port: writing.

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Each action once, one after the other."""
        self.world.request(self.side, "write")
        outcomes: list[Applied | ConnectorError] = []
        cut_off = False
        for action in actions:
            self.world.writes += 1
            self.world.edits += isinstance(action, Update | Transition)
            self.ambush(action, True)
            fault = self.world.write_fault(self.side, action)
            cut_off = cut_off or fault == "cut_off"
            first = fault == "cut_off"
            outcome = self._unsent() if cut_off and not first else self._one(action, fault)
            outcomes.append(outcome)
            self.ambush(action, False)
            self.world.elapse(0.03)
        self.world.answered()
        return outcomes

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What the records tell about writes that may have been made."""
        fault = self._read("review", half=True)
        found: list[Reviewed | ConnectorError] = []
        for number, write in enumerate(writes):
            row = self.rows.get(write.ref.id)
            if fault == "half" and number % 2:
                found.append(Unavailable(f"{write.ref} was left out of the answer"))
            elif row is None or not row.visible:
                found.append(Gone(f"{write.ref} is deleted or hidden"))
            elif row.garbled:
                found.append(Malformed(f"{write.ref} has no place"))
            else:
                found.append(self._reviewed(row, write))
        self.world.answered()
        return found

    def _reviewed(self, row: Row, write: Update | Transition) -> Reviewed:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to let go of."""

    def _unsent(self) -> ConnectorError:
        return Unavailable("not sent, after the failure of a write before it")

    def _one(self, action: Action, fault: FaultKind | None) -> Applied | ConnectorError:
        if isinstance(action, Attach):
            self.files.keep(action)
        match fault:
            case "reset":
                return Unavailable("connection refused")
            case "busy":
                return RateLimited("too many requests", float(self.world.chance.choice((1, 30, 200))))
            case "lost" | "cut_off":
                return Unknown("the connection broke before an answer came")
            case "refused":
                return Rejected("refused for a reason of its own")
            case "stale":
                return Stale("what it was decided from has moved")
            case "lost_late":
                self.world.at(self.world.chance.uniform(1, 115), lambda: self._late(action))
                return Unknown("timed out")
        outcome = self._effect(action, answered=fault is None)
        if fault == "double" and not isinstance(action, Create | Attach | AddComment):
            self._effect(action, answered=False)
        if fault == "lost_made" and isinstance(outcome, Applied):
            return Unknown("the answer was lost")
        if fault == "garbled" and isinstance(outcome, Applied):
            return Applied(outcome.ref)
        return outcome

    def _late(self, action: Action) -> None:
        self.world.reach["late commit of a write that timed out"] += 1
        self._effect(action, answered=False)

    def _effect(self, action: Action, *, answered: bool) -> Applied | ConnectorError:
        row = None if isinstance(action, Create) else self.rows.get(action.ref.id)
        if not isinstance(action, Create) and (row is None or not row.visible):
            return Gone(f"{action.ref} is deleted or hidden")
        if row is not None and row.sour:
            return Rejected("this record is locked", {})
        refusal = self.refusal(row, action)
        if refusal is not None:
            return refusal
        now = self.world.now()
        if isinstance(action, Attach) and row is not None:
            outcome = self.files.take(row, action)
        elif isinstance(action, AddComment) and row is not None:
            said = self.talks.take(row, action)
            if not isinstance(said, Applied):
                return said
            outcome = said
        elif isinstance(action, Relate | Unrelate) and row is not None:
            tied = self.ties.take(row, action)
            if not isinstance(tied, Applied):
                return tied
            outcome = tied
        else:
            outcome = self._take(row, action)
        seq = self.world.next_seq()
        self.world.effects.append(
            Effect(seq, now, self.side, outcome.ref.id, action, answered, self.world.life)
        )
        return outcome

    def _shown(self, row: Row, touched: Mapping[str, Any], moves: tuple[Any, ...] = ()) -> Record:
        return Record(
            Ref(self.side, row.id), row.label, self.version(row), MappingProxyType(dict(row.values)),
            row.created, row.updated, row.updated_by, row.place, row.marker, f"https://{self.side}/{row.label}",
            moves, MappingProxyType(dict(touched)),
            attachments=self.files.listed(row) if self.side == "jira" else None, ties=self.ties.shown(row),
        )  # fmt: skip
