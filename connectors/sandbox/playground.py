"""What `tieline sandbox` serves: both stand-ins on the machine's clock, with a few incidents to begin with.

It writes a configuration that works at once, with its secrets in files of their own.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from tieline.connectors.errors import ConfigError
from tieline.connectors.sandbox import faults, phrases
from tieline.connectors.sandbox.core import RealClock
from tieline.connectors.sandbox.story import CALLERS, DESK, ENGINEERS, SUBCATEGORIES
from tieline.connectors.sandbox.world import (
    CATEGORY_FIELD,
    JIRA_SECRET,
    JIRA_USER,
    PERSON,
    PROJECT,
    SERVICENOW_SECRET,
    SERVICENOW_USER,
    SUBCATEGORY_FIELD,
    World,
)

INDEX_LAG: Final = (timedelta(seconds=0), timedelta(seconds=3))
"""Shorter than in a demo: a person waits for it."""
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Account:
    """Where a side is served, and who may use it."""

    name: str
    url: str
    user: str
    secret: str


class Playground:
    """Both stand-ins, served from construction until `stop`. Ports of 0 are chosen by the system."""

    def __init__(
        self,
        *,
        ports: tuple[int, int],
        seed: int,
        latency: float,
        concurrency: int,
        incidents: int,
        profile: str = "ordinary",
        troubles: Sequence[str] = (),
        webhook: str = "",
    ) -> None:
        rates = trouble_rates(profile, troubles)
        self._world = World(
            RealClock(),
            seed=seed,
            latency=latency,
            concurrency=concurrency,
            ports=ports,
            index_lag=INDEX_LAG,
            troubles=rates,
        ).start()
        if webhook:
            self._world.jira.webhooks.register(webhook, secret=self._world.secrets.jira)
            self._world.jira.webhooks.start()
        self._chance = random.Random(f"playground {seed}")
        for number in range(1, incidents + 1):
            self._raise(f"sandbox {number}", at_the_desk=number % 2 == 1)

    @property
    def accounts(self) -> tuple[Account, Account]:
        """ServiceNow's and Jira's."""
        servicenow, jira = self._world.urls
        secrets = self._world.secrets
        return (
            Account("ServiceNow", servicenow, SERVICENOW_USER, secrets.servicenow),
            Account("Jira", jira, JIRA_USER, secrets.jira),
        )

    @property
    def people(self) -> tuple[Account, Account]:
        """Who may work there by hand: an edit of Tieline's own account is no person's."""
        (servicenow, jira), secret = self._world.urls, self._world.secrets.person
        return Account("ServiceNow", servicenow, PERSON[0], secret), Account("Jira", jira, PERSON[1], secret)

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests answered so far, by side and operation."""
        operations = self._world.requests.operations
        return {f"{side} {operation}": count for (side, operation), count in sorted(operations.items())}

    @property
    def struck(self) -> Mapping[str, int]:
        """Faults that struck so far, by side and name."""
        return {
            f"{side} {name}": count for (side, name), count in sorted(self._world.requests.faults.items())
        }

    def write_configuration(self, template: str, folder: Path) -> Path:
        """A working configuration in `folder`, its secrets in files that only their owner can read."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self._world.configuration(template)
        for variable, secret in self._world.environment().items():
            name = {SERVICENOW_SECRET: "servicenow.secret", JIRA_SECRET: "jira.secret"}[variable]
            _write_private(folder / name, secret)
            text = text.replace(f"env:{variable}", f"file:{name}")
        _write_private(folder / "person.secret", self._world.secrets.person)
        path = folder / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def someone_works(self) -> str:
        """One person does one thing on one side; what it was."""
        with self._world.lock:
            if self._chance.random() < 0.3:
                return self._raise(f"sandbox {self._chance.randrange(10**6)}", self._chance.random() < 0.5)
            if self._chance.random() < 0.5:
                return self._desk_works()
            return self._engineer_works()

    def stop(self) -> None:
        """Stop serving."""
        self._world.jira.webhooks.stop()
        self._world.stop()

    def _raise(self, subject: str, at_the_desk: bool) -> str:
        category = self._chance.choice([name for name in SUBCATEGORIES if name != "inquiry"])
        subcategory = self._chance.choice(SUBCATEGORIES[category])
        summary = phrases.summary(subject, "")
        text = phrases.description(subject, "", "phone" if at_the_desk else "Jira", "")
        if at_the_desk:
            by = self._chance.choice(DESK)
            values = {
                "short_description": summary,
                "description": text,
                "category": category,
                "subcategory": subcategory,
                "caller_id": self._chance.choice(CALLERS),
                "impact": self._chance.choice("123"),
                "urgency": self._chance.choice("123"),
            }
            return f"{by} raised {self._world.servicenow.create(by, values)['number']} in ServiceNow"
        by = f"{self._chance.choice(ENGINEERS)}@example.com"
        fields = {
            "summary": summary,
            "description": text,
            CATEGORY_FIELD: category.capitalize(),
            SUBCATEGORY_FIELD: subcategory,
            "priority": self._chance.choice(("High", "Medium")),
        }
        return f"{by} raised {self._world.jira.create(by, PROJECT, 'Incident', fields).key} in Jira"

    def _desk_works(self) -> str:
        by, row = self._chance.choice(DESK), self._chance.choice(self._world.servicenow.rows())
        changes = {"impact": self._chance.choice("123"), "urgency": self._chance.choice("123")}
        self._world.servicenow.update(by, row["sys_id"], changes)
        return f"{by} set impact and urgency of {row['number']} in ServiceNow"

    def _engineer_works(self) -> str:
        by = f"{self._chance.choice(ENGINEERS)}@example.com"
        ticket = self._chance.choice(list(self._world.jira.issues()))
        summary = phrases.summary(f"{ticket.key}, edit {self._chance.randrange(10**6)}", "")
        self._world.jira.update(by, ticket.id, {"summary": summary})
        return f"{by} changed the summary of {ticket.key} in Jira"


def trouble_rates(profile: str, settings: Sequence[str]) -> Mapping[str, faults.Rates]:
    """The faults that a profile and single settings (`NAME=RATE`) mean. `ConfigError` for an unknown one."""
    try:
        return faults.parse(settings, faults.hostile() if profile == "hostile" else faults.NONE)
    except faults.UnknownFault as error:
        raise ConfigError(str(error)) from None


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
