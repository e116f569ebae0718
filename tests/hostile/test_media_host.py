"""Content on another host: asked without credentials, and never believed for less than the whole file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Attachment, Ref
from tieline.connectors.errors import ConnectorError, Malformed, Unavailable
from tieline.connectors.http import HardenedAdapter, HttpSettings
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads

SECRET = "correct horse battery"
FILE = Attachment("7", Ref("jira", "1"), "a.txt", 7, "text/plain", datetime(2026, 1, 1, tzinfo=UTC))


class Stub(ThreadingHTTPServer):
    """One host: leads elsewhere, or serves; keeps the headers of what it was asked."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.target = ""
        self.body = b"content"
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.server.seen.append({k.lower(): v for k, v in self.headers.items()})
        self.send_response(303 if self.server.target else 200)
        if self.server.target:
            self.send_header("Location", self.server.target)
            self.send_header("Set-Cookie", "session=1")
        body = b"" if self.server.target else self.server.body
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def hosts() -> Iterator[tuple[Stub, Stub, JiraConnector]]:
    jira, media = Stub(), Stub()
    settings = JiraSettings(
        jira.url(), "cloud", (("OPS", "Incident"),), {}, "customfield_1", attachments=True
    )
    adapter = HardenedAdapter(HttpSettings(jira.url(), timeout_s=5, attempts=1), only_reads)
    connector = JiraConnector(settings, BasicAuth("tieline", SECRET), adapter)
    yield jira, media, connector
    connector.close()
    for each in (jira, media):
        each.shutdown()
        each.server_close()


def test_the_media_host_sees_no_credentials(hosts: tuple[Stub, Stub, JiraConnector]) -> None:
    jira, media, connector = hosts
    jira.target = f"{media.url('localhost')}/file?token=signed"
    assert b"".join(connector.content(FILE)) == b"content"
    assert "authorization" in jira.seen[0]
    assert [head for head in media.seen if {"authorization", "cookie"} & head.keys()] == []


def test_the_very_host_is_asked_without_credentials_too(hosts: tuple[Stub, Stub, JiraConnector]) -> None:
    """Another port is another host."""
    jira, media, connector = hosts
    jira.target = f"{media.url()}/file"
    assert b"".join(connector.content(FILE)) == b"content"
    assert all("authorization" not in head for head in media.seen)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://localhost/x", "//", "https://", "data:,x"])
def test_a_redirect_that_leads_nowhere_is_malformed(
    hosts: tuple[Stub, Stub, JiraConnector], target: str
) -> None:
    jira, _, connector = hosts
    jira.target = target
    with pytest.raises((Malformed, Unavailable)):
        list(connector.content(FILE))


def test_a_media_host_that_is_down_is_told_without_its_token(
    hosts: tuple[Stub, Stub, JiraConnector],
) -> None:
    jira, _, connector = hosts
    jira.target = "http://127.0.0.1:9/file?token=hunter2"
    with pytest.raises(Unavailable) as told:
        list(connector.content(FILE))
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("body", [b"", b"conten", b"content and more", b"<html>log in</html>"])
def test_what_has_another_length_is_not_the_file(
    hosts: tuple[Stub, Stub, JiraConnector], body: bytes
) -> None:
    jira, media, connector = hosts
    jira.target, media.body = f"{media.url('localhost')}/file", body
    with pytest.raises(ConnectorError):
        list(connector.content(FILE))
