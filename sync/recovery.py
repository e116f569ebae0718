"""Recovery: settles the intents that a crash or a lost answer left open. It sends nothing again."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, assert_never

from tieline.connectors.base import (
    SIDES,
    AddComment,
    AddNote,
    Applied,
    Attach,
    Create,
    Record,
    Ref,
    Relate,
    RemoveLink,
    Reviewed,
    ShowLink,
    Side,
    Transition,
    Unrelate,
    Update,
)
from tieline.connectors.errors import ConnectorError, Denied, Gone
from tieline.sync.aspects import Recovered, aspect_of
from tieline.sync.doubt import Trace, in_doubt, put_back, seen_of_it, told_of_it, trace, unseen
from tieline.sync.journal import audit_entry, made_note, record_conflicts, target
from tieline.sync.model import Arrival, Conflict, Intent, OutcomeKind, Pair
from tieline.sync.outcome import as_applied, other_hand, without
from tieline.sync.pairing import choose_holder, copy_park, first_base, move_over, pair_up
from tieline.sync.refusal import answers
from tieline.sync.run import CLOCK_TOLERANCE, Run
from tieline.sync.settle import races, settle
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import Vocabulary

EARLIER: Final = CLOCK_TOLERANCE + timedelta(seconds=1)
"""How much earlier than it was intended a write may seem to have been made: two clocks, and whole seconds."""

HIDDEN_PAUSE: Final = timedelta(minutes=15)
"""Between two looks for a mirror that was made and is not shown to us."""

SHOWN_BEFORE: Final = "?"
"""Stands for what a link showed where that is not known: it is written again, without its note."""


def recover(run: Run) -> None:
    """Settle every open intent whose quiet time is over; the others keep their pairs out of this pass.

    Where a probe fails nothing is concluded: the intent stays open for another quiet time.
    """
    now = run.clock()
    with run.store.read() as tx:
        due = [intent for intent in tx.open_intents() if intent.probe_at <= now]
    for side in SIDES if due else ():
        run.identity(side)
    for intent in due:
        try:
            _recover(run, intent)
        except Denied:
            raise
        except ConnectorError as error:
            _keep(run, intent, error)
        else:
            run.counts["recovered"] += 1


def _recover(run: Run, intent: Intent) -> None:
    action = intent.step.action
    aspect = aspect_of(run, action)
    if aspect is not None:
        _end_found(run, intent, aspect.recover(run, intent))
        return
    match action:
        case Create():
            _recover_create(run, intent, action)
        case Update() | Transition():
            _recover_write(run, intent, action)
        case AddNote() | ShowLink():
            _recover_note(run, intent, action)
        case RemoveLink():
            _end(run, intent, "skipped", "its answer was lost; taking a link away may be tried again")
        case Relate() | Unrelate():
            _end_in_doubt(run, intent, "its answer was lost, and relations are not mirrored any more")
        case Attach():
            _end(run, intent, "skipped", "its answer was lost, and files are not carried over any more")
        case AddComment():
            _end(run, intent, "skipped", "its answer was lost, and conversations are not mirrored any more")
        case _:
            assert_never(action)


def _keep(run: Run, intent: Intent, error: ConnectorError) -> None:
    now = run.clock()
    with run.store.transaction() as tx:
        tx.mark_unknown(intent.id, now + run.config.limits.unknown_quiet)
        tx.audit([audit_entry(intent, "unknown", now, f"it could not be looked for: {error}")])
    run.counts["unknown"] += 1


def _recover_create(run: Run, intent: Intent, create: Create) -> None:
    """A create whose answer was lost is looked for by its marker; what is not there now was not made."""
    if create.origin.side == create.side:
        from tieline.sync.links.opening import recover_opening

        found = recover_opening(run, intent, create)
        _end(run, intent, "applied" if found else "skipped", found or "its answer was lost; it was not made")
        return
    with run.store.read() as tx:
        closed = None if intent.pair is None else tx.pairs([intent.pair]).get(intent.pair)
        known = tx.pairs_of([create.origin]).get(create.origin)
    if intent.route not in run.vocabularies or (known is not None and known != closed):
        _end(run, intent, "skipped", "its pair is known already")
        return
    holders = run.sides[create.side].find(create.marker, create.place, create.watermark)
    told = _told_of(run, intent, create)
    if not holders and told is not None:
        shown = _shown(run, told)
        if shown is None:
            _wait(run, intent)
            return
        holders = [shown]
    if not holders:
        _end(run, intent, "skipped", "its answer was lost; no record carries its marker")
        return
    _join(run, intent, create, holders, closed)


def _told_of(run: Run, intent: Intent, create: Create) -> Ref | None:
    """What the side called the record when it said that it had made it; None where that answer was lost."""
    with run.store.read() as tx:
        id_ = tx.note(made_note(intent))
    return None if id_ is None else Ref(create.side, id_, create.origin.kind)


def _wait(run: Run, intent: Intent) -> None:
    """The mirror was made and is hidden, or deleted, since: it is looked for now and then, not made again."""
    with run.store.transaction() as tx:
        tx.mark_unknown(intent.id, run.clock() + HIDDEN_PAUSE)
    run.counts["unknown"] += 1


def _join(run: Run, intent: Intent, create: Create, holders: Sequence[Record], closed: Pair | None) -> None:
    mirror, origin = run.on_our_clock(choose_holder(holders)), _shown(run, create.origin)
    base = first_base(run, intent.route, intent.step, origin, mirror)
    with run.store.transaction() as tx:
        if closed is None:
            pair_up(run, tx, intent.route, origin or create.origin, mirror, base)
        else:
            move_over(run, tx, closed, mirror, origin or create.origin, base)
        for copy in holders:
            if copy.ref != mirror.ref:
                tx.park(copy_park(run, copy))
        tx.audit([audit_entry(intent, "applied", run.clock(), f"found by its marker: {mirror.label}")])
        tx.remove_intent(intent.id)
        tx.drop_note(made_note(intent))


def _shown(run: Run, ref: Ref) -> Record | None:
    """The record, None if it is not shown to us. Raises what kept us from reading it."""
    found = run.read(ref.side, [ref])[0]
    if isinstance(found, ConnectorError) and not isinstance(found, Gone):
        raise found
    return found if isinstance(found, Record) else None


def _recover_write(run: Run, intent: Intent, write: Update | Transition) -> None:
    """A write whose answer was lost is looked for by its values, and in the history where there is one."""
    told, vocabulary = _reviewed(run, write), run.vocabularies.get(intent.route)
    if vocabulary is None:
        _end_in_doubt(run, intent, "its answer was lost, and its route is not mirrored any more")
        return
    if told is None:
        why = "its answer was lost; its record is not shown"
        _leave_in_doubt(run, intent, Applied(write.ref), vocabulary, why)
        return
    found, done = told.record, as_applied(told, told.races)
    shows = trace(write, found, vocabulary)
    stands = _stands(found, shows) and not _others_too(run, told)
    made = replace(done, races=told.races or other_hand(run, told))
    if stands and told.made is False:
        _end(run, intent, "skipped", "its answer was lost; it was not made, and somebody else set its values")
    elif stands:
        _settle(run, intent, made, "its answer was lost; found by its values")
    elif told.made:
        _settle(run, intent, done, "its answer was lost; found in the record's history")
    elif _counted_last(run, told, intent) or _rewritten(run, found, shows, intent):
        made = replace(made, alone=told.alone is not False)
        ours = answers(made, last=run.wrote_last(found) is True)
        nothing = _left(shows, found.ref.side, vocabulary) if ours else set()
        _settle(run, intent, made, "its answer was lost; found by its author, its values rewritten", nothing)
    elif told.made is None and found.version != write.seen:
        why = "its answer was lost, and the record moved on: it may have been written"
        _leave_in_doubt(run, intent, done, vocabulary, why)
    else:
        _end(run, intent, "skipped", "its answer was lost; its values are not there")


def _others_too(run: Run, told: Reviewed) -> bool:
    """Whether somebody else wrote last, and the side does not tell whether all of ours stands.

    Then a value of ours may be theirs by chance: it proves nothing for the others.
    """
    return _counted(told) and run.wrote_last(told.record) is False


def _counted_last(run: Run, told: Reviewed, intent: Intent) -> bool:
    """Whether a record's count of changes has risen since our write, and our own account is its last writer.

    Nothing else of ours came in between: the write was made, whatever a rule made of it.
    """
    write, record = intent.step.action, told.record
    assert isinstance(write, Update | Transition)
    since = record.version != write.seen and record.updated >= intent.at - EARLIER
    return _counted(told) and since and run.wrote_last(record) is True


def _counted(told: Reviewed) -> bool:
    """Whether the side counts changes, and tells nothing else of a write whose values do not all stand."""
    return told.made is None and told.alone is not None


def _stands(found: Record, shows: Trace) -> bool:
    """Whether the record shows the write: one of its values at least, and none of what it was to overwrite.

    A write is made as a whole; a rule may have made something else of some of its values.
    """
    stand = {name for name, value in shows.sent.items() if found.values.get(name) == value}
    return stand == set(shows.sent) or (bool(stand & shows.changed) and not shows.kept)


def _left(shows: Trace, side: Side, vocabulary: Vocabulary) -> set[str]:
    """The units of which the write changed nothing: where the side refused them, the next answer tells."""
    mine = {unit.name: shows.changed & set(unit.fields(side)) for unit in vocabulary.units}
    return {name for name, fields in mine.items() if fields and fields <= shows.kept}


def _reviewed(run: Run, write: Update | Transition) -> Reviewed | None:
    """What became of a write, None if its record is not shown to us. Raises what kept us from reading it."""
    told = run.review(write.ref.side, [write])[0]
    if isinstance(told, ConnectorError) and not isinstance(told, Gone):
        raise told
    return told if isinstance(told, Reviewed) else None


def _leave_in_doubt(run: Run, intent: Intent, done: Applied, vocabulary: Vocabulary, why: str) -> None:
    """The record is not shown, or it moved on and does not tell whether our write was among what moved it.

    If it was, it ran over what its Conflicts name: they are told, closed, for nobody else will tell. So is
    what may have been put back over it since: it looks untouched, and is written again. What it is seen to
    have left is dealt with: nobody else set that.
    """
    now, write = run.clock(), intent.step.action
    assert isinstance(write, Update | Transition)
    seen = seen_of_it(intent.step, done, vocabulary)
    shown = [] if done.record is None or not seen else [(done.record, vocabulary)]
    directory = run.people.directory(shown, now)
    with run.store.read() as tx:
        pair = None if intent.pair is None else tx.pairs([intent.pair]).get(intent.pair)
    lost: list[Conflict] = []
    if pair is not None:
        lost += [*races(pair, intent.step, done, vocabulary, now)]
        if done.record is not None and not run.wrote_last(done.record):
            lost += put_back(pair, intent.step, done, vocabulary, now)
        if done.record is None:
            lost += unseen(pair, intent.step, vocabulary, now)
        lost += told_of_it(pair, intent.step, done, seen, now)
        doubted = in_doubt(pair, intent.step, write.ref.side, vocabulary)
        before = replace(pair, base=replace(pair.base, units={**pair.base.units, **doubted}))
        base = settle(before, replace(intent.step, bases=seen), done, vocabulary, directory)
        pair = replace(pair, base=base)
    keep = None if pair is None else partial(Tx.save_pair, pair=pair)
    _end_in_doubt(run, intent, why, lost, keep)


def _rewritten(run: Run, found: Record, shows: Trace, intent: Intent) -> bool:
    """Whether our own account was the last to write what stands there, though not as it was sent."""
    write, since = intent.step.action, intent.at - EARLIER
    assert isinstance(write, Update | Transition)
    for name, value in shows.sent.items():
        stands, touch = found.values.get(name), found.touched.get(name)
        by, at = (touch.by, touch.at) if touch is not None else (found.updated_by, found.updated)
        if stands != value and (stands == write.before.get(name) or not run.is_us(found.ref.side, by)):
            return False
        if stands != value and at < since:
            return False
    return True


def _recover_note(run: Run, intent: Intent, write: AddNote | ShowLink) -> None:
    """A note is never sent twice: whether it arrived or not, it counts as made. A link is shown again."""
    if isinstance(write, AddNote):
        _settle(run, intent, Applied(write.ref), "its answer was lost; a note is never sent twice")
    elif write.note:
        blank = replace(intent, step=replace(intent.step, shown=SHOWN_BEFORE))
        _settle(run, blank, Applied(write.ref), "its answer was lost; its note is never sent twice")
    else:
        _end(run, intent, "skipped", "its answer was lost; a link may be shown again")


def _settle(run: Run, intent: Intent, applied: Applied, detail: str, nothing: Set[str] = frozenset()) -> None:
    """An intent that has come true: its Base, its Conflicts, and another look at the pair.

    Of the units in `nothing` nothing has come; a race is told for all that was sent.
    """
    now, vocabulary, step = run.clock(), run.vocabularies.get(intent.route), without(intent, nothing).step
    shown = [] if applied.record is None or vocabulary is None else [(applied.record, vocabulary)]
    directory = run.people.directory(shown, now)
    with run.store.transaction() as tx:
        pair = None if intent.pair is None else tx.pairs([intent.pair]).get(intent.pair)
        if pair is not None and vocabulary is not None:
            last = applied.record is not None and run.wrote_last(applied.record) is True
            base = settle(pair, step, applied, vocabulary, directory, last=last)
            tx.save_pair(replace(pair, base=base))
            lost = races(pair, intent.step, applied, vocabulary, now)
            record_conflicts(tx, [replace(c, pass_id=run.id) for c in (*step.conflicts, *lost)])
        tx.arrive([Arrival(applied.ref, "recovered")], now, run.started)
        tx.audit([audit_entry(intent, "applied" if applied.record else "skipped", now, detail)])
        tx.remove_intent(intent.id)


def _end_found(run: Run, intent: Intent, found: Recovered) -> None:
    """End an intent of an aspect, with what that remembers of it."""
    match found.made:
        case True:
            told = [*intent.step.conflicts, *found.told]
            _end(run, intent, "applied", found.why, told, found.remember)
        case False:
            _end(run, intent, "skipped", found.why, found.told, found.remember)
        case None:
            _end_in_doubt(run, intent, found.why, found.told, found.remember)


def _end_in_doubt(
    run: Run,
    intent: Intent,
    detail: str,
    lost: Sequence[Conflict] = (),
    remember: Callable[[Tx], None] | None = None,
) -> None:
    """End an intent that may have come true: its Conflicts are told, closed, for nobody else will tell.

    So are those of what it may have run over, `lost`.
    """
    now, doubt = run.clock(), "(it is not known whether it was written)"
    told = [
        replace(c, id=0, open=False, closed_at=now, reason=f"{c.reason} {doubt}")
        for c in intent.step.conflicts
    ]
    _end(run, intent, "skipped", detail, [*told, *lost], remember)


def _end(
    run: Run,
    intent: Intent,
    outcome: OutcomeKind,
    detail: str,
    told: Sequence[Conflict] = (),
    remember: Callable[[Tx], None] | None = None,
) -> None:
    """End an intent, with the Conflicts that are told and what is remembered of it; look there again."""
    now = run.clock()
    with run.store.transaction() as tx:
        if remember is not None:
            remember(tx)
        record_conflicts(tx, [replace(c, pass_id=run.id) for c in told])
        tx.audit([audit_entry(intent, outcome, now, detail)])
        tx.remove_intent(intent.id)
        tx.arrive([Arrival(target(intent), "recovered")], now, run.started)
