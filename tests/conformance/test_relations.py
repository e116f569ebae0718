"""Relations on every side: in memory, and on both systems through the real clients, against the stand-ins."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Ref, Side
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
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.settings import ServiceNowSettings

from .suite_relations import Ends, RelationDesk, RelationsSuite

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
PASSWORD = secrets.token_hex(12)
CAUSES = "Problem/Incident"
LOST = Fault("lost", after=lambda _request, _response: DROPPED)
"""The request is carried out, and its answer never arrives."""


@dataclass
class MemoryDesk(RelationDesk):
    """The in-memory side, as either system."""

    memory: MemorySide = field(default=None)  # type: ignore[assignment]
    clock: VirtualClock = field(default=None)  # type: ignore[assignment]
    touched: int = 0

    def raised(self) -> Ref:
        return Ref(self.side, self.memory.make({"line": "Mail"}).id)

    def target(self) -> tuple[Ref, str]:
        if self.side == "jira":
            row = self.memory.make({"line": "Cause"})
            return Ref("jira", row.id, "issue"), row.label
        number = f"PRB{len(self.memory.ties.known)}"
        return self.memory.ties.add("problem", number.lower(), number), number

    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        if self.side == "servicenow":
            self.memory.ties.set(ref.id, self.name, target)
        else:
            self.memory.ties.link(
                *((ref.id, self.name, target.id) if outward else (target.id, self.name, ref.id))
            )
        self._touch(ref)

    def untie(self, ref: Ref, target: Ref) -> None:
        self.memory.ties.set(ref.id, self.name, None)
        for id_, ends in list(self.memory.ties.issue_links.items()):
            if {ends[0], ends[2]} == {ref.id, target.id}:
                self.memory.ties.unlink(id_)
        self._touch(ref)

    def _touch(self, ref: Ref) -> None:
        """Both systems count a record as changed when it is tied or untied."""
        self.touched += 1
        self.memory.edit(ref.id, {"touched": str(self.touched)})

    def lying(self, ref: Ref) -> list[Ends]:
        if self.side == "jira":
            return [ends for ends in self.memory.ties.issue_links.values() if ref.id in ends]
        held = self.memory.ties.columns.get(ref.id, {})
        return [(ref.id, name, target.id) for name, target in held.items()]

    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        held = self.memory.ties.remote.get(ref.id, {})
        return [(global_id, made.label) for global_id, made in held.items()]

    def hide(self, ref: Ref) -> None:
        self.memory.rows[ref.id].hidden = True

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        reads: dict[str, ConnectorError] = {
            "limit": RateLimited("limit", 1), "down": Unavailable("down"), "denied": Denied("denied"),
            "lost": Unavailable("lost"),
        }  # fmt: skip
        writes = reads | {"down": Unknown("down"), "lost": Unknown("lost")}

        def fails(request: str) -> None:
            if request == "remote":
                raise reads[kind]

        self.memory.fault = fails
        if kind == "lost":
            self.memory.after_write = lambda _action, _outcome: writes[kind]
        else:
            self.memory.before_write = lambda _action: writes[kind]
        yield
        self.memory.fault = lambda _request: None
        self.memory.before_write = lambda _action: None
        self.memory.after_write = lambda _action, outcome: outcome


class TestMemoryRelations(RelationsSuite):
    """The in-memory side."""

    @pytest.fixture(params=["servicenow", "jira"])
    def desk(self, request: pytest.FixtureRequest) -> RelationDesk:
        return memory_desk(request.param)


def memory_desk(side: Side) -> MemoryDesk:
    clock, jira = VirtualClock(START), side == "jira"
    memory = MemorySide(
        side, clock.now, place="x", prefix="X", workflow={"Open": ()} if jira else None,
        first_status="Open" if jira else "",
    )  # fmt: skip
    memory.ties.refused = frozenset({"nobody's"})
    name, kind = (CAUSES, "issue") if jira else ("problem_id", "problem")
    return MemoryDesk(
        side, memory, name, Ref(side, "nowhere", kind), "nobody's", not jira, jira,
        memory=memory, clock=clock,
    )  # fmt: skip


@contextmanager
def _failing(faults: list[Fault], kind: str, limit: Response) -> Iterator[None]:
    answers = {
        "limit": limit,
        "down": Response(503, b"<html>down</html>", (("Content-Type", "text/html"),)),
        "denied": Response(401, b"Client must be authenticated to access this resource."),
    }

    def before(_request: Request) -> Response:
        return answers[kind]

    fault = LOST if kind == "lost" else Fault(kind, before=before)
    faults.append(fault)
    yield
    faults.remove(fault)


@dataclass
class ServiceNowDesk(RelationDesk):
    """The stand-in, and the connector that a configuration would make."""

    sandbox: ServiceNowSandbox = field(default=None)  # type: ignore[assignment]
    clock: VirtualClock = field(default=None)  # type: ignore[assignment]

    def raised(self) -> Ref:
        return Ref(self.side, self.sandbox.create("joe.employee", {"short_description": "Mail"})["sys_id"])

    def target(self) -> tuple[Ref, str]:
        row = self.sandbox.create("beth.anglin", {"short_description": "Cause"}, table="problem")
        return Ref(self.side, row["sys_id"], "problem"), row["number"]

    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        self.sandbox.update("beth.anglin", ref.id, {self.name: target.id})

    def untie(self, ref: Ref, target: Ref) -> None:
        self.sandbox.update("beth.anglin", ref.id, {self.name: ""})

    def lying(self, ref: Ref) -> list[Ends]:
        row = next(row for row in self.sandbox.rows() if row["sys_id"] == ref.id)
        return [(ref.id, self.name, row[self.name])] if row[self.name] else []

    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        return []

    def hide(self, ref: Ref) -> None:
        self.sandbox.access.hidden.add(ref.id)

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        with _failing(self.sandbox.faults, kind, Response(429, b"", (("Retry-After", "1"),))):
            yield


class TestServiceNowRelations(RelationsSuite):
    """ServiceNow through pysnow: references to problems."""

    @pytest.fixture
    def desk(self) -> Iterator[RelationDesk]:
        with servicenow_desk() as made:
            yield made


@contextmanager
def servicenow_desk() -> Iterator[ServiceNowDesk]:
    clock = VirtualClock(START)
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": PASSWORD}, seed=11)
    sandbox.seed_world()
    server = Server(sandbox, RequestLog(), lock=sandbox.lock).start()
    timing = Timing(clock.now, lambda: clock.now().timestamp(), lambda s: clock.advance(timedelta(seconds=s)))
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=5), timing=timing)
    ties = {"problem_id": "problem", "parent_incident": "incident"}
    settings = ServiceNowSettings("incident", {"short_description": "line"}, page_size=4, ties=ties)
    connector = ServiceNowConnector(settings, adapter, BasicAuth("tieline", PASSWORD), timing)
    nowhere = Ref("servicenow", "no such problem", "problem")
    yield ServiceNowDesk(
        "servicenow", connector, "problem_id", nowhere, "u_nobody", True, False,
        sandbox=sandbox, clock=clock,
    )  # fmt: skip
    connector.close()
    server.stop()


@dataclass
class JiraDesk(RelationDesk):
    """The stand-in, and the connector that a configuration would make."""

    jira: JiraSandbox = field(default=None)  # type: ignore[assignment]
    clock: VirtualClock = field(default=None)  # type: ignore[assignment]

    def raised(self) -> Ref:
        return Ref(self.side, self.jira.create("joe.employee", "OPS", "Incident", {"summary": "Mail"}).id)

    def target(self) -> tuple[Ref, str]:
        made = self.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Cause"})
        return Ref("jira", made.id, "issue"), made.key

    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        source, far = (ref.id, target.id) if outward else (target.id, ref.id)
        self.jira.link("beth.anglin", self.name, source, far)

    def untie(self, ref: Ref, target: Ref) -> None:
        self.jira.unlink("beth.anglin", ref.id, self.name, target.id)

    def lying(self, ref: Ref) -> list[Ends]:
        return self.jira.links(ref.id)

    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        held = self.jira.site.store.issues[int(ref.id)].remote_links
        return [(str(link.global_id), str(link.object["title"])) for link in held]

    def hide(self, ref: Ref) -> None:
        self.jira.hide(ref.id)

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        limit = Response(429, b"", (("Retry-After", "1"), ("RateLimit-Reason", "jira-burst-based")))
        with _failing(self.jira.faults, kind, limit):
            yield


@contextmanager
def jira_desk(deployment: Literal["cloud", "datacenter"]) -> Iterator[RelationDesk]:
    clock = VirtualClock(START)
    user = "tieline@example.com" if deployment == "cloud" else "tieline"
    jira = JiraSandbox(clock, deployment=deployment, accounts={user: PASSWORD}, seed=11)
    server = Server(jira, RequestLog()).start()
    timing = Timing(clock.now, lambda: clock.now().timestamp(), lambda s: clock.advance(timedelta(seconds=s)))
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=600), only_reads, timing)
    settings = JiraSettings(
        server.url, deployment, (("OPS", "Incident"),), {"summary": "line"}, "customfield_10042",
        page_size=4, ties=frozenset({CAUSES}),
    )  # fmt: skip
    connector = JiraConnector(settings, BasicAuth(user, PASSWORD), adapter, clock.now)
    connector.read([Ref("jira", "1")])  # what is asked for once has been asked for
    yield JiraDesk(
        "jira", connector, CAUSES, Ref("jira", "99999999", "issue"), "Nobody's", False, True,
        jira=jira, clock=clock,
    )  # fmt: skip
    connector.close()
    server.stop()


class TestJiraCloudRelations(RelationsSuite):
    """Jira Cloud: issue links and remote links."""

    @pytest.fixture
    def desk(self) -> Iterator[RelationDesk]:
        with jira_desk("cloud") as made:
            yield made


class TestJiraDataCenterRelations(RelationsSuite):
    """Jira Data Center: issue links and remote links."""

    @pytest.fixture
    def desk(self) -> Iterator[RelationDesk]:
        with jira_desk("datacenter") as made:
            yield made
