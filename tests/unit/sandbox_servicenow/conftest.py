"""A ServiceNow stand-in with its people, called in process or over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from tieline.connectors.sandbox.core import Request, RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

Call = Callable[..., Any]
BASIC = "Basic " + base64.b64encode(b"tieline:correct horse").decode()
HEADERS: Mapping[str, str] = {
    "host": "desk.example:8080",
    "authorization": BASIC,
    "accept": "application/json",
    "content-type": "application/json",
}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 2, 9, 0, 0, 750_000, tzinfo=UTC))


@pytest.fixture
def desk(clock: VirtualClock) -> ServiceNowSandbox:
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": "correct horse"}, seed=7)
    sandbox.seed_world()
    return sandbox


@pytest.fixture
def call(desk: ServiceNowSandbox) -> Call:
    """Sends one request: `call(method, path, body, headers={...}, **parameters)` -> status, json, headers."""

    def call(
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
        **params: str,
    ) -> Any:
        merged = {**HEADERS, **(headers or {})}
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = {name: value for name, value in merged.items() if value is not None}
        answer = desk.handle(Request(method, path, tuple(params.items()), sent, content))
        found = orjson.loads(answer.body) if answer.body[:1] in (b"{", b"[") else None
        return SimpleNamespace(
            status=answer.status, json=found, result=(found or {}).get("result"), body=answer.body,
            headers=dict(answer.headers),
        )  # fmt: skip

    return call


@pytest.fixture
def query(call: Call) -> Callable[..., list[str]]:
    """The short descriptions that an encoded query finds, in the order of the answer."""

    def query(encoded: str, **params: str) -> list[str]:
        answer = call("GET", "/api/now/table/incident", sysparm_query=encoded, **params)
        assert answer.status == 200
        return [row["short_description"] for row in answer.result]

    return query


@pytest.fixture
def server(desk: ServiceNowSandbox) -> Iterator[Server]:
    running = Server(desk, RequestLog(), lock=desk.lock).start()
    yield running
    running.stop()
