"""Intents and recovery: nothing is tried that was not written down, nothing unknown is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tieline.connectors.base import (
    AddNote,
    Applied,
    Create,
    Record,
    RemoveLink,
    ShowLink,
    Transition,
    Update,
    Values,
    no_values,
)
from tieline.connectors.errors import ConnectorError
from tieline.sync.model import Arrival, AuditEntry, Conflict, Intent, OutcomeKind, Pair, Step
from tieline.sync.pairing import choose_holder, copy_park, pair_up
from tieline.sync.run import Run
from tieline.sync.settle import settle
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import Vocabulary


def intend(run: Run, steps: Sequence[tuple[Step, Pair | None, str]]) -> list[Intent]:
    """Write down what is about to be tried: (step, its pair, its route). One transaction."""
    now = run.clock()
    probe_at = now + run.config.limits.unknown_quiet
    intents = [
        Intent(run.id, None if pair is None else pair.id, route, step, now, probe_at)
        for step, pair, route in steps
    ]
    with run.store.transaction() as tx:
        return tx.add_intents(intents)


def audit_entry(intent: Intent, outcome: OutcomeKind, at: datetime, detail: str = "") -> AuditEntry:
    """The line of the audit trail for what came of an intent."""
    action = intent.step.action
    ref = action.origin if isinstance(action, Create) else action.ref
    old: Values = getattr(action, "before", no_values())
    new: Values = getattr(action, "values", no_values())
    name, why = type(action).__name__, intent.step.why
    return AuditEntry(intent.pass_id, at, intent.pair, ref, name, old, new, why, outcome, detail)


def record_conflicts(tx: Tx, conflicts: Sequence[Conflict]) -> None:
    """Store Conflicts: new ones get an id, those that stood open are replaced by what became of them."""
    tx.add_conflicts([conflict for conflict in conflicts if conflict.id == 0])
    for conflict in conflicts:
        if conflict.id:
            tx.save_conflict(conflict)


def recover(run: Run) -> None:
    """Settle every open intent whose quiet time is over; the others keep their pairs out of this pass."""
    now = run.clock()
    with run.store.read() as tx:
        due = [intent for intent in tx.open_intents() if intent.probe_at <= now]
    for intent in due:
        match intent.step.action:
            case Create() as create:
                _recover_create(run, intent, create)
            case Update() | Transition() as write:
                _recover_write(run, intent, write)
            case AddNote() | ShowLink() | RemoveLink():
                _finish(run, intent, "skipped", "its answer was lost; a note is never sent twice")
        run.counts["recovered"] += 1


def _recover_create(run: Run, intent: Intent, create: Create) -> None:
    """A create whose answer was lost is looked for by its marker; what is not there now was not made."""
    with run.store.read() as tx:
        known = create.origin in tx.pairs_of([create.origin])
    if known or intent.route not in run.vocabularies:
        _finish(run, intent, "skipped", "its pair is known already")
        return
    holders = run.sides[create.side].find(create.marker, create.place, create.watermark)
    origin = run.read(create.origin.side, [create.origin])[0]
    if not holders or isinstance(origin, ConnectorError):
        _finish(run, intent, "skipped", "its answer was lost; no record carries its marker")
        return
    mirror = choose_holder(holders)
    entry = audit_entry(intent, "applied", run.clock(), f"found by its marker: {mirror.label}")
    pair_up(run, intent.route, origin, mirror, intent.step, intent=intent.id, audit=[entry])
    with run.store.transaction() as tx:
        for copy in holders:
            if copy.ref != mirror.ref:
                tx.park(copy_park(run, copy))


def _recover_write(run: Run, intent: Intent, write: Update | Transition) -> None:
    """A write whose answer was lost is looked for by its values."""
    found = run.read(write.ref.side, [write.ref])[0]
    vocabulary = run.vocabularies.get(intent.route)
    if isinstance(found, Record) and vocabulary is not None and _holds(found, write, vocabulary):
        _settle_found(run, intent, found, vocabulary)
        return
    _finish(run, intent, "skipped", "its answer was lost; its values are not there")


def _holds(record: Record, write: Update | Transition, vocabulary: Vocabulary) -> bool:
    wanted = dict(write.values)
    if isinstance(write, Transition) and vocabulary.status is not None:
        wanted[vocabulary.status.status] = write.move.to
    return all(record.values.get(name) == value for name, value in wanted.items())


def _settle_found(run: Run, intent: Intent, found: Record, vocabulary: Vocabulary) -> None:
    now = run.clock()
    directory = run.people.directory([(found, vocabulary)], now)
    with run.store.transaction() as tx:
        pair = tx.pairs([intent.pair]).get(intent.pair) if intent.pair is not None else None
        if pair is not None:
            base = settle(pair, intent.step, Applied(found.ref, found), vocabulary, directory)
            tx.save_pair(replace(pair, base=base))
            record_conflicts(tx, intent.step.conflicts)
            tx.arrive([Arrival(found.ref, "recovered")], now)
        tx.audit([audit_entry(intent, "applied", now, "its answer was lost; found by its values")])
        tx.remove_intent(intent.id)


def _finish(run: Run, intent: Intent, outcome: OutcomeKind, detail: str) -> None:
    """End an intent that changed nothing, and look at its record again."""
    now, action = run.clock(), intent.step.action
    ref = action.origin if isinstance(action, Create) else action.ref
    with run.store.transaction() as tx:
        tx.audit([audit_entry(intent, outcome, now, detail)])
        tx.remove_intent(intent.id)
        tx.arrive([Arrival(ref, "recovered")], now)
