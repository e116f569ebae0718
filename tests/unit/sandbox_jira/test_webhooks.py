"""Webhooks: their shapes on Cloud and Server, signatures, and deliveries that come late, twice or never."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.webhooks import Delivery

from .conftest import Client, doc

URL = "http://127.0.0.1:1/hook"


@dataclass
class Inbox:
    """What came, in order; `status` is what is answered."""

    status: int = 200
    came: list[Delivery] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> int:
        self.came.append(delivery)
        return self.status

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(delivery.body) for delivery in self.came]

    @property
    def names(self) -> list[str]:
        return [body["webhookEvent"] for body in self.bodies]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def hooked(site: JiraSandbox) -> JiraSandbox:
    site.webhooks.register(URL, secret="hush")
    return site


def test_what_happens_is_told_in_shapes_of_version_2(hooked: JiraSandbox, api: Client, inbox: Inbox) -> None:
    issue = api.create(description=doc("first", "second"))
    api("PUT", f"/issue/{issue}", {"fields": {"summary": "Colder"}})
    api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "11"}})
    api("DELETE", f"/issue/{issue}")
    hooked.webhooks.deliver(inbox)
    created, edited, moved, deleted = inbox.bodies
    assert inbox.names == ["jira:issue_created", *["jira:issue_updated"] * 2, "jira:issue_deleted"]
    assert created["issue"]["fields"]["description"] == "first\n\nsecond"
    assert "/rest/api/2/" in created["issue"]["self"]
    assert created["user"]["accountId"] == hooked.account_id("tieline")
    kinds = ["issue_created", "issue_updated", "issue_generic", "issue_deleted"]
    assert [body["issue_event_type_name"] for body in inbox.bodies] == kinds
    (item,) = edited["changelog"]["items"]
    assert (item["field"], item["fieldId"], item["toString"]) == ("summary", "summary", "Colder")
    assert moved["changelog"]["items"][0]["toString"] == "In Progress"
    assert deleted["issue"]["fields"]["summary"] == "Colder"


def test_cloud_tells_a_comment_with_six_fields_of_its_issue(
    hooked: JiraSandbox, api: Client, inbox: Inbox
) -> None:
    issue = api.create()
    hooked.webhooks.deliver(lambda _: 200)
    made = api("POST", f"/issue/{issue}/comment", {"body": doc("on it")}).body["id"]
    api("PUT", f"/issue/{issue}/comment/{made}", {"body": doc("done")})
    api("DELETE", f"/issue/{issue}/comment/{made}")
    hooked.webhooks.deliver(inbox)
    assert inbox.names == ["comment_created", "comment_updated", "comment_deleted"]
    first = inbox.bodies[0]
    assert first["comment"]["body"] == "on it"
    assert len(first["issue"]["fields"]) == 6


def test_server_tells_a_comment_without_its_issue_and_the_issue_besides(
    server_site: JiraSandbox, dc: Client, inbox: Inbox
) -> None:
    server_site.webhooks.register(URL)
    issue = dc.create()
    server_site.webhooks.deliver(lambda _: 200)
    dc("POST", f"/issue/{issue}/comment", {"body": "on it"})
    server_site.webhooks.deliver(inbox)
    alone, whole = inbox.bodies
    assert alone["webhookEvent"] == "comment_created"
    assert "issue" not in alone
    assert (whole["webhookEvent"], whole["issue_event_type_name"]) == (
        "jira:issue_updated",
        "issue_commented",
    )
    assert whole["issue"]["id"] == issue


def test_the_signature_is_over_the_body_as_it_was_sent(
    hooked: JiraSandbox, api: Client, inbox: Inbox
) -> None:
    hooked.webhooks.register(URL)
    hooked.webhooks.register(URL, secret="hush", signed=False)
    api.create(description=doc("grüße"))
    hooked.webhooks.deliver(inbox)
    signed, plain, unsigned = (delivery.headers() for delivery in inbox.came)
    digest = hmac.new(b"hush", inbox.came[0].body, hashlib.sha256).hexdigest()
    assert signed["X-Hub-Signature"] == f"sha256={digest}"
    assert "X-Hub-Signature" not in plain | unsigned
    assert signed["X-Atlassian-Webhook-Flow"] == "Primary"
    assert len({h["X-Atlassian-Webhook-Identifier"] for h in (signed, plain, unsigned)}) == 3
    assert "hush" not in repr(inbox.came[0])


def test_only_what_was_registered_for_is_told(site: JiraSandbox, api: Client, inbox: Inbox) -> None:
    site.webhooks.register(URL, events=["jira:issue_deleted"])
    api("DELETE", f"/issue/{api.create()}")
    site.webhooks.deliver(inbox)
    assert inbox.names == ["jira:issue_deleted"]


@pytest.mark.parametrize(
    ("status", "again"), [(0, True), (503, True), (429, True), (400, False), (200, False)]
)
def test_a_delivery_is_made_again_under_its_identifier(
    hooked: JiraSandbox, api: Client, clock: VirtualClock, status: int, again: bool
) -> None:
    api.create()
    refusing, inbox = Inbox(status), Inbox()
    hooked.webhooks.deliver(refusing)
    assert hooked.webhooks.waiting == again
    clock.advance(timedelta(minutes=5))
    hooked.webhooks.deliver(inbox)
    assert len(inbox.came) == again
    if again:
        before, after = refusing.came[0].headers(), inbox.came[0].headers()
        assert before["X-Atlassian-Webhook-Identifier"] == after["X-Atlassian-Webhook-Identifier"]
        assert ("X-Atlassian-Webhook-Retry" in before, after["X-Atlassian-Webhook-Retry"]) == (False, "1")


def test_it_is_not_made_again_for_ever(hooked: JiraSandbox, api: Client, clock: VirtualClock) -> None:
    api.create()
    refusing = Inbox(500)
    for _ in range(20):
        hooked.webhooks.deliver(refusing)
        clock.advance(timedelta(hours=1))
    assert len(refusing.came) == 6


def on(site: JiraSandbox, clock: VirtualClock, **rates: float) -> list[str]:
    struck: list[str] = []
    site.struck = struck.append
    faults.install(site, "jira", {k.replace("_", "-"): v for k, v in rates.items()}, seed=3, clock=clock)
    return struck


def test_deliveries_are_lost(hooked: JiraSandbox, api: Client, clock: VirtualClock, inbox: Inbox) -> None:
    struck = on(hooked, clock, webhook_lost=1.0)
    api.create()
    assert (hooked.webhooks.deliver(inbox), inbox.came, struck) == (0, [], ["webhook-lost"])


def test_deliveries_come_twice(hooked: JiraSandbox, api: Client, clock: VirtualClock, inbox: Inbox) -> None:
    assert on(hooked, clock, webhook_twice=1.0) == []
    api.create()
    hooked.webhooks.deliver(inbox)
    one, two = inbox.came
    assert (one.identifier, one.body) == (two.identifier, two.body)


def test_deliveries_come_late_and_out_of_order(
    hooked: JiraSandbox, api: Client, clock: VirtualClock, inbox: Inbox
) -> None:
    on(hooked, clock, webhook_late=0.5)
    made = [api.create() for _ in range(12)]
    hooked.webhooks.deliver(inbox)
    assert 0 < len(inbox.came) < len(made)
    clock.advance(timedelta(minutes=31))
    hooked.webhooks.deliver(inbox)
    came = [body["issue"]["id"] for body in inbox.bodies]
    assert sorted(came) == made
    assert came != made


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    server.came = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_they_arrive_over_http_byte_by_byte(site: JiraSandbox, api: Client, receiver: HTTPServer) -> None:
    site.webhooks.register(f"http://127.0.0.1:{receiver.server_port}/hook", secret="hush")
    api.create()
    assert site.webhooks.deliver() == 1
    ((headers, body),) = receiver.came  # type: ignore[attr-defined]
    digest = hmac.new(b"hush", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature"] == f"sha256={digest}"


def test_nobody_at_the_url_is_no_trouble(hooked: JiraSandbox, api: Client) -> None:
    api.create()
    assert hooked.webhooks.deliver() == 0
    assert hooked.webhooks.waiting == 1
