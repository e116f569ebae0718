"""The suite on the in-memory side and on ServiceNow through pysnow, against the stand-in over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Action, Move, Ref, Transition, Update, Value
from tieline.connectors.errors import ConnectorError, Denied, RateLimited, Rejected, Unavailable, Unknown
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.memory import MemorySide
from tieline.connectors.richtext import canonical_text
from tieline.connectors.sandbox.core import (
    DROPPED,
    Fault,
    Request,
    RequestLog,
    Response,
    Server,
    VirtualClock,
)
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.settings import ServiceNowSettings

from .suite import Bench, ConnectorSuite, Sample

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
PASSWORD = "correct horse"


@dataclass
class MemoryBench(Bench):
    """ServiceNow as the in-memory side plays it."""

    memory: MemorySide = field(default=None)  # type: ignore[assignment]
    clock: VirtualClock = field(default=None)  # type: ignore[assignment]

    def raised(self, **values: Value) -> Ref:
        typed = {
            name: canonical_text(value) if isinstance(value, str) else value for name, value in values.items()
        }
        return Ref(self.side, self.memory.make({"line": "Mail", "text": None, **typed}).id)

    def edit(self, ref: Ref, **values: Value) -> None:
        self.memory.edit(ref.id, values)

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def refused(self, ref: Ref) -> Action:
        self.memory.before_write = lambda _action: Rejected("Data Policy Exception", {"state": "mandatory"})
        return Update(ref, {"line": "x"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("1", "Done"))]

    def hide(self, ref: Ref) -> None:
        self.memory.rows[ref.id].hidden = True

    def delete(self, ref: Ref) -> None:
        del self.memory.rows[ref.id]

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        reads: Mapping[str, ConnectorError] = {
            "limit": RateLimited("limit", 1), "down": Unavailable("down"), "denied": Denied("denied"),
            "lost": Unavailable("lost"),
        }  # fmt: skip
        writes = reads if kind in ("limit", "denied") else {"down": Unknown("down"), "lost": Unknown("lost")}

        def fails(request: str) -> None:
            if request == "read":
                raise reads[kind]

        self.memory.fault = fails
        self.memory.after_write = lambda _action, _outcome: writes[kind]
        yield
        self.memory.fault = lambda _request: None
        self.memory.after_write = lambda _action, outcome: outcome


class TestMemory(ConnectorSuite):
    """The in-memory side."""

    @pytest.fixture
    def bench(self) -> Bench:
        clock = VirtualClock(START)
        side = MemorySide("servicenow", clock.now, place="incident", prefix="INC")
        samples = {
            "category": Sample("software", "network"),
            "labels": Sample(frozenset("ab"), frozenset("b")),
        }
        return MemoryBench(
            "servicenow", side, "incident", "line", "text", START - timedelta(days=1), samples,
            memory=side, clock=clock,
        )  # fmt: skip


FIELDS: dict[str, Any] = {
    "short_description": "line", "description": "text", "category": "choice", "subcategory": "choice",
    "assigned_to": "person", "assignment_group": "group", "state": "choice", "hold_reason": "choice",
    "close_code": "choice", "close_notes": "text", "impact": "choice", "urgency": "choice",
    "priority": "choice", "watch_list": "set",
}  # fmt: skip
_CANCELLED = b'{"error": {"message": "Transaction cancelled"}, "status": "failure"}'


@dataclass
class ServiceNowBench(Bench):
    """The stand-in, and the connector that a configuration would make."""

    sandbox: ServiceNowSandbox = field(default=None)  # type: ignore[assignment]
    clock: VirtualClock = field(default=None)  # type: ignore[assignment]

    def raised(self, **values: Value) -> Ref:
        filled = {"short_description": "Mail is down", **values}
        return Ref(self.side, self.sandbox.create("joe.employee", filled)["sys_id"])

    def edit(self, ref: Ref, **values: Value) -> None:
        self.sandbox.update("beth.anglin", ref.id, values)

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def refused(self, ref: Ref) -> Action:
        return Update(ref, {"state": "6"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("1", "Done"))]

    def hide(self, ref: Ref) -> None:
        self.sandbox.access.hidden.add(ref.id)

    def delete(self, ref: Ref) -> None:
        self.sandbox.delete(ref.id)

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        def lost(_request: Request, _response: Response) -> Response:
            return DROPPED

        answers = {
            "limit": Response(429, b"", (("Retry-After", "1"),)),
            "down": Response(503, b"<html>down</html>", (("Content-Type", "text/html"),)),
            "denied": Response(401, b'{"error": {"message": "User Not Authenticated", "detail": ""}}'),
        }
        fault = (
            Fault(kind, after=lost) if kind == "lost" else Fault(kind, before=lambda _request: answers[kind])
        )
        self.sandbox.faults.append(fault)
        yield
        self.sandbox.faults.remove(fault)


class TestServiceNow(ConnectorSuite):
    """ServiceNow through pysnow; pages of four, so that every feed has several."""

    @pytest.fixture(params=[False, True], ids=["ordinary", "idle writes count"])
    def bench(self, request: pytest.FixtureRequest) -> Iterator[Bench]:
        clock = VirtualClock(START)
        sandbox = ServiceNowSandbox(clock, accounts={"tieline": PASSWORD}, seed=11)
        sandbox.seed_world()
        sandbox.writing.idle_writes_count = request.param
        server = Server(sandbox, RequestLog(), lock=sandbox.lock).start()
        timing = Timing(
            clock.now, lambda: clock.now().timestamp(), lambda s: clock.advance(timedelta(seconds=s))
        )
        adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=5), timing=timing)
        settings = ServiceNowSettings("incident", FIELDS, page_size=4)
        connector = ServiceNowConnector(settings, adapter, BasicAuth("tieline", PASSWORD), timing)
        yield ServiceNowBench(
            "servicenow", connector, "incident", "short_description", "description",
            START - timedelta(days=1), _samples(sandbox), text_limit=4000, secrets=(PASSWORD,),
            sandbox=sandbox, clock=clock,
        )  # fmt: skip
        connector.close()
        server.stop()


def _samples(sandbox: ServiceNowSandbox) -> Mapping[str, Sample]:
    people, groups = ([row["sys_id"] for row in sandbox.rows(t)] for t in ("sys_user", "sys_user_group"))
    return {
        "short_description": Sample("One", "Two", clears=False),
        "description": Sample("One\n\ntwo", "Three"),
        "category": Sample("software", "network"),
        "subcategory": Sample("email", "os"),
        "assigned_to": Sample(people[0], people[1]),
        "assignment_group": Sample(groups[0], groups[1]),
        "state": Sample("2", "1", clears=False),
        "impact": Sample("1", "2", clears=False),
        "urgency": Sample("2", "1", clears=False),
        "watch_list": Sample(frozenset(people[:2]), frozenset(people[1:3])),
        "close_notes": Sample("Done.", "Done again."),
    }
