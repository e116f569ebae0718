"""Reads everything that changed in a table, oldest first, by keyset; it decides nothing about the changes.

The limit of a page counts rows that access rules then hide, so a short or empty page is not the last one:
the answer's count decides. The feed reaches back by `overlap`, for rows that were committed late.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tieline.connectors.base import Change, Page
from tieline.connectors.errors import Malformed, StateError
from tieline.connectors.servicenow.query import changed_after, changed_since
from tieline.connectors.servicenow.records import Row, change_of, plain
from tieline.connectors.servicenow.wire import Rows

REMEMBERED: Final = 2000
"""How many delivered rows a cursor names at most."""
_FUTURE: Final = timedelta(hours=1)
PATIENCE: Final = timedelta(hours=1)
"""How long the feed reaches back for rows that were counted and not shown: access rules change."""

Ask = Callable[[str, int, int], Rows]
"""Asks for one page: query, limit, offset."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` rows were not shown: changed since `since`, first missed at `missed` (UTC)."""

    since: datetime
    missed: datetime
    count: int

    def dump(self) -> list[object]:
        """The gap as JSON."""
        return [self.since.isoformat(), self.missed.isoformat(), self.count]

    @classmethod
    def load(cls, raw: Sequence[Any] | None) -> Gap | None:
        """What `dump` made; None stays None."""
        if raw is None:
            return None
        since, missed = (datetime.fromisoformat(text).astimezone(UTC) for text in raw[:2])
        return cls(since, missed, int(raw[2]))


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the feed is read: `at` (UTC) is the latest change seen.

    `delivered` names the rows of the overlap by a digest -> (when they changed, when we first had them), in
    seconds since 1970. A row is delivered again while its first delivery is younger than the overlap, for a
    reader that met an older copy, and left out after that: an idle table has an empty feed. `gap` tells of
    rows that were counted and not shown.
    """

    at: datetime
    delivered: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    gap: Gap | None = None

    def dump(self) -> str:
        """The cursor as text."""
        raw: dict[str, object] = {"at": self.at.isoformat(), "delivered": self.delivered}
        if self.gap is not None:
            raw["gap"] = self.gap.dump()
        return json.dumps(raw, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Cursor:
        """The cursor in a text that `dump` made; StateError for any other."""
        try:
            raw = json.loads(text)
            delivered = {str(key): (int(a), int(b)) for key, (a, b) in raw["delivered"].items()}
            at = datetime.fromisoformat(raw["at"]).astimezone(UTC)
            return cls(at, delivered, Gap.load(raw.get("gap")))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StateError(f"not a cursor of a ServiceNow feed: {text[:80]!r}") from None

    def is_news(self, change: Change, now: datetime, overlap: timedelta) -> bool:
        """False for a row that was delivered long enough ago."""
        known = self.delivered.get(_digest(change))
        return known is None or now.timestamp() - known[1] <= overlap.total_seconds()

    def advance(self, changes: list[Change], now: datetime, overlap: timedelta, latest: datetime) -> Cursor:
        """The cursor behind `changes`. A change after `latest` (a wrong clock) does not move it on."""
        at = max([self.at, *(change.updated for change in changes if change.updated <= latest)])
        delivered = dict(self.delivered)
        for change in changes:
            first = delivered.get(_digest(change), (0, int(now.timestamp())))[1]
            delivered[_digest(change)] = (int(change.updated.timestamp()), first)
        bound = self.reach(at - overlap, now).timestamp()
        kept = sorted((item for item in delivered.items() if item[1][0] >= bound), key=lambda item: item[1])
        return Cursor(at, dict(kept[-REMEMBERED:]), self.gap)

    def reach(self, bound: datetime, now: datetime) -> datetime:
        """Where to read from: `bound`, or before it where rows were missed not long ago."""
        gap = self.gap
        return bound if gap is None or now - gap.missed > PATIENCE else min(bound, gap.since)

    def missing(self, count: int, bound: datetime, now: datetime) -> Cursor:
        """The cursor after `count` rows since `bound` were not shown (0: all were)."""
        known = self.gap if self.gap is not None and now - self.gap.missed <= PATIENCE else None
        if count == 0:
            return replace(self, gap=None)
        if known is not None and count <= known.count:
            return replace(self, gap=known)
        since = bound if known is None else min(bound, known.since)
        return replace(self, gap=Gap(max(since, self.at - PATIENCE), now, count))


@dataclass(frozen=True, slots=True)
class Feed:
    """One table's feed. `now` is our clock, `skew` = the instance's clock - ours, asked when needed."""

    ask: Ask
    overlap: timedelta
    page_size: int
    now: Callable[[], datetime]
    skew: Callable[[], timedelta]

    def pages(self, stored: str | None, start: datetime) -> Iterator[Page]:
        """Pages from a stored cursor, or from `start` (UTC). Malformed if an answer breaks the query."""
        cursor = Cursor(start) if stored is None else Cursor.load(stored)
        bound = start if stored is None else cursor.reach(cursor.at - self.overlap, self.now())
        bound = bound.replace(microsecond=0)
        last: Change | None = None
        offset, shown, total, more = 0, 0, None, True
        while more:
            query = changed_since(bound) if last is None else changed_after(last.updated, last.ref.id)
            page = self.ask(query, self.page_size, offset)
            changes = _verified(page.rows, bound, last)
            # Without any count, rows that were shown say that others may follow.
            more = bool(changes) if page.more is None else page.more
            shown += len(changes)
            total = page.total if total is None else total
            now = self.now()
            news = tuple(change for change in changes if cursor.is_news(change, now, self.overlap))
            cursor = cursor.advance(changes, now, self.overlap, now + self.skew() + _FUTURE)
            hidden = 0 if more else max(0, (total or 0) - shown)
            missed = self.page_size - len(changes) if more else hidden
            cursor = cursor.missing(missed, bound, now) if missed or not more else cursor
            yield Page(news, cursor.dump(), hidden)
            offset = 0 if changes else offset + self.page_size
            last = changes[-1] if changes else last


def _verified(rows: Sequence[Row], bound: datetime, last: Change | None) -> list[Change]:
    changes: list[Change] = []
    for row in rows:
        if not plain(row.get("sys_id")) or not plain(row.get("sys_updated_on")):
            continue  # hidden from this account: counted, not shown
        change = change_of(row)
        before = changes[-1] if changes else last
        if change.updated < bound or (before is not None and _key(change) <= _key(before)):
            raise Malformed(
                f"the feed's query was not kept to: {change.label or change.ref} of {change.updated:%F %T} "
                "is out of place (may this account query sys_updated_on?)"
            )
        changes.append(change)
    return changes


def _key(change: Change) -> tuple[datetime, str]:
    return change.updated, change.ref.id.casefold()


def _digest(change: Change) -> str:
    text = f"{change.ref.id}:{change.version.token}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
