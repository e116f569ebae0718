"""The conversation as an aspect of a pass: reads it for a wave, plans for a pair, remembers what went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from tieline.connectors.base import (
    DROPPED,
    SIDES,
    Action,
    AddComment,
    Applied,
    Ask,
    Attach,
    Comment,
    Conversation,
    Record,
    Ref,
    Side,
    other,
)
from tieline.connectors.errors import ConnectorError, Denied, Gone, Rejected, Unavailable
from tieline.connectors.richtext import literal
from tieline.sync.aspects import NOT_MADE, Extra, Part, Recovered
from tieline.sync.attachments.images import pictured
from tieline.sync.config.conversation import Comments
from tieline.sync.conversation.decide import RENDERED, Rules, Weighed, after_sent, due, marks_of, weigh
from tieline.sync.conversation.filing import Filed, filed, goes_as_file, is_entry
from tieline.sync.conversation.model import Heard, Mark, mark_in
from tieline.sync.conversation.shelf import Shelf, recovered, spool_of, standing
from tieline.sync.conversation.steps import PARENT_FIELD, Place, place, steps_of
from tieline.sync.marker import parse_marker
from tieline.sync.model import Arrival, Intent, Pair, Step
from tieline.sync.parking import RELEASES

if TYPE_CHECKING:
    from tieline.sync.attachments.spool import Spool
    from tieline.sync.decide import Context
    from tieline.sync.run import Run
    from tieline.sync.store.store import Tx
    from tieline.sync.work import Work

OVERLAP: Final = timedelta(minutes=15)
"""How far behind the last known entry a journal is read again: commits are late."""
FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=24)
AGAIN: Final = timedelta(seconds=30)
"""Until a conversation that could not be read is asked for again."""
CARRIED: Final = "comments"
"""The count of entries that a pass carried."""
_THOROUGH: Final = frozenset({"sweep", "person", "mapping"})
"""Reasons of an arrival for which a conversation is read from its beginning."""


class ConversationAspect:
    """Carries what is said on one side of a pair to the other."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments
        self._spool: Spool | None = None

    def owns(self, action: Action) -> bool:
        """Entries of conversations, and those that go as files."""
        return isinstance(action, AddComment) or is_entry(action)

    def read(self, run: Run, works: Sequence[Work]) -> Mapping[int, Part]:
        """Both sides' conversations of these pairs, from where they are known on."""
        for side in SIDES:
            run.identity(side)
        with run.store.read() as tx:
            known = tx.heard([work.pair.id for work in works])
        talks: dict[int, dict[Side, Conversation]] = {work.pair.id: {} for work in works}
        for side in SIDES:
            asks = [_ask(side, work, known.get(work.pair.id, [])) for work in works]
            for work, told in zip(works, run.sides[side].conversations(asks), strict=True):
                if isinstance(told, Denied):
                    raise told
                if isinstance(told, Conversation):
                    talks[work.pair.id][side] = told
        parents = self._parents(run, [work for work in works if work.pair.id not in known])
        heard = [work for work in works if len(talks[work.pair.id]) == len(SIDES)]
        parts = {w.pair.id: self._part(run, w, talks[w.pair.id], known, parents) for w in heard}
        self._shelve(run, heard, parts)
        return {work.pair.id: parts.get(work.pair.id) or Unheard(work.pair) for work in works}

    def _shelve(self, run: Run, works: Sequence[Work], parts: dict[int, ConversationPart]) -> None:
        """Look which long entries stand on the records as files; where that is not told, nothing is heard."""
        if self._comments.too_long != "file":
            return
        wanted = [work for work in works if parts[work.pair.id].has_long(work, run.clock())]
        there = standing(run, wanted)
        self._spool = self._spool or spool_of(run)
        for work in wanted:
            if work.pair.id in there:
                parts[work.pair.id].shelf = Shelf(self._spool, there[work.pair.id])
            else:
                del parts[work.pair.id]

    def _part(
        self,
        run: Run,
        work: Work,
        talks: Mapping[Side, Conversation],
        known: Mapping[int, Sequence[Heard]],
        parents: Mapping[Ref, Conversation],
    ) -> ConversationPart:
        rules = rules_of(run, self._comments, work.pair, work.records)
        marks = {side: marks_of(talk) for side, talk in talks.items()}
        parent = parents.get(_parent(work.records["servicenow"]) or work.pair.servicenow)
        if parent is not None:
            marks["servicenow"] += marks_of(parent)
        weighed = weigh(known.get(work.pair.id, ()), talks, marks, rules)
        entries = {(side, entry.id): entry for side, talk in talks.items() for entry in talk.entries}
        new = _unheard(entries, known.get(work.pair.id, ()))
        return ConversationPart(work.pair, rules, weighed, entries, run.counts, new=new)

    def _parents(self, run: Run, works: Sequence[Work]) -> Mapping[Ref, Conversation]:
        """What was put on the parents of closed incidents, where the state may have been lost since."""
        if self._comments.closed != "parent":
            return {}
        refs = {_parent(work.records["servicenow"]) for work in works} - {None}
        asks = [Ask(ref) for ref in sorted(ref for ref in refs if ref is not None)]
        found = run.sides["servicenow"].conversations(asks) if asks else []
        return {talk.ref: talk for talk in found if isinstance(talk, Conversation)}

    def recover(self, run: Run, intent: Intent) -> Recovered:
        """Look for the mark of an entry whose answer was lost."""
        action = intent.step.action
        assert isinstance(action, AddComment | Attach)
        run.identity(action.ref.side)
        if isinstance(action, Attach):
            return recovered(run, action)
        told = run.sides[action.ref.side].conversations([Ask(action.ref, fresh=True)])[0]
        if isinstance(told, ConnectorError) and not isinstance(told, Gone):
            raise told
        mark = mark_in(action.mark)
        if not isinstance(told, Conversation) or mark is None:
            return NOT_MADE  # hidden for now, it may be: `weigh` believes its mark once it is shown again
        if mark not in marks_of(told):
            if not told.whole:
                raise Unavailable(f"{action.ref}: its conversation was told in part only")
            return NOT_MADE
        keep = None if intent.pair is None else partial(_sent, intent.pair, other(action.ref.side), mark)
        return Recovered(True, "its answer was lost; found by its mark", remember=keep)


def _sent(pair: int, side: Side, mark: Mark, tx: Tx) -> None:
    """Remember of the entry that was said on `side` that this part of it is written."""
    known = {entry.key: entry for entry in tx.heard([pair]).get(pair, ())}
    entry = known.get((side, mark.id))
    if entry is not None:
        tx.save_heard(pair, [after_sent(entry, mark)])


def rules_of(run: Run, comments: Comments, pair: Pair, records: Mapping[Side, Record]) -> Rules:
    """What holds for one pair; a child that continues a closed incident begins a conversation of its own."""
    day = comments.since or run.routes[pair.route].since
    since = datetime.combine(day, time(), UTC)
    if not comments.history and pair.created_at is not None:
        since = max(since, pair.created_at)
    incident = records["servicenow"]
    marker = parse_marker(incident.marker)
    if marker is not None and marker.parent:
        since = max(since, incident.created)
    return Rules(comments, since, records["jira"].label)


def _parent(incident: Record) -> Ref | None:
    id_ = incident.values.get(PARENT_FIELD)
    return Ref("servicenow", id_) if isinstance(id_, str) else None


def _unheard(entries: Mapping[tuple[Side, str], Comment], known: Sequence[Heard]) -> tuple[str, ...]:
    """What people said that the state does not know, or knows otherwise."""
    stamps = {entry.key: entry.stamp for entry in known}
    return tuple(
        entry.text
        for key, entry in entries.items()
        if entry.text and not entry.own and stamps.get(key) != entry.stamp
    )


def _ask(side: Side, work: Work, known: Sequence[Heard]) -> Ask:
    mine = [entry for entry in known if entry.side == side]
    stamps = {entry.id: entry.stamp for entry in mine if entry.fate not in ("due", "gone")}
    since = None
    renamed = any(entry.id.startswith(RENDERED) and entry.fate != "own" for entry in mine)
    if mine and not renamed and _THOROUGH.isdisjoint(work.entry.reasons):
        waiting = [entry.at for entry in known if entry.fate == "due"]  # or what was carried of it unseen
        since = min([max(entry.at for entry in mine), *waiting]) - OVERLAP
    return Ask(work.pair.ref(side), since, stamps)


def look_again(tx: Tx, work: Work, now: datetime, due_at: datetime) -> None:
    """Let the pair stand in the inbox for a later time, in place of its present entry.

    What let go of a park did so now, and not each time that an entry is tried again.
    """
    tx.leave([work.entry])
    reasons = (work.entry.reasons - RELEASES) | {"conversation"}
    reasons |= frozenset() if _THOROUGH.isdisjoint(work.entry.reasons) else {"sweep"}
    tx.arrive([Arrival(work.pair.servicenow, reason) for reason in sorted(reasons)], now, due_at)


@dataclass(frozen=True, slots=True)
class Unheard:
    """A pair whose conversation cannot be read now: its fields go on, and it is looked at again soon."""

    pair: Pair

    def owns(self, action: Action) -> bool:
        """Entries of conversations."""
        return isinstance(action, AddComment)

    def plan(self, work: Work, context: Context) -> Extra:
        """Nothing."""
        return Extra()

    def looked(self, tx: Tx, work: Work, at: datetime) -> None:
        """The pair stays in the inbox."""
        look_again(tx, work, at, at + AGAIN)

    def settled(self, tx: Tx, step: Step, result: Applied, at: datetime) -> None:
        """Nothing was planned."""

    def refused(self, tx: Tx, step: Step, error: Rejected, at: datetime) -> bool:
        """Nothing was planned."""
        return False


@dataclass
class ConversationPart:
    """The conversation of one pair, as it was read for this wave."""

    pair: Pair
    rules: Rules
    weighed: Weighed
    entries: Mapping[tuple[Side, str], Comment]
    counts: Counter[str] = field(default_factory=Counter)
    dropped: bool = False
    new: tuple[str, ...] = ()
    shelf: Shelf | None = None

    def owns(self, action: Action) -> bool:
        """Entries of conversations, and those that go as files."""
        return isinstance(action, AddComment) or is_entry(action)

    def plan(self, work: Work, context: Context) -> Extra:
        """What is left to carry, in order; before the fields, for a closed incident takes no entries."""
        status = work.vocabulary.status
        state = status.state if status is not None else ""
        steps: list[Step] = []
        reopened = False
        behind: set[Side] = set()
        """Sides that get nothing more before the file of an entry stands there."""
        for heard in due(self.weighed, self.rules, context.now):
            entry, to = self.entries.get(heard.key), other(heard.side)
            if to in behind or (entry is None and heard.kind != "deleted"):
                continue  # it waits; so does what is not told this time
            at = place(self.rules, to, work.records[to], state, dropped=self.dropped)
            if at is None:
                continue
            file = self._file(heard, entry, at)
            if file is not None and self.shelf is not None and entry is not None:
                if not self.shelf.stands(to, file):
                    steps.append(self.shelf.step(at.ref, file))
                    behind.add(to)
                    continue
                entry = replace(entry, text=literal(self.rules.comments.attached.format(file=file.name)))
            elif entry is not None and entry.text:
                text = pictured(work, to, entry.text)
                if text is None:
                    break  # its picture is on its way: this entry waits, and those behind it keep their order
                entry = replace(entry, text=text)
            if at.values and reopened:
                at = replace(at, values={}, before={})
            reopened = reopened or bool(at.values)
            steps += steps_of(heard, entry, work.records[heard.side], self.rules, at)
        return Extra(before=tuple(steps))

    def has_long(self, work: Work, now: datetime) -> bool:
        """Whether an entry that is due goes as a file."""
        return any(
            goes_as_file(heard, self.entries.get(heard.key), self.rules, Place(record.ref, record))
            for heard in due(self.weighed, self.rules, now)
            for record in (work.records[other(heard.side)],)
        )

    def _file(self, heard: Heard, entry: Comment | None, at: Place) -> Filed | None:
        """The file that an entry goes as, None for one that goes as it is."""
        if self.shelf is None or entry is None or not goes_as_file(heard, entry, self.rules, at):
            return None
        file = filed(heard, entry)
        return None if (at.ref.side, file.name) in self.shelf.refused else file

    def while_parked(self, work: Work, context: Context) -> Extra:
        """What is said goes on; what would write a state with it waits, and what was said behind it."""
        found: list[Step] = []
        held: set[Side] = set()
        for step in self.plan(work, context).before:
            action = step.action
            assert isinstance(action, AddComment | Attach)
            if isinstance(action, AddComment) and action.values:
                held.add(action.ref.side)
            if action.ref.side not in held:
                found.append(step)
        return Extra(before=tuple(found))

    def said(self) -> tuple[str, ...]:
        """What people said that was not heard before, whoever may read it."""
        return self.new

    def looked(self, tx: Tx, work: Work, at: datetime) -> None:
        """What the look found out, in the transaction of the plan."""
        if self.weighed.dropped:
            tx.drop_heard(self.pair.id, self.weighed.dropped)
            self.weighed.dropped.clear()
        if self.weighed.changed:
            tx.save_heard(self.pair.id, list(self.weighed.changed.values()))
            self.weighed.changed.clear()
        waiting = [h.retry_at for h in self.weighed.heard.values() if h.fate == "due" and h.retry_at]
        if waiting and min(waiting) > at:
            look_again(tx, work, at, min(waiting))

    def settled(self, tx: Tx, step: Step, result: Applied, at: datetime) -> None:
        """An entry, or a part of one, stands on the other side."""
        if is_entry(step.action) and self.shelf is not None:
            self.shelf.made.add((step.action.ref.side, step.action.name))
            return
        known, mark = self._known(step)
        if known is None:
            return
        saved = [after_sent(known, mark)]
        if result.made and result.ref == self.pair.ref(result.ref.side):
            saved.append(Heard(result.ref.side, result.made, at, "", "own"))
        self._save(tx, saved)
        self.counts[CARRIED] += 1

    def refused(self, tx: Tx, step: Step, error: Rejected, at: datetime) -> bool:
        """The entry waits for its next try; of one that was dropped, as if the incident were closed.

        An entry whose file is not taken goes in parts.
        """
        if is_entry(step.action) and self.shelf is not None:
            self.shelf.refused.add((step.action.ref.side, step.action.name))
            return True
        known, _ = self._known(step)
        if DROPPED in error.fields.values():
            self.dropped = True
        if known is not None:
            pause = min(FIRST_PAUSE * 2 ** min(known.tries, 10), LONGEST_PAUSE)
            self._save(tx, [replace(known, tries=known.tries + 1, retry_at=at + pause)])
        return True

    def _known(self, step: Step) -> tuple[Heard | None, Mark]:
        action = step.action
        assert isinstance(action, AddComment)
        mark = mark_in(action.mark)
        assert mark is not None
        return self.weighed.heard.get((other(action.ref.side), mark.id)), mark

    def _save(self, tx: Tx, saved: Sequence[Heard]) -> None:
        for entry in saved:
            self.weighed.heard[entry.key] = entry
        tx.save_heard(self.pair.id, saved)
