"""Watchers of Jira's issues, on Cloud and Data Center, against the stand-in over real HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Applied, Record, Ref, Update
from tieline.connectors.errors import Rejected
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
from tieline.connectors.sandbox.core import RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)


class Desk:
    """A running stand-in, and a connector that mirrors watchers."""

    def __init__(self, jira: JiraSandbox, server: Server, connector: JiraConnector, log: RequestLog) -> None:
        self.jira, self.server, self.connector, self.log = jira, server, connector, log

    def raised(self) -> Ref:
        return Ref("jira", self.jira.create("joe.employee", "OPS", "Incident", {"summary": "Mail"}).id)

    def person(self, name: str) -> str:
        return self.jira.account_id(name) if self.jira.world.cloud else name

    def record(self, ref: Ref) -> Record:
        [found] = self.connector.read([ref])
        assert isinstance(found, Record), found
        return found

    def let_watch(self, ref: Ref, *names: str) -> Applied | Exception:
        record = self.record(ref)
        wanted = frozenset(map(self.person, names)) or None
        action = Update(ref, {"watches": wanted}, {"watches": record.values["watches"]}, record.version)
        return self.connector.write([action])[0]


@pytest.fixture(params=["cloud", "datacenter"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    clock, password, log = VirtualClock(START), secrets.token_hex(12), RequestLog()
    user = "tieline@example.com" if request.param == "cloud" else "tieline"
    jira = JiraSandbox(clock, deployment=request.param, accounts={user: password}, seed=11)
    server = Server(jira, log).start()
    adapter = HardenedAdapter(HttpSettings(server.url, timeout_s=5), only_reads, Timing(clock.now))
    settings = JiraSettings(
        server.url, request.param, (("OPS", "Incident"),), {"summary": "line", "watches": "people"},
        "customfield_10042",
    )  # fmt: skip
    connector = JiraConnector(settings, BasicAuth(user, password), adapter, clock.now)
    yield Desk(jira, server, connector, log)
    connector.close()
    server.stop()


def test_watchers_come_and_go_one_by_one(desk: Desk) -> None:
    ref = desk.raised()
    joe, beth = desk.person("joe.employee"), desk.person("beth.anglin")
    assert desk.record(ref).values["watches"] == frozenset({joe})
    assert isinstance(desk.let_watch(ref, "joe.employee", "beth.anglin"), Applied)
    assert desk.record(ref).values["watches"] == frozenset({joe, beth})
    assert isinstance(desk.let_watch(ref, "beth.anglin"), Applied)
    assert desk.record(ref).values["watches"] == frozenset({beth})
    assert isinstance(desk.let_watch(ref), Applied)
    before = desk.log.total
    assert desk.record(ref).values["watches"] is None
    assert desk.log.total == before + 1, "an issue without watchers costs no request of its own"


def test_we_are_no_watcher_ourselves(desk: Desk) -> None:
    ref = desk.raised()
    issue = desk.jira.site.store.get(ref.id)
    us = desk.jira.world.user("tieline") or desk.jira.world.user("tieline@example.com")
    assert issue is not None
    assert us is not None
    issue.watchers.append(us)
    assert desk.record(ref).values["watches"] == frozenset({desk.person("joe.employee")})


def test_a_watcher_that_jira_does_not_take_is_refused_by_field(desk: Desk) -> None:
    ref = desk.raised()
    record = desk.record(ref)
    [outcome] = desk.connector.write(
        [Update(ref, {"watches": frozenset({"nobody"})}, {"watches": record.values["watches"]})]
    )
    assert isinstance(outcome, Rejected)
    assert "watches" in outcome.fields
