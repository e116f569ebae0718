"""Who we are to a system: credentials as values that never show their secret, and how they sign a request.

Where secrets come from is the configuration's business; nothing here reads one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from tieline.connectors.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A user name (ServiceNow), or e-mail address (Jira Cloud), and its password or API token."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A token on its own: a personal access token of Jira Data Center, an OAuth access token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyAuth:
    """A key in a header of its own, e.g. `x-sn-apikey` of ServiceNow's inbound REST API keys."""

    header: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CertificateAuth:
    """Nothing in the request: the client certificate of the connection says who we are (mutual TLS)."""


Auth = BasicAuth | BearerAuth | KeyAuth | CertificateAuth


class _Unsigned(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _HeaderAuth(AuthBase):
    def __init__(self, header: str, value: str) -> None:
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"the secret for {header} holds what no header can carry (a line break?)")
        self._header = header
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._header] = self._value
        return request


def signer(auth: Auth) -> AuthBase:
    """What requests calls to sign each request; user names and passwords travel as UTF-8 (RFC 7617).

    ConfigError, without the secret, if a header cannot carry it.
    """
    match auth:
        case BasicAuth(user, password):
            return HTTPBasicAuth(user.encode(), password.encode())
        case BearerAuth(token):
            return _HeaderAuth("Authorization", f"Bearer {token}")
        case KeyAuth(header, key):
            return _HeaderAuth(header, key)
        case CertificateAuth():
            return _Unsigned()
        case _:
            assert_never(auth)
