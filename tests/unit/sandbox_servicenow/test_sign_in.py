"""Tokens of the stand-in: how long they hold, and what ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.accounts import Client

READ = "/api/now/table/incident"


def granted(call: Any, **asked: str) -> dict[str, Any]:
    form = urlencode({"client_id": "app", "client_secret": "hush", **asked}).encode()
    answer = call("POST", "/oauth_token.do", form, {"authorization": None})
    assert answer.status == 200
    return dict(answer.json)


def first(desk: ServiceNowSandbox, call: Any) -> dict[str, Any]:
    desk.sign_in.clients["app"] = Client("hush", user="tieline")
    return granted(call, grant_type="password", username="tieline", password="correct horse")


def status(call: Any, token: str) -> int:
    return int(call("GET", READ, None, {"authorization": f"Bearer {token}"}).status)


def test_a_token_holds_for_1799_seconds(desk: ServiceNowSandbox, clock: VirtualClock, call: Any) -> None:
    told = first(desk, call)
    assert told["expires_in"] == 1799
    clock.advance(timedelta(seconds=1798))
    assert status(call, told["access_token"]) == 200
    clock.advance(timedelta(seconds=1))
    assert status(call, told["access_token"]) == 401


def test_revoked_tokens_end_at_once_and_the_refresh_token_stays(desk: ServiceNowSandbox, call: Any) -> None:
    told = first(desk, call)
    assert status(call, told["access_token"]) == 200
    desk.accounts.revoke()
    assert status(call, told["access_token"]) == 401
    again = granted(call, grant_type="refresh_token", refresh_token=told["refresh_token"])
    assert status(call, again["access_token"]) == 200
