"""The ServiceNow stand-in as a whole: a door for HTTP and one for scripted people; rules live elsewhere."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from tieline.connectors.sandbox.core import Clock, Faults, Request, Response
from tieline.connectors.sandbox.servicenow import asked, world
from tieline.connectors.sandbox.servicenow.accounts import TOKEN_PATH, Accounts, SignIn
from tieline.connectors.sandbox.servicenow.aggregate_api import AggregateApi
from tieline.connectors.sandbox.servicenow.answers import Refusal, no_record, no_resource, refused
from tieline.connectors.sandbox.servicenow.attachment_api import AttachmentApi, Files, is_attachment
from tieline.connectors.sandbox.servicenow.batch_api import BatchApi, BatchLimits
from tieline.connectors.sandbox.servicenow.choices import ChoiceLists, choice_row
from tieline.connectors.sandbox.servicenow.inputs import Inputs
from tieline.connectors.sandbox.servicenow.jobs import Jobs
from tieline.connectors.sandbox.servicenow.moments import Preferences
from tieline.connectors.sandbox.servicenow.processes import ChangeRules, ProblemRules
from tieline.connectors.sandbox.servicenow.properties import Properties
from tieline.connectors.sandbox.servicenow.rate_rule import RateRule
from tieline.connectors.sandbox.servicenow.records import Actor, Records, Writing
from tieline.connectors.sandbox.servicenow.rules import (
    STOCK_MATRIX,
    BusinessRule,
    IncidentRules,
    TableRules,
    UserRules,
)
from tieline.connectors.sandbox.servicenow.schema import Row
from tieline.connectors.sandbox.servicenow.store import Store
from tieline.connectors.sandbox.servicenow.table_api import Access, TableApi
from tieline.connectors.sandbox.servicenow.tables import all_tables
from tieline.connectors.sandbox.servicenow.wire import Wire
from tieline.connectors.sandbox.servicenow.xml import as_xml, wants_xml

_SYS_ID = re.compile(r"[0-9a-f]{32}")
DEFAULT_PREFERENCES = Preferences("America/Los_Angeles")
"""Zone and formats of users who have set none: those of a fresh instance."""


class ServiceNowSandbox:
    """One instance with incident, users, groups, choices and dictionary.

    `accounts` maps user names to passwords for the REST APIs. `matrix` gives the priority by impact (row)
    and urgency (column). `skew` is added to `clock` to get the server's time. `lock` is taken by scripted
    people; give the same one to the server.

    Switches: `sign_in` (OAuth, keys, gate, lock-out), `rate_rule`, `properties` (system properties by their
    real names), `writing` (idle writes, business rules), `access` (rows, columns and journals hidden, writes
    ignored), `files`, `batch_limits`, `faults`, `later` (rules that run in `tick`). `part_faults` strike the
    parts of batches, and `part_struck` hears of each.
    """

    name = "servicenow"

    def __init__(
        self,
        clock: Clock,
        *,
        accounts: Mapping[str, str],
        seed: int = 0,
        matrix: Sequence[Sequence[int]] = STOCK_MATRIX,
        preferences: Preferences = DEFAULT_PREFERENCES,
        skew: timedelta = timedelta(0),
        lock: threading.RLock | None = None,
    ) -> None:
        self.clock = clock
        self.skew = skew
        self.lock = lock or threading.RLock()
        self.preferences = preferences
        self.faults = Faults()
        self.part_faults = Faults()
        self.rate_rule: RateRule | None = None
        self.part_struck: Callable[[str], None] = lambda _name: None
        self.properties = Properties()
        self.writing = Writing()
        self.access = Access()
        self.batch_limits = BatchLimits()
        self.sign_in = SignIn()
        self.accounts = Accounts(accounts, self.sign_in, self.now, Random(f"{seed} tokens"))
        self._random = Random(seed)
        self._build(matrix, seed)
        self._stock(accounts)

    def _build(self, matrix: Sequence[Sequence[int]], seed: int) -> None:
        rules: Mapping[str, TableRules] = {
            "incident": IncidentRules(matrix),
            "problem": ProblemRules(),
            "change_request": ChangeRules(),
            "sys_user": UserRules(),
        }
        self._store = Store(all_tables())
        choices = ChoiceLists(self._store.rows("sys_choice"))
        inputs = Inputs(self._store, choices, self.properties)
        self._records = Records(self._store, inputs, rules, self.writing, self.now, Random(seed + 1))
        wire = Wire(self._store, choices)
        self._table_api = TableApi(
            self._store, self._records, wire, self.access, self.properties, Random(seed + 2)
        )
        self._aggregate_api = AggregateApi(self._table_api, wire)
        self._batch_api = BatchApi(self.batch_limits)
        self.files = Files()
        self._attachment_api = AttachmentApi(
            self._store, self._records, self._table_api, self.properties, self.files
        )
        self._jobs = Jobs(self._store, self._records, self.properties, self.now)

    def _stock(self, accounts: Mapping[str, str]) -> None:
        world.stock(self._store, self._records, Actor("system", "system", self.preferences))
        for user_name in dict.fromkeys(("system", "admin", *accounts)):
            self.add_user(user_name)

    def now(self) -> datetime:
        """The server's time, UTC."""
        return self.clock.now() + self.skew

    # HTTP

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.path == TOKEN_PATH:
            return self._dated(self.accounts.token(request))
        try:
            actor = self._actor(self.accounts.user_of(request))
            rule = self.rate_rule
            limits = () if rule is None else rule.check(actor.user_name, self.now())
        except Refusal as refusal:
            return self._dated(refused(refusal, self._transaction()))
        response = self._serve(request, actor)
        extra = [("X-Is-Logged-In", "true"), *limits, *self._cookies(request)]
        return self._dated(replace(response, headers=(*response.headers, *extra)))

    def operation(self, request: Request) -> str:
        """Method and address, with `{id}` for a sys_id."""
        if is_attachment(request.path):
            return f"{request.method} {_SYS_ID.sub('{id}', request.path)}"
        found = asked.endpoint(request.path)
        if found is None:
            return f"{request.method} {request.path}"
        parts = [found.version, found.api, found.table, "{id}" if found.sys_id else ""]
        return f"{request.method} /api/now/{'/'.join(part for part in parts if part)}"

    def _serve(self, request: Request, actor: Actor) -> Response:
        transaction = self._transaction()
        try:
            response = self._dispatch(request, actor, transaction)
        except Refusal as refusal:
            response = refused(refusal, transaction)
        return as_xml(response) if wants_xml(request) else response

    def _dispatch(self, request: Request, actor: Actor, transaction: str) -> Response:
        if is_attachment(request.path):
            return self._attachment_api.handle(request, actor, transaction)
        found = asked.endpoint(request.path)
        if found is None or (found.table == "") != (found.api == "batch"):
            raise no_resource()
        if found.api == "table":
            return self._table_api.handle(request, found, actor, transaction)
        if found.api == "stats":
            return self._aggregate_api.handle(request, found, actor, transaction)
        return self._batch_api.handle(request, lambda inner: self._serve_part(inner, actor), transaction)

    def _serve_part(self, inner: Request, actor: Actor) -> Response:
        return self.part_faults.around(inner, lambda r: self._serve(r, actor), self.part_struck)

    def _dated(self, response: Response) -> Response:
        date = format_datetime(self.now(), usegmt=True)
        return replace(response, headers=(*response.headers, ("Date", date)))

    def _transaction(self) -> str:
        return f"{self._random.getrandbits(48):012x}"

    def _cookies(self, request: Request) -> list[tuple[str, str]]:
        if "cookie" in request.headers:
            return []
        values = [
            f"{name}={self._random.getrandbits(128):032X}" for name in ("JSESSIONID", "glide_session_store")
        ]
        return [("Set-Cookie", f"{v}; Path=/; HttpOnly") for v in ("glide_user_route=glide.sandbox", *values)]

    # Scripted people; the same rules as over HTTP, `core.Refused` in the system's own words

    def seed_world(self) -> None:
        """The people and groups that both stand-ins know."""
        for user_name in world.PEOPLE:
            self.add_user(user_name, vip="true" if user_name == world.VIP else "false")
        for group in world.GROUPS:
            self.add_group(group)

    def create(
        self, user: str, values: Mapping[str, Any], *, table: str = "incident", display: bool = False
    ) -> Row:
        """Insert a record as `user` (user name); with `display`, values are labels, names, local dates."""
        with self.lock:
            row = self._records.insert(self._store.tables[table], values, self._actor(user), display=display)
            return dict(row)

    def update(
        self,
        user: str,
        sys_id: str,
        values: Mapping[str, Any],
        *,
        table: str = "incident",
        display: bool = False,
    ) -> Row:
        """Change a record as `user` and return it."""
        with self.lock:
            found = self._store.tables[table]
            return dict(self._records.update(found, sys_id, values, self._actor(user), display=display))

    def get(self, sys_id: str, *, table: str = "incident") -> Row:
        """The record as stored, hidden or not; `core.Refused` if there is none."""
        with self.lock:
            row = self._store.find(table, sys_id)
            if row is None:
                raise no_record()
            return dict(row)

    def delete(self, sys_id: str, *, table: str = "incident") -> None:
        """Remove a record."""
        with self.lock:
            self._records.delete(self._store.tables[table], sys_id)

    def by_number(self, number: str) -> Row:
        """The incident of this number; `core.Refused` if there is none."""
        with self.lock:
            for row in self._store.rows("incident").having("number", number):
                return dict(row)
            raise no_record()

    def attach(self, user: str, sys_id: str, name: str, content: bytes, kind: str = "text/plain") -> Row:
        """Attach a file to an incident as `user`; its row of sys_attachment. The incident is not changed."""
        with self.lock:
            actor = self._actor(user)
            return dict(self._attachment_api.attach("incident", sys_id, name, kind, content, actor))

    def attached(self, sys_id: str) -> list[tuple[Row, bytes]]:
        """The files of a record, the one attached first first: each row, and its content."""
        with self.lock:
            return self._attachment_api.files(sys_id)

    def rows(self, table: str = "incident") -> list[Row]:
        """Every record of a table as stored."""
        with self.lock:
            return [dict(row) for row in self._store.rows(table)]

    def journal(self, sys_id: str) -> list[Row]:
        """The entries of a record's conversation as stored, the oldest first."""
        with self.lock:
            return [dict(row) for row in self._store.rows("sys_journal_field").having("element_id", sys_id)]

    def add_user(self, user_name: str, *, name: str = "", email: str | None = None, **columns: str) -> Row:
        """Add a person (`name` defaults to what the user name says, `email` to user@example.com)."""
        first, _, last = name.partition(" ") if name else ("", "", "")
        if not name:
            first, last = world.spoken_name(user_name)
        values = {
            "user_name": user_name,
            "first_name": first,
            "last_name": last,
            "email": f"{user_name}@example.com" if email is None else email,
        }
        return self._platform("sys_user", values | columns)

    def add_group(self, name: str, **columns: str) -> Row:
        """Add a support group."""
        return self._platform("sys_user_group", {"name": name, **columns})

    def add_choice(
        self, element: str, value: str, label: str = "", *, table: str = "incident", dependent_value: str = ""
    ) -> Row:
        """Add an entry to a choice list."""
        sequence = len(self._store.rows("sys_choice"))
        row = choice_row(
            table, element, value, label or value, sequence=sequence, dependent_value=dependent_value
        )
        return self._platform("sys_choice", row)

    @property
    def later(self) -> list[BusinessRule]:
        """Rules that run some time after a write, in `tick`, each with a write of its own as "system"."""
        return self._jobs.rules

    def tick(self) -> int:
        """Run what the instance does by itself (later rules, auto-close); the number of its writes."""
        with self.lock:
            return self._jobs.run(self._actor("system"))

    def _platform(self, table: str, values: Mapping[str, str]) -> Row:
        with self.lock:
            actor = Actor("system", "system", self.preferences)
            return dict(self._records.insert(self._store.tables[table], values, actor))

    def _actor(self, user_name: str) -> Actor:
        for row in self._store.rows("sys_user").having("user_name", user_name):
            own = Preferences(
                row["time_zone"] or self.preferences.time_zone,
                row["date_format"] or self.preferences.date_format,
                row["time_format"] or self.preferences.time_format,
            )
            return Actor(user_name, row["sys_id"], own)
        raise ValueError(f"no user is called {user_name!r}: add_user first")
