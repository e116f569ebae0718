"""Does small things once: internal notes, and what goes with them; one that is refused parks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import SIDES, AddNote, Applied, Side, Update
from tieline.connectors.errors import ConnectorError, Denied, Gone, Rejected, Retryable, Stale
from tieline.sync.journal import audit_entry, block, intend
from tieline.sync.model import Intent, OutcomeKind, Pair, Step
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


@dataclass(frozen=True, slots=True)
class Deed:
    """One write to one half of a pair, made once. `keys` are the small facts that say that it was made.

    An `Update` does no harm if it is made again, so it is remembered when it was made, a note before.
    """

    pair: Pair
    action: AddNote | Update
    why: str
    keys: tuple[str, ...]

    @property
    def side(self) -> Side:
        """Where it is made."""
        return self.action.ref.side


def tell(run: Run, notices: Sequence[Notice]) -> int:
    """Write these notes, except on pairs with a write that was not answered; how many were made.

    Each is remembered before it is written, and let go of only where it was certainly not made and may be
    tried again. Raises `Denied` if a side lets us in no more.
    """
    return do_once(run, [Deed(n.pair, AddNote(n.pair.ref(n.side), n.text), n.why, n.keys) for n in notices])


REFUSED: Final = "refused"
"""What the small facts hold of a write that a side refused; else they hold when it was made."""


def do_once(run: Run, deeds: Sequence[Deed]) -> int:
    """Do these things as `tell` writes notes; how many were done."""
    with run.store.read() as tx:
        known = tx.notes([key for deed in deeds for key in deed.keys])
    fresh = [deed for deed in deeds if not known.keys() & set(deed.keys)]
    return sum(_write(run, side, [deed for deed in fresh if deed.side == side]) for side in SIDES)


def _write(run: Run, side: Side, deeds: Sequence[Deed]) -> int:
    free = [deed for deed in deeds if pair_key(deed.pair) not in run.blocked]
    deeds = free[: MOST if run.writes_left is None else min(MOST, run.writes_left)]
    if not deeds:
        return 0
    steps = [(Step(deed.action, (deed.why,)), deed.pair, deed.pair.route) for deed in deeds]
    with run.store.transaction() as tx:  # before the write: a note is never sent twice
        for deed in deeds:
            if isinstance(deed.action, AddNote):
                _remember(run, tx, deed)
    intents = intend(run, steps)
    results = run.sides[side].write([intent.step.action for intent in intents])
    run.counts["writes"] += len(intents)
    with run.store.transaction() as tx:
        for deed, intent, result in zip(deeds, intents, results, strict=True):
            _settle(run, tx, deed, intent, result)
    denied = next((result for result in results if isinstance(result, Denied)), None)
    if denied is not None:
        raise denied
    return sum(isinstance(result, Applied) for result in results)


def _settle(run: Run, tx: Tx, deed: Deed, intent: Intent, result: Applied | ConnectorError) -> None:
    now = run.clock()
    match result:
        case Applied():
            tx.audit([audit_entry(intent, "applied", now)])
            tx.remove_intent(intent.id)
            _remember(run, tx, deed)
        case Retryable() | Denied() | Stale():
            kind: OutcomeKind = "stale" if isinstance(result, Stale) else "retry"
            tx.audit([audit_entry(intent, kind, now, str(result))])
            tx.remove_intent(intent.id)
            for key in deed.keys:
                tx.drop_note(key)
        case Gone() | Rejected():
            tx.audit([audit_entry(intent, "rejected", now, str(result))])
            tx.remove_intent(intent.id)
            for key in deed.keys:
                tx.set_note(key, REFUSED)
        case _:
            tx.mark_unknown(intent.id, intent.probe_at)
            block(run, intent)


def _remember(run: Run, tx: Tx, deed: Deed) -> None:
    for key in deed.keys:
        tx.set_note(key, run.clock().isoformat())
