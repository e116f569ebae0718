"""Dates as Jira writes them and as JQL understands them; all instants are UTC inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ABSOLUTE: Final = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2}))?")
_RELATIVE: Final = re.compile(r"([+-]?)((?:\d+[wdhm]\s*)+)")
_UNITS: Final = {"w": 10080, "d": 1440, "h": 60, "m": 1}


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone with this name of the tz database."""
    return ZoneInfo(name)


def whole_ms(instant: datetime) -> datetime:
    """Cut to whole milliseconds, which is all that Jira keeps."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def epoch_ms(instant: datetime) -> int:
    """Milliseconds since 1970."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The instant so many milliseconds after 1970."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def stamp(instant: datetime, where: ZoneInfo) -> str:
    """As in Jira's answers: milliseconds, and the zone's offset without a colon."""
    local = instant.astimezone(where).isoformat(timespec="milliseconds")
    return local[:-3] + local[-2:]


def parse(text: str, now: datetime, where: ZoneInfo) -> datetime | None:
    """What JQL means by `text`: a minute in the zone `where`, epoch milliseconds, a distance from now."""
    cleaned = text.strip()
    if cleaned.lstrip("-").isdigit():
        return _safely(int(cleaned))
    if (absolute := _ABSOLUTE.fullmatch(cleaned)) is not None:
        year, month, day, hour, minute = (int(part or 0) for part in absolute.groups())
        try:
            return datetime(year, month, day, hour, minute, tzinfo=where).astimezone(UTC)
        except ValueError:
            return None
    if (relative := _RELATIVE.fullmatch(cleaned)) is not None:
        minutes = sum(int(n) * _UNITS[u] for n, u in re.findall(r"(\d+)([wdhm])", relative[2]))
        return now + timedelta(minutes=-minutes if relative[1] == "-" else minutes)
    return None


def _safely(milliseconds: int) -> datetime | None:
    try:
        return from_ms(milliseconds)
    except OverflowError:
        return None


def start_of_day(now: datetime, where: ZoneInfo, days: int = 0) -> datetime:
    """Midnight in the zone, so many days from now."""
    local = now.astimezone(where) + timedelta(days=days)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
