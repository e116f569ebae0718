"""OAuth access tokens: signs with one, renews it before it expires and once after a 401, keeps what rotates.

How a token is asked for is the caller's business (`Grant`); nothing here knows either vendor's address.

    grant = refresh_grant(adapter, token_url, client_id, client_secret)
    session.auth = Renewing(grant, first_refresh_token, TokenFile(path), now)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests
from filelock import FileLock
from requests.auth import AuthBase

from tieline.connectors.answers import Said, describe, is_limit, lost
from tieline.connectors.errors import ConfigError, Denied, RateLimited, StateError, Unavailable, Unknown
from tieline.connectors.http import HardenedAdapter, harden

MARGIN: Final = timedelta(seconds=60)
"""So long before its end a token is renewed: it must outlive the request that carries it."""
UNTOLD: Final = timedelta(minutes=30)
"""How long a token is taken to live whose end was not told."""
_PRIVATE: Final = 0o600
_AGAIN: Final = "X-Tieline-Renewed"


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token, until when it holds (UTC), and what asks for the next one ("" for nothing)."""

    access: str = field(repr=False)
    expires: datetime
    refresh: str = field(default="", repr=False)


Grant = Callable[[str], Tokens]
"""Asks for tokens with a refresh token. `Denied` if it does not hold, `Unavailable` if nobody answers."""


class TokenFile:
    """Keeps rotating tokens in a file that only its owner can read.

    A refresh token is good for one use (RFC 9700, 4.14.2; Atlassian: "rotating refresh tokens"): whoever
    loses the new one is locked out. So it is on disk before its access token is used, written beside and
    renamed, and a lock keeps two processes from spending the same one. `seed` is the refresh token of the
    configuration: another one there means that somebody has signed in anew, and what is kept is forgotten.
    """

    def __init__(self, path: Path, seed: str) -> None:
        self.path = path
        self._seed = hashlib.sha256(seed.encode()).hexdigest()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While nobody else reads to renew."""
        with FileLock(f"{self.path}.lock", mode=_PRIVATE):
            yield

    def read(self) -> Tokens | None:
        """What is kept; None if nothing is, or from another sign-in.

        `StateError` if others may read the file, or it is no file of tokens.
        """
        try:
            if os.name == "posix" and stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                raise StateError(
                    f"{self.path} may be read by others than its owner: chmod 600 it, and sign in anew"
                )
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["seed"] != self._seed:
                return None
            return Tokens(kept["access"], datetime.fromisoformat(kept["expires"]), kept["refresh"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise StateError(
                f"{self.path} does not hold tokens that can be read: remove it, and sign in anew"
            ) from None

    def write(self, tokens: Tokens) -> None:
        """Keep these instead, on the disk when this returns."""
        body = json.dumps({**asdict(tokens), "expires": tokens.expires.isoformat(), "seed": self._seed})
        beside = self.path.with_name(f"{self.path.name}.new")
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        try:
            handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise StateError(
                f"{self.path} cannot be written ({error.strerror}): new tokens would be lost"
            ) from None


class Renewing(AuthBase):
    """Signs each request with an access token that holds. Safe to use from many threads.

    `first` is what the first token is asked for with; `kept` where tokens that rotate outlive the process
    (None: nowhere, for grants that can be repeated). Signing raises what the grant raises.
    """

    def __init__(
        self,
        grant: Grant,
        first: str = "",
        kept: TokenFile | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._grant = grant
        self._first = first
        self._kept = kept
        self._now = now
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request; its answer of 401 is tried once more with a new token."""
        _sign(request, self._current(""))
        request.register_hook("response", self._again)  # type: ignore[no-untyped-call]
        return request

    def _current(self, refused: str) -> Tokens:
        """A token that holds and is not the one that was `refused`."""
        with self._lock:
            tokens = self._tokens
            if tokens is None or self._spent(tokens, refused):
                tokens = self._tokens = self._renewed(refused)
            return tokens

    def _spent(self, tokens: Tokens, refused: str) -> bool:
        return tokens.access == refused or tokens.expires - MARGIN <= self._now()

    def _renewed(self, refused: str) -> Tokens:
        if self._kept is None:
            return self._grant(self._first)
        with self._kept.locked():
            kept = self._kept.read()
            if kept is not None and not self._spent(kept, refused):
                return kept  # another process was first
            tokens = self._grant(kept.refresh if kept else self._first)
            self._kept.write(tokens)
            return tokens

    def _again(self, response: requests.Response, **options: Any) -> requests.Response:
        request = response.request
        if response.status_code != 401 or _AGAIN in request.headers:
            return response
        _ = response.content  # gives the connection back
        used = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        again = request.copy()
        _sign(again, self._current(used))
        again.headers[_AGAIN] = "1"
        repeated: requests.Response = response.connection.send(again, **options)
        repeated.history.append(response)
        return repeated


def _sign(request: requests.PreparedRequest, tokens: Tokens) -> None:
    request.headers["Authorization"] = f"Bearer {tokens.access}"


def token_grant(
    adapter: HardenedAdapter, url: str, body: Callable[[str], Mapping[str, str]], *, form: bool,
    now: Callable[[], datetime],
) -> Grant:  # fmt: skip
    """A grant that posts `body(refresh token)` to `url`, as a form (RFC 6749) or as JSON (Atlassian).

    It is sent once: a second try with a refresh token that was spent would end the whole sign-in.
    """
    session = harden(requests.Session(), adapter)
    what = "the renewal of the access token"

    def grant(refresh: str) -> Tokens:
        sent = dict(body(refresh))
        options: dict[str, Any] = {"data": sent} if form else {"json": sent}
        try:
            response = session.post(url, headers={"Accept": "application/json"}, **options)
        except requests.RequestException as error:
            failure = lost(error, what, write=True)
            raise (
                Unavailable(f"{failure}; it is tried again") if isinstance(failure, Unknown) else failure
            ) from None
        return _granted(response, refresh, what, now())

    return grant


def _granted(response: requests.Response, refresh: str, what: str, now: datetime) -> Tokens:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    access = answer.get("access_token")
    if response.ok and isinstance(access, str) and access:
        told = answer.get("expires_in")
        life = timedelta(seconds=float(told)) if isinstance(told, int | float | str) and told else UNTOLD
        return Tokens(access, now + life, str(answer.get("refresh_token") or refresh))
    unsaid = "it holds no access token" if response.ok else ""
    words = str(answer.get("error_description") or answer.get("error") or unsaid)
    why = describe(response, what, Said(words) if words else None)
    if is_limit(response):
        raise RateLimited(why)
    if response.status_code >= 500 or response.ok:
        raise Unavailable(why)
    raise Denied(f"{why}; sign in anew, and put the new refresh token into the configuration")


def refresh_grant(
    adapter: HardenedAdapter, url: str, client_id: str, client_secret: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Grant:  # fmt: skip
    """Atlassian's grant of OAuth 2.0 (3LO): JSON, and a new refresh token with each access token."""
    if not client_id:
        raise ConfigError("OAuth needs the client's id")

    def body(refresh: str) -> Mapping[str, str]:
        return {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh,
        }

    return token_grant(adapter, url, body, form=False, now=now)
