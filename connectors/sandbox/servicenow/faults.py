"""The faults of the ServiceNow stand-in by name: what goes wrong on real instances, and who has seen it.

Sources named KB are support articles, "docs" the product documentation; "measured" was seen on live
instances by authors of public clients.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tieline.connectors.sandbox.core import DROPPED, Fault, Request, Response
from tieline.connectors.sandbox.servicenow.answers import Refusal, refused, unauthenticated
from tieline.connectors.sandbox.servicenow.attachment_api import is_attachment
from tieline.connectors.sandbox.trouble import Means, NamedFault

QUOTA_S: Final = 60.0
"""The transaction quota of the REST Table API: what runs longer is cancelled."""
_SLOW_S: Final = 90.0
_MAX_SKEW_S: Final = 600
_CACHED: Final = timedelta(minutes=1)
_CANCELLED: Final = "Transaction cancelled: maximum execution time exceeded"
_HTML: Final = (("Content-Type", "text/html;charset=UTF-8"),)
_HIBERNATING: Final = (
    b"<html><head><title>Instance Hibernating page</title></head>"
    b"<body>Your instance is hibernating.</body></html>"
)
_BAD_GATEWAY: Final = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>"
)
_SYSTEM: Final = ("sys_", "number")
_PROTECTED: Final = frozenset({"correlation_id"})
"""Never ignored in silence: whoever may not write the marker field cannot mirror at all."""

Altered = Callable[[Any], Any]


# Which requests


def is_api(request: Request) -> bool:
    """Whether it is one to the REST APIs (and not for a token)."""
    return request.path.startswith("/api/now")


def is_write(request: Request) -> bool:
    """Whether it changes anything, a batch among them."""
    return is_api(request) and request.method in ("POST", "PUT", "PATCH", "DELETE")


def _rows(request: Request, response: Response) -> list[dict[str, Any]]:
    """The rows of a list that was answered; [] for anything else."""
    if request.method != "GET" or response.status != 200 or "/table/" not in request.path:
        return []
    try:
        result = json.loads(response.body).get("result")
    except ValueError:  # another fault broke it already
        return []
    return result if isinstance(result, list) else []


# Kinds of faults


def _instead(name: str, wanted: Callable[[Request], bool], made: Callable[[Means], Response]) -> Any:
    """Answers in the instance's place; nothing is done."""

    def make(means: Means) -> Fault:
        def before(request: Request) -> Response | None:
            return made(means) if wanted(request) and means.strikes() else None

        return Fault(name, before=before)

    return make


def _afterwards(
    name: str, wanted: Callable[[Request], bool], made: Callable[[Response, Means], Response]
) -> Any:
    """Spoils the answer to what was carried out."""

    def make(means: Means) -> Fault:
        def after(request: Request, response: Response) -> Response:
            fine = wanted(request) and 200 <= response.status < 300
            return made(response, means) if fine and means.strikes() else response

        return Fault(name, after=after)

    return make


def _is_content(request: Request) -> bool:
    """Whether it fetches the content of a file."""
    return request.method == "GET" and is_attachment(request.path) and request.path.endswith("/file")


def _in_lists(name: str, spoil: Callable[[list[dict[str, Any]], Means], Mapping[str, Any]]) -> Any:
    """Spoils the rows of a list; `spoil` gives the new body."""

    def make(means: Means) -> Fault:
        def after(request: Request, response: Response) -> Response:
            rows = _rows(request, response)
            if not rows or not means.strikes():
                return response
            return replace(response, body=json.dumps(spoil(rows, means)).encode())

        return Fault(name, after=after)

    return make


# What they answer


def _limited(means: Means) -> Response:
    wait = means.chance.randint(1, 30)
    reset = int(means.clock.now().timestamp()) + wait
    headers = (
        ("Retry-After", str(wait)),
        ("X-RateLimit-Limit", "100"),
        ("X-RateLimit-Reset", str(reset)),
        ("X-RateLimit-Rule", f"{means.chance.getrandbits(128):032x}"),
    )
    words = "Rate limit of 100 requests per hour for Table API exceeded"
    return refused(Refusal(429, "Rate limit exceeded", words, headers))


def _saturated(_means: Means) -> Response:
    return Response(429)


def cancelled() -> Response:
    """A transaction that ran into its quota."""
    return refused(Refusal(500, _CANCELLED, f"{_CANCELLED}. Check logs for error trace."))


def _hibernating(means: Means) -> Response:
    match means.chance.randrange(3):
        case 0:
            return Response(200, _HIBERNATING, _HTML)
        case 1:
            to = "https://developer.servicenow.com/dev.do#!/instance-hibernating"
            return Response(302, b"", (("Location", to),))
        case _:
            return Response(503, _HIBERNATING, _HTML)


def _cut(response: Response, _means: Means) -> Response:
    return replace(response, body=response.body[: max(1, len(response.body) * 2 // 3)])


def _partly(rows: list[dict[str, Any]], _means: Means) -> Mapping[str, Any]:
    error = {"message": _CANCELLED, "detail": f"{_CANCELLED}. Check logs for error trace."}
    return {"result": rows[: len(rows) // 2], "error": error, "status": "failure"}


def _one_hidden(rows: list[dict[str, Any]], means: Means) -> Mapping[str, Any]:
    hidden = means.chance.randrange(len(rows))
    return {"result": [row for at, row in enumerate(rows) if at != hidden]}


def _column_hidden(rows: list[dict[str, Any]], means: Means) -> Mapping[str, Any]:
    names = sorted(name for name in rows[0] if not name.startswith(_SYSTEM)) or [""]
    hidden = means.chance.choice(names)
    return {"result": [{k: v for k, v in row.items() if k != hidden} for row in rows]}


def _stale(means: Means) -> Fault:
    """Answers a read as the same request was answered up to a minute ago: another node, an older cache."""
    kept: dict[tuple[object, ...], tuple[datetime, Response]] = {}

    def after(request: Request, response: Response) -> Response:
        if request.method != "GET" or response.status != 200 or "/table/" not in request.path:
            return response
        key, now = (request.path, request.query), means.clock.now()
        at, older = kept.get(key, (now, response))
        if older.body != response.body and now - at <= _CACHED and means.strikes():
            return older
        kept[key] = (now, response)
        return response

    return Fault("stale-node", after=after)


# What they do to a write


def _ignoring(means: Means) -> Fault:
    """Leaves one field out of each write that it strikes, in a batch out of one of its parts."""

    def without_one(body: dict[str, Any]) -> dict[str, Any]:
        names = sorted(body.keys() - _PROTECTED)
        ignored = means.chance.choice(names) if names else ""
        return {name: value for name, value in body.items() if name != ignored}

    def alters(request: Request) -> Request | None:
        if not is_write(request) or request.method == "DELETE" or is_attachment(request.path):
            return None
        if not means.strikes():
            return None
        body = json.loads(request.body or b"null")
        if not isinstance(body, dict):
            return None
        changed = _in_batch(body, means, without_one) if "rest_requests" in body else without_one(body)
        return replace(request, body=json.dumps(changed).encode())

    return Fault("ignored-write", alters=alters)


def _in_batch(body: dict[str, Any], means: Means, change: Altered) -> dict[str, Any]:
    items = [dict(item) for item in body["rest_requests"]]
    item = means.chance.choice(items)
    inner = json.loads(base64.b64decode(item.get("body") or "") or b"{}")
    item["body"] = base64.b64encode(json.dumps(change(inner)).encode()).decode()
    return {**body, "rest_requests": items}


def _revoking(system: Any, means: Means) -> None:
    """Ends all access tokens before one request in so many."""

    def before(request: Request) -> Response | None:
        bearer = request.headers.get("authorization", "").startswith("Bearer")
        if not (bearer and means.strikes()):
            return None
        system.accounts.revoke()
        return refused(unauthenticated())

    system.faults.append(Fault("revoked-token", before=before))


def _skew(system: Any, means: Means) -> None:
    system.skew = timedelta(seconds=means.chance.randint(-_MAX_SKEW_S, _MAX_SKEW_S))


def _no_skew(system: Any) -> None:
    system.skew = timedelta(0)


FAULTS: Final = (
    NamedFault(
        "rate-limit",
        "A rule's hourly limit is used up: 429 with Retry-After and X-RateLimit-Limit, -Reset and -Rule.",
        "docs: Inbound REST API rate limiting",
        _instead("rate-limit", is_api, _limited),
        in_parts=True,
    ),
    NamedFault(
        "semaphore",
        "All semaphores of a node are taken: 429 without headers or body.",
        "KB0546297, 5.3",
        _instead("semaphore", is_api, _saturated),
    ),
    NamedFault(
        "error-after-commit",
        "A write is committed and answers 500 all the same: its transaction was cancelled after the commit.",
        "measured: POST incident answered 500, the row existed",
        _afterwards("error-after-commit", is_write, lambda _response, _means: cancelled()),
        in_parts=True,
    ),
    NamedFault(
        "forbidden-after-commit",
        "A write is committed and answers 403 all the same.",
        "KB2697679, KB0546297",
        _afterwards(
            "forbidden-after-commit",
            is_write,
            lambda _response, _means: refused(Refusal(403, "Operation Failed", None)),
        ),
        in_parts=True,
    ),
    NamedFault(
        "denied-after-commit",
        "The same, in the words of an access rule: the row was written, showing it was not allowed.",
        "KB2697679, KB0546297; words as measured",
        _afterwards(
            "denied-after-commit",
            lambda r: is_write(r) and r.method == "POST" and "/table/" in r.path,
            lambda _response, _means: refused(
                Refusal(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
            ),
        ),
        in_parts=True,
    ),
    NamedFault(
        "partial-rows",
        "A list is cancelled midway: 200 with part of the rows, and an error beside them.",
        "measured: public monitoring checks handle it",
        _in_lists("partial-rows", _partly),
    ),
    NamedFault(
        "broken-json",
        "A body ends in the middle: 200 (or 201, committed) with broken JSON.",
        "measured; PSSnow issue 67",
        _afterwards("broken-json", is_api, _cut),
        in_parts=True,
    ),
    NamedFault(
        "hibernating",
        "A developer instance sleeps: a web page as 200 or 503, or a redirect to the developer site.",
        "measured: three shapes in public clients",
        _instead("hibernating", is_api, _hibernating),
    ),
    NamedFault(
        "bad-gateway",
        "The load balancer gives up on a request that goes on: 502 with a web page.",
        "measured: servicenow-cli 0.3.3",
        _afterwards("bad-gateway", is_api, lambda _response, _means: Response(502, _BAD_GATEWAY, _HTML)),
    ),
    NamedFault(
        "cancelled",
        "A transaction runs into its quota of 60 s and is rolled back: 500.",
        "docs: Default transaction quota rules",
        _instead("cancelled", is_api, lambda means: means.late(cancelled(), QUOTA_S)),
        in_parts=True,
    ),
    NamedFault(
        "slow-body",
        "The answer's body comes too slowly to wait for; a write is committed.",
        "measured: large pages over slow links",
        _afterwards("slow-body", is_api, lambda response, means: means.slow(response, _SLOW_S)),
    ),
    NamedFault(
        "lost-request",
        "The connection is reset before anything was done.",
        "TCP",
        _instead("lost-request", is_api, lambda _means: DROPPED),
    ),
    NamedFault(
        "lost-answer",
        "The connection is reset after everything was done.",
        "TCP",
        _afterwards("lost-answer", is_api, lambda _response, _means: DROPPED),
    ),
    NamedFault(
        "broken-download",
        "The connection breaks when half of a file was sent.",
        "TCP; large files over slow links",
        _afterwards("broken-download", _is_content, lambda response, _means: replace(response, broken=True)),
    ),
    NamedFault(
        "hidden-rows",
        "A row is hidden by an access rule: the page is short, the count is not.",
        "docs: Table API, sysparm_limit; KB0546297, 5.5; KB3047115",
        _in_lists("hidden-rows", _one_hidden),
    ),
    NamedFault(
        "hidden-fields",
        "A column is hidden by an access rule: rows come without it.",
        "KB0534905, Q8",
        _in_lists("hidden-fields", _column_hidden),
    ),
    NamedFault(
        "ignored-write",
        "A field that this account may not write is left out, and the write answers 200.",
        "KB2971488",
        _ignoring,
    ),
    NamedFault(
        "stale-node",
        "Without cookies each request may meet another node, whose cache is up to a minute old (a switch).",
        "not verified; glide_user_route binds a session to one node",
        _stale,
    ),
    NamedFault(
        "revoked-token",
        "Somebody revokes all OAuth access tokens: 401 until a new one is asked for.",
        "docs: OAuth 2.0, token management",
        on=_revoking,
    ),
    NamedFault(
        "skewed-clock",
        "The server's clock is up to ten minutes off; any rate above 0 sets it once.",
        "measured: `Date` of developer instances",
        on=_skew,
        off=_no_skew,
    ),
)
