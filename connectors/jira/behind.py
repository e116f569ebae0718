"""Finds issues that search does not show as they are: its index lags (Jira: "Search and reconcile").

Nothing is written: what was changed lately is read by id and by key, and then searched for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tieline.connectors.errors import Gone, Malformed
from tieline.connectors.jira.feed import milliseconds
from tieline.connectors.jira.searching import Query, ids_clause, issues_in, page
from tieline.connectors.jira.settings import quoted
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import instant
from tieline.connectors.jira.wire import segment

LOOKED_AT: Final = 10
"""So many issues that were changed last, and keys behind the newest one that search knows."""
_SINGLY: Final = 3
_UPDATED: Final = ("updated",)


def behind(site: Site, project: str, now: datetime) -> dict[str, timedelta]:
    """Keys that search does not show as reads by id do -> how long ago they were changed.

    `now` is Jira's own time. Raises what a search raises.
    """
    clause = f"project = {quoted(project)}"
    changed = page(site, Query("the last changes", f"{clause} ORDER BY updated DESC", _UPDATED, LOOKED_AT))
    newest = page(site, Query("the newest key", f"{clause} ORDER BY key DESC", _UPDATED, 1))
    last = max((_number(issue.get("key")) for issue in newest.issues), default=0)
    listed = [issue["id"] for issue in changed.issues]
    found = _read(site, [*listed, *(f"{project}-{last + n}" for n in range(1, LOOKED_AT + 1))])
    times = {issue["id"]: instant((issue.get("fields") or {}).get("updated")) for issue in found}
    known = {id_: at for id_, at in times.items() if id_ in listed}
    shown = _shown(site, known) if known else set()
    keys = {issue["id"]: str(issue.get("key") or issue["id"]) for issue in found}
    return {keys[id_]: max(now - at, timedelta(0)) for id_, at in times.items() if id_ not in shown}


def _read(site: Site, asked: Sequence[str]) -> list[dict[str, Any]]:
    """The issues by id or key, past the index; keys beyond the last are as a rule nobody's."""
    if site.settings.cloud:
        body = {"issueIdsOrKeys": list(asked), "fields": list(_UPDATED)}
        return issues_in(site.wire.ask("the last changes", "issue/bulkfetch", body), "the last changes")
    found = []
    for name in asked[: -LOOKED_AT + _SINGLY]:
        try:
            issue = site.wire.get(f"issue {name}", f"issue/{segment(name)}", {"fields": "updated"})
        except (Gone, Malformed):
            continue
        if isinstance(issue, dict) and issue.get("id"):
            found.append({**issue, "id": str(issue["id"])})
    return found


def _shown(site: Site, times: Mapping[str, datetime]) -> set[str]:
    """Of these issues, those that search shows as changed at that time or later."""
    terms = (f"(id = {id_} AND updated >= {milliseconds(at)})" for id_, at in times.items())
    jql = f"{ids_clause(list(times))} AND ({' OR '.join(terms)})"
    return {issue["id"] for issue in page(site, Query("the last changes", jql, _UPDATED)).issues}


def _number(key: object) -> int:
    number = str(key).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
