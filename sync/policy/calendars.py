"""Business hours: whether a moment is within them, how much of them has passed, and when a time is up."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_DAYS: Final = 3660
"""No time runs for longer than ten years: what is older counts as ten years old."""

Opening = tuple[time, time]


@dataclass(frozen=True)
class Calendar:
    """Hours by weekday (Monday first) in a time zone, without `closed` days. An end of 00:00 is midnight."""

    name: str
    zone: ZoneInfo
    week: tuple[tuple[Opening, ...], ...]
    closed: Container[date] = field(default=frozenset())

    def contains(self, moment: datetime) -> bool:
        """Whether the moment is within the hours; their end is not."""
        day = moment.astimezone(self.zone).date()
        return any(start <= moment < end for start, end in self._openings(day))

    def elapsed(self, since: datetime, until: datetime) -> timedelta:
        """How much of the hours lies between two moments; none if the second is earlier."""
        total = timedelta(0)
        for start, end in self._spans(since, until):
            total += max(timedelta(0), min(end, until) - max(start, since))
        return total

    def after(self, since: datetime, length: timedelta) -> datetime | None:
        """The moment at which `length` of the hours has passed since; None if that never comes."""
        left = length
        for start, end in self._spans(since, since + timedelta(days=MAX_DAYS)):
            begin = max(start, since)
            if end <= begin:
                continue
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return None

    def next_change(self, moment: datetime) -> datetime | None:
        """When the hours begin or end next; None if they never do."""
        for edges in self._spans(moment, moment + timedelta(days=MAX_DAYS)):
            for edge in edges:
                if edge > moment:
                    return edge
        return None

    def ever_open(self) -> bool:
        """Whether there are any hours in it."""
        return any(self.week)

    def _spans(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = since.astimezone(self.zone).date()
        last = until.astimezone(self.zone).date()
        for _ in range(MAX_DAYS):
            if day > last:
                return
            yield from self._openings(day)
            day += timedelta(days=1)

    def _openings(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if day in self.closed:
            return
        for start, end in self.week[day.weekday()]:
            until = day + timedelta(days=1) if end == time() else day
            yield self._at(day, start), self._at(until, end)

    def _at(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment, self.zone).astimezone(UTC)


Holidays = Callable[[str, str | None], Container[date]]
"""(country, subdivision) -> its public holidays. KeyError if there is no such country or part."""


def parse_hours(lines: tuple[str, ...]) -> tuple[tuple[Opening, ...], ...]:
    """Opening hours by weekday, from lines like `mon-fri 08:00-17:00`. ValueError names what is wrong."""
    week: list[list[Opening]] = [[] for _ in DAYS]
    for line in lines:
        days, _, hours = line.strip().lower().partition(" ")
        start, end = _opening(hours.strip(), line)
        for number in _weekdays(days, line):
            week[number].append((start, end))
    for openings in week:
        openings.sort()
        for (_, end), (start, _) in pairwise(openings):
            if end == time() or start < end:
                raise ValueError("hours of one day overlap")
    return tuple(map(tuple, week))


def _weekdays(text: str, line: str) -> list[int]:
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise ValueError(f"{line!r} does not begin with days such as mon-fri")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [(start + step) % 7 for step in range((end - start) % 7 + 1)]


def _opening(text: str, line: str) -> Opening:
    try:
        start, end = (_time(part.strip()) for part in text.split("-"))
    except ValueError:
        raise ValueError(f"{line!r} does not end with hours such as 08:00-17:00") from None
    if end != time() and end <= start:
        raise ValueError(f"{line!r} ends before it begins; use 24:00 for midnight")
    return start, end


def _time(text: str) -> time:
    return time() if text == "24:00" else time.fromisoformat(text)
