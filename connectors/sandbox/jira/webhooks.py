"""Webhooks of the Jira stand-in: what is sent when something happens, signed, late, twice or never.

Bodies have the shapes of REST v2 whatever version clients use (Atlassian: "Webhooks"): texts are wiki markup.
Cloud sends a comment with six fields of its issue; Server sends it without the issue, and the issue besides
in a `jira:issue_updated`. Whoever receives is a URL; nothing here waits for what it makes of it.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import orjson
import requests

from tieline.connectors.sandbox.core import Clock
from tieline.connectors.sandbox.jira import dates
from tieline.connectors.sandbox.jira.issues import Renderer, Wanted
from tieline.connectors.sandbox.jira.model import Comment, Issue, Item, User
from tieline.connectors.sandbox.trouble import Means

RETRIED: Final = frozenset({0, 408, 409, 425, 429}) | frozenset(range(500, 600))
"""Answers after which a delivery is made again; 0 stands for none at all."""
RETRIES: Final = 5
MAX_LATE_S: Final = 1800
TIMEOUT_S: Final = 5
_PARTLY: Final = ("summary", "issuetype", "project", "assignee", "priority", "status")
"""The fields of its issue that a comment comes with on Cloud."""
_COMMENTED: Final = {
    "comment_created": "issue_commented",
    "comment_updated": "issue_comment_edited",
    "comment_deleted": "issue_comment_deleted",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an issue. `items` are the changes of a `jira:issue_updated`."""

    name: str
    issue: Issue
    author: User
    items: tuple[Item, ...] = ()
    comment: Comment | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registration. Without a secret (or where `signed` is False) deliveries carry no signature.

    `events` empty means all. `flow` is what `X-Atlassian-Webhook-Flow` says.
    """

    url: str
    secret: str = field(default="", repr=False)
    events: frozenset[str] = frozenset()
    signed: bool = True
    flow: str = "Primary"


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """One body on its way to one URL; `at` is when it is due, `retry` how often it was tried before."""

    at: datetime
    number: int
    identifier: str
    webhook: Webhook = field(compare=False)
    body: bytes = field(compare=False)
    retry: int = 0

    def headers(self) -> dict[str, str]:
        """What stands on the request."""
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian Webhook HTTP Client",
            "X-Atlassian-Webhook-Identifier": self.identifier,
            "X-Atlassian-Webhook-Flow": self.webhook.flow,
        }
        if self.retry:
            headers["X-Atlassian-Webhook-Retry"] = str(self.retry)
        if self.webhook.secret and self.webhook.signed:
            headers["X-Hub-Signature"] = signature(self.webhook.secret, self.body)
        return headers


def signature(secret: str, body: bytes) -> str:
    """`X-Hub-Signature`: HMAC-SHA256 over the body as it was sent, byte by byte."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


Send = Callable[[Delivery], int]
"""Makes one delivery; the status that was answered, 0 for none."""


def post(delivery: Delivery) -> int:
    """Deliver over HTTP."""
    try:
        answer = requests.post(
            delivery.webhook.url, data=delivery.body, headers=delivery.headers(), timeout=TIMEOUT_S,
            allow_redirects=False,
        )  # fmt: skip
    except requests.RequestException:
        return 0
    return answer.status_code


class Webhooks:
    """The registrations of one site, and what is on its way to them.

    `loses`, `repeats` and `delays` are the faults of deliveries, None where they do not happen; `struck`
    hears of each. Nothing leaves before `deliver` is called, or a thread does it (`start`).
    """

    def __init__(self, clock: Clock, seed: int, renderer: Callable[[], Renderer]) -> None:
        self.registered: list[Webhook] = []
        self.loses: Means | None = None
        self.repeats: Means | None = None
        self.delays: Means | None = None
        self.struck: Callable[[str], None] = lambda name: None
        self._clock = clock
        self._renderer = renderer
        self._ids = Random(f"webhooks:{seed}")
        self._due: list[Delivery] = []
        self._count = 0
        self._guard = threading.Lock()
        self._ended = threading.Event()

    def register(
        self, url: str, *, secret: str = "", events: Sequence[str] = (), signed: bool = True
    ) -> None:
        """Send what happens from now on to `url`."""
        self.registered.append(Webhook(url, secret, frozenset(events), signed))

    def happened(self, event: Event) -> None:
        """Put the deliveries of an event on their way."""
        if not self.registered:
            return
        for name, body in _bodies(event, self._renderer(), self._clock.now()):
            for webhook in self.registered:
                if not webhook.events or name in webhook.events:
                    self._send_off(webhook, orjson.dumps(body))

    def _send_off(self, webhook: Webhook, body: bytes) -> None:
        if self._strikes("webhook-lost", self.loses):
            return
        identifier = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
        late = timedelta(seconds=self._ids.uniform(0, MAX_LATE_S))
        at = self._clock.now() + (late if self._strikes("webhook-late", self.delays) else timedelta(0))
        with self._guard:
            self._count += 1
            self._due.append(Delivery(at, self._count, identifier, webhook, body))
            if self._strikes("webhook-twice", self.repeats):
                self._count += 1
                self._due.append(Delivery(at, self._count, identifier, webhook, body))

    def _strikes(self, name: str, means: Means | None) -> bool:
        if means is None or not means.strikes():
            return False
        self.struck(name)
        return True

    @property
    def waiting(self) -> int:
        """Deliveries that are on their way."""
        return len(self._due)

    def deliver(self, send: Send = post) -> int:
        """Make every delivery that is due, in order of their times; how many were taken."""
        now = self._clock.now()
        with self._guard:
            due = sorted(d for d in self._due if d.at <= now)
            self._due = [d for d in self._due if d.at > now]
        taken = 0
        for delivery in due:
            status = send(delivery)
            taken += 200 <= status < 300
            if status in RETRIED and delivery.retry < RETRIES:
                pause = timedelta(seconds=10 * 2**delivery.retry)
                with self._guard:
                    self._due.append(replace(delivery, at=now + pause, retry=delivery.retry + 1))
        return taken

    def start(self, every_s: float = 0.2) -> None:
        """Deliver from a thread, on the machine's clock, until `stop`."""

        def run() -> None:
            while not self._ended.wait(every_s):
                self.deliver()

        threading.Thread(target=run, name="sandbox-webhooks", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()


def _bodies(event: Event, renderer: Renderer, now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """The bodies of an event by their names; `renderer` is one of REST v2."""
    cloud = renderer.view.world.cloud
    head = {"timestamp": dates.epoch_ms(now), "webhookEvent": event.name}
    if event.comment is not None:
        comment = renderer.comment(event.issue, event.comment)
        if not cloud:
            yield event.name, {**head, "comment": comment}
            name = "jira:issue_updated"
            full = _about(event, renderer, {**head, "webhookEvent": name}, _COMMENTED[event.name])
            yield name, {**full, "comment": comment}
            return
        yield event.name, {**head, "comment": comment, "issue": _issue(event, renderer, _PARTLY)}
        return
    body = _about(event, renderer, head, _kind(event))
    if event.items:
        items = [renderer.item(item) for item in event.items]
        body["changelog"] = {"id": str(event.issue.histories[-1].id), "items": items}
    yield event.name, body


def _about(event: Event, renderer: Renderer, head: dict[str, Any], kind: str) -> dict[str, Any]:
    fields = tuple(renderer.view.world.fields)
    return {
        **head,
        "issue_event_type_name": kind,
        "user": renderer.view.user(event.author),
        "issue": _issue(event, renderer, fields),
    }


def _issue(event: Event, renderer: Renderer, fields: tuple[str, ...]) -> dict[str, Any]:
    shown = renderer.issue(event.issue, Wanted(fields))
    return {name: shown[name] for name in ("id", "self", "key", "fields")}


def _kind(event: Event) -> str:
    if event.name != "jira:issue_updated":
        return event.name.removeprefix("jira:")
    if any(item.field_id == "status" for item in event.items):
        return "issue_generic"
    return "issue_moved" if any(item.field_id == "project" for item in event.items) else "issue_updated"
