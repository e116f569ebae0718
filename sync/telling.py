"""Writes internal notes that tell people something once; a note that is refused parks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import SIDES, AddNote, Applied, Side
from tieline.connectors.errors import ConnectorError, Denied, Gone, Rejected, Retryable, Stale
from tieline.sync.journal import audit_entry, block, intend
from tieline.sync.model import Intent, Pair, Step
from tieline.sync.pairing import pair_key
from tieline.sync.run import Run
from tieline.sync.store.store import Tx

MOST: Final = 100
"""Notes of one call on one side; the others follow when they are asked for again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A note on one half of a pair. `keys` are the small facts that say that it was written."""

    pair: Pair
    side: Side
    text: str
    why: str
    keys: tuple[str, ...]


def tell(run: Run, notices: Sequence[Notice]) -> int:
    """Write these notes, except on pairs with a write that was not answered; how many were made.

    Each is remembered before it is written, and let go of only where it was certainly not made and may be
    tried again. Raises `Denied` if a side lets us in no more.
    """
    with run.store.read() as tx:
        known = tx.notes([key for notice in notices for key in notice.keys])
    fresh = [notice for notice in notices if not known.keys() & set(notice.keys)]
    return sum(_write(run, side, [notice for notice in fresh if notice.side == side]) for side in SIDES)


def _write(run: Run, side: Side, notices: Sequence[Notice]) -> int:
    free = [notice for notice in notices if pair_key(notice.pair) not in run.blocked]
    notices = free[: MOST if run.writes_left is None else min(MOST, run.writes_left)]
    if not notices:
        return 0
    steps = [(Step(AddNote(n.pair.ref(side), n.text), (n.why,)), n.pair, n.pair.route) for n in notices]
    with run.store.transaction() as tx:  # before the write: a note is never sent twice
        for key in (key for notice in notices for key in notice.keys):
            tx.set_note(key, run.clock().isoformat())
    intents = intend(run, steps)
    results = run.sides[side].write([intent.step.action for intent in intents])
    run.counts["writes"] += len(intents)
    with run.store.transaction() as tx:
        for notice, intent, result in zip(notices, intents, results, strict=True):
            _settle(run, tx, notice, intent, result)
    denied = next((result for result in results if isinstance(result, Denied)), None)
    if denied is not None:
        raise denied
    return sum(isinstance(result, Applied) for result in results)


def _settle(run: Run, tx: Tx, notice: Notice, intent: Intent, result: Applied | ConnectorError) -> None:
    now = run.clock()
    match result:
        case Applied():
            tx.audit([audit_entry(intent, "applied", now)])
            tx.remove_intent(intent.id)
        case Retryable() | Denied():
            tx.audit([audit_entry(intent, "retry", now, str(result))])
            tx.remove_intent(intent.id)
            for key in notice.keys:
                tx.drop_note(key)
        case Gone() | Rejected() | Stale():
            tx.audit([audit_entry(intent, "rejected", now, str(result))])
            tx.remove_intent(intent.id)
        case _:
            tx.mark_unknown(intent.id, intent.probe_at)
            block(run, intent)
