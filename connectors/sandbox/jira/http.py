"""Requests and answers of the Jira stand-in: routing, credentials, headers; operations are elsewhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal

import orjson

from tieline.connectors.sandbox.core import Clock, Request, Response
from tieline.connectors.sandbox.jira.beans import View
from tieline.connectors.sandbox.jira.issues import Renderer
from tieline.connectors.sandbox.jira.model import ApiError, Deployment, Issue, User, bad_payload, not_found
from tieline.connectors.sandbox.jira.oauth import Authorizations
from tieline.connectors.sandbox.jira.settings import Settings
from tieline.connectors.sandbox.jira.store import Store
from tieline.connectors.sandbox.jira.world import World
from tieline.connectors.sandbox.jira.writes import Writer

JSON: Final = "application/json;charset=UTF-8"
BURST_LIMIT: Final = 350
"""What X-RateLimit-Limit says; nothing counts against it yet."""
_WANTS_ACCOUNT: Final = "Client must be authenticated to access this resource."
Strangers = Literal["refused", "empty", "blind", "welcome"]
"""What a request without valid credentials meets: 401, no results, nothing that exists, or an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: a status, a body to serialize (None: no body), and headers."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of one stand-in that operations work with."""

    world: World
    store: Store
    writer: Writer
    settings: Settings
    clock: Clock


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood: who calls (None: nobody known), what its path names, how to render."""

    site: Site
    request: Request
    params: Mapping[str, str]
    caller: User | None
    renderer: Renderer

    @property
    def view(self) -> View:
        """How the caller sees the site."""
        return self.renderer.view

    @property
    def author(self) -> User:
        """The caller, where there must be one."""
        if self.caller is None:
            raise not_found()
        return self.caller

    @property
    def adf(self) -> bool:
        """Whether texts are documents in this version of the API."""
        return self.view.adf

    def body(self) -> dict[str, Any]:
        """The JSON object in the body. Raises `ApiError` 400 or 415."""
        if "json" not in self.request.headers.get("content-type", ""):
            raise ApiError(415, ("Unsupported Media Type",))
        try:
            body = orjson.loads(self.request.body)
        except orjson.JSONDecodeError:
            raise ApiError(
                400, ("There was an error parsing JSON. Check that your request body is valid.",)
            ) from None
        if not isinstance(body, dict):
            raise bad_payload()
        return body

    def issue(self, name: str = "issueIdOrKey") -> Issue:
        """The issue that the path names. Raises `ApiError` 404 alike for missing, deleted and hidden ones."""
        found = self.site.store.get(self.params[name])
        if found is None or found.hidden or self.caller is None:
            raise not_found()
        return found

    def number(self, name: str, default: int) -> int:
        """A whole number among the query parameters, at least 0. Raises `ApiError` 400."""
        text = self.request.param(name)
        try:
            return max(0, int(text)) if text else default
        except ValueError:
            raise ApiError(400, (f"Failed to convert '{name}' with value: '{text}'",)) from None

    def several(self, name: str) -> list[str]:
        """All values of a query parameter that may be repeated or hold several with commas between."""
        return [v for k, values in self.request.query if k == name for v in values.split(",") if v]


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: method and path template below `/rest/api/{version}`."""

    method: str
    path: str
    handler: Handler
    strangers: Strangers = "refused"
    only: Deployment | None = None
    nothing: Any = None
    """The body for strangers who get no results."""


@dataclass(slots=True)
class Router:
    """Finds the operation that a path names; parts in braces match any one segment, literal ones first."""

    deployment: Deployment
    _tree: dict[str, Any] = field(default_factory=dict)

    def add(self, route: Route) -> None:
        """Serve one more operation, if this deployment has it."""
        if route.only not in (None, self.deployment):
            return
        node = self._tree
        for part in route.path.strip("/").split("/"):
            node = node.setdefault("{}" if part.startswith("{") else part, {})
        node.setdefault("", {})[route.method] = route

    def find(self, request: Request) -> tuple[Route | None, dict[str, str], str]:
        """The route, what its braces matched, and the version of the API; no route for an unknown path."""
        parts = request.path.strip("/").split("/")
        version = parts[2] if len(parts) > 2 else ""
        if parts[:2] != ["rest", "api"] or version not in (
            ("2", "3", "latest") if self.deployment == "cloud" else ("2", "latest")
        ):
            return None, {}, "2"
        matched: list[str] = []
        node = self._tree
        for part in parts[3:]:
            if part in node and part:
                node = node[part]
            elif "{}" in node:
                node = node["{}"]
                matched.append(part)
            else:
                return None, {}, "2"
        methods: dict[str, Route] = node.get("", {})
        route = methods.get(request.method)
        if route is None and methods:
            raise ApiError(405, (f"Method '{request.method}' is not supported.",))
        names = [p[1:-1] for p in route.path.split("/") if p.startswith("{")] if route else []
        return route, dict(zip(names, matched, strict=True)) if route else {}, "3" if version == "3" else "2"


@dataclass(slots=True)
class Accounts:
    """Who may call: tokens by e-mail address (Cloud), passwords or tokens by user name (Data Center).

    `scoped` tokens and those of OAuth hold on the API gateway only.
    """

    world: World
    tokens: Mapping[str, str]
    scoped: Mapping[str, str]
    oauth: Authorizations

    def caller(self, request: Request, *, gateway: bool) -> tuple[User | None, bool]:
        """The user that the credentials prove; and whether credentials were given but do not hold."""
        header = request.headers.get("authorization", "")
        scheme, _, value = header.partition(" ")
        books = (self.tokens, self.scoped) if gateway else (self.tokens,)
        match scheme.lower():
            case "":
                return None, False
            case "basic":
                handle, secret = _basic(value)
                known = any(book.get(handle) == secret for book in books if handle in book)
                user = self.world.user(handle) if known else None
            case "bearer":
                owner = next(
                    (h for book in books for h, token in book.items() if token == value.strip()), None
                ) or (self.oauth.owner(value.strip()) if gateway else "")
                user = self.world.user(owner) if owner else None
            case _:
                user = None
        return user, user is None


def _basic(value: str) -> tuple[str, str]:
    try:
        handle, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return handle, secret


def respond(
    answer: Answer, request: Request, caller: User | None, *, failed: bool, now: datetime, cloud: bool
) -> Response:
    """Serialize an answer, with the headers that stand on every one."""
    text = isinstance(answer.body, str)
    body = b"" if answer.body is None else answer.body.encode() if text else orjson.dumps(answer.body)
    names = {k.lower() for k, _ in answer.headers}
    headers = [
        *answer.headers,
        ("date", format_datetime(now.astimezone(UTC).replace(microsecond=0), usegmt=True)),
    ]
    if body and "content-type" not in names:
        headers.append(("content-type", "text/plain;charset=UTF-8" if text else JSON))
    trace = hashlib.blake2b(f"{now}{request.method}{request.path}".encode(), digest_size=16).hexdigest()
    headers += _cloud_headers(caller, trace, now) if cloud else _server_headers(caller, trace)
    if failed:
        headers.append(("x-seraph-loginreason", "AUTHENTICATED_FAILED"))
    elif not cloud and caller is not None:
        headers.append(("x-seraph-loginreason", "OK"))
    return Response(answer.status, body, tuple(headers))


def _cloud_headers(caller: User | None, trace: str, now: datetime) -> list[tuple[str, str]]:
    headers = [
        ("server", "AtlassianEdge"),
        ("timing-allow-origin", "*"),
        ("x-arequestid", trace),
        ("atl-traceid", trace),
        ("atl-request-id", f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"),
        ("cache-control", "no-cache, no-store, no-transform"),
        ("vary", "Accept-Encoding"),
        ("x-content-type-options", "nosniff"),
        ("x-ratelimit-limit", str(BURST_LIMIT)),
        ("x-ratelimit-remaining", str(BURST_LIMIT - 1)),
        ("x-ratelimit-reset", (now.astimezone(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%MZ")),
        ("x-ratelimit-nearlimit", "false"),
    ]
    if caller is not None:
        headers.append(("x-aaccountid", caller.id))
    return headers


def _server_headers(caller: User | None, trace: str) -> list[tuple[str, str]]:
    headers = [("x-arequestid", trace[:16]), ("cache-control", "no-cache, no-store, no-transform")]
    return headers if caller is None else [*headers, ("x-ausername", caller.name)]


def refuse_stranger(route: Route, *, failed: bool, cloud: bool) -> Answer:
    """The answer to a caller whom nobody knows."""
    if failed and not cloud:
        page = "<html><head><title>Unauthorized (401)</title></head><body>Failed to log in.</body></html>"
        return Answer(
            401,
            page,
            (("www-authenticate", 'OAuth realm="Jira"'), ("content-type", "text/html;charset=UTF-8")),
        )
    match route.strangers:
        case "empty":
            return Answer(200, route.nothing)
        case "blind":
            raise not_found()
        case _:
            challenge = (("www-authenticate", 'Basic realm="Jira"'),)
            if failed:
                return Answer(401, _WANTS_ACCOUNT, challenge)
            return Answer(401, {"message": _WANTS_ACCOUNT, "status-code": 401}, challenge)
