"""A Jira stand-in and clients of it, in process and over real HTTP."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tieline.connectors.sandbox.core import Request, RequestLog, Response, Server, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

START = datetime(2026, 3, 4, 9, 30, 15, 250_000, tzinfo=UTC)
EMAIL, NAME, SECRET = "tieline@example.com", "tieline", "not-a-secret"
SHARED = Path(os.environ.get("TIELINE_SHARED", Path(__file__).resolve().parents[4] / "shared"))


def doc(*paragraphs: str) -> dict[str, Any]:
    """A document of plain paragraphs."""
    content = [{"type": "paragraph", "content": [{"type": "text", "text": p}]} for p in paragraphs]
    return {"type": "doc", "version": 1, "content": content}


@dataclass
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass
class Client:
    """Calls the stand-in as the server would; `root` is the API's path."""

    site: JiraSandbox
    root: str = "/rest/api/3"
    user: str | None = EMAIL
    secret: str = SECRET
    extra: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        headers = {"host": "jira.test", **self.extra}
        if self.user is not None:
            pair = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        raw = b""
        if body is not None:
            headers.setdefault("content-type", "application/json")
            raw = json.dumps(body).encode()
        pairs = [(k, v) for k, vs in query.items() for v in (vs if isinstance(vs, list) else [vs])]
        full = path if path.startswith(("/rest/", "/ex/")) else self.root + path
        return _reply(self.site.handle(Request(method, full, tuple(pairs), headers, raw)))

    def create(self, **fields: Any) -> str:
        """Raise an incident; its id."""
        known = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "Printer on fire"}
        reply = self("POST", "/issue", {"fields": known | fields})
        assert reply.status == 201, reply.body
        return str(reply.body["id"])

    def read(self, issue: str, **query: Any) -> Any:
        """An issue; it must be there."""
        reply = self("GET", f"/issue/{issue}", **query)
        assert reply.status == 200, reply.body
        return reply.body

    def found(self, jql: str, **more: Any) -> list[str]:
        """Ids that a search gives, over all its pages."""
        ids: list[str] = []
        token: str | None = None
        while True:
            body = {"jql": jql} | more | ({"nextPageToken": token} if token else {})
            reply = self("POST", "/search/jql", body)
            assert reply.status == 200, reply.body
            ids += [i["id"] for i in reply.body["issues"]]
            token = reply.body.get("nextPageToken")
            assert reply.body["isLast"] is (token is None)
            if token is None:
                return ids


def _reply(response: Response) -> Reply:
    headers = dict(response.headers)
    text = response.body.decode()
    is_json = "json" in headers.get("content-type", "")
    return Reply(response.status, json.loads(text) if is_json else text or None, headers)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def site(clock: VirtualClock) -> JiraSandbox:
    return JiraSandbox(clock, accounts={EMAIL: SECRET}, seed=7)


@pytest.fixture
def api(site: JiraSandbox) -> Client:
    return Client(site)


@pytest.fixture
def server_site(clock: VirtualClock) -> JiraSandbox:
    return JiraSandbox(clock, deployment="datacenter", accounts={NAME: SECRET}, seed=7)


@pytest.fixture
def dc(server_site: JiraSandbox) -> Client:
    return Client(server_site, "/rest/api/2", NAME)


@dataclass
class Http:
    """A requests session that signs in, and the log of what reached the server."""

    url: str
    session: requests.Session
    log: RequestLog
    site: JiraSandbox

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=10, **options)


@pytest.fixture
def over_http() -> Iterator[Callable[[JiraSandbox, str], Http]]:
    servers: list[Server] = []

    def serve(site: JiraSandbox, user: str) -> Http:
        log = RequestLog()
        server = Server(site, log).start()
        servers.append(server)
        session = requests.Session()
        session.trust_env = False
        session.auth = (user, SECRET)
        return Http(server.url, session, log, site)

    yield serve
    for server in servers:
        server.stop()
