"""What the course of events tells: which targets the incidents just before this one were tied to. Pure.

During an outage incidents arrive one after the other, and people tie each to the same problem. So a target is
the likelier, the more of the last incidents that share a category, a subcategory or a group were tied to it,
the more of all last incidents were, and the less time has passed since. These are shares that the events
themselves give: nothing here was learned from one company's names. docs/links.md tells how the form and the
numbers below were found, and how far they can be believed.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Settings:
    """What the shares are taken of. They were chosen on the development part of one log: see docs/links.md.

    `like` and `all` are as many last incidents of the same value, and of any kind, as are looked at. After
    `fades` without a new link a target counts for 1/e of what it did, after `forgotten` it is not guessed any
    more. `few`: a share of fewer incidents is taken as one of so many. `floor`: what the share of all counts
    at least.
    """

    like: int = 5
    all: int = 15
    fades: timedelta = timedelta(hours=2)
    forgotten: timedelta = timedelta(days=1)
    few: int = 3
    floor: float = 0.05


USUAL: Final = Settings()


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of an incident when it is raised; "" for nothing."""

    category: str = ""
    subcategory: str = ""
    group: str = ""

    def values(self) -> Mapping[str, tuple[str, ...]]:
        """What two incidents may share, by name."""
        found = {
            "category": (self.category,),
            "subcategory": (self.category, self.subcategory),
            "group": (self.group,),
        }
        return {name: value for name, value in found.items() if all(value)}


@dataclass(frozen=True, slots=True)
class Guess:
    """A target, how much speaks for it (0 to 1, a rank and no probability), and why."""

    target: str
    score: float
    reason: str


@dataclass(slots=True)
class _Known:
    """A target that incidents were tied to: which ones, and when last."""

    last: datetime
    incidents: set[str] = field(default_factory=set)


class History:
    """The events so far. Tell it of each incident raised and each link made, in the order of time."""

    def __init__(self, settings: Settings = USUAL) -> None:
        self._settings = settings
        self._like: dict[tuple[str, tuple[str, ...]], deque[str]] = defaultdict(
            lambda: deque(maxlen=settings.like)
        )
        self._all: deque[str] = deque(maxlen=settings.all)
        self._targets: dict[str, _Known] = {}

    def raised(self, incident: str, traits: Traits) -> None:
        """An incident was raised."""
        self._all.append(incident)
        for key in traits.values().items():
            self._like[key].append(incident)

    def tied(self, incident: str, target: str, at: datetime) -> None:
        """Somebody tied an incident to a target at this time."""
        known = self._targets.setdefault(target, _Known(at))
        known.last = max(known.last, at)
        known.incidents.add(incident)

    def guesses(self, traits: Traits, now: datetime) -> Iterator[Guess]:
        """The targets that the last incidents speak for, in no order, for one that is raised now."""
        for target, known in list(self._targets.items()):
            if now - known.last > self._settings.forgotten:
                del self._targets[target]
                continue
            guess = self._guess(target, known, traits, now)
            if guess is not None:
                yield guess

    def _guess(self, target: str, known: _Known, traits: Traits, now: datetime) -> Guess | None:
        settings = self._settings
        shares = {
            name: _share(self._like.get((name, value), ()), known.incidents)
            for name, value in traits.values().items()
        }
        tied = {name: share for name, share in shares.items() if share[0]}
        if not tied:
            return None
        near = sum(count / max(of, settings.few) for count, of in tied.values()) / len(
            Traits.__dataclass_fields__
        )
        count, of = _share(self._all, known.incidents)
        everywhere = (settings.floor + count / (of + settings.few)) / (1 + settings.floor)
        fading = math.exp(-((now - known.last) / settings.fades))
        return Guess(target, near * everywhere * fading, _told(tied, (count, of), now - known.last))


def _share(last: deque[str] | tuple[()], incidents: set[str]) -> tuple[int, int]:
    return sum(incident in incidents for incident in last), len(last)


def _told(tied: Mapping[str, tuple[int, int]], everywhere: tuple[int, int], since: timedelta) -> str:
    parts = [f"{count} of the last {of} with this {name}" for name, (count, of) in tied.items()]
    minutes = int(since.total_seconds() // 60)
    ago = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    parts.append(f"{everywhere[0]} of the last {everywhere[1]} at all")
    return f"{', '.join(parts)} were tied to it, the latest {ago} ago"
