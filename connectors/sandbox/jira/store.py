"""Keeps the issues, with ids, keys and former keys; it knows no rules of what may be written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from tieline.connectors.sandbox.jira.index import Index
from tieline.connectors.sandbox.jira.model import Issue, Project, State


@dataclass(slots=True)
class Store:
    """Issues by id. A key that an issue ever had leads to it; the id never changes."""

    index: Index
    issues: dict[int, Issue] = field(default_factory=dict)
    _keys: dict[str, int] = field(default_factory=dict)
    _counters: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _veiled: dict[int, datetime] = field(default_factory=dict)

    def number(self, kind: str, start: int = 10000) -> int:
        """The next number of a sequence: issues, comments, histories and links each have their own."""
        self._numbers[kind] = self._numbers.get(kind, start - 1) + 1
        return self._numbers[kind]

    def new_key(self, project: Project) -> str:
        """The next key of a project."""
        self._counters[project.key] = self._counters.get(project.key, 0) + 1
        return f"{project.key}-{self._counters[project.key]}"

    def add(self, issue: Issue, now: datetime) -> None:
        """Keep a new issue."""
        self.issues[issue.state.id] = issue
        self._keys[issue.state.key] = issue.state.id
        self.index.write(issue.state.id, issue.state, now)

    def commit(self, issue: Issue, state: State, now: datetime) -> None:
        """Replace an issue's state; the search index hears of it."""
        issue.state = replace(state, revision=issue.state.revision + 1)
        self._keys[state.key] = state.id
        self.index.write(state.id, issue.state, now)

    def remove(self, issue: Issue, now: datetime) -> None:
        """Delete an issue, and the links that lead to it."""
        del self.issues[issue.state.id]
        self._keys = {k: i for k, i in self._keys.items() if i != issue.state.id}
        for link in issue.links:
            other = self.issues.get(link.inward if link.outward == issue.state.id else link.outward)
            if other is not None:
                other.links.remove(link)
        self.index.write(issue.state.id, None, now)

    def get(self, id_or_key: str) -> Issue | None:
        """The issue with this id, key or former key."""
        if id_or_key.isdecimal():
            return self.issues.get(int(id_or_key))
        return self.issues.get(self._keys.get(id_or_key.upper(), -1))

    def visible(self, issue_id: int) -> bool:
        """Whether an API account may see the issue."""
        issue = self.issues.get(issue_id)
        return issue is not None and not issue.hidden

    def veil(self, issue: Issue, until: datetime) -> None:
        """Hide an issue until then, as a security level does that somebody sets and takes off again."""
        issue.hidden = True
        self._veiled[issue.state.id] = until

    def lift(self, now: datetime | None) -> None:
        """Show again what was hidden until now; None: all that was hidden for a time."""
        for issue_id in [i for i, until in self._veiled.items() if now is None or until <= now]:
            del self._veiled[issue_id]
            if (issue := self.issues.get(issue_id)) is not None:
                issue.hidden = False
