"""The sides that the conformance suites run on: in memory, and both stand-ins over real HTTP.

Each is given as a mixin for a suite's desk: what people do there, and how its requests fail on demand. The
connectors are made as a configuration would make them, with pages of four, so that every feed has several.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Connector, Ref, Value
from tieline.connectors.errors import ConnectorError, Denied, RateLimited, Unavailable, Unknown
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
from tieline.connectors.memory import MemorySide
from tieline.connectors.sandbox.core import (
    DROPPED,
    Fault,
    Request,
    RequestLog,
    Response,
    Server,
    VirtualClock,
)
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.settings import Settings
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.settings import ServiceNowSettings

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
PASSWORD = secrets.token_hex(12)
DOWN = Response(503, b"<html>down</html>", (("Content-Type", "text/html"),))
SERVICENOW_FAILS: Mapping[str, Response] = {
    "limit": Response(429, b"", (("Retry-After", "1"),)),
    "down": DOWN,
    "denied": Response(401, b'{"error": {"message": "User Not Authenticated", "detail": ""}}'),
}
JIRA_FAILS: Mapping[str, Response] = {
    "limit": Response(429, b"", (("Retry-After", "1"), ("RateLimit-Reason", "jira-burst-based"))),
    "down": DOWN,
    "denied": Response(401, b"Client must be authenticated to access this resource."),
}
Deployment = Literal["cloud", "datacenter"]
Sandbox = TypeVar("Sandbox", ServiceNowSandbox, JiraSandbox)


@dataclass(frozen=True, slots=True)
class Stand(Generic[Sandbox]):
    """A stand-in while it is served, and a connector to it."""

    sandbox: Sandbox
    connector: Connector
    clock: VirtualClock
    log: RequestLog


@dataclass(kw_only=True)
class InMemory:
    """The in-memory side, as either system. `asked` names the request for which reading fails on demand."""

    memory: MemorySide
    clock: VirtualClock
    asked: str = "read"

    def raised(self, **values: Value) -> Ref:
        return Ref(self.memory.side, self.memory.make({"line": "Mail", **values}).id)

    def hide(self, ref: Ref) -> None:
        self.memory.rows[ref.id].hidden = True

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        reads: Mapping[str, ConnectorError] = {
            "limit": RateLimited("limit", 1), "down": Unavailable("down"), "denied": Denied("denied"),
            "lost": Unavailable("lost"), "broken": Unavailable("broken"),
        }  # fmt: skip
        outcome = Unknown(kind) if kind in ("down", "lost") else reads[kind]
        memory, before, after = self.memory, self.memory.before_write, self.memory.after_write

        def fails(request: str) -> None:
            if request == self.asked:
                raise reads[kind]

        memory.fault = fails
        if kind == "lost":
            memory.after_write = lambda _action, _outcome: outcome
        else:
            memory.before_write = lambda _action: outcome
        yield
        memory.fault, memory.before_write, memory.after_write = (lambda _request: None), before, after


@dataclass(kw_only=True)
class OnServiceNow:
    """The stand-in for ServiceNow, and what people do there."""

    stand: Stand[ServiceNowSandbox]

    def raised(self, **values: Value) -> Ref:
        filled = {"short_description": "Mail is down", **values}
        return Ref("servicenow", self.stand.sandbox.create("joe.employee", filled)["sys_id"])

    def hide(self, ref: Ref) -> None:
        self.stand.sandbox.access.hidden.add(ref.id)

    def later(self, seconds: float) -> None:
        self.stand.clock.advance(timedelta(seconds=seconds))

    def failing(self, kind: str) -> AbstractContextManager[None]:
        return failing(self.stand.sandbox.faults, kind, SERVICENOW_FAILS, lambda r: r.path.endswith("/file"))


@dataclass(kw_only=True)
class OnJira:
    """The stand-in for Jira, and what people do there."""

    stand: Stand[JiraSandbox]

    def raised(self, **values: Value) -> Ref:
        filled: dict[str, Any] = {"summary": "Mail is down", **values}
        return Ref("jira", self.stand.sandbox.create("joe.employee", "OPS", "Incident", filled).id)

    def hide(self, ref: Ref) -> None:
        self.stand.sandbox.hide(ref.id)

    def later(self, seconds: float) -> None:
        self.stand.clock.advance(timedelta(seconds=seconds))

    def failing(self, kind: str) -> AbstractContextManager[None]:
        places = ("/media/", "/secure/attachment/")
        return failing(
            self.stand.sandbox.faults, kind, JIRA_FAILS, lambda request: request.path.startswith(places)
        )


@contextmanager
def servicenow(fields: Mapping[str, Any], **settings: Any) -> Iterator[Stand[ServiceNowSandbox]]:
    """ServiceNow with people and groups; what it does otherwise is set before the first request."""
    clock, log = VirtualClock(START), RequestLog()
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": PASSWORD}, seed=11)
    sandbox.seed_world()
    server = Server(sandbox, log, lock=sandbox.lock).start()
    timing = timing_of(clock)
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=5), timing=timing)
    known = ServiceNowSettings("incident", fields, page_size=4, **settings)
    connector = ServiceNowConnector(known, adapter, BasicAuth("tieline", PASSWORD), timing)
    yield Stand(sandbox, connector, clock, log)
    connector.close()
    server.stop()


@contextmanager
def jira(
    deployment: Deployment, fields: Mapping[str, Any], site: Settings | None = None, **settings: Any
) -> Iterator[Stand[JiraSandbox]]:
    """A Jira of its own; the connector has asked for what is asked for once."""
    clock, log = VirtualClock(START), RequestLog()
    user = "tieline@example.com" if deployment == "cloud" else "tieline"
    sandbox = JiraSandbox(clock, deployment=deployment, accounts={user: PASSWORD}, seed=11, settings=site)
    server = Server(sandbox, log).start()
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=600), only_reads, timing_of(clock))
    places = (("OPS", "Incident"),)
    known = JiraSettings(server.url, deployment, places, fields, "customfield_10042", page_size=4, **settings)
    connector = JiraConnector(known, BasicAuth(user, PASSWORD), adapter, clock.now)
    connector.read([Ref("jira", "1")])
    yield Stand(sandbox, connector, clock, log)
    connector.close()
    server.stop()


def timing_of(clock: VirtualClock) -> Timing:
    """Time as it passes on a stand-in: who waits there moves its clock."""
    return Timing(clock.now, lambda: clock.now().timestamp(), lambda s: clock.advance(timedelta(seconds=s)))


@contextmanager
def failing(
    faults: list[Fault], kind: str, answers: Mapping[str, Response], is_content: Callable[[Request], bool]
) -> Iterator[None]:
    """Each request is answered so, or (kind "lost") carried out and never answered, or ends too soon."""

    def broken(request: Request, response: Response) -> Response:
        return replace(response, broken=True) if is_content(request) else response

    match kind:
        case "lost":
            fault = Fault(kind, after=lambda _request, _response: DROPPED)
        case "broken":
            fault = Fault(kind, after=broken)
        case _:
            fault = Fault(kind, before=lambda _request: answers[kind])
    faults.append(fault)
    yield
    faults.remove(fault)
