"""What the inspectors tell of both systems, over real HTTP: also of Data Center, and of what is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tieline.connectors.auth import BasicAuth
from tieline.connectors.errors import ConfigError, Denied
from tieline.connectors.http import HardenedAdapter, HttpSettings
from tieline.connectors.jira import JiraSettings, only_reads
from tieline.connectors.jira.metadata import JiraInspector
from tieline.connectors.jira.outside import deployment_of
from tieline.connectors.sandbox.core import RequestLog, Server, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.model import Deployment
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.servicenow.metadata import ServiceNowInspector
from tieline.sync.setup.fields import find_marker, find_notes
from tieline.sync.setup.proposal import propose

SECRET = "s3cr3t"
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@dataclass
class Site:
    """A served Jira of one kind, and what reads it."""

    sandbox: JiraSandbox
    url: str
    user: str

    def inspector(self, deployment: Deployment, secret: str = SECRET) -> JiraInspector:
        settings = JiraSettings(self.url, deployment, (), {}, "labels")
        adapter = HardenedAdapter(HttpSettings(self.url, attempts=1), safe=only_reads)
        return JiraInspector(settings, BasicAuth(self.user, secret), adapter)


@pytest.fixture(params=["cloud", "datacenter"])
def kind(request: pytest.FixtureRequest) -> Deployment:
    chosen: Deployment = request.param
    return chosen


@pytest.fixture
def site(kind: Deployment) -> Iterator[Site]:
    user = "tieline@example.com" if kind == "cloud" else "tieline"
    sandbox = JiraSandbox(VirtualClock(NOW), deployment=kind, accounts={user: SECRET}, index_lag=timedelta(0))
    server = Server(sandbox, RequestLog())
    server.start()
    yield Site(sandbox, server.url, user)
    server.stop()


@pytest.fixture
def snow() -> Iterator[tuple[ServiceNowSandbox, ServiceNowInspector]]:
    sandbox = ServiceNowSandbox(VirtualClock(NOW), accounts={"tieline": SECRET})
    sandbox.seed_world()
    server = Server(sandbox, RequestLog())
    server.start()
    adapter = HardenedAdapter(HttpSettings(server.url, attempts=1))
    yield sandbox, ServiceNowInspector(adapter, BasicAuth("tieline", SECRET))
    server.stop()


def test_jira_tells_what_it_is_without_credentials(site: Site, kind: Deployment) -> None:
    assert deployment_of(HardenedAdapter(HttpSettings(site.url))) == kind


def test_another_kind_of_jira_than_configured_is_named(site: Site, kind: Deployment) -> None:
    wrong: Deployment = "datacenter" if kind == "cloud" else "cloud"
    inspector = site.inspector(wrong)
    with pytest.raises(ConfigError, match=f"server says {kind}"):
        inspector.site()
    inspector.close()


def test_a_project_is_described_alike_by_both_kinds(site: Site, kind: Deployment) -> None:
    ticket = site.sandbox.create("beth.anglin", "OPS", "Incident", {"summary": "x", "priority": "Low"})
    site.sandbox.transition("beth.anglin", ticket.id, "In Progress")
    inspector = site.inspector(kind)
    assert inspector.site().identity.name
    assert {"OPS/Incident", "DEV/Bug"} <= {each.place for each in inspector.places()}
    place = inspector.place("OPS/Incident", ("assignee",))
    inspector.close()
    assert [s.category for s in place.statuses] == ["new", *["indeterminate"] * 3, *["done"] * 3]
    assert [o.value for o in place.options("customfield_10050")][:2] == ["Service Desk", "Network"]
    assert [o.value for o in place.options("priority")] == ["Highest", "High", "Medium", "Low", "Lowest"]
    assert place.resolutions == ("Done", "Workaround", "Duplicate", "Won't Do")
    assert place.create is not None
    assert place.edit is not None
    assert "customfield_10042" in place.create.fields & place.edit.fields
    assert place.create.required == {"summary"}
    assert place.used["priority"] == {"Low": 1}
    moves = {move.to: move for move in place.moves["In Progress"]}
    assert moves["Resolved"].required == {"resolution"}
    assert moves["Resolved"].done
    assert all(place.rights.values())
    assert place.rights["EDIT_ISSUES"]
    assert (find_marker(place), find_notes(place)) == ("customfield_10042", "customfield_10053")


def test_what_is_not_there_is_named_with_what_is(site: Site, kind: Deployment) -> None:
    inspector = site.inspector(kind)
    with pytest.raises(ConfigError, match="OPS"):
        inspector.place("NOPE/Incident")
    with pytest.raises(ConfigError, match="Incident"):
        inspector.place("OPS/Outage")
    inspector.close()


def test_wrong_credentials_are_denied(site: Site, kind: Deployment) -> None:
    inspector = site.inspector(kind, "wrong")
    with pytest.raises(Denied):
        inspector.site()
    inspector.close()


# ServiceNow


def test_a_table_is_described_with_what_it_inherits(
    snow: tuple[ServiceNowSandbox, ServiceNowInspector],
) -> None:
    sandbox, inspector = snow
    for impact, urgency in (("1", "1"), ("3", "2"), ("3", "2")):
        sandbox.create("beth.anglin", {"short_description": "x", "impact": impact, "urgency": urgency})
    place = inspector.place("incident", ("short_description", "u_none"))
    assert place.fields["short_description"].length == 160
    assert (place.fields["description"].kind, place.fields["assignment_group"].kind) == ("text", "group")
    assert place.fields["opened_at"].kind is None
    assert [o.value for o in place.options("state")] == ["1", "2", "3", "6", "7", "8"]
    assert next(o.words for o in place.options("priority")) == "1 - Critical"
    assert place.readable == frozenset({"sys_id", "short_description"})
    assert place.matrix == {("1", "1"): "1", ("3", "2"): "4"}
    assert place.used["urgency"] == {"2": 2, "1": 1}
    assert "Service Desk" in place.groups
    assert inspector.site().identity.name == "Tieline"
    again = inspector.place("incident")
    assert again.options("subcategory") == place.options("subcategory")
    inspector.close()


def test_hidden_metadata_is_unseen_and_not_empty(
    snow: tuple[ServiceNowSandbox, ServiceNowInspector],
) -> None:
    sandbox, inspector = snow
    sandbox.create("beth.anglin", {"short_description": "x"})
    for table in ("sys_dictionary", "sys_choice", "sys_user_group"):
        sandbox.access.hidden |= {row["sys_id"] for row in sandbox.rows(table)}
    place = inspector.place("incident", ("short_description",))
    inspector.close()
    assert {"sys_dictionary", "sys_user_group"} <= set(place.unseen)
    assert place.fields == {}
    assert place.readable == frozenset({"sys_id", "short_description"})


def test_a_proposal_needs_no_dictionary(
    snow: tuple[ServiceNowSandbox, ServiceNowInspector], site: Site, kind: Deployment
) -> None:
    sandbox, inspector = snow
    sandbox.access.hidden |= {row["sys_id"] for row in sandbox.rows("sys_dictionary")}
    ours, theirs = inspector.place("incident"), site.inspector(kind).place("OPS/Incident")
    inspector.close()
    proposal = propose(ours, theirs)
    assert [field.name for field in proposal.fields] == ["summary", "description", "assignee"]
    assert proposal.status is not None
    assert any("sys_dictionary" in gap.what for gap in proposal.gaps)


def test_there_is_no_such_table(snow: tuple[ServiceNowSandbox, ServiceNowInspector]) -> None:
    _, inspector = snow
    with pytest.raises(ConfigError, match="u_ticket"):
        inspector.place("u_ticket")
    inspector.close()
