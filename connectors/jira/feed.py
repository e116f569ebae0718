"""The feed: everything that changed in the routes' projects, oldest first, with few fields and no user scope.

Its cursor is the time up to which it was handed out: once nothing is left, the time at which Jira was asked.
Each look reaches back by the overlap, since Jira's index lags. Times in queries are milliseconds since 1970:
a date would be read in minutes of the account's time zone (Atlassian: "JQL fields", Updated).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tieline.connectors.base import Change, Page, Ref, Version
from tieline.connectors.errors import Denied, Malformed, StateError
from tieline.connectors.jira.searching import Hits, Query, page
from tieline.connectors.jira.settings import quoted
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import instant
from tieline.connectors.jira.wire import Refusal

_WHAT: Final = "Jira's changes"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_ROUNDING: Final = timedelta(minutes=1)
"""How far below the bound an answer may lie before it is not believed: some dates count in minutes."""
_IDLE_PAGES: Final = 3
"""Pages in a row that may bring nothing new before the search counts as going round in circles."""

_REMEMBERED: Final = 2000
"""Entries that are not handed out twice: repeats come from pages close by, and memory is bounded."""


def feed(site: Site, cursor: str | None, start: datetime) -> Iterator[Page]:
    """Pages of changes since `cursor` (since `start`, UTC, without one), the overlap included."""
    if not site.settings.projects:
        return
    mark = _parsed(cursor) if cursor else start.astimezone(UTC)
    walk = _Walk(site, mark, anchor=mark - site.settings.overlap)
    yield from walk.by_token() if site.settings.cloud else walk.by_offset()


def cursor_at(mark: datetime) -> str:
    """The cursor that says: handed out up to `mark` (UTC)."""
    return json.dumps({"updated": milliseconds(mark)})


def _parsed(cursor: str) -> datetime:
    try:
        return _EPOCH + int(json.loads(cursor)["updated"]) * _MILLISECOND
    except (ValueError, KeyError, TypeError, OverflowError):
        raise StateError(
            "the cursor of the Jira feed cannot be read; it was not written by this version"
        ) from None


def milliseconds(moment: datetime) -> int:
    """Since 1970, as JQL takes a moment in."""
    return (moment - _EPOCH) // _MILLISECOND


@dataclass(slots=True)
class _Walk:
    """One look at the feed. `anchor` is the query's lower bound, `mark` what the cursor may claim."""

    site: Site
    mark: datetime
    anchor: datetime
    newest: datetime = _EPOCH
    began: datetime | None = None
    met: dict[tuple[str, str], None] = field(default_factory=dict)

    def by_token(self) -> Iterator[Page]:
        """Cloud: follow tokens; if they lead in a circle, start again from the newest that was seen."""
        token: str | None = None
        asked: set[str] = set()
        idle = 0
        while True:
            hits = self._page(token, self.site.settings.page_size)
            found = self._take(hits)
            yield Page(found, cursor_at(self.mark))
            if hits.next is None:
                return
            idle = 0 if found else idle + 1
            if hits.next not in asked and idle < _IDLE_PAGES:
                asked.add(token := hits.next)
                continue
            if self.newest <= self.anchor:
                raise Malformed(f"{_WHAT}: Jira repeats a page of its search and does not get on")
            self.anchor, token, idle = self.newest, None, 0
            asked.clear()

    def by_offset(self) -> Iterator[Page]:
        """Data Center: each page starts at the newest that was seen, and is larger where times are equal.

        Plain offsets skip issues: one that is edited meanwhile moves to the end, and all others up.
        """
        offset, size = 0, self.site.settings.page_size
        while True:
            hits = self._page(str(offset), size)
            yield Page(self._take(hits), cursor_at(self.mark))
            if hits.next is None:
                return
            if self.newest > self.anchor:
                self.anchor, offset, size = self.newest, 0, self.site.settings.page_size
            elif len(hits.issues) < size:  # Jira shows no larger page
                offset += len(hits.issues)
            else:
                size *= 2

    def _page(self, after: str | None, size: int) -> Hits:
        projects = ", ".join(quoted(key) for key in self.site.settings.projects)
        since = milliseconds(self.anchor)
        jql = f"project in ({projects}) AND updated >= {since} ORDER BY updated ASC, key ASC"
        query = Query(_WHAT, jql, ("updated",), size)
        try:
            hits = page(self.site, query, after)
        except Refusal as refusal:
            raise Denied(f"{refusal}; check jira.project of the routes, and the account's rights") from None
        if self.began is None:
            self.began = self.site.wire.told or _EPOCH
        return hits

    def _take(self, hits: Hits) -> tuple[Change, ...]:
        """The page's changes that were not handed out yet; moves the mark.

        While more pages follow, the mark is the page's oldest time: an answer may show a newer time than
        the index has sorted by, and nothing that is still to come may be left behind the cursor.
        """
        changes = [self._change(issue) for issue in hits.issues]
        times = [change.updated for change in changes]
        self.newest = max([self.newest, *times])
        if hits.next is None:
            self.mark = max(self.mark, self.newest, self.began or _EPOCH)
        else:
            self.mark = max(self.mark, min(times, default=self.mark))
        return self._fresh(changes)

    def _fresh(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        found = []
        for change in changes:
            key = (change.ref.id, change.version.token)
            if key not in self.met:
                self.met[key] = None
                found.append(change)
        for key in list(self.met)[:-_REMEMBERED]:
            del self.met[key]
        return tuple(found)

    def _change(self, issue: dict[str, Any]) -> Change:
        fields, label = issue.get("fields"), str(issue.get("key") or "")
        if not isinstance(fields, dict) or not label:
            raise Malformed(f"{_WHAT}: an issue without the fields that were asked for")
        updated = instant(fields.get("updated"))
        if updated < self.anchor - _ROUNDING:
            raise Malformed(f"{_WHAT}: {label} is older than what was asked for; Jira ignored the query")
        self.site.saw(label)
        return Change(Ref("jira", issue["id"]), label, Version(str(fields["updated"])), updated)
