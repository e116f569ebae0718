"""Searches by JQL: one page at a time, or all of it; what is searched for is the caller's business.

Cloud pages by a token (`search/jql`), Data Center by offset (`search`). Search reads an index that lags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tieline.connectors.errors import Malformed
from tieline.connectors.jira.site import Site

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Query:
    """A search: what it is for (shown to people), JQL, wanted fields, ids to make consistent (Cloud)."""

    what: str
    jql: str
    fields: tuple[str, ...]
    limit: int = _PAGE
    reconcile: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of issues, and what to ask the next one with (None: this was the last)."""

    issues: list[dict[str, Any]]
    next: str | None


def page(site: Site, query: Query, after: str | None = None) -> Hits:
    """One page; `Refusal` if Jira refuses the query, Malformed if the answer contradicts itself."""
    return _by_token(site, query, after) if site.settings.cloud else _by_offset(site, query, after)


def every(site: Site, query: Query) -> Iterator[dict[str, Any]]:
    """All issues that match, each once; Malformed if Jira hands out the same page again and again."""
    met: set[str] = set()
    asked: set[str | None] = {None}
    after: str | None = None
    while True:
        hits = page(site, query, after)
        for issue in hits.issues:
            if issue["id"] not in met:
                met.add(issue["id"])
                yield issue
        if hits.next is None:
            return
        if hits.next in asked:
            raise Malformed(f"{query.what}: Jira repeats a page of its search")
        after = hits.next
        asked.add(after)


def _by_token(site: Site, query: Query, after: str | None) -> Hits:
    body: dict[str, Any] = {"jql": query.jql, "fields": list(query.fields), "maxResults": query.limit}
    if query.reconcile:
        body["reconcileIssues"] = list(query.reconcile)
    if after is not None:
        body["nextPageToken"] = after
    answer = site.wire.ask(query.what, "search/jql", body)
    issues = issues_in(answer, query.what)
    token, last = answer.get("nextPageToken"), answer.get("isLast")
    if last is False and not token:
        raise Malformed(f"{query.what}: Jira says that there is more and not where")
    return Hits(issues, None if last or not token else str(token))


def _by_offset(site: Site, query: Query, after: str | None) -> Hits:
    start = int(after or 0)
    answer = site.wire.search(query.what, query.jql, start, query.limit, query.fields)
    issues, total = issues_in(answer, query.what), answer.get("total")
    if not isinstance(total, int):
        raise Malformed(f"{query.what}: the answer does not say how many issues there are")
    end = start + len(issues)
    return Hits(issues, str(end) if issues and end < total else None)


def issues_in(answer: object, what: str) -> list[dict[str, Any]]:
    """The issues of an answer, ids as strings; Malformed without a list of them."""
    issues = answer.get("issues") if isinstance(answer, dict) else None
    if not isinstance(issues, list) or not all(isinstance(i, dict) and i.get("id") for i in issues):
        raise Malformed(f"{what}: the answer holds no list of issues")
    return [{**issue, "id": str(issue["id"])} for issue in issues]


def ids_clause(ids: Sequence[str]) -> str:
    """`id in (…)`."""
    return f"id in ({', '.join(ids)})"
