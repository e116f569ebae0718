"""Dates as the instance stores them (UTC) and as a user sees them (own zone and format), both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

STORED: Final = "%Y-%m-%d %H:%M:%S"
_STORED_TEXT: Final = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_JAVA: Final = {
    "yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "a": "%p",
    "M": "%-m", "d": "%-d", "H": "%-H", "h": "%-I",
}  # fmt: skip
_JAVA_TOKEN: Final = re.compile(r"yyyy|MM|dd|HH|hh|mm|ss|a|M|d|H|h")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Preferences:
    """How one user sees dates: IANA zone, and formats in the notation of the platform (SimpleDateFormat)."""

    time_zone: str
    date_format: str = "yyyy-MM-dd"
    time_format: str = "HH:mm:ss"


def stored(moment: datetime) -> str:
    """The stored text of an instant: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime(STORED)


def parsed(text: str) -> datetime:
    """The instant behind a stored text."""
    return datetime.strptime(text, STORED).replace(tzinfo=UTC)


def literal(text: str) -> str | None:
    """The stored text that a literal in a query or body means (a bare date is its midnight, UTC)."""
    if not _STORED_TEXT.fullmatch(text):
        return None
    whole = text if len(text) > 10 else f"{text} 00:00:00"
    try:
        parsed(whole)
    except ValueError:
        return None
    return whole


def shown(text: str, user: Preferences) -> str:
    """A stored text as the user sees it."""
    local = parsed(text).astimezone(ZoneInfo(user.time_zone))
    return local.strftime(_pattern(f"{user.date_format} {user.time_format}"))


def understood(text: str, user: Preferences) -> str | None:
    """The stored text of what the user typed, in the own format or in the platform's; None if neither."""
    for form in (_pattern(f"{user.date_format} {user.time_format}"), _pattern(user.date_format), STORED):
        try:
            local = datetime.strptime(text, form.replace("%-", "%"))
        except ValueError:
            continue
        return stored(local.replace(tzinfo=ZoneInfo(user.time_zone)))
    return None


def day(text: str, user: Preferences) -> tuple[str, str] | None:
    """First stored second of the user's day, and of the next one; None if `text` is no date."""
    try:
        start = datetime.combine(date.fromisoformat(text[:10]), time(), ZoneInfo(user.time_zone))
    except ValueError:
        return None
    return stored(start), stored(start + timedelta(days=1))


def duration(seconds: int) -> str:
    """A length of time as a glide_duration is stored: counted from the epoch."""
    return stored(_EPOCH + timedelta(seconds=seconds))


def duration_shown(text: str) -> str:
    """A glide_duration as people read it; seconds are named only where nothing else is left."""
    total = int((parsed(text) - _EPOCH).total_seconds())
    days, rest = divmod(total, 86_400)
    parts = [(days, "Day"), (rest // 3600, "Hour"), (rest % 3600 // 60, "Minute")]
    words = [f"{n:,} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return " ".join(words) or f"{total} Second{'' if total == 1 else 's'}"


@lru_cache(maxsize=64)
def _pattern(java: str) -> str:
    return _JAVA_TOKEN.sub(lambda found: _JAVA[found.group()], java.replace("%", "%%"))
