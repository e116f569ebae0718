"""Says whose request it is: passwords, OAuth tokens, API keys; a gate and a lock-out where they are on."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final, NoReturn
from urllib.parse import parse_qsl

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.servicenow.answers import Refusal, answer, unauthenticated

TOKEN_PATH: Final = "/oauth_token.do"  # noqa: S105  an address
LIFE: Final = timedelta(seconds=1799)
"""How long an access token holds, as its `expires_in` tells."""
REFRESH_LIFE: Final = timedelta(days=100)
LOCK_AFTER: Final = 6
SCOPE: Final = "useraccount"
KEY_HEADER: Final = "x-sn-apikey"


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth application. `user` is its application user (client credentials); `scoped` ones must ask for
    the scope "useraccount".
    """

    secret: str = field(repr=False)
    user: str = ""
    scoped: bool = False


@dataclass(slots=True)
class SignIn:
    """How accounts may sign in; every switch is off on a fresh instance.

    `gate` is glide.authenticate.basic_auth.restriction.enforce with its date passed: only `exempt` users
    (role snc_basic_auth_api_access, or web service access only) may use a password. `mfa` users are asked for
    a second factor. `locks` locks an account after six wrong passwords. `client_credentials` is the property
    glide.oauth.inbound.client.credential.grant_type.enabled. `rotates` gives a new refresh token each time.
    `certificates` maps a certificate's name, as a trusted proxy hands it on, to a user.
    """

    clients: dict[str, Client] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict, repr=False)
    certificates: dict[str, str] = field(default_factory=dict)
    gate: bool = False
    exempt: set[str] = field(default_factory=set)
    mfa: set[str] = field(default_factory=set)
    locks: bool = True
    client_credentials: bool = True
    rotates: bool = False


@dataclass(slots=True)
class _Token:
    user: str
    client: str
    until: datetime
    scope: str


class Accounts:
    """Passwords by user name, and the tokens given out. `now` is the server's time."""

    def __init__(
        self, passwords: Mapping[str, str], sign_in: SignIn, now: Callable[[], datetime], random: Random
    ) -> None:
        self._passwords = dict(passwords)
        self._sign_in = sign_in
        self._now = now
        self._random = random
        self._failures: dict[str, int] = {}
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}

    def __repr__(self) -> str:
        return f"Accounts({', '.join(sorted(self._passwords))})"

    def unlock(self, user: str) -> None:
        """An administrator unlocks an account."""
        self._failures.pop(user, None)

    def revoke(self) -> None:
        """All access tokens end now, as when somebody revokes them; refresh tokens stay."""
        self._access.clear()

    def user_of(self, request: Request) -> str:
        """The user name behind the credentials; `Refusal` (401, or 403 for an unscoped token)."""
        key = request.headers.get(KEY_HEADER)
        if key is not None:
            return self._sign_in.keys.get(key) or _nobody()
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        match scheme.casefold():
            case "bearer":
                return self._bearer(credentials)
            case "basic":
                return self._basic(credentials)
        return self._sign_in.certificates.get(request.headers.get("x-client-certificate", "")) or _nobody()

    def token(self, request: Request) -> Response:
        """`POST /oauth_token.do`: errors as in RFC 6749, 5.2."""
        asked = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        client = self._sign_in.clients.get(asked.get("client_id", ""))
        if request.method != "POST" or client is None or not _same(client.secret, asked.get("client_secret")):
            return _refused("invalid_client", "access_denied")
        user = self._granted(asked, client)
        if user is None:
            return _refused("access_denied", "access_denied")
        return self._given(user, asked)

    def _granted(self, asked: Mapping[str, str], client: Client) -> str | None:
        match asked.get("grant_type"):
            case "password":
                user = asked.get("username", "")
                return user if self._knows(user, asked.get("password", "")) else None
            case "refresh_token":
                token = self._refresh.get(asked.get("refresh_token", ""))
                holds = token is not None and token.until > self._now()
                return token.user if token is not None and holds else None
            case "client_credentials" if self._sign_in.client_credentials:
                return client.user or None
            case _:
                return None

    def _given(self, user: str, asked: Mapping[str, str]) -> Response:
        scope, client = asked.get("scope", ""), asked["client_id"]
        access = self._made(self._access, _Token(user, client, self._now() + LIFE, scope))
        body = {
            "access_token": access,
            "scope": scope or SCOPE,
            "token_type": "Bearer",
            "expires_in": int(LIFE.total_seconds()),
        }
        if asked["grant_type"] != "client_credentials":
            body["refresh_token"] = self._refresh_token(user, asked, scope)
        return answer(200, body)

    def _refresh_token(self, user: str, asked: Mapping[str, str], scope: str) -> str:
        used = asked.get("refresh_token", "")
        if used and not self._sign_in.rotates:
            return used
        self._refresh.pop(used, None)
        until = self._now() + REFRESH_LIFE
        return self._made(self._refresh, _Token(user, asked["client_id"], until, scope))

    def _made(self, tokens: dict[str, _Token], token: _Token) -> str:
        text = f"{self._random.getrandbits(256):064x}"
        tokens[text] = token
        return text

    def _bearer(self, credentials: str) -> str:
        token = self._access.get(credentials)
        if token is None or token.until <= self._now():
            raise unauthenticated()
        client = self._sign_in.clients.get(token.client)
        if client is not None and client.scoped and token.scope != SCOPE:
            raise Refusal(403, "Access to unscoped api is not allowed", "")
        return token.user

    def _basic(self, encoded: str) -> str:
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise unauthenticated() from None
        if not self._knows(user, password):
            raise unauthenticated()
        if self._sign_in.gate and user not in self._sign_in.exempt:
            raise unauthenticated()
        if user in self._sign_in.mfa:
            words = unauthenticated()
            raise Refusal(401, words.message, words.detail, (*words.headers, ("X-MFA_TOKEN", "invalid")))
        return user

    def _knows(self, user: str, password: str) -> bool:
        """Whether it is the password; six wrong ones in a row lock the account."""
        if self._sign_in.locks and self._failures.get(user, 0) >= LOCK_AFTER:
            return False
        right = _same(self._passwords.get(user), password)
        self._failures[user] = 0 if right else self._failures.get(user, 0) + 1
        return right


def _same(known: str | None, said: str | None) -> bool:
    return known is not None and said is not None and hmac.compare_digest(known.encode(), said.encode())


def _nobody() -> NoReturn:
    raise unauthenticated()


def _refused(error: str, description: str) -> Response:
    return answer(401, {"error_description": description, "error": error})
