"""Makes mirrors: intents, one call a side, a reading of what was made, and the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tieline.connectors.base import ISSUE_KEY, Applied, Record, Side
from tieline.connectors.errors import ConnectorError, Denied, Rejected, Retryable
from tieline.sync import passlog
from tieline.sync.admission import unsure_before
from tieline.sync.adoption import UNREAD, claimed_note, leave, postpone
from tieline.sync.candidates import Candidate, mirror_step
from tieline.sync.journal import audit_entry, block, intend, made_note
from tieline.sync.marker import Marker
from tieline.sync.model import Arrival, Base, Intent, OutcomeKind
from tieline.sync.outcome import UNREADABLE, pause_of, rejection
from tieline.sync.pairing import first_base, new_pair, pair_up_all
from tieline.sync.parking import parked, seen_values
from tieline.sync.run import CLOCK_TOLERANCE, Run
from tieline.sync.store.store import Tx

Made = tuple[Candidate, Intent, Record]


def make_mirrors(run: Run, side: Side, wanted: Sequence[Candidate]) -> None:
    """Make these mirrors on `side`, as many as the pass may still write. Raises `Denied` if one was."""
    if not wanted:
        return
    chosen = _still_free(run, side, wanted)
    if not chosen:
        return
    now = run.clock()
    places = {run.vocabularies[candidate.route].place(side) for candidate in chosen}
    marks = {place: run.sides[side].watermark(place) for place in sorted(places)}
    run.people.directory([(c.record, run.vocabularies[c.route]) for c in chosen], now)
    steps = [
        mirror_step(run, candidate, now, marks[run.vocabularies[candidate.route].place(side)])
        for candidate in chosen
    ]
    intents = intend(run, [(s, None, c.route) for s, c in zip(steps, chosen, strict=True)],
                     [c.record.label for c in chosen])  # fmt: skip
    results = run.sides[side].write([step.action for step in steps])
    run.counts["writes"] += len(steps)
    _settle(run, side, list(zip(chosen, intents, results, strict=True)))
    denied = next((result for result in results if isinstance(result, Denied)), None)
    if denied is not None:
        raise denied


def _still_free(run: Run, side: Side, wanted: Sequence[Candidate]) -> list[Candidate]:
    """Those for which the pass has writes left, without any that is paired meanwhile (its mirror stood in the
    same wave) or has a mirror.

    A mirror is searched for where the state may not know it: a person named single records, so that the rest
    of the inbox was not looked at, the state was put back to an older one, one was seen that could not be
    joined yet, or a record cannot be read, for now or parked for it: it may be anybody's mirror. So it is for
    a record that names an issue, which may have been moved where no feed tells of it. Jira's index is given
    its time to show what was made just before a state was put back.
    """
    with run.store.read() as tx:
        paired = tx.pairs_of([candidate.record.ref for candidate in wanted])
        unread = tx.waits(side, UNREAD) or tx.rests(side, UNREADABLE)
        claims = tx.notes([claimed_note(candidate.record.ref) for candidate in wanted])
    free = [candidate for candidate in wanted if candidate.record.ref not in paired]
    unsure = unsure_before(run)
    doubtful = [c for c in free if unsure is not None and _is_older(run, c, unsure)]
    if unsure is not None and side == "jira" and run.clock() < unsure + run.config.jira.overlap:
        postpone(run, [c.entry for c in doubtful], unsure + run.config.jira.overlap - run.clock())
        free = [c for c in free if c not in doubtful]
    free = _in_budget(run, free)  # before the search: what is put off is not searched for in each wave
    doubtful += [
        c for c in free if unread or claimed_note(c.record.ref) in claims or _names_an_issue(run, c.record)
    ]
    return [c for c in free if not ((run.options.only or c in doubtful) and _found(run, side, c))]


def _is_older(run: Run, candidate: Candidate, moment: datetime) -> bool:
    """Whether the record was made before `moment`, on our clock."""
    known = run.identities.get(candidate.record.ref.side)
    skew = timedelta(0) if known is None else known.skew
    return candidate.record.created - skew <= moment + CLOCK_TOLERANCE


def _names_an_issue(run: Run, record: Record) -> bool:
    """Whether an incident shows the key of another half, as it does once it has one."""
    shown = record.values.get(run.config.servicenow.link) if record.ref.side == "servicenow" else None
    return isinstance(shown, str) and bool(ISSUE_KEY.fullmatch(shown.strip()))


def _found(run: Run, side: Side, candidate: Candidate) -> bool:
    """Whether it has a mirror, as far as that can be asked now: where it cannot, none is made."""
    try:
        holders = _holders(run, side, candidate)
    except Denied:
        raise
    except ConnectorError as error:
        postpone(run, [candidate.entry], pause_of(error))
        return True
    with run.store.transaction() as tx:
        if not holders:
            tx.drop_note(claimed_note(candidate.record.ref))
        else:
            tx.arrive([Arrival(holder.ref, "marked") for holder in holders], run.clock(), run.started)
        paired = tx.pairs_of([holder.ref for holder in holders])
    if len(paired) < len(holders):
        postpone(run, [candidate.entry])
    elif holders:  # they go on with others: nothing is left to be joined
        leave(run, [candidate.entry])
    return bool(holders)


def _holders(run: Run, side: Side, candidate: Candidate) -> list[Record]:
    """What carries a marker of it, of any route: when its mirror was made it may have been on another one."""
    markers = [Marker(run.config.installation, route, candidate.record.ref.id) for route in run.routes]
    place = run.vocabularies[candidate.route].place(side)
    return [holder for marker in markers for holder in run.sides[side].find(str(marker), place, "")]


def _in_budget(run: Run, chosen: list[Candidate]) -> list[Candidate]:
    left = run.writes_left
    if left is None or left >= len(chosen):
        return chosen
    with run.store.transaction() as tx:
        tx.postpone([candidate.entry for candidate in chosen[left:]], run.clock())
    return chosen[:left]


def _settle(
    run: Run, side: Side, tried: Sequence[tuple[Candidate, Intent, Applied | ConnectorError]]
) -> None:
    """What came of the creates, in one transaction.

    A mirror that cannot be read yet stays an open intent, beside what its side said it is called: recovery
    waits for it, and never takes it for one that was not made.
    """
    with run.store.transaction() as tx:
        for _, intent, result in tried:
            if isinstance(result, Applied) and result.record is None:
                tx.set_note(made_note(intent), result.ref.id)
    made, unseen = _read_made(run, side, tried)
    bases = [first_base(run, c.route, intent.step, c.record, mirror) for c, intent, mirror in made]
    with run.store.transaction() as tx:
        _pair(run, tx, made, bases)
        for candidate, intent in unseen:
            block(run, intent)
            tx.postpone([candidate.entry], intent.probe_at)
        for candidate, intent, result in tried:
            if isinstance(result, ConnectorError):
                _not_made(run, tx, candidate, intent, result)
    run.counts["unread"] += len(unseen)


def _read_made(
    run: Run, side: Side, tried: Sequence[tuple[Candidate, Intent, Applied | ConnectorError]]
) -> tuple[list[Made], list[tuple[Candidate, Intent]]]:
    applied = [(c, intent, result) for c, intent, result in tried if isinstance(result, Applied)]
    asked = [result.ref for _, _, result in applied if result.record is None]
    shown = dict(zip(asked, run.read(side, asked), strict=True))
    made: list[Made] = []
    unseen = []
    for candidate, intent, result in applied:
        mirror = shown[result.ref] if result.record is None else run.on_our_clock(result.record)
        if isinstance(mirror, Record):
            made.append((candidate, intent, mirror))
        else:
            unseen.append((candidate, intent))
    return made, unseen


def _pair(run: Run, tx: Tx, made: Sequence[Made], bases: Sequence[Base]) -> None:
    """Store the pairs; their entries leave before, so that nothing is moved about in the inbox."""
    now = run.clock()
    tx.leave([candidate.entry for candidate, _, _ in made])
    for _, intent, _ in made:
        tx.remove_intent(intent.id)
        tx.drop_note(made_note(intent))
    pairs = [
        new_pair(run, candidate.route, candidate.record, mirror, base)
        for (candidate, _, mirror), base in zip(made, bases, strict=True)
    ]
    pair_up_all(run, tx, pairs)
    tx.audit([audit_entry(intent, "applied", now, f"made {mirror.label}") for _, intent, mirror in made])
    run.counts["created"] += len(made)


def _not_made(run: Run, tx: Tx, candidate: Candidate, intent: Intent, error: ConnectorError) -> None:
    now, key = run.clock(), candidate.entry.key
    kind: OutcomeKind
    match error:
        case Rejected():
            kind = "rejected"
            before = tx.parked([key]).get(key)
            detail = f"no mirror of {candidate.record.label}: {rejection(error)}"
            seen = seen_values([candidate.record], run.vocabularies[candidate.route])
            tx.park(parked(key, "rejected", detail, seen, now, before, candidate.record.label))
            tx.leave([candidate.entry])
            run.counts["parked"] += before is None
            passlog.parked(run.id, candidate.record.label, "rejected")
        case Retryable() | Denied():
            kind = "retry"
            tx.postpone([candidate.entry], now + pause_of(error))
        case _:
            kind = "unknown"
            tx.mark_unknown(intent.id, intent.probe_at)
            tx.postpone([candidate.entry], intent.probe_at)
            block(run, intent)
    if kind != "unknown":
        tx.remove_intent(intent.id)
    tx.audit([audit_entry(intent, kind, now, str(error))])
    run.counts[kind] += 1
