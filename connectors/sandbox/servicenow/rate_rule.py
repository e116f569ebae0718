"""One rate limit rule of the instance: so many requests an hour and user, counted late; it refuses, no more.

Source: ServiceNow, "Inbound REST API rate limiting": counts are kept on each node and written to the database
every 30 s, so a user gets beyond a limit before it holds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.sandbox.servicenow.answers import Refusal

LAG: Final = timedelta(seconds=30)
_HOUR: Final = timedelta(hours=1)

Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class RateRule:
    """`limit` requests an hour for each user. `id` is the rule's sys_id."""

    limit: int
    id: str = "0" * 32
    _hour: datetime | None = None
    _flushed_at: datetime | None = None
    _counted: Counter[str] = field(default_factory=Counter)
    _waiting: Counter[str] = field(default_factory=Counter)

    def check(self, user: str, now: datetime) -> Headers:
        """Count one request; the headers of its answer. `Refusal` (429) once the written count is used up."""
        self._turn(now)
        headers = self._headers()
        if self._counted[user] >= self.limit:
            wait = max(1, int((self._reset() - now).total_seconds()))
            words = f"Rate limit of {self.limit} requests per hour for Table API exceeded"
            raise Refusal(429, "Rate limit exceeded", words, (("Retry-After", str(wait)), *headers))
        self._waiting[user] += 1
        return headers

    def _turn(self, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._flushed_at = hour, now
            self._counted.clear()
            self._waiting.clear()
        if self._flushed_at is None or now - self._flushed_at >= LAG:
            self._counted.update(self._waiting)
            self._waiting.clear()
            self._flushed_at = now

    def _reset(self) -> datetime:
        assert self._hour is not None
        return self._hour + _HOUR

    def _headers(self) -> Headers:
        reset = str(int(self._reset().timestamp()))
        return (
            ("X-RateLimit-Limit", str(self.limit)),
            ("X-RateLimit-Reset", reset),
            ("X-RateLimit-Rule", self.id),
        )
