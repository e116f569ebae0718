"""The suite on Jira Cloud and Jira Data Center through jira, against the stand-in over real HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Action, Move, Ref, Transition, Update, Value
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
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

from .suite import Bench, ConnectorSuite, Sample

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "summary": "line", "description": "text", "priority": "choice", "status": "choice",
    "resolution": "choice", "assignee": "person", "labels": "set", "customfield_10050": "group",
    "customfield_10051": "choice", "customfield_10052": "choice", "customfield_10053": "text",
}  # fmt: skip
DOWN = Response(503, b"<html>down</html>", (("Content-Type", "text/html"),))


@dataclass
class JiraBench(Bench):
    """The stand-in, and the connector that a configuration would make."""

    jira: JiraSandbox = field(default=None)  # type: ignore[assignment]
    clock: VirtualClock = field(default=None)  # type: ignore[assignment]

    def raised(self, **values: Value) -> Ref:
        filled: dict[str, Any] = {"summary": "Mail is down", **values}
        return Ref(
            self.side, self.jira.create("joe.employee", self.place.partition("/")[0], "Incident", filled).id
        )

    def edit(self, ref: Ref, **values: Value) -> None:
        self.jira.update("beth.anglin", ref.id, dict(values))

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def refused(self, ref: Ref) -> Action:
        return Update(ref, {"resolution": "Done"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("999", "Nowhere")), Update(ref, {"customfield_1": "x"})]

    def hide(self, ref: Ref) -> None:
        self.jira.hide(ref.id)

    def delete(self, ref: Ref) -> None:
        self.jira.delete(ref.id)

    @contextmanager
    def failing(self, kind: str) -> Iterator[None]:
        def lost(_request: Request, _response: Response) -> Response:
            return DROPPED

        answers = {
            "limit": Response(429, b"", (("Retry-After", "1"), ("RateLimit-Reason", "jira-burst-based"))),
            "down": DOWN,
            "denied": Response(401, b"Client must be authenticated to access this resource."),
        }
        fault = (
            Fault(kind, after=lost) if kind == "lost" else Fault(kind, before=lambda _request: answers[kind])
        )
        self.jira.faults.append(fault)
        yield
        self.jira.faults.remove(fault)


@contextmanager
def bench_of(deployment: Literal["cloud", "datacenter"]) -> Iterator[Bench]:
    """A Jira of its own, whose feed comes in pages of four."""
    clock, password = VirtualClock(START), secrets.token_hex(12)
    user = "tieline@example.com" if deployment == "cloud" else "tieline"
    jira = JiraSandbox(clock, deployment=deployment, accounts={user: password}, seed=11)
    jira.site.settings.unstable_ties = deployment == "datacenter"
    server = Server(jira, RequestLog()).start()
    timing = Timing(clock.now, lambda: clock.now().timestamp(), lambda s: clock.advance(timedelta(seconds=s)))
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=600), only_reads, timing)
    places = (("OPS", "Incident"),)
    settings = JiraSettings(server.url, deployment, places, FIELDS, "customfield_10042", page_size=4)
    connector = JiraConnector(settings, BasicAuth(user, password), adapter, clock.now)
    connector.read([Ref("jira", "1")])  # what is asked for once has been asked for
    yield JiraBench(
        "jira", connector, "OPS/Incident", "summary", "description", START - timedelta(days=1),
        _samples(jira, deployment), text_limit=32_767, secrets=(password,), jira=jira, clock=clock,
    )  # fmt: skip
    connector.close()
    server.stop()


def _samples(jira: JiraSandbox, deployment: str) -> Mapping[str, Sample]:
    names = ("beth.anglin", "david.loo")
    people = [jira.account_id(name) if deployment == "cloud" else name for name in names]
    return {
        "summary": Sample("One", "Two", clears=False),
        "description": Sample("One\n\ntwo", "Three"),
        "priority": Sample("High", "Low", clears=False),
        "assignee": Sample(people[0], people[1]),
        "labels": Sample(frozenset("ab"), frozenset("bc")),
        "customfield_10050": Sample("Network", "Database"),
        "customfield_10051": Sample("Software", "Hardware"),
        "customfield_10052": Sample("email", "cpu"),
        "customfield_10053": Sample("Done.", "Done again."),
    }


class TestJiraCloud(ConnectorSuite):
    """Jira Cloud, REST v3."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with bench_of("cloud") as made:
            yield made


class TestJiraDataCenter(ConnectorSuite):
    """Jira Data Center, REST v2, on a cluster whose nodes order ties each in its own way."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with bench_of("datacenter") as made:
            yield made
