"""Jira's rate limits, counted as the real ones are; who is refused and with which headers, nothing else.

Cloud: bursts for each method and endpoint, and writes to one issue (Atlassian: "Rate limiting"). Data Center:
a bucket of tokens for each account (Atlassian: "Improving instance stability with rate limiting").
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.sandbox.core import Clock, Request, Response

BURST: Final = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}
"""Requests a second for one method and endpoint."""
BURST_GET_ISSUE: Final = 150
PER_ISSUE: Final = ((20, timedelta(seconds=2)), (100, timedelta(seconds=30)))
"""Writes to one issue within a span."""
_ISSUE: Final = re.compile(r"/rest/api/\w+/issue/([^/]+)(/[a-z]+)?")
_NO_ISSUE: Final = frozenset({"bulk", "bulkfetch", "createmeta", "picker"})
_SECOND: Final = timedelta(seconds=1)

Headers = tuple[tuple[str, str], ...]


def written_issue(request: Request) -> str:
    """The issue that a request writes to, by the id or key in its path; "" for any other request."""
    found = _ISSUE.search(request.path)
    if found is None or request.method == "GET" or found[1] in _NO_ISSUE:
        return ""
    return found[1]


def limited(reason: str, wait_s: float | None, now: datetime, *, limit: int = 350) -> Response:
    """Cloud's refusal, with the reason that tells its scope; without `wait_s` it names no time."""
    headers: list[tuple[str, str]] = [
        ("Content-Type", "application/json"),
        ("X-RateLimit-Limit", str(limit)),
        ("X-RateLimit-Remaining", "0"),
        ("RateLimit-Reason", reason),
    ]
    if wait_s is not None:
        reset = now + timedelta(seconds=wait_s)
        headers.append(("Retry-After", str(math.ceil(wait_s))))
        headers.append(("X-RateLimit-Reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ")))
    return Response(429, b"", tuple(headers))


@dataclass(slots=True)
class Windows:
    """Cloud's limits: how often each thing happened of late."""

    clock: Clock
    _seen: dict[tuple[str, ...], deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def check(self, request: Request) -> tuple[Response | None, Headers]:
        """The refusal of one request too many; None lets it pass, and counts it."""
        return self._refusal(request), ()

    def _refusal(self, request: Request) -> Response | None:
        now = self.clock.now()
        checks = [
            (("burst", request.method, _endpoint(request)), _burst(request), _SECOND, "jira-burst-based")
        ]
        if issue := written_issue(request):
            checks += [
                (("issue", issue, str(limit)), limit, span, "jira-per-issue-on-write")
                for limit, span in PER_ISSUE
            ]
        for key, limit, span, reason in checks:
            seen = self._seen[key]
            while seen and seen[0] <= now - span:
                seen.popleft()
            if len(seen) >= limit:
                return limited(reason, (seen[0] + span - now).total_seconds(), now, limit=limit)
        for key, *_ in checks:
            self._seen[key].append(now)
        return None


def _endpoint(request: Request) -> str:
    found = _ISSUE.search(request.path)
    if found is None or found[1] in _NO_ISSUE:
        return request.path
    return f"/issue/{{}}{found[2] or ''}"


def _burst(request: Request) -> int:
    return BURST_GET_ISSUE if (request.method, _endpoint(request)) == ("GET", "/issue/{}") else BURST.get(
        request.method, 50
    )  # fmt: skip


@dataclass(slots=True)
class Bucket:
    """Data Center's limit: `capacity` tokens an account, `fill` more every `interval`."""

    clock: Clock
    capacity: int = 50
    fill: int = 10
    interval: timedelta = _SECOND
    _tokens: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def check(self, request: Request) -> tuple[Response | None, Headers]:
        """The refusal where there is no token for the request, and the headers that stand on every answer."""
        account, now = request.headers.get("authorization", ""), self.clock.now()
        had, at = self._tokens.get(account, (float(self.capacity), now))
        had = min(float(self.capacity), had + (now - at) / self.interval * self.fill)
        left = had - 1 if had >= 1 else had
        self._tokens[account] = (left, now)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self.fill * self.interval.total_seconds())
        headers = (
            ("X-RateLimit-Limit", str(self.capacity)),
            ("X-RateLimit-Remaining", str(int(left))),
            ("X-RateLimit-Interval-Seconds", str(int(self.interval.total_seconds()))),
            ("X-RateLimit-FillRate", str(self.fill)),
            ("Retry-After", str(wait)),
        )
        return (None if had >= 1 else _no_token(headers)), headers


def _no_token(headers: Headers) -> Response:
    body = json.dumps({"message": "Rate limit exceeded."}).encode()
    return Response(429, body, (("Content-Type", "application/json"), *headers))
