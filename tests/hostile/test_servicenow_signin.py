"""Signing in to ServiceNow: what the stand-in demands, and what the client does about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tieline.connectors.auth import BasicAuth, KeyAuth
from tieline.connectors.base import Create, Ref
from tieline.connectors.errors import ConnectorError, Denied
from tieline.connectors.http import HardenedAdapter, HttpSettings
from tieline.connectors.oauth import Renewing, TokenFile
from tieline.connectors.sandbox.core import RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.accounts import Client
from tieline.connectors.servicenow import signin
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.settings import ServiceNowSettings

from .storm import timing

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
PASSWORD = "correct horse"
CLIENT = ("tieline-app", "client-hush")
TOKENS = ("servicenow", "POST /oauth_token.do")


@dataclass
class Gate:
    """An instance and clients of it, on one clock."""

    sandbox: ServiceNowSandbox
    server: Server
    clock: VirtualClock

    def adapter(self) -> HardenedAdapter:
        return HardenedAdapter(HttpSettings(self.server.url, timeout_s=5), timing=timing(self.clock))

    def connector(self, auth: Any, adapter: HardenedAdapter | None = None) -> ServiceNowConnector:
        settings = ServiceNowSettings("incident", {"short_description": "line"})
        return ServiceNowConnector(settings, adapter or self.adapter(), auth, timing(self.clock))

    def by_password(self) -> ServiceNowConnector:
        adapter = self.adapter()
        grant = signin.password_grant(adapter, CLIENT, "tieline", PASSWORD, self.clock.now)
        return self.connector(Renewing(grant, now=self.clock.now), adapter)

    @property
    def tokens(self) -> int:
        return self.server.log.operations[TOKENS]

    def later(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))


@pytest.fixture
def gate() -> Iterator[Gate]:
    clock = VirtualClock(START)
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": PASSWORD}, seed=5)
    sandbox.sign_in.clients[CLIENT[0]] = Client(CLIENT[1], user="tieline")
    server = Server(sandbox, RequestLog(), lock=sandbox.lock).start()
    yield Gate(sandbox, server, clock)
    server.stop()


def test_a_token_is_asked_for_once_and_renewed_before_it_expires(gate: Gate) -> None:
    connector = gate.by_password()
    assert connector.identity().name
    connector.identity()
    assert gate.tokens == 1
    gate.later(seconds=1750)  # 49 s before its end
    connector.identity()
    assert gate.tokens == 2
    assert gate.server.log.statuses["servicenow", 401] == 0


def test_a_revoked_token_is_renewed_once_after_a_401_and_the_write_is_made_once(gate: Gate) -> None:
    connector = gate.by_password()
    connector.identity()
    gate.sandbox.accounts.revoke()
    create = Create("servicenow", "incident", {"short_description": "x"}, "m:r:1", Ref("jira", "1"))
    connector.write([create])
    assert gate.tokens == 2
    assert len(gate.sandbox.rows()) == 1


def test_a_token_that_is_refused_twice_is_denied(gate: Gate) -> None:
    connector = gate.by_password()
    connector.identity()
    user = gate.sandbox.sign_in
    user.clients[CLIENT[0]] = Client("another secret")
    gate.sandbox.accounts.revoke()
    with pytest.raises(Denied) as caught:
        connector.identity()
    assert PASSWORD not in str(caught.value)
    assert CLIENT[1] not in str(caught.value)


@pytest.mark.parametrize("rotates", [False, True])
def test_a_refresh_token_is_kept_whether_it_rotates_or_not(gate: Gate, tmp_path: Path, rotates: bool) -> None:
    gate.sandbox.sign_in.rotates = rotates
    form = {"grant_type": "password", "username": "tieline", "password": PASSWORD}
    form |= {"client_id": CLIENT[0], "client_secret": CLIENT[1]}
    signed = requests.post(f"{gate.server.url}/oauth_token.do", data=form, timeout=5).json()
    assert signed["expires_in"] == 1799
    assert signed["token_type"] == "Bearer"
    first = signed["refresh_token"]

    def connector() -> ServiceNowConnector:
        adapter, kept = gate.adapter(), TokenFile(tmp_path / "tokens.json", first)
        grant = signin.refresh_grant(adapter, CLIENT, gate.clock.now)
        return gate.connector(Renewing(grant, first, kept, gate.clock.now), adapter)

    for _ in range(3):  # three processes, each after the token of the last expired
        connector().identity()
        gate.later(hours=1)
    assert gate.tokens == 4
    assert (tmp_path / "tokens.json").stat().st_mode & 0o077 == 0
    assert (json.loads((tmp_path / "tokens.json").read_text())["refresh"] == first) is not rotates


def test_an_application_signs_in_for_itself_where_the_property_allows(gate: Gate) -> None:
    adapter = gate.adapter()
    grant = signin.client_grant(adapter, CLIENT, gate.clock.now)
    connector = gate.connector(Renewing(grant, now=gate.clock.now), adapter)
    assert connector.identity().id == gate.sandbox.rows("sys_user")[-1]["sys_id"]
    gate.sandbox.sign_in.client_credentials = False
    gate.sandbox.accounts.revoke()
    with pytest.raises(Denied):
        connector.identity()


def test_a_scoped_client_asks_for_its_scope(gate: Gate) -> None:
    gate.sandbox.sign_in.clients[CLIENT[0]] = Client(CLIENT[1], "tieline", scoped=True)
    form = {"grant_type": "client_credentials", "client_id": CLIENT[0], "client_secret": CLIENT[1]}
    token = requests.post(f"{gate.server.url}/oauth_token.do", data=form, timeout=5).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    answer = requests.get(f"{gate.server.url}/api/now/table/incident", headers=headers, timeout=5)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Access to unscoped api is not allowed"
    assert gate.by_password().identity()


def test_an_api_key_names_its_user(gate: Gate) -> None:
    gate.sandbox.sign_in.keys["k3y"] = "tieline"
    assert gate.connector(KeyAuth("x-sn-apikey", "k3y")).identity().id
    with pytest.raises(Denied):
        gate.connector(KeyAuth("x-sn-apikey", "guess")).identity()


def test_the_gate_turns_away_a_correct_password_unless_the_account_is_exempt(gate: Gate) -> None:
    gate.sandbox.sign_in.gate = True
    with pytest.raises(Denied):
        gate.connector(BasicAuth("tieline", PASSWORD)).identity()
    assert gate.by_password().identity()
    gate.sandbox.sign_in.exempt.add("tieline")
    assert gate.connector(BasicAuth("tieline", PASSWORD)).identity()


def test_six_wrong_passwords_lock_the_account_and_the_client_tries_once_a_pass(gate: Gate) -> None:
    wrong = gate.connector(BasicAuth("tieline", "guess"))
    right = gate.connector(BasicAuth("tieline", PASSWORD))
    for _ in range(5):
        before = gate.server.log.total
        with pytest.raises(Denied):
            wrong.identity()
        assert gate.server.log.total == before + 1  # a wrong password is never tried again by itself
    assert right.identity()  # five are forgiven
    for _ in range(6):
        with pytest.raises(Denied):
            wrong.identity()
    with pytest.raises(Denied):
        right.identity()
    gate.sandbox.accounts.unlock("tieline")
    assert right.identity()


def test_a_second_factor_is_asked_for_in_a_header(gate: Gate) -> None:
    gate.sandbox.sign_in.mfa.add("tieline")
    answer = requests.get(
        f"{gate.server.url}/api/now/table/incident", auth=("tieline", PASSWORD),
        headers={"Accept": "application/json"}, timeout=5,
    )  # fmt: skip
    assert (answer.status_code, answer.headers["X-MFA_TOKEN"]) == (401, "invalid")
    with pytest.raises(Denied, match="second factor"):
        gate.connector(BasicAuth("tieline", PASSWORD)).identity()


def test_an_instance_that_drops_scripts_from_queries_is_not_believed(gate: Gate) -> None:
    gate.sandbox.sign_in.keys["k3y"] = "tieline"
    gate.sandbox.access.scripts = False
    with pytest.raises(Denied):
        gate.connector(KeyAuth("x-sn-apikey", "k3y")).identity()


def test_no_secret_is_in_any_failure(gate: Gate) -> None:
    connector = gate.by_password()
    gate.server.stop()
    with pytest.raises(ConnectorError) as caught:
        connector.identity()
    assert not any(secret in str(caught.value) for secret in (PASSWORD, CLIENT[1]))
