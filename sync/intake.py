"""Records without a pair: is it a mirror that we made, a copy, or an incident that gets a mirror now?"""

from __future__ import annotations

from collections.abc import Sequence

from tieline.connectors.base import SIDES
from tieline.sync.adoption import leave, sort_out
from tieline.sync.candidates import Candidate, candidates, in_scope, mirror_step
from tieline.sync.keeping_out import judged, keep_out
from tieline.sync.mirroring import make_mirrors
from tieline.sync.model import InboxEntry
from tieline.sync.run import Run

__all__ = ["Candidate", "candidates", "claim_mirrors", "in_scope", "intake", "mirror_step"]


def intake(run: Run, entries: Sequence[InboxEntry]) -> None:
    """Give each record that is in scope its mirror, and join halves whose marker names each other."""
    chosen = weigh(run, entries)
    for side in SIDES:
        make_mirrors(run, side, [candidate for candidate in chosen if candidate.side == side])


def weigh(run: Run, entries: Sequence[InboxEntry]) -> list[Candidate]:
    """Settle what needs no create, and give those that do. Nothing is written to either side."""
    unclaimed = sort_out(run, entries)
    found = judged(run, candidates(run, unclaimed))
    wanted = {each.candidate.entry.key for each in found}
    leave(run, [entry for entry, _ in unclaimed if entry.key not in wanted])
    keep_out(run, found)
    return [each.candidate for each in found if each.admitted]


def claim_mirrors(run: Run) -> None:
    """Before anything is created, every waiting record is asked for its marker.

    After a state was put back to an older copy both an origin and its mirror may wait, in different waves.
    Nothing needs to be done where all that waits fits one wave: there, markers come first anyway.
    """
    wave, after = run.config.limits.wave, "r:"
    with run.store.read() as tx:
        if tx.inbox_count(run.started) <= wave:
            return
    while True:
        with run.store.read() as tx:
            entries = tx.walk_due(run.started, after, wave * run.lanes.waves)
        if not entries:
            return
        sort_out(run, [entry for entry in entries if entry.pair_id is None])
        after = entries[-1].key
