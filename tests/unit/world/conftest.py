"""A stand-in for the engine: it makes both sides what the ledger says, and is as dumb as that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tieline.connectors.sandbox.expected import ENDED, Expected, Ledger, Maps
from tieline.connectors.sandbox.world import JIRA_USER, PROJECT, SERVICENOW_USER, World

CLOSING = ("close_code", "close_notes")


@pytest.fixture(scope="session")
def template(root: Path) -> str:
    return (root / "config.example.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def maps(template: str) -> Maps:
    return Maps.read(template)


class Puppeteer:
    """Called at each pause: creates missing mirrors with their markers and sets every field."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world = world
        self.ledger = ledger
        self.partner: dict[str, tuple[str, str]] = {}

    def __call__(self) -> None:
        for key, incident in self.ledger.incidents.items():
            if key not in self.partner:
                self.partner[key] = self._mirror(incident)
            servicenow, jira = self.partner[key]
            self._servicenow(servicenow, incident)
            self._jira(jira, incident)

    def _mirror(self, incident: Expected) -> tuple[str, str]:
        marker = f"example:operations:{incident.id}"
        if incident.origin == "servicenow":
            fields = {"summary": incident.jira["summary"], self.ledger.maps.jira_marker: marker}
            return incident.id, self.world.jira.create(JIRA_USER, PROJECT, "Incident", fields).id
        values = {self.ledger.maps.servicenow_marker: marker}
        return self.world.servicenow.create(SERVICENOW_USER, values)["sys_id"], incident.id

    def _servicenow(self, sys_id: str, incident: Expected) -> None:
        values = dict(incident.servicenow)
        if values["state"] not in ENDED:
            values = {name: value for name, value in values.items() if name not in CLOSING}
        for name, table, column in (
            ("assigned_to", "sys_user", "email"),
            ("caller_id", "sys_user", "email"),
            ("assignment_group", "sys_user_group", "name"),
        ):
            if values.get(name):
                rows = self.world.servicenow.rows(table)
                values[name] = next(row["sys_id"] for row in rows if row[column] == values[name])
        self.world.servicenow.update(SERVICENOW_USER, sys_id, values)

    def _jira(self, issue: str, incident: Expected) -> None:
        fields = {n: v for n, v in incident.jira.items() if n not in ("status", "resolution")}
        self.world.jira.update(JIRA_USER, issue, fields)
        now = self.world.jira.get(issue).status
        ending = {"resolution": incident.jira.get("resolution") or "Done"}
        for to in _path(self._arrows(), now, incident.jira["status"]):
            screen = next(s for a, b, s in self._arrows() if (a, b) == (now, to))
            self.world.jira.transition(JIRA_USER, issue, to, ending if "resolution" in screen else {})
            now = to

    def _arrows(self) -> list[tuple[str, str, tuple[str, ...]]]:
        (kind,) = self.world.jira.world.projects[PROJECT].issue_types
        return [(t.source, t.target, t.screen) for t in kind.workflow.transitions]


def _path(arrows: list[tuple[str, str, tuple[str, ...]]], now: str, to: str) -> list[str]:
    waiting = deque([(now, list[str]())])
    while waiting:
        here, path = waiting.popleft()
        if here == to:
            return path
        waiting.extend((b, [*path, b]) for a, b, _ in arrows if a == here and b not in path)
    raise AssertionError(f"no way from {now} to {to}")


@pytest.fixture
def puppeteer() -> Callable[[World, Ledger], Puppeteer]:
    return Puppeteer


def shown(values: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if value}
