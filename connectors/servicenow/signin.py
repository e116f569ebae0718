"""How ServiceNow gives OAuth tokens: one address, three grants; what signs requests with them is elsewhere.

Source: ServiceNow, "OAuth 2.0" (endpoint /oauth_token.do, form-encoded). Client credentials need the property
glide.oauth.inbound.client.credential.grant_type.enabled and an OAuth application user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from tieline.connectors.http import HardenedAdapter
from tieline.connectors.oauth import Grant, token_grant

TOKEN_PATH: Final = "/oauth_token.do"  # noqa: S105  an address
SCOPE: Final = "useraccount"
"""Without it, tokens of scoped clients are refused: "Access to unscoped api is not allowed"."""


def password_grant(
    adapter: HardenedAdapter, client: tuple[str, str], user: str, password: str, now: Callable[[], datetime]
) -> Grant:
    """Tokens for a user and a password, asked for anew each time. `client` is its id and secret."""

    def body(_refresh: str) -> Mapping[str, str]:
        return {"grant_type": "password", "username": user, "password": password, **_client(client)}

    return _grant(adapter, body, now)


def refresh_grant(adapter: HardenedAdapter, client: tuple[str, str], now: Callable[[], datetime]) -> Grant:
    """Tokens for a refresh token (valid for 100 days unless the application says otherwise)."""

    def body(refresh: str) -> Mapping[str, str]:
        return {"grant_type": "refresh_token", "refresh_token": refresh, **_client(client)}

    return _grant(adapter, body, now)


def client_grant(adapter: HardenedAdapter, client: tuple[str, str], now: Callable[[], datetime]) -> Grant:
    """Tokens for the application alone, as its OAuth application user."""

    def body(_refresh: str) -> Mapping[str, str]:
        return {"grant_type": "client_credentials", **_client(client)}

    return _grant(adapter, body, now)


def _client(client: tuple[str, str]) -> dict[str, str]:
    client_id, secret = client
    return {"client_id": client_id, "client_secret": secret, "scope": SCOPE}


def _grant(
    adapter: HardenedAdapter, body: Callable[[str], Mapping[str, str]], now: Callable[[], datetime]
) -> Grant:
    url = f"{adapter.settings.base_url.rstrip('/')}{TOKEN_PATH}"
    return token_grant(adapter, url, body, form=True, now=now)
