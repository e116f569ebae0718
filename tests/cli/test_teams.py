"""Groups of ServiceNow and what they are in Jira: teams in the Team field, and components, over real HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Request
from tieline.connectors.sandbox.jira.catalog import custom
from tieline.connectors.sandbox.jira.model import Named

from .site import BETH, Row, Site

TEAM = "customfield_10001"
TEAMS = ("Network crew", "Database", "Platform")


@pytest.fixture
def teams(site: Site) -> dict[str, str]:
    """A site whose groups are teams in Jira: the ids of the teams by name."""
    site.world.jira.add_field(custom(10001, "Team", "team"), TEAMS, projects=["OPS"])
    ids = {name: site.world.jira.add_option(TEAM, name) for name in TEAMS}
    site.rewrite('jira = "customfield_10050"', f'jira = "{TEAM}"')
    network = f'{{ servicenow = "Network", jira = "{ids["Network crew"]}" }}'
    site.rewrite('map = []                            # e.g. { servicenow = "Service Desk"',
                 f'map = [{network}]  # e.g. {{ servicenow = "Service Desk"')  # fmt: skip
    return ids


def group(site: Site, row: Row) -> str:
    """The name of the group that has an incident."""
    groups = {g["sys_id"]: g["name"] for g in site.world.servicenow.rows("sys_user_group")}
    return str(groups.get(site.row(row)["assignment_group"], ""))


def group_id(site: Site, name: str) -> str:
    return next(str(g["sys_id"]) for g in site.world.servicenow.rows("sys_user_group") if g["name"] == name)


def test_a_group_and_a_team_that_the_map_joins_follow_each_other(site: Site, teams: dict[str, str]) -> None:
    sent: list[Any] = []

    def listen(request: Request) -> None:
        if request.method in ("PUT", "POST") and TEAM.encode() in (request.body or b""):
            sent.append(json.loads(request.body))

    site.fault("jira", listen)
    row, issue = site.paired(assignment_group=group_id(site, "Network"))
    assert issue.values[TEAM] == "Network crew"
    assert f'"{TEAM}": "{teams["Network crew"]}"' in json.dumps(sent), "a team is written as its bare id"
    site.desk(row, assignment_group="")
    site.settle()
    assert site.ticket(issue).values[TEAM] is None
    site.engineer(issue, **{TEAM: "Network crew"})
    site.settle()
    assert group(site, row) == "Network"
    assert site.run("conflicts", "list", "--json").json == []


def test_a_team_of_the_same_name_as_a_group_needs_no_map(site: Site, teams: dict[str, str]) -> None:
    row, issue = site.paired()
    site.engineer(issue, **{TEAM: "Database"})
    site.settle()
    assert group(site, row) == "Database"
    assert "Database" in site.run("show", row["number"]).out


def test_a_team_without_a_group_is_held_by_its_name(site: Site, teams: dict[str, str]) -> None:
    _row, issue = site.paired()
    site.engineer(issue, **{TEAM: "Platform"})
    site.settle(code=3)
    assert "'Platform' of jira has no counterpart" in site.run("conflicts", "show", "1").out
    assert [k["name"] for k in site.run("people", "--json").json] == ["Platform"]


def test_a_group_without_a_team_is_never_written_by_its_name(site: Site, teams: dict[str, str]) -> None:
    row = site.incident(assignment_group=group_id(site, "Hardware"))
    assert site.sync("--initial").code == 3
    assert site.mirror(row).values[TEAM] is None
    assert "'Hardware' of servicenow has no counterpart" in site.run("conflicts", "show", "1").out
    assert site.run("parked", "list", "--json").json == []


def test_an_edit_of_the_team_meanwhile_is_seen_as_a_race(site: Site, teams: dict[str, str]) -> None:
    """And none where nobody edited: the changelog shows a team by its name, too."""
    row, issue = site.paired(assignment_group=group_id(site, "Network"))
    raced = False

    def race(request: Request) -> None:
        nonlocal raced
        if not raced and request.method == "PUT" and TEAM.encode() in (request.body or b""):
            raced = True
            site.world.jira.update(BETH, issue.id, {TEAM: "Platform"})

    site.fault("jira", race)
    site.desk(row, assignment_group="")
    site.settle()
    assert raced
    assert "Platform" in site.run("conflicts", "list", "--all").out or teams["Platform"] in str(
        site.run("conflicts", "list", "--all", "--json").json
    )


def test_a_group_may_be_a_component(site: Site) -> None:
    """By equal name, both ways; a component without a group is held."""
    projects = site.world.jira.world.projects
    components = tuple(
        Named(str(10300 + n), name) for n, name in enumerate(("Network", "Ghosts", "Database"))
    )
    projects["OPS"] = replace(projects["OPS"], components=components)
    site.rewrite('jira = "customfield_10050"', 'jira = "components"')
    row, issue = site.paired(assignment_group=group_id(site, "Network"))
    assert issue.values["components"] == ("Network",)
    site.desk(row, assignment_group="")
    site.settle()
    assert not site.ticket(issue).values["components"]
    site.engineer(issue, components=["Network"])
    site.settle()
    assert group(site, row) == "Network"
    site.engineer(issue, components=["Ghosts", "Network"])
    site.settle()
    assert group(site, row) == "Network"
    site.desk(row, assignment_group=group_id(site, "Database"))
    site.settle()
    assert set(site.ticket(issue).values["components"] or ()) == {"Database", "Ghosts"}
    assert site.run("conflicts", "list", "--all", "--json").json == []
    site.engineer(issue, components=["Ghosts"])
    site.settle(code=3)
    assert group(site, row) == "Database"
    assert "'Ghosts' of jira has no counterpart" in site.run("conflicts", "show", "1").out
