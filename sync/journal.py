"""Intents: nothing is tried that was not written down first. What became of one stands in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tieline.connectors.base import Attach, Create, Ref, Transition, Values, no_values
from tieline.sync import passlog
from tieline.sync.model import AuditEntry, Conflict, Intent, OutcomeKind, Pair, Step
from tieline.sync.pairing import record_key
from tieline.sync.run import Run
from tieline.sync.store.store import Tx


def intend(
    run: Run, steps: Sequence[tuple[Step, Pair | None, str]], labels: Sequence[str] = ()
) -> list[Intent]:
    """Write down what is about to be tried: (step, its pair, its route). One transaction.

    `labels` name records that have no pair yet.
    """
    now = run.clock()
    probe_at = now + run.config.limits.unknown_quiet
    names = labels or ["" if pair is None else f"{pair.number} = {pair.key}" for _, pair, _ in steps]
    intents = [
        Intent(run.id, None if pair is None else pair.id, route, step, now, probe_at, label=name)
        for (step, pair, route), name in zip(steps, names, strict=True)
    ]
    with run.store.transaction() as tx:
        return tx.add_intents(intents)


def target(intent: Intent) -> Ref:
    """The record that an intent writes to; for a create the record that it mirrors."""
    action = intent.step.action
    return action.origin if isinstance(action, Create) else action.ref


def block(run: Run, intent: Intent) -> None:
    """Leave what an open intent is about alone for the rest of the pass."""
    if intent.pair is not None:
        run.blocked.add(f"p:{intent.pair}")
    if isinstance(intent.step.action, Create):
        run.blocked.add(record_key(intent.step.action.origin))


def block_open(run: Run) -> None:
    """Leave everything alone that still has an open intent."""
    with run.store.read() as tx:
        for intent in tx.open_intents():
            block(run, intent)


def made_note(intent: Intent) -> str:
    """The note that keeps what a side called the record of an applied create, until its pair is stored."""
    return f"made:{intent.id}"


def audit_entry(intent: Intent, outcome: OutcomeKind, at: datetime, detail: str = "") -> AuditEntry:
    """The line of the audit trail for what came of an intent."""
    action = intent.step.action
    old: Values = getattr(action, "before", no_values())
    new: Values = getattr(action, "values", no_values())
    if isinstance(action, Transition):  # what it overwrites without setting it is the status
        new = {**new, **{name: action.move.to for name in old if name not in new}}
    if isinstance(action, Attach):
        new = {"attachment": action.name}
    name, why = type(action).__name__, intent.step.why
    entry = AuditEntry(intent.pass_id, at, intent.pair, target(intent), name, old, new, why, outcome, detail)
    passlog.tried(entry, intent.label)
    return entry


def record_conflicts(tx: Tx, conflicts: Sequence[Conflict]) -> None:
    """Store Conflicts: new ones get an id, those that stood open are replaced by what became of them."""
    tx.add_conflicts([conflict for conflict in conflicts if conflict.id == 0])
    for conflict in conflicts:
        passlog.conflict(conflict)
        if conflict.id:
            tx.save_conflict(conflict)
