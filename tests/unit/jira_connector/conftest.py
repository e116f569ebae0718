"""A Jira that says what each test tells it to: answers by method and path, and a list of what was asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from tieline.connectors.auth import BasicAuth
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing
from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads

SECRET = "s3cr3t-token-value"
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
URL = "https://jira.example.com"
KINDS: Mapping[str, Any] = {
    "summary": "line", "description": "text", "priority": "choice", "status": "choice",
    "resolution": "choice", "assignee": "person", "labels": "set", "components": "set",
    "customfield_10050": "group", "customfield_10051": "choice", "customfield_10053": "text",
}  # fmt: skip
MARKER = "customfield_10042"
_TYPES = "com.atlassian.jira.plugin.system.customfieldtypes"


def _field(id_: str, type_: str, items: str = "", custom: str = "", name: str = "") -> dict[str, Any]:
    schema = {"type": type_, **({"items": items} if items else {})}
    schema |= {"custom": f"{_TYPES}:{custom}"} if custom else {"system": id_}
    return {"id": id_, "name": name or id_.capitalize(), "custom": bool(custom), "schema": schema}


FIELDS = [
    _field("summary", "string"), _field("description", "string"), _field("priority", "priority"),
    _field("status", "status"), _field("resolution", "resolution"), _field("assignee", "user"),
    _field("labels", "array", "string"), _field("components", "array", "component"),
    _field(MARKER, "string", custom="textfield", name="Tieline marker"),
    _field("customfield_10050", "option", custom="select", name="Support group"),
    _field("customfield_10051", "option", custom="select", name="Category"),
    _field("customfield_10053", "string", custom="textarea", name="Close notes"),
    {"id": "issuekey", "name": "Key", "custom": False},
]  # fmt: skip


@dataclass
class Jira:
    """What a test says of Jira, and what Jira was asked."""

    mock: responses.RequestsMock
    version: str
    connector: JiraConnector
    asked: list[tuple[str, str]] = field(default_factory=list)

    def on(self, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> None:
        """Answer a request; answers to the same one are given in the order they were told."""
        if isinstance(body, Exception):
            self.mock.add(method, self.path(path), body=body)
        elif isinstance(body, str):
            self.mock.add(method, self.path(path), body=body, status=status, **options)
        elif body is None:
            self.mock.add(method, self.path(path), status=status, **options)
        else:
            self.mock.add(method, self.path(path), json=body, status=status, **options)

    def call(self, method: str, path: str, answer: Callable[[Any], tuple[int, Any]]) -> None:
        """Answer requests by a function of their JSON body."""

        def answered(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
            status, body = answer(json.loads(request.body or "null"))
            return status, {"Content-Type": "application/json"}, json.dumps(body)

        self.mock.add_callback(method, self.path(path), callback=answered)

    def path(self, path: str) -> str:
        return f"{URL}/rest/api/{self.version}/{path}"

    def fields(self) -> None:
        """Say which fields there are."""
        self.on("GET", "field", FIELDS)

    def me(self) -> None:
        """Know who we are."""
        self.on("GET", "myself", {"accountId": "acc-tieline", "name": "tieline", "displayName": "Tieline"})

    @property
    def log(self) -> list[str]:
        """Every request so far: method and path."""
        return [
            f"{c.request.method} {str(c.request.path_url).partition('?')[0].removeprefix('/rest/api/')}"
            for c in self.mock.calls
        ]

    def sent(self, number: int = -1) -> Any:
        """The JSON body of a request."""
        return json.loads(self.mock.calls[number].request.body or "null")


@pytest.fixture
def make_jira() -> Iterator[Callable[..., Jira]]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:

        def make(deployment: str = "cloud", **changes: Any) -> Jira:
            base = {
                "url": URL, "deployment": deployment, "places": (("OPS", "Incident"),), "fields": KINDS,
                "marker": MARKER,
            }  # fmt: skip
            settings = JiraSettings(**{**base, **changes})
            timing = Timing(sleep=lambda _: None, rng=random.Random(1))
            adapter = HardenedAdapter(HttpSettings(URL, attempts=3), safe=only_reads, timing=timing)
            connector = JiraConnector(
                settings, BasicAuth("tieline@example.com", SECRET), adapter, lambda: NOW
            )
            return Jira(mock, "3" if deployment == "cloud" else "2", connector)

        yield make


@pytest.fixture
def cloud(make_jira: Callable[..., Jira]) -> Jira:
    return make_jira()


@pytest.fixture
def center(make_jira: Callable[..., Jira]) -> Jira:
    return make_jira("datacenter")


START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def make_issue() -> Callable[..., dict[str, Any]]:
    """Builds an issue as Jira shows it."""

    def make(
        number: int = 1, *, moment: str = "2026-01-02T03:04:05.678+0000", **fields: Any
    ) -> dict[str, Any]:
        base = {
            "project": {"id": "10000", "key": "OPS"}, "issuetype": {"id": "10100", "name": "Incident"},
            "status": {"id": "10001", "name": "Open", "statusCategory": {"key": "new"}}, "resolution": None,
            "created": "2026-01-01T00:00:00.000+0000", "updated": moment,
            "summary": f"Issue {number}", "description": None, MARKER: None,
        }  # fmt: skip
        return {"id": str(20000 + number), "key": f"OPS-{number}", "self": "x", "fields": {**base, **fields}}

    return make
