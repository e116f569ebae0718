"""Says whose request it is: basic authentication; tokens and lock-out come with a later profile."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from tieline.connectors.sandbox.core import Request
from tieline.connectors.sandbox.servicenow.answers import unauthenticated


class Accounts:
    """Passwords by user name."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)

    def __repr__(self) -> str:
        return f"Accounts({', '.join(sorted(self._passwords))})"

    def user_of(self, request: Request) -> str:
        """The user name behind the credentials; `Refusal` (401) if they are missing or wrong."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "basic":
            raise unauthenticated()
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise unauthenticated() from None
        known = self._passwords.get(user)
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            raise unauthenticated()
        return user
