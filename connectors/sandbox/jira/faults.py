"""The faults of the Jira stand-in by name: what goes wrong on real sites, and who has seen it.

Sources are Atlassian's documentation ("docs"), its public issues (JRACLOUD, JRASERVER), and threads of public
clients. Where real sites are known to differ, a fault of a rate above 0 is the other position of the switch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from tieline.connectors.sandbox.core import DROPPED, Fault, Request, Response
from tieline.connectors.sandbox.jira import limits
from tieline.connectors.sandbox.trouble import Means, NamedFault

OLD_ENOUGH: Final = timedelta(days=1)
"""How old an issue is before somebody puts a security level on it."""
HIDDEN_FOR: Final = timedelta(minutes=10)
MAX_LATE_S: Final = 600
"""The longest that the search index is behind with a late write."""
SLOW_S: Final = 90.0
_HTML: Final = (("Content-Type", "text/html;charset=UTF-8"),)
_BAD_GATEWAY: Final = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>"
)
_READS_BY_POST: Final = re.compile(
    r"/(search(/jql|/approximate-count)?|issue/bulkfetch|changelog/bulkfetch)$"
)
_REASONS: Final = (
    "jira-quota-global-based", "jira-quota-tenant-based", "jira-cost-based", "jira-max-concurrent-threads",
)  # fmt: skip

Wanted = Callable[[Request], bool]


# Which requests


def is_api(request: Request) -> bool:
    """Whether it is one to the REST API."""
    return "/rest/api/" in request.path


def is_write(request: Request) -> bool:
    """Whether it changes anything; searches and bulk fetches are reads by POST."""
    return is_api(request) and request.method != "GET" and not _READS_BY_POST.search(request.path)


def _is_search(request: Request) -> bool:
    return request.path.endswith("/search/jql")


def _is_edit(request: Request) -> bool:
    return request.method == "PUT" and re.search(r"/issue/[^/]+$", request.path) is not None


# Kinds of faults


def _instead(name: str, wanted: Wanted, made: Callable[[Means], Response]) -> Callable[[Means], Fault]:
    """Answers in the site's place; nothing is done."""

    def make(means: Means) -> Fault:
        def before(request: Request) -> Response | None:
            return made(means) if wanted(request) and means.strikes() else None

        return Fault(name, before=before)

    return make


def _afterwards(
    name: str, wanted: Wanted, made: Callable[[Response, Means], Response]
) -> Callable[[Means], Fault]:
    """Spoils the answer to what was carried out."""

    def make(means: Means) -> Fault:
        def after(request: Request, response: Response) -> Response:
            fine = wanted(request) and 200 <= response.status < 300
            return made(response, means) if fine and means.strikes() else response

        return Fault(name, after=after)

    return make


def _altered(
    name: str, wanted: Wanted, made: Callable[[Request], Request | None]
) -> Callable[[Means], Fault]:
    """Carries out another request."""

    def make(means: Means) -> Fault:
        def alters(request: Request) -> Request | None:
            return made(request) if wanted(request) and means.strikes() else None

        return Fault(name, alters=alters)

    return make


def _in_body(
    name: str, wanted: Wanted, spoil: Callable[[dict[str, Any], Request, Means], dict[str, Any] | None]
) -> Callable[[Means], Fault]:
    """Spoils the JSON object of an answer; None from `spoil` leaves it alone."""

    def make(means: Means) -> Fault:
        def after(request: Request, response: Response) -> Response:
            if not wanted(request) or response.status != 200 or not means.strikes():
                return response
            try:
                spoilt = spoil(json.loads(response.body), request, means)
            except ValueError:  # another fault was there before
                return response
            return response if spoilt is None else replace(response, body=json.dumps(spoilt).encode())

        return Fault(name, after=after)

    return make


# What they answer


def _refused(status: int, text: str) -> Response:
    body = json.dumps({"errorMessages": [text], "errors": {}}).encode()
    return Response(status, body, (("Content-Type", "application/json;charset=UTF-8"),))


def _limited(reason: str, most_s: int) -> Callable[[Means], Response]:
    def made(means: Means) -> Response:
        return limits.limited(reason, means.chance.randint(1, most_s), means.clock.now())

    return made


def _quota(means: Means) -> Response:
    wait = means.chance.randint(1, 60)
    response = limits.limited(means.chance.choice(_REASONS), wait, means.clock.now(), limit=100_100)
    policy = (("Beta-RateLimit-Policy", '"tenant-app-quota";q=100100;w=3600'),
              ("Beta-RateLimit", f'"tenant-app-quota";r=0;t={wait}'))  # fmt: skip
    return replace(response, headers=(*response.headers, *policy))


def _busy(means: Means) -> Response:
    wait = str(means.chance.randint(1, 20))
    return Response(503, b"<html><body>Service Unavailable</body></html>", (*_HTML, ("Retry-After", wait)))


def _captcha(_means: Means) -> Response:
    reason = "CAPTCHA_CHALLENGE; login-url=https://jira.example.com/login.jsp"
    headers = (("X-Seraph-LoginReason", "AUTHENTICATION_DENIED"), ("X-Authentication-Denied-Reason", reason))
    return Response(403, b"<html><body>Basic Authentication Failure</body></html>", (*_HTML, *headers))


def _cut(response: Response, _means: Means) -> Response:
    return replace(response, body=response.body[: len(response.body) * 2 // 3]) if response.body else response


def _as_nobody(request: Request) -> Request:
    return replace(request, headers={**request.headers, "authorization": "Bearer expired"})


def _repeated(body: dict[str, Any], request: Request, _means: Means) -> dict[str, Any] | None:
    if not body.get("nextPageToken"):
        return None
    asked = request.param("nextPageToken") or (
        request.method == "POST" and request.json().get("nextPageToken")
    )
    return {**body, "nextPageToken": asked} if asked else None


def _unread(body: dict[str, Any], _request: Request, means: Means) -> dict[str, Any] | None:
    issues = body["issues"]
    if not issues:
        return None
    failed = means.chance.choice(issues)
    error = {"id": failed["id"], "errorMessage": "Issue could not be fetched, please retry."}
    kept = [issue for issue in issues if issue is not failed]
    return {**body, "issues": kept, "issueErrors": [*body.get("issueErrors", []), error]}


# What they do to the site


def _late_index(site: Any, means: Means) -> None:
    def late() -> timedelta:
        if not means.strikes():
            return timedelta(0)
        site.struck("late-index")
        return timedelta(seconds=means.chance.randint(60, MAX_LATE_S))

    site.late = late


def _punctual_index(site: Any) -> None:
    site.late = lambda: timedelta(0)


def _levels(site: Any, means: Means) -> None:
    """Now and then an older issue that a request is about gets a level, and loses it again."""
    named = re.compile(r"/issue/(\d+)(/|$)")

    def before(request: Request) -> Response | None:
        found = named.search(request.path)
        asked = [found[1]] if found else []
        if request.path.endswith("/issue/bulkfetch"):
            asked = [str(handle) for handle in request.json().get("issueIdsOrKeys", ())]
        if asked and means.strikes() and site.veil(means.chance.choice(asked), OLD_ENOUGH, HIDDEN_FOR):
            site.struck("security-level")
        return None

    site.faults.append(Fault("security-level", before=before))


def _counted_limits(site: Any, means: Means) -> None:
    site.throttle = limits.Windows(means.clock) if site.world.cloud else limits.Bucket(means.clock)


def _no_limits(site: Any) -> None:
    site.throttle = None


def _forgetful(site: Any, means: Means) -> None:
    def forgets() -> bool:
        if not means.strikes():
            return False
        site.struck("forgotten-resolution")
        return True

    site.site.writer.forgets_resolution = forgets


def _mindful(site: Any) -> None:
    site.site.writer.forgets_resolution = lambda: False


def _set(switch: str, value: object, usual: object) -> dict[str, Any]:
    """`on` and `off` of a fault that is the other position of a setting."""

    def on(site: Any, _means: Means) -> None:
        setattr(site.site.settings, switch, value)

    def off(site: Any) -> None:
        setattr(site.site.settings, switch, usual)

    return {"on": on, "off": off}


def _webhook(knob: str) -> dict[str, Any]:
    def on(site: Any, means: Means) -> None:
        setattr(site.webhooks, knob, means)

    def off(site: Any) -> None:
        setattr(site.webhooks, knob, None)

    return {"on": on, "off": off}


FAULTS: Final = (
    # Any request
    NamedFault(
        "lost-request",
        "The connection is reset before anything was done.",
        "TCP",
        _instead("lost-request", is_api, lambda _means: DROPPED),
    ),
    NamedFault(
        "lost-answer",
        "The connection is reset after everything was done.",
        "TCP; rmferguson/shoal: a retried create makes duplicates",
        _afterwards("lost-answer", is_api, lambda _response, _means: DROPPED),
    ),
    NamedFault(
        "error-after-commit",
        "A write is carried out and answers 500 all the same.",
        "docs: Jira REST, status codes; a 5xx says nothing about the write",
        _afterwards(
            "error-after-commit", is_write, lambda _response, _means: _refused(500, "Internal server error")
        ),
    ),
    NamedFault(
        "bad-gateway",
        "A gateway gives up on a request that goes on: 502 with a web page.",
        "community.developer.atlassian.com: 502 and 504 from the edge",
        _afterwards("bad-gateway", is_api, lambda _response, _means: Response(502, _BAD_GATEWAY, _HTML)),
    ),
    NamedFault(
        "broken-json",
        "A body ends in the middle: 200 (or 201, committed) with broken JSON.",
        "HTTP; seen behind proxies",
        _afterwards("broken-json", is_api, _cut),
    ),
    NamedFault(
        "slow-body",
        "The answer's body comes too slowly to wait for; a write is carried out.",
        "HTTP; large pages over slow links",
        _afterwards("slow-body", is_api, lambda response, means: means.slow(response, SLOW_S)),
    ),
    # J1: search
    NamedFault(
        "repeated-token",
        "A page of a search names its own token as the next one.",
        "JRACLOUD-95368",
        _in_body("repeated-token", _is_search, _repeated),
    ),
    NamedFault(
        "late-index",
        "The search index hears of a write up to ten minutes late, out of order; reads by id are not behind.",
        "docs: Search and reconcile; JRACLOUD-96208",
        on=_late_index,
        off=_punctual_index,
    ),
    NamedFault(
        "security-level",
        "An issue of a day or more gets a security level for ten minutes: 404, and absent from every list.",
        "docs: Issue security levels; REST, 404 of Get issue",
        on=_levels,
        off=lambda site: site.site.store.lift(None),
    ),
    NamedFault(
        "unread-issue",
        "A bulk fetch could not read one issue: it stands among issueErrors instead.",
        "docs: REST v3, Bulk fetch issues",
        _in_body("unread-issue", lambda r: r.path.endswith("/issue/bulkfetch"), _unread),
    ),
    # J4: workflow
    NamedFault(
        "conflicting-edit",
        "Somebody else edits the issue at this moment: 409, nothing was done.",
        "docs: REST v3, Edit issue, 409",
        _instead(
            "conflicting-edit",
            _is_edit,
            lambda _means: _refused(409, "The issue could not be updated due to a conflicting update."),
        ),
    ),
    NamedFault(
        "unreported-resolution",
        "The fields of a transition leave out the resolution that its validator asks for (a switch).",
        "netresearch/jira-skill 211",
        **_set("unreported_resolution", True, False),
    ),
    NamedFault(
        "forgotten-resolution",
        "A transition answers 204 and does not set the resolution that it was given.",
        "sooperset/mcp-atlassian 735",
        on=_forgetful,
        off=_mindful,
    ),
    # J6: who is asking
    NamedFault(
        "expired-token",
        "The token does not hold: searches answer 200 and nothing, single issues 404, /myself 401.",
        "MrRefactoring/jira.js 418 (full headers), raycast/extensions 27550, n8n 16325",
        _altered("expired-token", is_api, _as_nobody),
    ),
    NamedFault(
        "plain-401",
        "A 401 with plain text instead of JSON.",
        "docs: Scoped API tokens; seen on the site's own address",
        _instead(
            "plain-401",
            is_api,
            lambda _means: Response(
                401,
                b"Client must be authenticated to access this resource.",
                (("Content-Type", "text/plain;charset=UTF-8"), ("WWW-Authenticate", 'OAuth realm="Jira"')),
            ),
        ),
    ),
    NamedFault(
        "captcha",
        "Too many failed log-ins: 403 with X-Authentication-Denied-Reason until a person logs in.",
        "docs: Jira Data Center REST, Authentication, CAPTCHA",
        _instead("captcha", is_api, _captcha),
    ),
    # J7: limits
    NamedFault(
        "burst-limit",
        "Too many requests a second to one endpoint: 429, RateLimit-Reason jira-burst-based.",
        "docs: Rate limiting",
        _instead("burst-limit", is_api, _limited("jira-burst-based", 5)),
    ),
    NamedFault(
        "issue-limit",
        "Too many writes to one issue: 429, RateLimit-Reason jira-per-issue-on-write.",
        "docs: Rate limiting",
        _instead(
            "issue-limit", lambda r: bool(limits.written_issue(r)), _limited("jira-per-issue-on-write", 30)
        ),
    ),
    NamedFault(
        "quota-limit",
        "The hour's points are used up, or for a reason that is not documented: 429 with Beta-RateLimit.",
        "docs: Rate limiting; community.developer.atlassian.com 97828 for reasons and headers",
        _instead("quota-limit", is_api, _quota),
    ),
    NamedFault(
        "gateway-limit",
        "The gateway refuses by itself: 429 without Retry-After or any other header.",
        "community.developer.atlassian.com: seen in production logs",
        _instead(
            "gateway-limit",
            is_api,
            lambda _means: Response(429, b"Too Many Requests", (("Content-Type", "text/plain"),)),
        ),
    ),
    NamedFault(
        "busy",
        "503 with Retry-After and a web page.",
        "docs: Rate limiting, Retry-After on 503",
        _instead("busy", is_api, _busy),
    ),
    NamedFault(
        "counted-limits",
        "The documented limits are counted: bursts, 20 writes to an issue in 2 s and 100 in 30 s; "
        "on Data Center a bucket of tokens, told on every answer (a switch).",
        "docs: Rate limiting; Data Center: Improving instance stability with rate limiting",
        on=_counted_limits,
        off=_no_limits,
    ),
    # J8: webhooks
    NamedFault("webhook-lost", "A delivery never comes.", "docs: Webhooks, best effort", **_webhook("loses")),
    NamedFault(
        "webhook-twice",
        "A delivery comes again with the same identifier.",
        "docs: Webhooks, at least once",
        **_webhook("repeats"),
    ),
    NamedFault(
        "webhook-late",
        "A delivery comes up to half an hour late, after younger ones.",
        "docs: Webhooks; community.developer.atlassian.com 30554",
        **_webhook("delays"),
    ),
    # Data Center
    NamedFault(
        "shuffled-ties",
        "Another node answers each page: issues of the same time change places between pages (a switch).",
        "JRASERVER-69860; support.atlassian.com, inconsistent results when paginated",
        **_set("unstable_ties", True, False),
    ),
)
