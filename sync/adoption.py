"""Records that were paired once: mirrors known by their marker, copies of them, and ended pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import SIDES, Record, Ref
from tieline.connectors.errors import ConnectorError, Denied, Gone, Retryable
from tieline.sync.candidates import in_scope
from tieline.sync.marker import Marker, digest
from tieline.sync.model import InboxEntry, Pair
from tieline.sync.outcome import pause_of, unread
from tieline.sync.pairing import (
    choose_holder,
    continued,
    copy_park,
    ended_pairs,
    is_foreign_mirror,
    is_parted,
    move_over,
    note_continued,
    own_marker,
    pair_key,
    pair_up,
    record_key,
    relink,
)
from tieline.sync.parking import parked
from tieline.sync.run import Run
from tieline.sync.work import PAUSE

HIDDEN_PATIENCE: Final = timedelta(minutes=30)
"""How long a record that a feed listed is asked for again after it was first not shown when it was read."""
LOOKS: Final = 3
"""So often at least it is asked for, however long that takes: one answer may leave out a row by mistake."""
HIDDEN: Final = "hidden"
"""The reason of an entry whose record was not shown when it was last read."""
UNREAD: Final = "unread"
"""The reason of an entry whose record could not be read: nobody knows whose mirror it may be."""

Found = tuple[InboxEntry, Record]


def sort_out(run: Run, entries: Sequence[InboxEntry]) -> list[Found]:
    """Read these records and settle what is not to get a mirror; the others, which no marker claims.

    Nothing is written to either side.
    """
    found = _read(run, entries)
    markers = {record.ref: own_marker(run, record) for _, record in found}
    _note_children(run, markers.values())
    with run.store.read() as tx:
        ended, gone_on = ended_pairs(tx, markers), continued(tx, markers)
    unclaimed = []
    for entry, record in found:
        marker = markers[record.ref]
        if record.ref in ended:
            _return(run, entry, record, ended[record.ref])
        elif record.ref in gone_on:
            leave(run, [entry])
        elif marker is not None:
            _adopt(run, entry, record, marker)
        elif is_foreign_mirror(run, record):
            run.counts["foreign_mirrors"] += 1
            leave(run, [entry])
        else:
            unclaimed.append((entry, record))
    return unclaimed


def _note_children(run: Run, markers: Iterable[Marker | None]) -> None:
    children = [marker for marker in markers if marker is not None and marker.parent]
    if children:
        with run.store.transaction() as tx:
            for child in children:
                note_continued(tx, child)


def _read(run: Run, entries: Sequence[InboxEntry]) -> list[Found]:
    found: list[Found] = []
    asked = {side: [entry for entry in entries if entry.ref.side == side] for side in SIDES}
    shown = run.read_both({side: [entry.ref for entry in mine] for side, mine in asked.items()})
    for side, mine in asked.items():
        for entry, record in zip(mine, shown[side], strict=True):
            if isinstance(record, Record):
                found.append((entry, record))
                _seen_again(run, entry)
            else:
                _unreadable(run, entry, record)
    return found


def _unreadable(run: Run, entry: InboxEntry, error: ConnectorError) -> None:
    if isinstance(error, Gone):
        _hidden(run, entry, pause_of(error))
    elif isinstance(error, Retryable):
        with run.store.transaction() as tx:
            tx.postpone([entry], run.clock() + pause_of(error), UNREAD)
    else:
        reason, detail = unread(str(entry.ref), entry.ref.side, error)
        now = run.clock()
        with run.store.transaction() as tx:
            before = tx.parked([entry.key]).get(entry.key)
            tx.park(parked(entry.key, reason, detail, "", now, before, str(entry.ref)))
            tx.leave([entry])
        run.counts["parked"] += before is None


def _hidden(run: Run, entry: InboxEntry, pause: timedelta) -> None:
    """Ask again for a record that was listed and is not shown; let it go once that was so for long enough.

    What counts is since when it is not shown, not since when it waits: it may have waited for other reasons.
    """
    now, note = run.clock(), f"{HIDDEN}:{entry.key}"
    with run.store.transaction() as tx:
        since, _, looks = (tx.note(note) or f"{now.isoformat()} 0").partition(" ")
        seen = int(looks) + 1
        over = now - datetime.fromisoformat(since) > HIDDEN_PATIENCE and seen >= LOOKS
        if over:
            tx.drop_note(note)
        else:
            tx.set_note(note, f"{since} {seen}")
            tx.postpone([entry], now + pause, HIDDEN)
    if over:
        leave(run, [entry])


def _seen_again(run: Run, entry: InboxEntry) -> None:
    if HIDDEN in entry.reasons:
        with run.store.transaction() as tx:
            tx.drop_note(f"{HIDDEN}:{entry.key}")


def _adopt(run: Run, entry: InboxEntry, record: Record, marker: Marker) -> None:
    """A record with a marker of ours and no pair: the mirror of a lost answer or state, or a copy."""
    origin = marker.origin_of(record.ref)
    if record_key(origin) in run.blocked:
        postpone(run, [entry])
        return
    with run.store.read() as tx:
        pair = tx.pairs_of([origin]).get(origin)
    if pair is not None:
        _known(run, entry, record, marker, pair)
    elif marker.route not in run.routes:
        leave(run, [entry])
    else:
        _join(run, entry, record, marker, origin)


def _known(run: Run, entry: InboxEntry, record: Record, marker: Marker, pair: Pair) -> None:
    """The origin has a pair. Only the child of the closed incident in it takes its place.

    It may be this record's own, made a moment ago when a copy of it was looked at.
    """
    if record.ref in (pair.servicenow, pair.jira):
        leave(run, [entry])
        return
    child = bool(marker.parent) and marker.parent == digest(pair.servicenow)
    if child and pair_key(pair) in run.taken:  # another lane is at work on the pair that would end
        postpone(run, [entry])
        return
    with run.store.transaction() as tx:
        if child:
            move_over(run, tx, pair, record, pair.jira, None)
        else:
            run.counts["parked"] += not tx.parked([entry.key])
            tx.park(copy_park(run, record))
        tx.leave([entry])


def _join(run: Run, entry: InboxEntry, record: Record, marker: Marker, origin: Ref) -> None:
    """Pair the origin with the first of those that hold the marker; the others are copies of it."""
    shown = run.read(origin.side, [origin])[0]
    try:
        if isinstance(shown, ConnectorError) and not isinstance(shown, Gone):
            raise shown
        holders = {r.ref: r for r in run.sides[record.ref.side].find(str(marker), record.place, "")}
    except Denied:
        raise
    except ConnectorError as error:
        with run.store.transaction() as tx:
            tx.set_note(claimed_note(origin), str(record.ref))
        postpone(run, [entry], pause_of(error))
        return
    holders[record.ref] = record
    mirror = choose_holder(list(holders.values()))
    with run.store.transaction() as tx:
        if mirror.ref not in tx.pairs_of([mirror.ref]):
            pair_up(run, tx, marker.route, shown if isinstance(shown, Record) else origin, mirror)
        for copy in holders.values():
            if copy.ref != mirror.ref:
                run.counts["parked"] += not tx.parked([record_key(copy.ref)])
                tx.park(copy_park(run, copy))
        tx.drop_note(claimed_note(origin))
        tx.leave([entry])


def claimed_note(origin: Ref) -> str:
    """The note that a mirror of this record waits to be joined: no other is made before it is looked for."""
    return f"claimed:{record_key(origin)}"


def _return(run: Run, entry: InboxEntry, record: Record, pair: Pair) -> None:
    """A record of an ended pair: the pair goes on if both halves are free and in scope; else nothing."""
    if _comes_back(run, pair):
        with run.store.transaction() as tx:
            relink(run, tx, pair)
    leave(run, [entry])


def _comes_back(run: Run, pair: Pair) -> bool:
    route = run.routes.get(pair.route)
    refs = (pair.servicenow, pair.jira)
    with run.store.read() as tx:
        last = ended_pairs(tx, refs)
        free = not tx.pairs_of(refs) and all(last.get(ref) == pair for ref in refs)
        free = free and not is_parted(tx, pair)
    if route is None or route.leaves_scope != "unlink" or not free:
        return False
    vocabulary = run.vocabularies[pair.route]
    for ref in refs:
        shown = run.read(ref.side, [ref])[0]
        if not isinstance(shown, Record) or shown.place != vocabulary.place(ref.side):
            return False
        if ref not in in_scope(run, route, ref.side, [ref]):
            return False
    return True


def leave(run: Run, entries: Sequence[InboxEntry]) -> None:
    """These records need nothing now: they leave the inbox, and what kept them parked is over.

    Only a refusal whose pause is not over still stands.
    """
    if entries:
        with run.store.transaction() as tx:
            for key, park in tx.parked([entry.key for entry in entries]).items():
                if park.reason != "rejected" or park.retry_at is None or park.retry_at <= run.clock():
                    tx.unpark(key)
            tx.leave(entries)


def postpone(run: Run, entries: Sequence[InboxEntry], pause: timedelta | None = None) -> None:
    """Look at these records again after a pause (the usual one, unless told)."""
    if entries:
        with run.store.transaction() as tx:
            tx.postpone(entries, run.clock() + (PAUSE if pause is None else pause))
