"""Both stand-ins on one clock, seeded alike and served on loopback; who works on them is told elsewhere."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Final

from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.check import Access, Report, compare, session_of
from tieline.connectors.sandbox.check_links import relations_shown
from tieline.connectors.sandbox.core import Clock, RequestLog, Server, System
from tieline.connectors.sandbox.expected import Expected, Maps
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.outage_shown import outage_lines
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.template import Toml, with_value
from tieline.connectors.sandbox.vocabulary import STOCK_MATRIX, Vocabulary

SERVICENOW_USER: Final = "tieline"
SERVICENOW_SECRET: Final = "TIELINE_SERVICENOW_PASSWORD"  # noqa: S105  the name of a variable
JIRA_USER: Final = "tieline@example.com"
JIRA_SECRET: Final = "TIELINE_JIRA_TOKEN"  # noqa: S105  the name of a variable
PERSON: Final = ("admin", "beth.anglin@example.com")
"""Who may work over HTTP besides Tieline: an edit of Tieline's own account is no person's."""
PROJECT: Final = "OPS"
GROUP_FIELD: Final = "customfield_10050"
CATEGORY_FIELD: Final = "customfield_10051"
SUBCATEGORY_FIELD: Final = "customfield_10052"
AWAITING_EVIDENCE: Final = ("2", "Awaiting Evidence")
"""A hold reason that older releases of ServiceNow have and a fresh instance has not."""

INDEX_LAG: Final = (timedelta(seconds=1), timedelta(seconds=60))

Change = tuple[str, str, Toml]
"""Table, key and new value in a configuration file (see `template.with_value`)."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What Tieline's two accounts, and a person on both sides, prove themselves with; not shown by repr."""

    servicenow: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    jira: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    person: str = field(default_factory=lambda: secrets.token_urlsafe(8), repr=False)


class World:
    """The sandbox as one thing: `with World(clock) as world:` serves both sides until the block ends.

    `latency` (seconds) is waited before each answer; at most `concurrency` requests a side are in work.
    Jira's search index lags by something between the two spans of `index_lag`. `troubles` names faults of the
    catalogue by side, with their rates (`trouble` changes them later).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        matrix: Sequence[Sequence[int]] = STOCK_MATRIX,
        latency: float = 0.0,
        concurrency: int = 64,
        ports: tuple[int, int] = (0, 0),
        index_lag: tuple[timedelta, timedelta] = INDEX_LAG,
        passwords: Secrets | None = None,
        troubles: Mapping[str, faults.Rates] = faults.NONE,
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.requests = RequestLog()
        self.secrets = passwords or Secrets()
        self.lock = threading.RLock()
        self.servicenow = ServiceNowSandbox(
            clock,
            accounts={SERVICENOW_USER: self.secrets.servicenow, PERSON[0]: self.secrets.person},
            seed=seed,
            matrix=matrix,
            lock=self.lock,
        )
        self.jira = JiraSandbox(
            clock,
            accounts={JIRA_USER: self.secrets.jira, PERSON[1]: self.secrets.person},
            seed=seed,
            index_lag=index_lag,
            lock=self.lock,
        )
        self.servicenow.seed_world()
        self.servicenow.part_struck = lambda name: self.requests.add_fault("servicenow", name)
        self.jira.struck = lambda name: self.requests.add_fault("jira", name)
        self.trouble(troubles)
        systems: tuple[System, System] = (self.servicenow, self.jira)
        first, second = (
            Server(system, self.requests, port=port, latency=latency, concurrency=concurrency, lock=self.lock)
            for system, port in zip(systems, ports, strict=True)
        )
        self._servers = (first, second)

    def trouble(self, rates: Mapping[str, faults.Rates] = faults.NONE) -> None:
        """Switch these named faults on (side -> name -> rate), and all others off; without any, all off."""
        with self.lock:
            for side, system in (("servicenow", self.servicenow), ("jira", self.jira)):
                faults.install(system, side, rates.get(side, {}), seed=self.seed, clock=self.clock)

    def start(self) -> World:
        """Serve both sides; returns when both answer."""
        for server in self._servers:
            server.start()
        return self

    def stop(self) -> None:
        """Stop serving."""
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.stop()

    def __enter__(self) -> World:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def urls(self) -> tuple[str, str]:
        """The base URLs of ServiceNow and Jira; they are served."""
        return self._servers[0].url, self._servers[1].url

    def environment(self) -> dict[str, str]:
        """The variables that the configuration's secrets refer to."""
        return {SERVICENOW_SECRET: self.secrets.servicenow, JIRA_SECRET: self.secrets.jira}

    def configuration(self, template: str, changes: Iterable[Change] = ()) -> str:
        """`template` (the example file) with both URLs replaced, and further values where they are given."""
        servicenow, jira = self.urls
        for table, key, value in (("servicenow", "url", servicenow), ("jira", "url", jira), *changes):
            template = with_value(template, table, key, value)
        return template

    def compare(self, maps: Maps, expected: Iterable[Expected] = ()) -> Report:
        """Read both sides over HTTP and compare them with each other and with what is expected."""
        servicenow, jira = self.urls
        return compare(
            Access(servicenow, SERVICENOW_USER, self.secrets.servicenow),
            Access(jira, JIRA_USER, self.secrets.jira),
            maps,
            expected,
            PROJECT,
        )

    def relations(self, maps: Maps, ids: Sequence[tuple[str, str]]) -> list[str]:
        """What both sides show of the relations of these pairs (sys_id, issue id), read over HTTP."""
        accounts = ((SERVICENOW_USER, self.secrets.servicenow), (JIRA_USER, self.secrets.jira))
        one, two = (Access(url, *account) for url, account in zip(self.urls, accounts, strict=True))
        with session_of(one) as snow, session_of(two) as site:
            return relations_shown((snow, one.url), (site, two.url), maps.links, ids)

    def outage(self, maps: Maps, ids: Sequence[tuple[str, str]]) -> list[str]:
        """What ties these pairs (sys_id, issue id) together, as both sides show it, for people."""
        accounts = ((SERVICENOW_USER, self.secrets.servicenow), (JIRA_USER, self.secrets.jira))
        one, two = (Access(url, *account) for url, account in zip(self.urls, accounts, strict=True))
        with session_of(one) as snow, session_of(two) as site:
            return outage_lines((snow, one.url), (site, two.url), maps.links, ids)

    def learn(self, vocabulary: Vocabulary) -> None:
        """Add the people, groups and choices that an event log uses, on the sides that need them."""
        for name in dict.fromkeys((*vocabulary.callers, *vocabulary.resolvers, *vocabulary.writers)):
            self.servicenow.add_user(user_name(name), name=name)
        for name in vocabulary.resolvers:
            self.jira.add_user(user_name(name), display=name)
        for name in vocabulary.groups:
            self.servicenow.add_group(name)
            self.jira.add_option(GROUP_FIELD, name)
        self._learn_choices("category", CATEGORY_FIELD, vocabulary.categories)
        self._learn_choices("subcategory", SUBCATEGORY_FIELD, vocabulary.subcategories)
        for code in vocabulary.close_codes:
            self.servicenow.add_choice("close_code", code)
        self.servicenow.add_choice("hold_reason", *AWAITING_EVIDENCE)
        for table, numbers in (("problem", vocabulary.problems), ("change_request", vocabulary.changes)):
            for number in numbers:
                values = {"number": number, "short_description": f"What {number} is about"}
                self.servicenow.create("admin", values, table=table)

    def _learn_choices(self, element: str, field_id: str, values: Iterable[str]) -> None:
        for value in values:
            self.servicenow.add_choice(element, value)
            self.jira.add_option(field_id, value)


def log_changes(template: str, vocabulary: Vocabulary) -> list[Change]:
    """What a configuration must say differently for a log: its matrix, codes, and categories as they are.

    A log is replayed a day at a time: a pass may well touch more than half of the pairs there are, and what
    was found out about people must outlive the day, or it would be asked anew in each pass.
    """
    maps = Maps.read(template)
    codes: dict[str, list[str]] = {}
    for code, resolution in vocabulary.resolutions.items():
        codes.setdefault(resolution, []).append(code)
    evidence = f"3/{AWAITING_EVIDENCE[0]}"
    resolutions = [
        _entry([*ours, *codes.get(theirs[0], ())], theirs) for ours, theirs in maps.resolution.classes
    ]
    statuses = [
        _entry([*ours, evidence] if "3" in ours else ours, theirs) for ours, theirs in maps.status.classes
    ]
    return [
        ("priority", "matrix", [list(row) for row in vocabulary.matrix]),
        ("field:category", "unmapped", "pass"),
        ("status", "resolution", resolutions),
        ("status", "map", statuses),
        ("limits", "max_share", 1.0),
        ("people", "max_age", "30d"),
    ]


def user_name(name: str) -> str:
    """The user name of a person in a log: "Resolver 17" is resolver.17; the address is at example.com."""
    return re.sub(r"\W+", ".", name.strip().lower())


def email(name: str) -> str:
    """The e-mail address of a person in a log, the same on both sides."""
    return f"{user_name(name)}@example.com"


def _entry(servicenow: Sequence[str], jira: Sequence[str]) -> Mapping[str, Toml]:
    return {"servicenow": _one_or_more(servicenow), "jira": _one_or_more(jira)}


def _one_or_more(values: Sequence[str]) -> Toml:
    return values[0] if len(values) == 1 else list(values)
