"""What came of the writes of a wave: into Base, Conflicts, audit and parks, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import (
    Action,
    AddComment,
    AddNote,
    Applied,
    Attach,
    Create,
    Race,
    Record,
    Relate,
    Reviewed,
    Side,
    Transition,
    Unrelate,
    Update,
    other,
)
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Retryable,
    Stale,
    Unknown,
)
from tieline.sync.aspects import part_of, refreshed
from tieline.sync.journal import audit_entry, block, record_conflicts
from tieline.sync.model import Base, Conflict, Intent, OutcomeKind, Pair
from tieline.sync.pairing import first_base, move_over
from tieline.sync.refusal import answers, left, untaken
from tieline.sync.run import Run
from tieline.sync.settle import races, settle
from tieline.sync.store.store import Tx
from tieline.sync.work import PAUSE, Work, close, park_work, put_off

UNREADABLE: Final = "unreadable"
"""The reason of a park: no answer about the record can be believed."""

Tried = tuple[Work, Intent, Applied | ConnectorError]


def target_side(intent: Intent) -> Side:
    """The side that an intent writes to."""
    action = intent.step.action
    return action.side if isinstance(action, Create) else action.ref.side


def settle_all(run: Run, tried: Sequence[Tried], asked_at: datetime) -> None:
    """Settle what was tried; `asked_at` is when the writes were sent.

    Raises, once all is settled, `Denied` if one was, or what kept us from asking who is who.
    """
    tried = _shown(run, tried)
    refused = [_kept(run, *each) for each in tried]
    fights = [
        () if no is None else _fight(run, work, intent, no)
        for (work, intent, _), no in zip(tried, refused, strict=True)
    ]
    tried = [each if no is None else _taken(run, *each) for each, no in zip(tried, refused, strict=True)]
    bases, unknown = _bases(run, tried)
    with run.store.transaction() as tx:
        for (work, intent, result), base, no, fight in zip(tried, bases, refused, fights, strict=True):
            if no is not None and base is not None:
                _remember(run, work, result, asked_at)
                _partly(run, tx, work, intent, base, no, fight)
            elif not isinstance(result, Applied):
                _failed(run, tx, work, intent, result)
            elif base is None:
                _unread(run, tx, work, intent)
            elif isinstance(intent.step.action, Create):
                _moved_over(run, tx, work, intent, result, base)
            else:
                _applied(run, tx, work, intent, replace(work.pair, base=base), result)
                shown = _remember(run, work, result, asked_at)
                if shown is not None:
                    work.steps = refreshed(work.steps, shown, alone=result.alone)
    denied = next((result for _, _, result in tried if isinstance(result, Denied)), unknown)
    if denied is not None:
        raise denied


def _remember(run: Run, work: Work, result: Applied | ConnectorError, asked_at: datetime) -> Record | None:
    """Keep what an answer shows of a record of the pair, so that what we wrote ends no park."""
    record = result.record if isinstance(result, Applied) else None
    if record is None or record.ref != work.pair.ref(record.ref.side):
        return None
    work.show(run.on_our_clock(record), asked_at)
    return record


def _shown(run: Run, tried: Sequence[Tried]) -> list[Tried]:
    """Ask for what an answer left out: the record, and whether the write ran over somebody's edit.

    A transition tells neither, nor does an edit on Data Center. Where it cannot be asked for now, recovery
    asks again later: the intent stays open.
    """
    blind = [
        (number, action)
        for number, (_, intent, result) in enumerate(tried)
        if isinstance(result, Applied) and result.record is None
        and isinstance(action := intent.step.action, Update | Transition)
    ]  # fmt: skip
    if not blind:
        return list(tried)
    try:
        answers = run.review(blind[0][1].ref.side, [action for _, action in blind])
    except ConnectorError as error:
        answers = [error for _ in blind]
    known: dict[int, Applied | ConnectorError] = {}
    for (number, _), told in zip(blind, answers, strict=True):
        known[number] = (
            as_applied(told, told.races or other_hand(run, told))
            if isinstance(told, Reviewed)
            else Unknown(f"made, and not shown since: {told}")
        )
    return [(work, intent, known.get(n, result)) for n, (work, intent, result) in enumerate(tried)]


def as_applied(told: Reviewed, lost: tuple[Race, ...]) -> Applied:
    """What a review tells, as the answer to a write that was made."""
    return Applied(told.record.ref, told.record, told.alone, lost, certain=told.made is True)


def other_hand(run: Run, told: Reviewed) -> tuple[Race, ...]:
    """The race that a review cannot tell: it does not know that our write was made, and we do.

    Where a rule made something else of what was sent, the review sees two changes and no value of ours.
    """
    if told.alone is not False:
        return ()
    record = told.record
    by = "" if run.wrote_last(record) else record.updated_by
    return (Race("", None, False, record.updated, by),)


def _set_by_others(run: Run, intent: Intent, result: Applied) -> frozenset[str]:
    """The fields that stand as an update sent them because somebody else set them so: ours changed nothing.

    In ServiceNow the one change that counts bears another name; Jira's history tells it by field.
    """
    action, record = intent.step.action, result.record
    if record is None or not isinstance(action, Update):
        return frozenset()
    before, now = action.before, record.values
    stand = {n for n, value in action.values.items() if n in before and before[n] != value == now.get(n)}
    if result.alone is False and not result.races and run.wrote_last(record) is False:
        return frozenset(stand)
    hands = {name: record.touched[name].by for name in stand & record.touched.keys()}
    known = record.ref.side in run.identities
    return frozenset(n for n, by in hands.items() if known and by and not run.is_us(record.ref.side, by))


def _kept(run: Run, work: Work, intent: Intent, result: Applied | ConnectorError) -> Rejected | None:
    """A refusal without a word: a field that stands exactly as it did before our write.

    ServiceNow leaves out what the account may not write, and choices it does not know, and answers 200. Where
    somebody else wrote to the record, too, and we wrote last, nobody put it back after us. (Where the side
    tells who wrote each field, that is believed instead.)
    """
    action = intent.step.action
    if not isinstance(action, Update) or not isinstance(result, Applied) or result.record is None:
        return None
    fields, record = left(action, result.record), result.record
    if not fields or not answers(result, last=run.wrote_last(record) is True):
        return None
    label, side, named = work.pair.label(action.ref.side), action.ref.side, ", ".join(fields)
    return Rejected(
        f"{label}: {side} left {named} as it was, without saying so "
        "(may the account write it, and does the list know the value?)",
        fields,
    )


def _taken(run: Run, work: Work, intent: Intent, result: Applied | ConnectorError) -> Tried:
    """The intent without the units of which the side took nothing: of the others it took all, or a part.

    A race is told for all that was sent: where somebody set what stands as before, a rule put it back over
    theirs.
    """
    assert isinstance(result, Applied)
    step, vocabulary = intent.step, work.vocabulary
    units = {unit.name for unit in vocabulary.units if untaken(unit, step.action, result.record)}
    taken, lost = without(intent, units), races(work.pair, step, result, vocabulary, run.clock())
    step = replace(taken.step, conflicts=(*taken.step.conflicts, *lost))
    return work, replace(taken, step=step), result


def without(intent: Intent, units: Set[str]) -> Intent:
    """The intent as if it had not carried these units."""
    step = intent.step
    bases = {name: base for name, base in step.bases.items() if name not in units}
    conflicts = tuple(conflict for conflict in step.conflicts if conflict.unit not in units)
    return replace(intent, step=replace(step, bases=bases, conflicts=conflicts))


def _fight(run: Run, work: Work, intent: Intent, refusal: Rejected) -> tuple[Conflict, ...]:
    """The Conflicts of a rule of the policy with one of the side, which held."""
    if run.govern is None:
        return ()
    from tieline.sync.policy.undone import undone

    return undone(work, intent.step, target_side(intent), refusal.fields, run.clock())


def _partly(
    run: Run, tx: Tx, work: Work, taken: Intent, base: Base, refusal: Rejected, fight: Sequence[Conflict]
) -> None:
    """What the side took is settled, with the Conflicts of what it ran over; for the rest the pair parks.

    Where only rules of the policy are refused, what they set is held, and everything else goes on.
    """
    work.pair = replace(work.pair, base=base)
    tx.save_pair(work.pair)
    conflicts = [*taken.step.conflicts, *fight]
    record_conflicts(tx, [replace(c, pass_id=run.id) for c in conflicts])
    run.counts["conflicts"] += len(conflicts)
    if not fight:
        _failed(run, tx, work, taken, refusal)
        return
    tx.audit([audit_entry(taken, "rejected", run.clock(), str(refusal))])
    tx.remove_intent(taken.id)
    run.counts["rejected"] += 1
    work.steps = []
    work.records.clear()
    work.read_at.clear()


def _bases(run: Run, tried: Sequence[Tried]) -> tuple[list[Base | None], ConnectorError | None]:
    """What each applied write makes of its pair's Base; None where nothing was written, or not shown.

    Also what kept us from asking who is who. The answers are known all the same, and must not be lost for
    that: they are settled with whom we know. A mirror whose first Base cannot be told is found by its marker.
    """
    looked_at = [
        (result.record, work.vocabulary)
        for work, _, result in tried
        if isinstance(result, Applied) and result.record is not None
    ]
    unknown: ConnectorError | None = None
    try:
        directory = run.people.directory(looked_at, run.clock())
    except ConnectorError as error:
        unknown, directory = error, run.people.directory((), run.clock())
    bases: list[Base | None] = []
    for work, intent, result in tried:
        if not isinstance(result, Applied):
            bases.append(None)
        elif isinstance(intent.step.action, Create):
            shown = None if unknown is not None else result.record
            issue = work.records.get("jira")
            bases.append(None if shown is None else first_base(run, intent.route, intent.step, issue, shown))
        else:
            last = result.record is not None and run.wrote_last(result.record) is True
            theirs = _set_by_others(run, intent, result)
            bases.append(
                settle(work.pair, intent.step, result, work.vocabulary, directory, last=last, theirs=theirs)
            )
    return bases, unknown


def _applied(run: Run, tx: Tx, work: Work, intent: Intent, pair: Pair, result: Applied) -> None:
    now, side = run.clock(), result.ref.side
    lost = races(pair, intent.step, result, work.vocabulary, now)
    record_conflicts(tx, [replace(c, pass_id=run.id) for c in (*intent.step.conflicts, *lost)])
    run.counts["conflicts"] += len(intent.step.conflicts) + len(lost)
    tx.save_pair(pair)
    tx.audit([audit_entry(intent, "applied", now)])
    tx.remove_intent(intent.id)
    part = part_of(work, intent.step.action)
    if part is not None:
        part.settled(tx, intent.step, result, now)
    work.pair = pair
    work.steps = work.steps[1:]
    if result.alone is False or _set_by_others(run, intent, result):
        work.steps = []
        work.forget(other(side))  # read before theirs: what it says now may be older than that, and another
    if result.record is None and hides(intent.step.action):
        work.forget(side)
    run.counts["changed"] += isinstance(intent.step.action, Update | Transition)
    run.counts["said"] += isinstance(intent.step.action, AddComment)
    run.counts["files"] += isinstance(intent.step.action, Attach)
    run.counts["notes"] += isinstance(intent.step.action, AddNote)


def hides(action: Action) -> bool:
    """Whether a write that shows no record leaves it to be read again; the answers to links are such."""
    if isinstance(action, Relate | Unrelate):
        return not action.global_id
    return isinstance(action, Update | Transition)


def _moved_over(run: Run, tx: Tx, work: Work, intent: Intent, result: Applied, base: Base) -> None:
    """The child of a closed incident was made: the issue goes on with it."""
    assert result.record is not None
    issue = work.records.get("jira", work.pair.jira)
    move_over(run, tx, work.pair, result.record, issue, base)
    tx.audit([audit_entry(intent, "applied", run.clock(), f"made {result.record.label}")])
    tx.remove_intent(intent.id)
    tx.leave([work.entry])
    close(work)
    run.counts["created"] += 1


def _unread(run: Run, tx: Tx, work: Work, intent: Intent) -> None:
    """Made, and not shown: the intent stays open, and its marker will find what was made."""
    block(run, intent)
    put_off(tx, work, intent.probe_at)


def _failed(run: Run, tx: Tx, work: Work, intent: Intent, error: ConnectorError) -> None:
    now, side = run.clock(), target_side(intent)
    kind: OutcomeKind
    part, rest = part_of(work, intent.step.action), work.steps[1:]
    work.steps = []
    match error:
        case Rejected() if part is not None and part.refused(tx, intent.step, error, now):
            kind = "rejected"
            if isinstance(intent.step.action, AddComment):  # the rest of the entry, and a state that moved
                work.forget(side)
            else:
                work.steps = rest
        case Rejected() if wants_more(intent, error):
            kind = "stale"
            work.records.clear()
            work.read_at.clear()
        case Rejected():
            kind = "rejected"
            park_work(run, tx, work, "rejected", rejection(error))
        case Gone():
            kind = "rejected"
            park_work(run, tx, work, *unread(work.pair.label(side), side, error))
        case Stale():
            kind = "stale"
            work.records.clear()
            work.read_at.clear()
        case Retryable() | Denied():
            kind = "retry"
            put_off(tx, work, now + pause_of(error))
        case _:
            kind = "unknown"
            probe_at = now + run.config.limits.unknown_quiet
            tx.mark_unknown(intent.id, probe_at)
            block(run, intent)
            put_off(tx, work, probe_at)
    if kind != "unknown":
        tx.remove_intent(intent.id)
    tx.audit([audit_entry(intent, kind, now, str(error))])
    run.counts[kind] += 1


def wants_more(intent: Intent, error: Rejected) -> bool:
    """Whether a transition was refused without fields that it was not known to want: plan it with them."""
    action = intent.step.action
    if not isinstance(action, Transition):
        return False
    return any(name not in action.move.required and name not in action.values for name in error.fields)


def unread(label: str, side: Side, error: ConnectorError) -> tuple[str, str]:
    """Why a record that cannot be read is parked: a short code, and the sentence for people."""
    if isinstance(error, Gone):
        return "gone", f"{label} is deleted, or hidden from us in {side}"
    return UNREADABLE, f"{label} cannot be read in {side}: {error}"


def pause_of(error: ConnectorError) -> timedelta:
    """How long to wait after a failure: what the system asked for, or the usual pause."""
    asked = error.retry_after if isinstance(error, RateLimited) else None
    return PAUSE if asked is None else timedelta(seconds=asked)


def rejection(error: Rejected) -> str:
    """The system's own words, field by field where it names them."""
    fields = "; ".join(f"{name}: {words}" for name, words in error.fields.items())
    return f"{error}" if not fields or fields in str(error) else f"{error} ({fields})"
