"""Search: enhanced search with page tokens on Cloud, pages by number on Data Center, bulk fetch, counts."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import orjson

from tieline.connectors.sandbox.jira import dates, jql, search
from tieline.connectors.sandbox.jira.http import Answer, Call, Route
from tieline.connectors.sandbox.jira.issues import FOUND_EXPANDS, Wanted, wanted_fields
from tieline.connectors.sandbox.jira.model import ApiError, State, bad_payload
from tieline.connectors.sandbox.jira.pieces import Scope

MAX_IDS: Final = 5000
MAX_ISSUES: Final = 100
MAX_CELLS: Final = 1000
"""About how many field values a page holds: it shrinks when more fields are asked for."""
MAX_RECONCILED: Final = 50
MAX_FETCHED: Final = 100
MAX_SERVER_PAGE: Final = 1000
_REMOVED: Final = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_UNBOUNDED: Final = (
    "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
)
_KEYS: Final = frozenset({
    "jql", "nextPageToken", "maxResults", "fields", "expand", "properties", "fieldsByKeys", "failFast",
    "reconcileIssues",
})  # fmt: skip


def routes() -> list[Route]:
    """The operations of this module."""
    nothing = {"issues": [], "isLast": True}
    fetched = {"expand": "schema,names", "issues": [], "issueErrors": []}
    return [
        Route("GET", "/search/jql", _get_jql, "empty", "cloud", nothing),
        Route("POST", "/search/jql", _post_jql, "empty", "cloud", nothing),
        Route("POST", "/search/approximate-count", _count, "empty", "cloud", {"count": 0}),
        Route("GET", "/search", _removed, "welcome", "cloud"),
        Route("POST", "/search", _removed, "welcome", "cloud"),
        Route("GET", "/search", _get_pages, "empty", "datacenter", _server_page(0, 50, 0, [])),
        Route("POST", "/search", _post_pages, "empty", "datacenter", _server_page(0, 50, 0, [])),
        Route("POST", "/issue/bulkfetch", _bulk_fetch, "empty", "cloud", fetched),
    ]


def _removed(call: Call) -> Answer:
    raise ApiError(410, (_REMOVED,))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search request, from the query string or the body."""

    jql: str
    wanted: Wanted
    limit: int
    token: str
    reconcile: tuple[int, ...]


def _get_jql(call: Call) -> Answer:
    reconcile = tuple(_id(v) for v in call.several("reconcileIssues"))
    wanted = _wanted(call, call.several("fields"), call.several("expand"), call.several("properties"))
    limit, token = call.number("maxResults", 50), call.request.param("nextPageToken")
    return _enhanced(call, _Asked(call.request.param("jql"), wanted, limit, token, reconcile))


def _post_jql(call: Call) -> Answer:
    body = call.body()
    fields, properties = _strings(body, "fields"), _strings(body, "properties")
    expand, limit, reconcile = body.get("expand"), body.get("maxResults"), body.get("reconcileIssues") or []
    shapes = (
        set(body) <= _KEYS, isinstance(expand, str | None), isinstance(limit, int | None),
        isinstance(body.get("jql"), str | None), isinstance(body.get("nextPageToken"), str | None),
        isinstance(reconcile, list),
    )  # fmt: skip
    if not all(shapes):
        raise bad_payload()
    wanted = _wanted(call, fields, (expand or "").split(","), properties)
    ids = tuple(_id(v) for v in reconcile)
    return _enhanced(
        call,
        _Asked(
            body.get("jql") or "",
            wanted,
            50 if limit is None else limit,
            body.get("nextPageToken") or "",
            ids,
        ),
    )


def _strings(body: Mapping[str, Any], name: str) -> list[str]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(v, str) for v in found):
        raise bad_payload()
    return found


def _id(value: Any) -> int:
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return int(value)
    raise bad_payload()


def _wanted(call: Call, fields: list[str], expand: list[str], properties: list[str]) -> Wanted:
    names = [n for part in fields for n in part.split(",") if n]
    known = wanted_fields(names, call.site.world.fields, "*none") if names else ()
    chosen = frozenset(e.strip() for e in expand if e.strip())
    only_id = not known and not properties and not chosen and set(names) <= {"id"}
    return Wanted(known, chosen, tuple(properties), only_id)


def _page_size(asked: int, wanted: Wanted) -> int:
    if asked < 1:
        raise ApiError(400, ("The maxResults parameter must be at least 1.",))
    if not wanted.fields and not wanted.expand and not wanted.properties:
        return min(asked, MAX_IDS)
    return max(1, min(asked, MAX_ISSUES, MAX_CELLS // max(1, len(wanted.fields))))


def _enhanced(call: Call, asked: _Asked) -> Answer:
    query = jql.parse(asked.jql)
    if query.where is None:
        raise ApiError(400, (_UNBOUNDED,))
    if len(asked.reconcile) > MAX_RECONCILED:
        raise ApiError(
            400, (f"The reconcileIssues parameter can contain a maximum of {MAX_RECONCILED} issue ids.",)
        )
    scope = scope_of(call)
    store = call.site.store
    after = _read_token(call, asked) if asked.token else None
    fresh = [store.issues[i].state for i in dict.fromkeys(asked.reconcile) if i in store.issues]
    found = search.find(query, scope, store.visible, _page_size(asked.limit, asked.wanted), after, fresh)
    body: dict[str, Any] = {"issues": [_found(call, s, asked.wanted) for s in found.states]}
    if found.next is not None:
        body["nextPageToken"] = _write_token(call, asked, found.next)
    body["isLast"] = found.next is None
    return Answer(200, body | _expansions(call, asked.wanted))


def _found(call: Call, state: State, wanted: Wanted) -> dict[str, Any]:
    per_issue = Wanted(wanted.fields, wanted.expand - {"names", "schema"}, wanted.properties, wanted.only_id)
    return call.renderer.issue(call.site.store.issues[state.id], per_issue, state, expands=FOUND_EXPANDS)


def _expansions(call: Call, wanted: Wanted) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if "names" in wanted.expand:
        body["names"] = call.renderer.names(wanted.fields)
    if "schema" in wanted.expand:
        body["schema"] = call.renderer.schemas(wanted.fields)
    return body


def scope_of(call: Call) -> Scope:
    """What the caller's queries are read against; everything that is due has reached the index."""
    store = call.site.store
    now = call.site.clock.now()
    store.index.refresh(now)

    def find(id_or_key: str) -> int | None:
        issue = store.get(id_or_key)
        return None if issue is None or issue.hidden else issue.state.id

    return Scope(
        call.site.world,
        store.index,
        find,
        call.author,
        now,
        call.view.zone,
        strict=call.site.settings.strict_jql,
    )


def _write_token(call: Call, asked: _Asked, place: search.Place) -> str:
    parts = [zlib.crc32(asked.jql.encode()), dates.epoch_ms(call.site.clock.now()), *place]
    return base64.urlsafe_b64encode(zlib.compress(orjson.dumps(parts), 1)).decode()


def _read_token(call: Call, asked: _Asked) -> search.Place:
    try:
        query, issued, *place = orjson.loads(zlib.decompress(base64.urlsafe_b64decode(asked.token)))
        age = call.site.clock.now() - dates.from_ms(issued)
    except (zlib.error, ValueError, TypeError, OverflowError):
        raise _bad_token() from None
    if query != zlib.crc32(asked.jql.encode()) or age > call.site.settings.token_life:
        raise _bad_token()
    return tuple(place)


def _bad_token() -> ApiError:
    return ApiError(400, ("The provided nextPageToken is invalid or has expired.",))


def _count(call: Call) -> Answer:
    query = jql.parse(str(call.body().get("jql") or ""))
    if query.where is None:
        raise ApiError(400, (_UNBOUNDED,))
    return Answer(200, {"count": len(search.find_all(query, scope_of(call), call.site.store.visible))})


# Data Center


def _get_pages(call: Call) -> Answer:
    start, limit = call.number("startAt", 0), call.number("maxResults", 50)
    names, expand = call.several("fields"), call.several("expand")
    return _pages(call, call.request.param("jql"), start, limit, names, expand)


def _post_pages(call: Call) -> Answer:
    body = call.body()
    expand = body.get("expand") or []
    return _pages(
        call, str(body.get("jql") or ""), _id(body.get("startAt") or 0), _id(body.get("maxResults", 50)),
        _strings(body, "fields"), expand if isinstance(expand, list) else str(expand).split(","),
    )  # fmt: skip


def _pages(call: Call, text: str, start: int, limit: int, names: list[str], expand: list[str]) -> Answer:
    fields = wanted_fields(names, call.site.world.fields, "*navigable")
    wanted = Wanted(fields, frozenset(expand))
    states = search.find_all(jql.parse(text), scope_of(call), call.site.store.visible)
    if call.site.settings.unstable_ties:
        states = _shuffle_ties(states, call)
    size = min(max(limit, 0), MAX_SERVER_PAGE)
    shown = [_found(call, s, wanted) for s in states[start : start + size]]
    return Answer(200, _server_page(start, size, len(states), shown) | _expansions(call, wanted))


def _server_page(start: int, size: int, total: int, issues: list[dict[str, Any]]) -> dict[str, Any]:
    return {"expand": "names,schema", "startAt": start, "maxResults": size, "total": total, "issues": issues}


def _shuffle_ties(states: list[State], call: Call) -> list[State]:
    """Reorder issues with the same `updated`: another node of the cluster answers each request."""
    random = Random(f"{call.site.world.seed}:{call.site.store.number('request')}")
    ranks = {s.id: random.random() for s in states}
    out = list(states)
    for i in range(1, len(out)):
        j = i
        while j and out[j - 1].updated == out[j].updated and ranks[out[j - 1].id] > ranks[out[j].id]:
            out[j - 1], out[j] = out[j], out[j - 1]
            j -= 1
    return out


# Consistent reads of many


def _bulk_fetch(call: Call) -> Answer:
    body = call.body()
    asked = body.get("issueIdsOrKeys")
    if not isinstance(asked, list) or not asked:
        raise ApiError(400, ("At least one issue ID or key must be provided.",))
    if len(asked) > MAX_FETCHED:
        raise ApiError(
            400, (f"You may only fetch a maximum of {MAX_FETCHED} issues by ID or key at a time.",)
        )
    expand = _strings(body, "expand")
    fields = wanted_fields(_strings(body, "fields"), call.site.world.fields, "*navigable")
    wanted = Wanted(fields, frozenset(expand) - {"names", "schema"}, tuple(_strings(body, "properties")))
    issues = {
        i.state.id: i
        for handle in asked
        if (i := call.site.store.get(str(handle))) is not None and not i.hidden
    }
    shown = [call.renderer.issue(issues[i], wanted, expands=FOUND_EXPANDS) for i in sorted(issues)]
    return Answer(200, {"expand": "schema,names", "issues": shown, "issueErrors": []})
