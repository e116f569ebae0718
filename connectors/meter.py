"""Counts the requests that go out, by operation; it sends and limits nothing."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import requests

_ID_SEGMENT: Final = re.compile(r"^([0-9a-f]{32}|\d{2,}|[A-Z][A-Z0-9_]+-\d+)$")  # one digit is an API version


@dataclass(frozen=True, slots=True)
class Usage:
    """What has been sent so far: requests (retries among them), seconds paused, counts by operation."""

    requests: int
    retries: int
    waited_s: float
    operations: Mapping[str, int]


class Meter:
    """Counts requests by operation, e.g. `GET /rest/api/3/issue/{id}`; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._operations: Counter[str] = Counter()
        self._retries = 0
        self._waited_s = 0.0

    def sent(self, operation: str) -> None:
        """One request goes out."""
        with self._lock:
            self._operations[operation] += 1

    def paused(self, seconds: float) -> None:
        """A request will go out again after a pause."""
        with self._lock:
            self._retries += 1
            self._waited_s += seconds

    def held(self, seconds: float) -> None:
        """A request waited before it went out."""
        with self._lock:
            self._waited_s += seconds

    def usage(self) -> Usage:
        """The counts at this moment."""
        with self._lock:
            total = sum(self._operations.values())
            return Usage(total, self._retries, self._waited_s, dict(self._operations))


def operation_of(request: requests.PreparedRequest) -> str:
    """The request's name in meters and logs: its method and path, ids replaced, without the query."""
    segments = urlsplit(request.url or "").path.split("/")
    path = "/".join("{id}" if _ID_SEGMENT.match(segment) else segment for segment in segments)
    return f"{request.method} {path}"
