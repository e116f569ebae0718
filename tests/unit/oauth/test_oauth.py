"""OAuth against the stand-in: rotation, renewal, what survives a restart, and what is never shown."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Ref
from tieline.connectors.errors import Denied, StateError, Unavailable
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
from tieline.connectors.oauth import Renewing, TokenFile, refresh_grant
from tieline.connectors.sandbox.core import DROPPED, Fault, RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CLIENT, SECRET, ME = "app-1", "app-secret-7", "tieline@example.com"


@dataclass
class World:
    jira: JiraSandbox
    server: Server
    clock: VirtualClock
    file: Path
    first: str

    def signer(self, first: str = "", secret: str = SECRET) -> Renewing:
        first = first or self.first
        timing = Timing(now=self.clock.now, sleep=lambda _: None)
        adapter = HardenedAdapter(HttpSettings(self.server.url, timeout_s=5), timing=timing)
        grant = refresh_grant(adapter, f"{self.server.url}/oauth/token", CLIENT, secret, self.clock.now)
        return Renewing(grant, first, TokenFile(self.file, first), self.clock.now)

    def connector(self, signer: Renewing | None = None) -> JiraConnector:
        gateway = f"{self.server.url}/ex/jira/{self.jira.cloud_id}"
        settings = JiraSettings(
            url="https://example.atlassian.net", api_url=gateway, deployment="cloud",
            places=(("OPS", "Incident"),), fields={"summary": "line"}, marker="customfield_10042",
        )  # fmt: skip
        timing = Timing(now=self.clock.now, sleep=lambda _: None)
        adapter = HardenedAdapter(HttpSettings(gateway, timeout_s=5), only_reads, timing)
        return JiraConnector(settings, signer or self.signer(), adapter, self.clock.now)

    @property
    def renewals(self) -> int:
        return self.server.log.operations["jira", "POST (unknown)"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = VirtualClock(START)
    jira = JiraSandbox(clock, accounts={ME: "unused"})
    server = Server(jira, RequestLog()).start()
    first = jira.oauth.authorize(CLIENT, SECRET, ME)
    yield World(jira, server, clock, tmp_path / "jira-oauth.json", first)
    server.stop()


def test_a_refresh_token_becomes_access_on_the_gateway_only(world: World) -> None:
    connector = world.connector()
    assert connector.identity().id == world.jira.account_id("tieline")
    ticket = world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Mail is down"})
    (record,) = connector.read([Ref("jira", ticket.id)])
    assert getattr(record, "url", "") == f"https://example.atlassian.net/browse/{ticket.key}"
    assert world.renewals == 1


def test_a_token_is_renewed_before_it_ends(world: World) -> None:
    connector = world.connector()
    connector.identity()
    world.clock.advance(timedelta(minutes=59, seconds=30))
    connector.identity()
    assert world.renewals == 2
    assert world.server.log.statuses["jira", 401] == 0


def test_a_token_that_ends_early_is_renewed_once_and_the_write_is_made_once(world: World) -> None:
    connector = world.connector()
    connector.identity()
    connector.read([Ref("jira", "1")])
    world.jira.oauth.expire()
    connector.identity()
    assert world.renewals == 2
    assert world.server.log.statuses["jira", 401] == 1


def test_a_process_that_starts_again_goes_on_with_what_was_kept(world: World) -> None:
    world.connector().identity()
    world.clock.advance(timedelta(hours=2))
    world.connector().identity()
    world.connector().identity()
    assert world.renewals == 2


def test_the_new_token_is_on_disk_before_it_is_used(world: World) -> None:
    kept: list[bool] = []

    def look(request: Any) -> None:
        if "myself" in request.path:
            access = json.loads(world.file.read_text())["access"]
            kept.append(request.headers["authorization"] == f"Bearer {access}")

    world.jira.faults.append(Fault("look", before=look))
    world.connector().identity()
    assert kept == [True]


def test_the_file_is_for_its_owner_only_and_refused_otherwise(world: World) -> None:
    world.connector().identity()
    assert stat.S_IMODE(world.file.stat().st_mode) == 0o600
    assert list(world.file.parent.glob("*.new")) == []
    world.file.chmod(0o644)
    with pytest.raises(StateError, match="chmod 600"):
        world.connector().identity()


def test_a_broken_file_says_what_to_do(world: World) -> None:
    world.file.touch(0o600)
    world.file.write_text("{")
    with pytest.raises(StateError, match="sign in anew"):
        world.connector().identity()


def test_another_sign_in_replaces_what_was_kept(world: World) -> None:
    world.connector().identity()
    anew = world.jira.oauth.authorize(CLIENT, SECRET, ME)
    world.connector(world.signer(anew)).identity()
    assert world.renewals == 2


def test_a_spent_refresh_token_stops_the_side_and_shows_nothing(world: World) -> None:
    world.connector().identity()
    world.file.unlink()
    with pytest.raises(Denied, match="sign in anew") as raised:
        world.connector().identity()
    assert world.first not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_wrong_client_secret_is_denied(world: World) -> None:
    with pytest.raises(Denied):
        world.connector(world.signer(secret="wrong-secret")).identity()


def test_a_silent_authorization_server_makes_the_side_unavailable(world: World) -> None:
    world.jira.faults.append(
        Fault("down", before=lambda r: DROPPED if r.path == "/oauth/token" else None, times=1)
    )
    connector = world.connector()
    with pytest.raises(Unavailable, match="renewal"):
        connector.identity()
    assert connector.identity().id


def test_many_threads_renew_once(world: World) -> None:
    signer = world.signer()
    connectors = [world.connector(signer) for _ in range(2)]
    threads = [threading.Thread(target=connectors[n % 2].identity) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.renewals == 1


def test_no_token_in_any_repr(world: World) -> None:
    signer = world.signer()
    world.connector(signer).identity()
    access = json.loads(world.file.read_text())["access"]
    for thing in (signer, TokenFile(world.file, world.first), TokenFile(world.file, world.first).read()):
        assert access not in repr(thing)
        assert world.first not in repr(thing)
