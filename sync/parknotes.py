"""Tells the people on a ticket why it is left alone, and what to do: one internal note for each reason.

A note of ours never ends a park: no mapped value moves by it. What was noted once is not noted again.
"""

from __future__ import annotations

from typing import Final

from tieline.sync.model import Pair, Park
from tieline.sync.run import Run
from tieline.sync.telling import Notice, tell

WHY: Final = "the people on the ticket are told why it is left alone"


def note_parks(run: Run) -> None:
    """Write a note for each pair that this pass parked for a reason that its ticket does not tell yet.

    What is too much for one pass follows when its pairs are tried again.
    """
    comments = run.config.comments
    if comments is None or not comments.park_notes or not run.parked_on:
        return
    with run.store.read() as tx:
        parks = tx.parked(list(run.parked_on))
        pairs = tx.pairs([int(key[2:]) for key in parks])
    wanted = [(park, pairs[int(park.key[2:])]) for park in parks.values() if int(park.key[2:]) in pairs]
    tell(
        run,
        [
            Notice(pair, run.parked_on[park.key], text_of(park, pair), WHY, (_key(park),))
            for park, pair in wanted
        ],
    )


def _key(park: Park) -> str:
    return f"parknote:{park.key}:{park.reason}"


def text_of(park: Park, pair: Pair) -> str:
    """What the note says."""
    again = "" if park.retry_at is None else " Tieline tries it again by itself."
    return (
        f"Tieline leaves {pair.number} = {pair.key} alone ({park.reason}): {park.detail}.{again} "
        f"Once that is put right, `tieline parked retry {pair.number}` tries it at once."
    )
