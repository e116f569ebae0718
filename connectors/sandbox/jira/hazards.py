"""How the faults of the Jira stand-in go about it: which requests they strike, what they answer or change.

Which there are, and who has seen them, stands in `faults.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from tieline.connectors.sandbox.core import Fault, Request, Response
from tieline.connectors.sandbox.jira import limits
from tieline.connectors.sandbox.trouble import Means

OLD_ENOUGH: Final = timedelta(days=1)
"""How old an issue is before somebody puts a security level on it."""
HIDDEN_FOR: Final = timedelta(minutes=10)
MAX_LATE_S: Final = 600
"""The longest that the search index is behind with a late write."""
SLOW_S: Final = 90.0
HTML: Final = (("Content-Type", "text/html;charset=UTF-8"),)
BAD_GATEWAY: Final = (
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


def is_search(request: Request) -> bool:
    """Whether it is a search of Cloud."""
    return request.path.endswith("/search/jql")


def is_content(request: Request) -> bool:
    """Whether it fetches the content of a file, from the media host or the site."""
    return request.method == "GET" and (
        "/media/file/" in request.path or "/secure/attachment/" in request.path
    )


def is_edit(request: Request) -> bool:
    """Whether it edits an issue."""
    return request.method == "PUT" and re.search(r"/issue/[^/]+$", request.path) is not None


# Kinds of faults


def instead(name: str, wanted: Wanted, made: Callable[[Means], Response]) -> Callable[[Means], Fault]:
    """Answers in the site's place; nothing is done."""

    def make(means: Means) -> Fault:
        def before(request: Request) -> Response | None:
            return made(means) if wanted(request) and means.strikes() else None

        return Fault(name, before=before)

    return make


def afterwards(
    name: str, wanted: Wanted, made: Callable[[Response, Means], Response]
) -> Callable[[Means], Fault]:
    """Spoils the answer to what was carried out."""

    def make(means: Means) -> Fault:
        def after(request: Request, response: Response) -> Response:
            fine = wanted(request) and 200 <= response.status < 300
            return made(response, means) if fine and means.strikes() else response

        return Fault(name, after=after)

    return make


def altered(name: str, wanted: Wanted, made: Callable[[Request], Request | None]) -> Callable[[Means], Fault]:
    """Carries out another request."""

    def make(means: Means) -> Fault:
        def alters(request: Request) -> Request | None:
            return made(request) if wanted(request) and means.strikes() else None

        return Fault(name, alters=alters)

    return make


def in_body(
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


def refused(status: int, text: str) -> Response:
    """A refusal in Jira's words."""
    body = json.dumps({"errorMessages": [text], "errors": {}}).encode()
    return Response(status, body, (("Content-Type", "application/json;charset=UTF-8"),))


def limited(reason: str, most_s: int) -> Callable[[Means], Response]:
    """A refusal for its rate, with a pause of up to `most_s` seconds."""

    def made(means: Means) -> Response:
        return limits.limited(reason, means.chance.randint(1, most_s), means.clock.now())

    return made


def quota(means: Means) -> Response:
    """The refusal of an hour's quota, or for a reason that is not documented."""
    wait = means.chance.randint(1, 60)
    response = limits.limited(means.chance.choice(_REASONS), wait, means.clock.now(), limit=100_100)
    policy = (("Beta-RateLimit-Policy", '"tenant-app-quota";q=100100;w=3600'),
              ("Beta-RateLimit", f'"tenant-app-quota";r=0;t={wait}'))  # fmt: skip
    return replace(response, headers=(*response.headers, *policy))


def busy(means: Means) -> Response:
    """Out of service for some seconds."""
    wait = str(means.chance.randint(1, 20))
    return Response(503, b"<html><body>Service Unavailable</body></html>", (*HTML, ("Retry-After", wait)))


def captcha(_means: Means) -> Response:
    """A log-in that a person has to make."""
    reason = "CAPTCHA_CHALLENGE; login-url=https://jira.example.com/login.jsp"
    headers = (("X-Seraph-LoginReason", "AUTHENTICATION_DENIED"), ("X-Authentication-Denied-Reason", reason))
    return Response(403, b"<html><body>Basic Authentication Failure</body></html>", (*HTML, *headers))


def cut(response: Response, _means: Means) -> Response:
    """The answer without its last third."""
    return replace(response, body=response.body[: len(response.body) * 2 // 3]) if response.body else response


def as_nobody(request: Request) -> Request:
    """The same request with a token that does not hold."""
    return replace(request, headers={**request.headers, "authorization": "Bearer expired"})


def repeated(body: dict[str, Any], request: Request, _means: Means) -> dict[str, Any] | None:
    """A page whose next token is the one it was asked with."""
    if not body.get("nextPageToken"):
        return None
    asked = request.param("nextPageToken") or (
        request.method == "POST" and request.json().get("nextPageToken")
    )
    return {**body, "nextPageToken": asked} if asked else None


def unread(body: dict[str, Any], _request: Request, means: Means) -> dict[str, Any] | None:
    """A bulk fetch that failed for one of its issues."""
    issues = body["issues"]
    if not issues:
        return None
    failed = means.chance.choice(issues)
    error = {"id": failed["id"], "errorMessage": "Issue could not be fetched, please retry."}
    kept = [issue for issue in issues if issue is not failed]
    return {**body, "issues": kept, "issueErrors": [*body.get("issueErrors", []), error]}


# What they do to the site


def late_index(site: Any, means: Means) -> None:
    """Let the index hear of writes late."""

    def late() -> timedelta:
        if not means.strikes():
            return timedelta(0)
        site.struck("late-index")
        return timedelta(seconds=means.chance.randint(60, MAX_LATE_S))

    site.late = late


def punctual_index(site: Any) -> None:
    """Let the index be as late as it usually is."""
    site.late = lambda: timedelta(0)


def levels(site: Any, means: Means) -> None:
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


def counted_limits(site: Any, means: Means) -> None:
    """Count the documented limits."""
    site.throttle = limits.Windows(means.clock) if site.world.cloud else limits.Bucket(means.clock)


def no_limits(site: Any) -> None:
    """Count nothing."""
    site.throttle = None


def forgetful(site: Any, means: Means) -> None:
    """Let transitions forget resolutions."""

    def forgets() -> bool:
        if not means.strikes():
            return False
        site.struck("forgotten-resolution")
        return True

    site.site.writer.forgets_resolution = forgets


def mindful(site: Any) -> None:
    """Let transitions keep what they are given."""
    site.site.writer.forgets_resolution = lambda: False


def switched(switch: str, value: object, usual: object) -> dict[str, Any]:
    """`on` and `off` of a fault that is the other position of a setting."""

    def on(site: Any, _means: Means) -> None:
        setattr(site.site.settings, switch, value)

    def off(site: Any) -> None:
        setattr(site.site.settings, switch, usual)

    return {"on": on, "off": off}


def of_webhooks(knob: str) -> dict[str, Any]:
    """`on` and `off` of a fault of deliveries."""

    def on(site: Any, means: Means) -> None:
        setattr(site.webhooks, knob, means)

    def off(site: Any) -> None:
        setattr(site.webhooks, knob, None)

    return {"on": on, "off": off}
