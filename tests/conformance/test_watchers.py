"""Watchers of Jira's issues, on Cloud and Data Center, against the stand-in over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tieline.connectors.base import Applied, Ref, Update
from tieline.connectors.errors import ConnectorError, Rejected

from .desk import Desk
from .stands import OnJira, jira


@dataclass
class WatchDesk(OnJira, Desk):
    """A Jira whose connector mirrors watchers."""

    def person(self, name: str) -> str:
        return self.stand.sandbox.account_id(name) if self.stand.sandbox.world.cloud else name

    def let_watch(self, ref: Ref, *names: str) -> Applied | ConnectorError:
        record = self.record(ref)
        wanted = frozenset(map(self.person, names)) or None
        action = Update(ref, {"watches": wanted}, {"watches": record.values["watches"]}, record.version)
        return self.write(action)


@pytest.fixture(params=["cloud", "datacenter"])
def desk(request: pytest.FixtureRequest) -> Iterator[WatchDesk]:
    with jira(request.param, {"summary": "line", "watches": "people"}) as stand:
        yield WatchDesk("jira", stand.connector, stand=stand)


def test_watchers_come_and_go_one_by_one(desk: WatchDesk) -> None:
    ref = desk.raised()
    joe, beth = desk.person("joe.employee"), desk.person("beth.anglin")
    assert desk.record(ref).values["watches"] == frozenset({joe})
    assert isinstance(desk.let_watch(ref, "joe.employee", "beth.anglin"), Applied)
    assert desk.record(ref).values["watches"] == frozenset({joe, beth})
    assert isinstance(desk.let_watch(ref, "beth.anglin"), Applied)
    assert desk.record(ref).values["watches"] == frozenset({beth})
    assert isinstance(desk.let_watch(ref), Applied)
    before = desk.stand.log.total
    assert desk.record(ref).values["watches"] is None
    assert desk.stand.log.total == before + 1, "an issue without watchers costs no request of its own"


def test_we_are_no_watcher_ourselves(desk: WatchDesk) -> None:
    ref = desk.raised()
    issue = desk.stand.sandbox.site.store.get(ref.id)
    us = desk.stand.sandbox.world.user("tieline") or desk.stand.sandbox.world.user("tieline@example.com")
    assert issue is not None
    assert us is not None
    issue.watchers.append(us)
    assert desk.record(ref).values["watches"] == frozenset({desk.person("joe.employee")})


def test_a_watcher_that_jira_does_not_take_is_refused_by_field(desk: WatchDesk) -> None:
    ref = desk.raised()
    record = desk.record(ref)
    [outcome] = desk.connector.write(
        [Update(ref, {"watches": frozenset({"nobody"})}, {"watches": record.values["watches"]})]
    )
    assert isinstance(outcome, Rejected)
    assert "watches" in outcome.fields
