"""A connector whose requests are answered by `responses`, and rows as ServiceNow writes them."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from tieline.connectors.auth import BasicAuth
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.settings import ServiceNowSettings

BASE = "https://example.service-now.com"
INCIDENTS = f"{BASE}/api/now/table/incident"
BATCH = f"{BASE}/api/now/v1/batch"
FIELDS = {
    "short_description": "line",
    "description": "text",
    "category": "choice",
    "assigned_to": "person",
    "watch_list": "set",
}


def sys_id(number: int) -> str:
    return f"{number:032x}"


def row(number: int, **cells: Any) -> dict[str, Any]:
    """A row of the incident table with every column that the connector asks for."""
    return {
        "sys_id": sys_id(number),
        "number": f"INC{number:07}",
        "sys_created_on": "2026-01-05 08:00:00",
        "sys_updated_on": "2026-03-01 10:00:00",
        "sys_updated_by": "abel.tuter",
        "sys_mod_count": "4",
        "correlation_id": "",
        "correlation_display": "",
        "short_description": "Mail is down",
        "description": "",
        "category": "",
        "assigned_to": "",
        "watch_list": "",
    } | cells


def error(message: str, detail: str | None = "") -> dict[str, Any]:
    return {"error": {"message": message, "detail": detail}, "status": "failure"}


Reply = tuple[int, dict[str, str], str]


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return status, {"Content-Type": "application/json", **(headers or {})}, text


def rows_reply(*rows: Mapping[str, Any], total: int | None = None) -> Reply:
    count = len(rows) if total is None else total
    return reply({"result": list(rows)}, headers={"X-Total-Count": str(count)})


@dataclass
class Instance:
    """Answers each request with the next of `replies`, or with what `answer` says; remembers all of them."""

    mock: responses.RequestsMock
    replies: list[Reply | Exception] = field(default_factory=list)
    answer: Callable[[requests.PreparedRequest], Reply] | None = None
    sent: list[requests.PreparedRequest] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest) -> Reply:
        self.sent.append(request)
        if self.answer is not None:
            return self.answer(request)
        given = self.replies.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    def params(self, number: int = -1) -> dict[str, str]:
        query = urlsplit(str(self.sent[number].url)).query
        return {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}

    def body(self, number: int = -1) -> Any:
        return json.loads(self.sent[number].body or b"null")

    def lines(self) -> list[str]:
        """Method and path of each request."""
        return [f"{request.method} {urlsplit(str(request.url)).path}" for request in self.sent]


@pytest.fixture
def instance() -> Iterator[Instance]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        fake = Instance(mock)
        for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
            mock.add_callback(method, re.compile(r"https://example\.service-now\.com/.*"), fake)
        yield fake


@dataclass
class Watch:
    """A clock that stands still unless it is moved."""

    now: datetime = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def move(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def make(watch: Watch) -> Callable[..., ServiceNowConnector]:
    def build(**changes: Any) -> ServiceNowConnector:
        timing = Timing(now=lambda: watch.now, sleep=lambda _: None, rng=random.Random(3))
        adapter = HardenedAdapter(HttpSettings(BASE), timing=timing)
        settings = ServiceNowSettings(**({"table": "incident", "fields": FIELDS} | changes))
        return ServiceNowConnector(settings, adapter, BasicAuth("tieline", "s3cret"), timing)

    return build


@pytest.fixture
def connector(make: Callable[..., ServiceNowConnector]) -> ServiceNowConnector:
    return make()


def batch_reply(answers: Mapping[str, Reply], left: list[str] | None = None) -> Reply:
    """A Batch API answer: `answers` by part id; the ids in `left` were not serviced."""
    parts = [
        {
            "id": part,
            "status_code": status,
            "status_text": "",
            "headers": [],
            "execution_time": 5,
            "body": base64.b64encode(text.encode()).decode(),
        }
        for part, (status, _, text) in answers.items()
    ]
    return reply({"batch_request_id": "1", "serviced_requests": parts, "unserviced_requests": left or []})


def batch_parts(request: requests.PreparedRequest) -> list[dict[str, Any]]:
    """The parts of a batch request, bodies decoded."""
    parts = json.loads(request.body or b"{}")["rest_requests"]
    return [{**part, "body": json.loads(base64.b64decode(part["body"]))} for part in parts]
