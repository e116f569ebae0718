"""The Jira stand-in as a whole: HTTP for clients, and the same site for scripted people in this process."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Protocol

from tieline.connectors.sandbox.core import Clock, Faults, Request, Response
from tieline.connectors.sandbox.jira import oauth
from tieline.connectors.sandbox.jira.front import Front
from tieline.connectors.sandbox.jira.http import Accounts, Site
from tieline.connectors.sandbox.jira.index import Index
from tieline.connectors.sandbox.jira.model import Deployment, Issue, User
from tieline.connectors.sandbox.jira.oauth import Authorizations
from tieline.connectors.sandbox.jira.people import People, Ticket
from tieline.connectors.sandbox.jira.settings import Settings
from tieline.connectors.sandbox.jira.store import Store
from tieline.connectors.sandbox.jira.webhooks import Webhooks
from tieline.connectors.sandbox.jira.world import World, seed_site
from tieline.connectors.sandbox.jira.writes import Rewrite, Writer

__all__ = ["JiraSandbox", "Ticket"]

Lag = timedelta | tuple[timedelta, timedelta]
"""How long search takes to see a write: always as long, or anything between two spans."""


class Throttle(Protocol):
    """Counts requests and refuses those that are too many."""

    def check(self, request: Request) -> tuple[Response | None, tuple[tuple[str, str], ...]]:
        """The refusal, if there is one, and headers for every answer."""


Automation = Callable[["JiraSandbox", Ticket], None]
"""A rule of the site that runs some time after an edit, as an app: called with the issue that was edited."""


class JiraSandbox(People):
    """A Jira site. `accounts` maps e-mail addresses (Cloud) or user names (Data Center) to their secrets.
    `scoped` tokens work on the API gateway only, below `/ex/jira/{cloud_id}`, where the others work too.

    People in this process use `create`, `update`, `transition` and the others (`People`). They take `lock` if
    it is given: give the server the same.
    """

    name = "jira"

    def __init__(
        self,
        clock: Clock,
        *,
        deployment: Deployment = "cloud",
        accounts: Mapping[str, str] | None = None,
        scoped: Mapping[str, str] | None = None,
        seed: int = 0,
        index_lag: Lag = timedelta(0),
        time_zone: str = "UTC",
        settings: Settings | None = None,
        base_url: str = "",
        lock: threading.RLock | None = None,
        seeded: bool = True,
    ) -> None:
        self.faults = Faults()
        self.automations: list[Automation] = []
        self.struck: Callable[[str], None] = lambda name: None
        self.late: Callable[[], timedelta] = lambda: timedelta(0)
        self.throttle: Throttle | None = None
        world = World(deployment, seed, time_zone)
        self._random = Random(f"jira:{seed}")
        self._edited: deque[int] = deque()
        self._automating = False
        seed_site(world)
        markers = [f.id for f in world.fields.values() if f.is_custom and f.kind == "line"]
        store = Store(Index(lambda: self._lag(index_lag), markers))
        settings = settings or Settings()
        writer = Writer(world, store, clock, settings, on_write=self._note)
        super().__init__(Site(world, store, writer, settings, clock), lock or nullcontext())
        if seeded:
            self.seed_world()
        accounts, scoped = dict(accounts or {}), dict(scoped or {})
        for handle in (*accounts, *scoped):
            self._add_account(handle)
        cloud_id = str(uuid.UUID(int=Random(f"cloud:{seed}").getrandbits(128), version=4))
        self.oauth = Authorizations(clock, seed)
        accounts_ = Accounts(self.world, accounts, scoped, self.oauth)
        self._front = Front(self.site, accounts_, cloud_id, base_url)
        self.webhooks = Webhooks(clock, seed, self._front.told_outside)
        self.webhooks.struck = lambda name: self.struck(name)
        writer.on_event = self.webhooks.happened

    def _lag(self, lag: Lag) -> timedelta:
        if isinstance(lag, timedelta):
            return lag + self.late()
        low, high = lag
        return low + (high - low) * self._random.random() + self.late()

    def _add_account(self, handle: str) -> None:
        if self.world.user(handle) is None:
            name, _, domain = handle.partition("@")
            self.world.add_user(name, email=handle if domain else "")

    @property
    def rewrites(self) -> list[Rewrite]:
        """Rules that change values on their way in; add to it."""
        return self.site.writer.rewrites

    # HTTP

    def handle(self, request: Request) -> Response:
        """Answer one request; the server holds the lock."""
        if request.path == oauth.PATH and self.world.cloud:
            return self.oauth.handle(request)
        self.site.store.lift(self.site.clock.now())
        if self.throttle is None or "/rest/api/" not in request.path:
            return self._front.handle(request)
        refusal, headers = self.throttle.check(request)
        if refusal is not None:
            self.struck("counted-limits")
            return refusal
        response = self._front.handle(request)
        return replace(response, headers=(*response.headers, *headers))

    def operation(self, request: Request) -> str:
        """The request's method and path template."""
        return self._front.operation(request)

    @property
    def cloud_id(self) -> str:
        """What the API gateway calls this site."""
        return self._front.cloud_id

    # Time

    def tick(self) -> int:
        """Run the automations for every edit since the last tick; returns how many edits there were.

        What they edit themselves does not set them off again.
        """
        with self._lock:
            pending, self._edited = self._edited, deque()
            self._automating = True
            try:
                for issue_id in pending:
                    issue = self.site.store.issues.get(issue_id)
                    for automation in self.automations if issue else ():
                        automation(self, self._ticket(self.site.store.issues[issue_id]))
            finally:
                self._automating = False
            self.site.store.index.refresh(self.site.clock.now())
            return len(pending)

    def _note(self, issue: Issue, author: User) -> None:
        if self.automations and not self._automating:
            self._edited.append(issue.state.id)
