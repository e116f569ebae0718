"""Decides what is to be carried of a pair's conversation: new entries, edits, deletions, in order. Pure.

In doubt an entry is internal: what is not known to be public never gets a customer as its reader.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import SIDES, Comment, Conversation, Side, other
from tieline.sync.config.conversation import Comments
from tieline.sync.conversation.lines import names, time_in
from tieline.sync.conversation.model import DELETED, Fate, Heard, Kind, Mark, digest, mark_in

Key = tuple[Side, str]
Talks = Mapping[Side, Conversation]


@dataclass(frozen=True, slots=True)
class Rules:
    """The configuration of one pair; entries made before `since` (UTC) are left where they are.

    `label` is the issue's key, by which the line of an entry names it.
    """

    comments: Comments
    since: datetime
    label: str = ""

    def wants(self, entry: Comment) -> bool:
        """Whether a new entry is carried at all."""
        ignored = {name.casefold() for name in self.comments.ignore}
        return (
            self.comments.flows(other(entry.ref.side))
            and entry.created >= self.since
            and bool(entry.text)
            and audience(self.comments, entry) is not None
            and ignored.isdisjoint({entry.author.casefold(), entry.name.casefold()} - {""})
        )


def audience(comments: Comments, entry: Comment) -> bool | None:
    """Whether customers read the entry across, None if it is not carried; never more than they do here."""
    if entry.ref.side == "servicenow":
        to = comments.to_jira.comments if entry.public else comments.to_jira.work_notes
        return None if to == "none" else entry.public and to == "public"
    into = comments.to_servicenow.public if entry.public else comments.to_servicenow.internal
    return None if into == "none" else entry.public and into == "comments"


@dataclass
class Weighed:
    """What is known of every entry now; `changed` and `dropped` are what the state has otherwise."""

    heard: dict[Key, Heard]
    changed: dict[Key, Heard] = field(default_factory=dict)
    dropped: list[Heard] = field(default_factory=list)

    def put(self, entry: Heard) -> None:
        """This is how the entry stands now."""
        if self.heard.get(entry.key) != entry:
            self.heard[entry.key] = self.changed[entry.key] = entry


def weigh(
    heard: Iterable[Heard], talks: Talks, marks: Mapping[Side, Sequence[Mark]], rules: Rules
) -> Weighed:
    """Bring what is remembered up to what both sides tell.

    `marks` are those found on a side, each naming an entry of the other: they tell what was carried where
    the state does not know it.
    """
    found = Weighed({entry.key: entry for entry in heard})
    for side in SIDES:
        talk = talks.get(side)
        if talk is None:
            continue
        _follow_renamed(found, talk)
        carried = _Carried(marks.get(other(side), ()))
        for heard_of in [h for h in found.heard.values() if h.side == side]:
            found.put(carried.confirmed(heard_of))
        for entry in talk.entries:
            known = found.heard.get((side, entry.id))
            found.put(_new(entry, carried, rules) if known is None else _again(known, entry, rules))
        if talk.whole and side == "jira":
            _remember_copied(found, talks.get("servicenow"), rules)
            _miss(found, {entry.id for entry in talk.entries}, rules)
    return found


class _Carried:
    """What marks on one side tell about entries of the other."""

    def __init__(self, marks: Sequence[Mark]) -> None:
        self._by_id: dict[str, list[Mark]] = defaultdict(list)
        self._by_digest: dict[str, list[Mark]] = defaultdict(list)
        for mark in marks:
            self._by_id[mark.id].append(mark)
            self._by_digest[mark.digest].append(mark)

    def of(self, entry: Comment) -> list[Mark]:
        """The marks of the last revision of an entry that was carried."""
        same = self._by_id.get(entry.id, [])
        if not same and entry.ref.side == "servicenow":
            same = [m for m in self._by_digest.get(digest(entry.text), ()) if is_other_form(m.id, entry.id)]
        return _last(same)

    def confirmed(self, known: Heard) -> Heard:
        """An entry as its marks tell: what stands there was carried, whatever the state believes.

        A write may have been taken for not made, and a state may have been put back.
        """
        marks = _last(self._by_id.get(known.id, []))
        if known.fate not in ("due", "carried") or not marks:
            return known
        last, sent = marks[0], _sent(marks)
        if (last.revision, sent) <= (known.revision, known.sent):
            return known
        kind: Kind = "deleted" if last.digest == DELETED else "said" if last.revision == 1 else "edited"
        seen = replace(known, kind=kind, revision=last.revision)
        if kind != "deleted" and last.digest != known.digest:  # edited since: it is weighed anew
            seen = replace(seen, digest=last.digest, stamp="")
        return after_sent(seen, replace(last, part=sent))


def _last(marks: Sequence[Mark]) -> list[Mark]:
    """Those of the last revision."""
    last = max((mark.revision for mark in marks), default=0)
    return [mark for mark in marks if mark.revision == last]


def _sent(marks: Sequence[Mark]) -> int:
    """How many parts of one revision stand there, from the first on."""
    there = {mark.part for mark in marks}
    return next(n for n in range(marks[0].of + 1) if n + 1 not in there)


def is_other_form(one: str, two: str) -> bool:
    """Whether one id was read from rows of the journal and the other from its rendered form."""
    return one.startswith(RENDERED) != two.startswith(RENDERED)


PATIENCE: Final = 5
"""So many tries of an entry that is refused; then others go before it, and it is tried now and then."""
RENDERED: Final = "j"
"""How ids begin that ServiceNow did not give: those of entries that were read from a rendered journal."""


def _follow_renamed(found: Weighed, talk: Conversation) -> None:
    """Entries keep what is known of them when the right to read ServiceNow's journal comes or goes.

    Rows and the rendered form give them different ids; the same texts stand in the same order.
    """
    if talk.ref.side != "servicenow" or not talk.whole:
        return
    there = {entry.id for entry in talk.entries}
    unknown = [e for e in talk.entries if not e.own and ("servicenow", e.id) not in found.heard]
    pool: dict[str, deque[Heard]] = defaultdict(deque)
    lost = (
        h for h in found.heard.values() if h.side == "servicenow" and h.id not in there and h.fate != "own"
    )
    for known in sorted(lost if unknown else (), key=lambda h: (h.at, h.id)):
        pool[known.digest].append(known)
    for entry in unknown:
        same = pool.get(digest(entry.text))
        if same and is_other_form(same[0].id, entry.id):
            old = same.popleft()
            del found.heard[old.key]
            found.changed.pop(old.key, None)
            found.dropped.append(old)
            found.put(replace(old, id=entry.id, stamp=entry.stamp, at=entry.created))


def _new(entry: Comment, carried: _Carried, rules: Rules) -> Heard:
    made = Heard(entry.ref.side, entry.id, entry.created, entry.stamp, "left", digest(entry.text))
    if entry.own:
        return replace(made, fate="own", digest="")
    marks = carried.of(entry)
    if marks:
        return _resumed(made, marks, entry, rules)
    if not rules.wants(entry):
        return made
    return replace(made, fate="due", public=audience(rules.comments, entry) or False)


def _resumed(made: Heard, marks: Sequence[Mark], entry: Comment, rules: Rules) -> Heard:
    """An entry that the state does not know, and that was carried before, wholly or in part."""
    last, sent = marks[0], _sent(marks)
    stood = replace(
        made, fate="carried" if sent >= last.of else "due", digest=last.digest, revision=last.revision,
        sent=sent, parts=last.of, kind="said" if last.revision == 1 else "edited",
        public=audience(rules.comments, entry) or False,
    )  # fmt: skip
    return stood if last.digest == made.digest else _edited(stood, entry, made.digest, rules)


def _again(known: Heard, entry: Comment, rules: Rules) -> Heard:
    """An entry that is known: unchanged, edited, or there again after it seemed to be gone."""
    if entry.stamp == known.stamp or known.fate == "own":
        return known
    if known.kind == "deleted":
        return _back(known, entry, rules)
    if known.fate == "gone":
        return _new(entry, _Carried(()), rules)
    if known.fate == "left":
        return replace(known, stamp=entry.stamp)
    now, readers = digest(entry.text), audience(rules.comments, entry)
    if known.fate == "due" and known.kind == "said" and known.sent == 0:
        fate: Fate = "left" if readers is None else "due"
        return replace(known, stamp=entry.stamp, digest=now, public=bool(readers), fate=fate)
    if now == known.digest:
        return replace(known, stamp=entry.stamp)
    return _edited(known, entry, now, rules)


def _back(known: Heard, entry: Comment, rules: Rules) -> Heard:
    """A comment that seemed to be deleted: what was said of that, if it was, is put right."""
    now = digest(entry.text)
    if known.fate == "gone":
        return _edited(replace(known, fate="carried"), entry, now, rules)
    stood = replace(known, fate="carried", kind="said", revision=known.revision - 1, stamp=entry.stamp)
    return stood if now == known.digest else _edited(stood, entry, now, rules)


def _edited(known: Heard, entry: Comment, now: str, rules: Rules) -> Heard:
    """An entry whose text is another one than was carried."""
    seen = replace(known, stamp=entry.stamp, digest=now)
    if rules.comments.edits == "ignore" or not rules.comments.flows(other(known.side)) or not entry.text:
        return replace(seen, fate="carried", sent=known.parts)
    return replace(
        seen, fate="due", kind="edited", revision=known.revision + 1, sent=0, parts=1,
        public=known.public and bool(audience(rules.comments, entry)), tries=0, retry_at=None,
    )  # fmt: skip


def _remember_copied(found: Weighed, copies: Conversation | None, rules: Rules) -> None:
    """Comments that only what was carried of them tells of: deleted in Jira while the state was lost.

    An incident may hold entries of other issues too, so a line that does not name this one tells nothing.
    """
    if copies is None or not copies.whole:
        return
    told: dict[str, list[tuple[Mark, Comment]]] = defaultdict(list)
    for copy in copies.entries:
        mark = mark_in(copy.mark) if copy.own else None
        if mark is not None and ("jira", mark.id) not in found.heard and names(copy.mark, rules.label):
            told[mark.id].append((mark, copy))
    for id_, stood in told.items():
        marks, copy = _last([mark for mark, _ in stood]), stood[-1][1]
        at = time_in(copy.mark, rules.comments.templates) or stood[0][1].created
        made = Heard("jira", id_, at, "", "due", marks[0].digest, public=copy.public)
        kind: Kind = "deleted" if marks[0].digest == DELETED else "said"
        seen = replace(made, kind=kind, revision=marks[0].revision)
        found.put(after_sent(seen, replace(marks[0], part=_sent(marks))))


def _miss(found: Weighed, there: set[str], rules: Rules) -> None:
    """Comments that Jira does not show any more."""
    for known in [h for h in found.heard.values() if h.side == "jira" and h.id not in there]:
        was_carried = known.fate == "carried" or (known.fate == "due" and (known.sent or known.revision > 1))
        if known.fate == "gone" or (known.kind == "deleted" and known.fate == "due"):
            continue
        if not was_carried or rules.comments.deletions == "ignore" or not rules.comments.flows("servicenow"):
            found.put(replace(known, fate="gone", stamp=DELETED))
            continue
        found.put(
            replace(known, fate="due", kind="deleted", revision=known.revision + 1, sent=0, parts=1,
                    stamp=DELETED, tries=0, retry_at=None)
        )  # fmt: skip


def after_sent(known: Heard, mark: Mark) -> Heard:
    """An entry of which one part was written."""
    whole = mark.part >= mark.of
    fate: Fate = ("gone" if known.kind == "deleted" else "carried") if whole else "due"
    return replace(known, fate=fate, sent=mark.part, parts=mark.of, tries=0, retry_at=None)


def due(weighed: Weighed, rules: Rules, now: datetime) -> list[Heard]:
    """What is left to carry, in the order in which it was said: by time, ties by id.

    What was refused holds back what was said after it on that side, until it was tried `PATIENCE` times.
    """
    waiting = [h for h in weighed.heard.values() if h.fate == "due" and rules.comments.flows(other(h.side))]
    held: set[Side] = set()
    found = []
    for entry in sorted(waiting, key=lambda h: (h.at, len(h.id), h.id)):
        rests = entry.retry_at is not None and entry.retry_at > now
        if rests and entry.tries < PATIENCE:
            held.add(entry.side)
        elif not rests and entry.side not in held:
            found.append(entry)
    return found


def marks_of(talk: Conversation) -> list[Mark]:
    """The marks of our own entries in a conversation, in order."""
    found = (mark_in(entry.mark) for entry in talk.entries if entry.own and entry.mark)
    return [mark for mark in found if mark is not None]
