"""The suite on Jira Cloud and Jira Data Center through jira, against the stand-in over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.base import Action, Move, Ref, Transition, Update, Value
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.settings import Settings

from .stands import PASSWORD, START, Deployment, OnJira, jira
from .suite import Bench, ConnectorSuite, Sample

FIELDS: dict[str, Any] = {
    "summary": "line", "description": "text", "priority": "choice", "status": "choice",
    "resolution": "choice", "assignee": "person", "labels": "set", "customfield_10050": "group",
    "customfield_10051": "choice", "customfield_10052": "choice", "customfield_10053": "text",
}  # fmt: skip


@dataclass
class JiraBench(OnJira, Bench):
    """The stand-in, and the connector that a configuration would make."""

    def edit(self, ref: Ref, **values: Value) -> None:
        self.stand.sandbox.update("beth.anglin", ref.id, dict(values))

    def refused(self, ref: Ref) -> Action:
        return Update(ref, {"resolution": "Done"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("999", "Nowhere")), Update(ref, {"customfield_1": "x"})]

    def delete(self, ref: Ref) -> None:
        self.stand.sandbox.delete(ref.id)


@contextmanager
def bench_of(deployment: Deployment) -> Iterator[Bench]:
    """A Jira of its own; its nodes order ties each in its own way, where there are several."""
    with jira(deployment, FIELDS, Settings(unstable_ties=deployment == "datacenter")) as stand:
        yield JiraBench(
            "jira", stand.connector, "OPS/Incident", "summary", "description", START - timedelta(days=1),
            _samples(stand.sandbox, deployment), text_limit=32_767, secrets=(PASSWORD,), stand=stand,
        )  # fmt: skip


def _samples(jira: JiraSandbox, deployment: str) -> Mapping[str, Sample]:
    names = ("beth.anglin", "david.loo")
    people = [jira.account_id(name) if deployment == "cloud" else name for name in names]
    return {
        "summary": Sample("One", "Two", clears=False),
        "description": Sample("One\n\ntwo", "Three"),
        "priority": Sample("High", "Low", clears=False),
        "assignee": Sample(people[0], people[1]),
        "labels": Sample(frozenset("ab"), frozenset("bc")),
        "customfield_10050": Sample("Network", "Database"),
        "customfield_10051": Sample("Software", "Hardware"),
        "customfield_10052": Sample("email", "cpu"),
        "customfield_10053": Sample("Done.", "Done again."),
    }


class TestJiraCloud(ConnectorSuite):
    """Jira Cloud, REST v3."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with bench_of("cloud") as made:
            yield made


class TestJiraDataCenter(ConnectorSuite):
    """Jira Data Center, REST v2, on a cluster whose nodes order ties each in its own way."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with bench_of("datacenter") as made:
            yield made
