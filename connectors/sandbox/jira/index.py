"""The search index: issues as they were when they were indexed, some time after they were written."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.sandbox.jira.model import State

_WORD: Final = re.compile(r"\w+")
Stamp = tuple[datetime, int]


def words(text: str) -> list[str]:
    """The terms of a text, as the index keeps them."""
    return _WORD.findall(text.lower())


class Index:
    """What search knows. Each write becomes visible `lag()` after it was committed, and never out of order.

    Kept in order of `updated` for each project, and by term for labels and the custom one-line fields named
    in `term_fields`, so that a feed and a look-up of a marker need not scan.
    """

    def __init__(self, lag: Callable[[], timedelta], term_fields: Iterable[str]) -> None:
        self.states: dict[int, State] = {}
        self._lag = lag
        self._term_fields = tuple(term_fields)
        self._by_update: dict[str, list[Stamp]] = defaultdict(list)
        self._by_term: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._waiting: list[tuple[datetime, int, int, State | None]] = []
        self._arrivals = 0
        self._gone: set[int] = set()

    def write(self, issue_id: int, state: State | None, now: datetime) -> None:
        """Take note of a committed write, or (None) of a deletion."""
        lag = self._lag()
        if lag <= timedelta(0) and not self._waiting:
            self._apply(issue_id, state)
            return
        self._arrivals += 1
        heapq.heappush(self._waiting, (now + lag, self._arrivals, issue_id, state))

    def refresh(self, now: datetime) -> None:
        """Let everything in that is due."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, issue_id, state = heapq.heappop(self._waiting)
            self._apply(issue_id, state)

    @property
    def waiting(self) -> int:
        """How many writes search does not know of yet."""
        return len(self._waiting)

    def _apply(self, issue_id: int, state: State | None) -> None:
        old = self.states.get(issue_id)
        if issue_id in self._gone or (
            old is not None and state is not None and state.revision <= old.revision
        ):
            return
        if old is not None:
            self._forget(old)
        if state is None:
            self._gone.add(issue_id)
            self.states.pop(issue_id, None)
            return
        self.states[issue_id] = state
        insort(self._by_update[state.project.id], (state.updated, state.id))
        for term in self._terms(state):
            self._by_term[term].add(issue_id)

    def _forget(self, old: State) -> None:
        stamps = self._by_update[old.project.id]
        del stamps[bisect_left(stamps, (old.updated, old.id))]
        for term in self._terms(old):
            self._by_term[term].discard(old.id)

    def _terms(self, state: State) -> Iterator[tuple[str, str]]:
        for field in self._term_fields:
            value = state.values.get(field)
            if isinstance(value, str):
                yield from ((field, word) for word in words(value))
        labels = state.values.get("labels")
        if isinstance(labels, tuple):
            yield from (("labels", str(label).lower()) for label in labels)

    def holding(self, field: str, terms: Iterable[str]) -> set[int] | None:
        """Ids of issues that hold all of these terms in a field; None if it is not kept by term."""
        wanted = list(terms)
        if not wanted or (field != "labels" and field not in self._term_fields):
            return None
        sets = sorted((self._by_term.get((field, t), set()) for t in wanted), key=len)
        return set.intersection(*sets)

    def updated(
        self, projects: Iterable[str] | None, low: datetime | None, high: datetime | None, after: Stamp | None
    ) -> Iterator[State]:
        """Issues by (updated, id), ascending, with low <= updated <= high, beyond `after` if given."""
        streams = [
            self._slice(p, low, high, after) for p in (self._by_update if projects is None else projects)
        ]
        merged = streams[0] if len(streams) == 1 else heapq.merge(*streams)
        return (self.states[issue_id] for _, issue_id in merged)

    def _slice(
        self, project: str, low: datetime | None, high: datetime | None, after: Stamp | None
    ) -> Iterator[Stamp]:
        stamps = self._by_update.get(project, [])
        start = 0 if low is None else bisect_left(stamps, (low, 0))
        if after is not None:
            start = max(start, bisect_right(stamps, after))
        end = len(stamps) if high is None else bisect_right(stamps, (high, 1 << 62))
        return iter(stamps[start:end])
