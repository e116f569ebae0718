"""How a mirror is doing, from its state alone: lag per side, what is held, and one word for all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tieline.connectors.base import SIDES, Side
from tieline.sync.admission import LEFT
from tieline.sync.model import PassSummary
from tieline.sync.store.store import Tx

Health = Literal["ok", "attention", "stale", "failing", "left", "new"]
WORDS: Final[Mapping[Health, str]] = {
    "ok": "in step",
    "attention": "working, and something needs a person",
    "stale": "no pass has finished for too long",
    "failing": "the last pass stopped early",
    "left": "this installation was left",
    "new": "no pass yet",
}
LOOKED_BACK: Final = 50
"""Passes among which the last one that read a side's feed is looked for."""
_CONFLICTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind one side is: its feed was last read to the end at `drained`, and its oldest entry waits
    since `waiting` (UTC; None: never, and none).
    """

    drained: datetime | None
    waiting: datetime | None

    def behind(self, now: datetime) -> timedelta | None:
        """The age of the oldest thing not dealt with; None before the first pass."""
        known = [moment for moment in (self.drained, self.waiting) if moment is not None]
        return now - min(known) if self.drained is not None else None


def drained(passes: Sequence[PassSummary], side: Side) -> datetime | None:
    """When the newest pass that read the side's feed to its end began; `passes` are newest first."""
    return next((summary.started for summary in passes if f"feed_{side}" in summary.counts), None)


def lags(tx: Tx) -> dict[Side, Lag]:
    """The lag of each side."""
    passes, waiting = tx.last_passes(LOOKED_BACK), tx.waiting_since()
    return {side: Lag(drained(passes, side), waiting.get(side)) for side in SIDES}


def held_fields(tx: Tx) -> Mapping[str, Mapping[str, int]]:
    """Open conflicts by kind and field: {"flapping": {"summary": 3}}."""
    found: dict[str, Counter[str]] = {}
    for conflict in tx.conflicts(open_only=True, limit=_CONFLICTS):
        found.setdefault(conflict.kind, Counter())[conflict.unit] += 1
    return found


def judge(tx: Tx, now: datetime, max_age: timedelta | None) -> Health:
    """One word. `max_age`: how long ago the last pass may have ended well; None: any time."""
    if tx.note(LEFT) is not None:
        return "left"
    passes = [summary for summary in tx.last_passes(LOOKED_BACK) if summary.ended is not None]
    if not passes:
        return "new"
    good = next((summary.ended for summary in passes if not summary.error and summary.ended), None)
    if max_age is not None and (good is None or now - good > max_age):
        return "stale"
    if passes[0].error:
        return "failing"
    return "attention" if tx.open_conflict_count() or tx.park_count() else "ok"
