"""When the next pass of a process that stays is due: jitter around a pace, longer pauses after failures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

JITTER: Final = 0.1
"""Share of the interval by which a pass may be early or late: many installations do not ask in chorus."""
LONGEST: Final = timedelta(minutes=15)
"""However many passes have failed, the next one comes within this time, or the interval if that is longer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often passes run, and how many in a row have failed."""

    every: timedelta
    failures: int = 0

    def after(self, ok: bool) -> Pace:
        """The pace after a pass."""
        return replace(self, failures=0 if ok else self.failures + 1)

    def pause(self, chance: float) -> timedelta:
        """From the start of one pass to that of the next; `chance` is between 0 and 1.

        Doubled with each failure in a row, up to the longest pause.
        """
        longest = max(LONGEST, self.every)
        doubled = self.every * 2 ** min(self.failures, 20)
        share = 1 + JITTER * (2 * chance - 1)
        return timedelta(seconds=min(doubled, longest).total_seconds() * share)
