"""How fast one system may be asked: the pauses its limits ask for, how many requests at once, when to stop.

It reads headers and counts failures; it sends and repeats nothing. One `Pace` belongs to one side and is
safe to use from many threads.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import requests

from tieline.connectors.answers import NotSent, is_limit, retry_after
from tieline.connectors.meter import operation_of

OPEN_AFTER: Final = 5
"""So many calls in a row without a sensible answer, all their attempts included, open the circuit."""
COOL_DOWN_S: Final = 30.0
"""How long an open circuit lets nothing through; twice as long each time that a trial fails."""
MAX_COOL_DOWN_S: Final = 600.0
_ISSUE: Final = re.compile(r"/issue/([^/?]+)")
_TROUBLE: Final = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request is to limits: the whole side's, its operation's, and its issue's if it writes to one."""

    operation: str
    issue: str

    @classmethod
    def of(cls, request: requests.PreparedRequest) -> Sent:
        """The scopes of a request."""
        found = _ISSUE.search(urlsplit(request.url or "").path)
        writes = request.method not in {"GET", "HEAD", "OPTIONS"}
        return cls(operation_of(request), found.group(1) if found and writes else "")

    def scope(self, headers: Mapping[str, str]) -> str:
        """Which requests a refusal with these headers concerns; "" for all of the side.

        Source: Jira Cloud, "Rate limiting", RateLimit-Reason. ServiceNow's rules and semaphores, Jira Data
        Center's buckets and gateways concern the account or the node.
        """
        reason = headers.get("RateLimit-Reason", "").lower()
        if "per-issue" in reason and self.issue:
            return f"issue {self.issue}"
        return self.operation if "burst" in reason else ""

    def scopes(self) -> tuple[str, ...]:
        """All scopes whose pauses hold this request up."""
        return ("", self.operation, f"issue {self.issue}") if self.issue else ("", self.operation)


class Pace:
    """The pace of one side. `concurrency` requests at once at most; fewer after a limit, slowly more again.

    A limit's pause of more than `max_wait_s` seconds is not waited for. `budget_s` bounds the pauses of one
    pass in all (`begin_pass`): what is left waits for the next pass.
    """

    def __init__(
        self,
        concurrency: int,
        max_wait_s: float,
        budget_s: float,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._most = concurrency
        self._max_wait_s, self._budget_s = max_wait_s, budget_s
        self._now, self._monotonic, self._sleep = now, monotonic, sleep
        self._free = threading.Condition()
        self._allowed = float(concurrency)
        self._running = 0
        self._shrunk_at = -math.inf
        self._held: dict[str, float] = {}
        self._paused_s = 0.0
        self._failures = 0
        self._opened_at: float | None = None
        self._cool_down_s = COOL_DOWN_S
        self._last = ""

    @property
    def concurrency(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._allowed))

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open: nothing is sent for now."""
        return self._opened_at is not None

    def begin_pass(self) -> None:
        """A new pass has its whole budget of pauses again."""
        with self._free:
            self._paused_s = 0.0

    def afford(self, seconds: float) -> bool:
        """Whether a pause still fits the budget; it is counted if so."""
        with self._free:
            if self._paused_s + seconds > self._budget_s:
                return False
            self._paused_s += seconds
            return True

    def wait(self, sent: Sent) -> float:
        """Wait until limits let the request pass; the seconds waited.

        Raises `NotSent` if the circuit is open, or a limit asks for more than may be waited.
        """
        self._check_circuit()
        pause = self._pause(sent)
        if pause <= 0:
            return 0.0
        if pause > self._max_wait_s or not self.afford(pause):
            raise NotSent(f"its rate limit asks to wait for {math.ceil(pause)} s", pause)
        self._sleep(pause)
        return pause

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places for requests under way."""
        with self._free:
            self._free.wait_for(lambda: self._running < self.concurrency)
            self._running += 1
        try:
            yield
        finally:
            with self._free:
                self._running -= 1
                self._free.notify()

    def answered(self, sent: Sent, response: requests.Response) -> None:
        """Learn from one answer what limits ask for, and how many requests at once are well received."""
        limited = is_limit(response)
        with self._free:
            if limited:
                wait = retry_after(response.headers, self._now())
                self._hold(sent.scope(response.headers), wait)
                self._shrink()
            else:
                for scope in sent.scopes():
                    self._held.pop(scope, None)
                self._hold("", _empty_bucket_s(response.headers))
                self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)

    def ended(self, response: requests.Response) -> None:
        """A call ended with this answer, whatever was tried before it."""
        if response.status_code in _TROUBLE:
            self.failed(f"{response.status_code} {response.reason or ''}".strip())
        elif response.status_code != 429:
            with self._free:
                self._failures, self._opened_at, self._cool_down_s = 0, None, COOL_DOWN_S

    def failed(self, why: str) -> None:
        """A call ended without an answer, or with one that says that the side is not well."""
        with self._free:
            self._failures += 1
            self._last = why
            again = self._opened_at is not None
            if again:
                self._cool_down_s = min(2 * self._cool_down_s, MAX_COOL_DOWN_S)
            if again or self._failures >= OPEN_AFTER:
                self._opened_at = self._monotonic()

    def _check_circuit(self) -> None:
        """An open circuit lets one request through when it has cooled down, to try."""
        with self._free:
            if self._opened_at is None:
                return
            left = self._opened_at + self._cool_down_s - self._monotonic()
            if left > 0:
                failed = f"{self._failures} failures in a row ({self._last})"
                raise NotSent(f"not asked again for {left:.0f} s after {failed}")
            self._opened_at = self._monotonic()

    def _pause(self, sent: Sent) -> float:
        with self._free:
            now = self._monotonic()
            self._held = {scope: until for scope, until in self._held.items() if until > now}
            return max((self._held.get(scope, now) - now for scope in sent.scopes()), default=0.0)

    def _hold(self, scope: str, seconds: float | None) -> None:
        """Whoever repeats the refused request waits by itself; this holds up all the others."""
        if seconds:
            self._held[scope] = max(self._held.get(scope, 0.0), self._monotonic() + seconds)

    def _shrink(self) -> None:
        """Half as many at once, but once a second only: refusals come in flocks."""
        now = self._monotonic()
        if now - self._shrunk_at >= 1.0:
            self._allowed, self._shrunk_at = max(1.0, self._allowed / 2), now


def _empty_bucket_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until a bucket that is empty now holds a token again (Jira Data Center: "Rate limiting")."""
    try:
        left = int(headers["X-RateLimit-Remaining"])
        interval, fill = (
            float(headers["X-RateLimit-Interval-Seconds"]),
            float(headers["X-RateLimit-FillRate"]),
        )
    except (KeyError, ValueError):
        return None
    return interval / max(fill, 1.0) if left <= 0 else None
