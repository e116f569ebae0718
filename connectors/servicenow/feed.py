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
LOOKS: Final = 3
"""So often at least it does, however long nobody looked: one answer may leave out a row by mistake."""
NEAR: Final = 10
"""Up to so many pages are read again to reach back; of what lies further, only the last `PATIENCE`."""

Ask = Callable[[str, int, int], Rows]
"""Asks for one page: query, limit, offset."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` rows were not shown: changed since `since`, first missed at `missed` (UTC).

    `looks`: how often all that changed was read since.
    """

    since: datetime
    missed: datetime
    count: int
    looks: int = 0

    def dump(self) -> list[object]:
        """The gap as JSON."""
        return [self.since.isoformat(), self.missed.isoformat(), self.count, self.looks]

    @classmethod
    def load(cls, raw: Sequence[Any] | None) -> Gap | None:
        """What `dump` made; None stays None."""
        if raw is None:
            return None
        since, missed = (datetime.fromisoformat(text).astimezone(UTC) for text in raw[:2])
        return cls(since, missed, *map(int, raw[2:]))

    def looked(self, now: datetime) -> Gap | None:
        """The gap after one more look at all that changed; None once that was done for long enough."""
        gap = replace(self, looks=self.looks + 1)
        return None if gap.looks >= LOOKS and now - gap.missed > PATIENCE else gap


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
        bound = self.reach(at - overlap).timestamp()
        kept = sorted((item for item in delivered.items() if item[1][0] >= bound), key=lambda item: item[1])
        return Cursor(at, dict(kept[-REMEMBERED:]), self.gap)

    def reach(self, bound: datetime) -> datetime:
        """Where to read from: `bound`, or before it where rows were missed."""
        return bound if self.gap is None else min(bound, self.gap.since)

    def missing(self, known: Gap | None, count: int, since: datetime, now: datetime, *, done: bool) -> Cursor:
        """The cursor after `count` rows in this look were not shown, all changed since `since`.

        `known`: the gap before this look; it is closed by a look that shows all. `done`: it came to its end.
        """
        if count == 0:
            return replace(self, gap=None) if done else self
        since = since if known is None else min(since, known.since)
        gap = Gap(since, now, count) if known is None or count > known.count else replace(known, since=since)
        return replace(self, gap=gap.looked(now) if done else gap)


@dataclass(frozen=True, slots=True)
class Missed:
    """What one look did not show: `count` rows, the first of them in a page that began at `since` (UTC).

    `left` is how many rows there were from that page on.
    """

    since: datetime
    count: int = 0
    left: int = 0

    def page(self, left: int, shown: int, size: int, begun: datetime) -> Missed:
        """With one more page: `left` rows match from its beginning `begun` on, `shown` of them are shown."""
        gone = max(0, min(size, left) - shown)
        if not gone:
            return self
        return replace(self, count=self.count + gone) if self.count else Missed(begun, gone, left)

    def floor(self, at: datetime, size: int) -> datetime:
        """From where to read again: not so far back that each look would read a whole table."""
        return max(self.since, at - PATIENCE) if self.left > NEAR * size else self.since


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
        bound = start if stored is None else cursor.reach(cursor.at - self.overlap)
        bound = bound.replace(microsecond=0)
        known, last = cursor.gap, None
        offset, shown, total, more, missed = 0, 0, None, True, Missed(bound)
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
            if page.total is not None:
                begun = bound if last is None else last.updated
                missed = missed.page(page.total - offset, len(changes), self.page_size, begun)
            since = missed.floor(cursor.at, self.page_size)
            cursor = cursor.missing(known, missed.count, since, now, done=not more)
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
