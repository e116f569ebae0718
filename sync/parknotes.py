"""Tells the people on a ticket why it is left alone, and what to do: one internal note for each reason.

A note of ours never ends a park: no mapped value moves by it. What was noted once is not noted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieline.connectors.base import SIDES, AddNote, Applied, Side
from tieline.connectors.errors import ConnectorError, Denied, Gone, Rejected, Retryable, Stale
from tieline.sync.journal import audit_entry, block, intend
from tieline.sync.model import Intent, Pair, Park, Step
from tieline.sync.run import Run
from tieline.sync.store.store import Tx

MOST: Final = 100
"""Notes of one pass; the others follow when their pairs are tried again."""


def note_parks(run: Run) -> None:
    """Write a note for each pair that this pass parked for a reason that its ticket does not tell yet."""
    comments = run.config.comments
    if comments is None or not comments.park_notes or not run.parked_on:
        return
    with run.store.read() as tx:
        parks = tx.parked(list(run.parked_on))
        pairs = tx.pairs([int(key[2:]) for key in parks])
        fresh = [park for park in parks.values() if tx.note(_key(park)) is None]
    wanted = [(park, pairs[int(park.key[2:])]) for park in fresh if int(park.key[2:]) in pairs]
    wanted = [(park, pair) for park, pair in wanted if park.key not in run.blocked][: _room(run)]
    for side in SIDES:
        _write(run, side, [(park, pair) for park, pair in wanted if run.parked_on[park.key] == side])


def _room(run: Run) -> int:
    return MOST if run.writes_left is None else min(MOST, run.writes_left)


def _key(park: Park) -> str:
    return f"parknote:{park.key}:{park.reason}"


def _write(run: Run, side: Side, wanted: Sequence[tuple[Park, Pair]]) -> None:
    if not wanted:
        return
    why = ("the people on the ticket are told why it is left alone",)
    steps = [(Step(AddNote(pair.ref(side), text_of(park, pair)), why), pair, pair.route)
             for park, pair in wanted]  # fmt: skip
    with run.store.transaction() as tx:  # before the write: a note is never sent twice
        for park, _ in wanted:
            tx.set_note(_key(park), run.clock().isoformat())
    intents = intend(run, steps)
    results = run.sides[side].write([intent.step.action for intent in intents])
    run.counts["writes"] += len(intents)
    with run.store.transaction() as tx:
        for (park, _), intent, result in zip(wanted, intents, results, strict=True):
            _settle(run, tx, park, intent, result)
    denied = next((result for result in results if isinstance(result, Denied)), None)
    if denied is not None:
        raise denied


def text_of(park: Park, pair: Pair) -> str:
    """What the note says."""
    again = "" if park.retry_at is None else " Tieline tries it again by itself."
    return (
        f"Tieline leaves {pair.number} = {pair.key} alone ({park.reason}): {park.detail}.{again} "
        f"Once that is put right, `tieline parked retry {pair.number}` tries it at once."
    )


def _settle(run: Run, tx: Tx, park: Park, intent: Intent, result: Applied | ConnectorError) -> None:
    now = run.clock()
    match result:
        case Applied():
            tx.audit([audit_entry(intent, "applied", now)])
            tx.remove_intent(intent.id)
        case Retryable() | Denied():
            tx.audit([audit_entry(intent, "retry", now, str(result))])
            tx.remove_intent(intent.id)
            tx.drop_note(_key(park))
        case ConnectorError() if not _is_lost(result):
            tx.audit([audit_entry(intent, "rejected", now, str(result))])
            tx.remove_intent(intent.id)
        case _:
            tx.mark_unknown(intent.id, intent.probe_at)
            block(run, intent)


def _is_lost(error: ConnectorError) -> bool:
    return not isinstance(error, Gone | Rejected | Stale)
