"""OAuth 2.0 (3LO) as Atlassian's authorization server does it: refresh tokens rotate, each is for one use.

It is served beside the site; the access tokens hold on the API gateway only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from tieline.connectors.sandbox.core import Clock, Request, Response

PATH: Final = "/oauth/token"
LIFE: Final = timedelta(hours=1)
_JSON: Final = (("Content-Type", "application/json"),)


@dataclass(slots=True)
class Authorizations:
    """Who let which client act for them, and the tokens of that.

    `leeway` is how long a refresh token that was used still works (a switch: Atlassian documents ten minutes,
    clients report none).
    """

    clock: Clock
    seed: int
    leeway: timedelta = timedelta(0)
    life: timedelta = LIFE
    _clients: dict[str, str] = field(default_factory=dict)
    _refresh: dict[str, tuple[str, str]] = field(default_factory=dict)
    _used: dict[str, datetime] = field(default_factory=dict)
    _access: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _count: int = 0

    def authorize(self, client_id: str, client_secret: str, user: str) -> str:
        """What a person's consent in the browser comes to: the first refresh token."""
        self._clients[client_id] = client_secret
        return self._issue(client_id, user)

    def owner(self, access: str) -> str:
        """Whom an access token stands for; "" if it does not hold."""
        user, until = self._access.get(access, ("", self.clock.now()))
        return user if self.clock.now() < until else ""

    def expire(self) -> None:
        """Let every access token end now."""
        self._access.clear()

    def handle(self, request: Request) -> Response:
        """`POST /oauth/token` with grant type refresh_token, as JSON."""
        try:
            body = request.json()
        except ValueError:
            body = None
        if request.method != "POST" or not isinstance(body, dict):
            return _refused(400, "invalid_request", "the body is not JSON")
        client = str(body.get("client_id", ""))
        if not client or self._clients.get(client) != body.get("client_secret"):
            return _refused(401, "access_denied", "Unauthorized")
        if body.get("grant_type") != "refresh_token":
            return _refused(400, "invalid_request", "grant_type must be refresh_token here")
        return self._renew(client, str(body.get("refresh_token", "")))

    def _renew(self, client: str, refresh: str) -> Response:
        now = self.clock.now()
        owner = self._refresh.get(refresh)
        used = self._used.get(refresh)
        spent = used is not None and now >= used + self.leeway
        if owner is None or owner[0] != client or spent:
            return _refused(403, "unauthorized_client", "refresh_token is invalid")
        self._used.setdefault(refresh, now)
        access = self._token("access")
        self._access[access] = (owner[1], now + self.life)
        answer = {
            "access_token": access,
            "refresh_token": self._issue(*owner),
            "expires_in": int(self.life.total_seconds()),
            "token_type": "Bearer",
            "scope": "read:jira-work write:jira-work offline_access",
        }
        return Response(200, json.dumps(answer).encode(), _JSON)

    def _issue(self, client: str, user: str) -> str:
        token = self._token("refresh")
        self._refresh[token] = (client, user)
        return token

    def _token(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{Random(f'{self.seed} {kind} {self._count}').getrandbits(160):040x}"


def _refused(status: int, error: str, words: str) -> Response:
    return Response(status, json.dumps({"error": error, "error_description": words}).encode(), _JSON)
