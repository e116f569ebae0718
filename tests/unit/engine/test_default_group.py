"""The default group: it has what is assigned to somebody whom the other side does not know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Entity
from tieline.connectors.errors import ConfigError
from tieline.sync.config import load_config
from tieline.sync.config.model import FieldConfig

from .world import PERSON_JIRA, PERSON_SN, World

GROUP = "customfield_10050"
DESK_SN = Entity("servicenow", "group", "g-desk", "Service Desk")
DESK_JIRA = Entity("jira", "group", "Desk", "Desk")
NET_SN = Entity("servicenow", "group", "g-net", "Network")
NET_JIRA = Entity("jira", "group", "Network", "Network")
STRANGER_SN = Entity("servicenow", "person", "u-bob", "Bob", "bob@example.com", "bob")
STRANGER_JIRA = Entity("jira", "person", "acc-cay", "Cay")


def desk_world(people: str = "group:Desk", **groups: Any) -> World:
    """Ada is on both sides, Bob in ServiceNow only, Cay in Jira only; the desk has two names."""
    wanted = {"map": [{"servicenow": "Service Desk", "jira": "Desk"}], **groups}
    world = World(people={"unknown": people}, groups=wanted)
    for side, *known in (
        (world.sn, PERSON_SN, STRANGER_SN, DESK_SN, NET_SN),
        (world.jira, PERSON_JIRA, STRANGER_JIRA, DESK_JIRA, NET_JIRA),
    ):
        for entity in known:
            (side.people if entity.kind == "person" else side.groups)[entity.id] = entity
    return world


def held(world: World, row: Any, issue: Any) -> tuple[object, ...]:
    """Who has it, and which group, on both sides."""
    ours, theirs = row.values, issue.values
    return (ours.get("assigned_to"), ours.get("assignment_group"), theirs.get("assignee"), theirs.get(GROUP))


def test_an_incident_of_somebody_unknown_in_jira_is_the_desks() -> None:
    world = desk_world()
    row, issue = world.paired(assigned_to="u-bob")
    assert held(world, row, issue) == ("u-bob", "g-desk", None, "Desk")
    world.in_step()


def test_an_issue_of_somebody_unknown_in_servicenow_is_the_desks() -> None:
    world = desk_world()
    row, issue = world.paired()
    world.jira.edit(issue.id, {"assignee": "acc-cay"})
    world.settle()
    assert held(world, row, issue) == (None, "g-desk", "acc-cay", "Desk")
    [entry] = [e for e in world.audit() if e.new == {"assignment_group": "g-desk"}]
    assert entry.why == ("group: the other side does not know the assignee, so the default group has it",)
    world.in_step()


def test_an_issue_raised_with_somebody_unknown_gets_a_mirror_of_the_desk() -> None:
    world = desk_world()
    issue = world.issue(assignee="acc-cay")
    world.run(initial=True)
    [row] = world.sn.rows.values()
    assert row.values["assignment_group"] == "g-desk"
    world.settle()
    assert held(world, row, issue) == (None, "g-desk", "acc-cay", "Desk")
    world.in_step()


def test_a_group_that_has_it_keeps_it() -> None:
    world = desk_world()
    row, issue = world.paired(assigned_to="u-bob", assignment_group="g-net")
    assert held(world, row, issue) == ("u-bob", "g-net", None, "Network")


def test_people_may_take_it_from_the_desk_and_it_does_not_come_back() -> None:
    world = desk_world()
    row, issue = world.paired(assigned_to="u-bob")
    world.sn.edit(row.id, {"assignment_group": "g-net"})
    world.settle()
    assert held(world, row, issue) == ("u-bob", "g-net", None, "Network")
    world.jira.edit(issue.id, {GROUP: None})
    world.settle()
    assert held(world, row, issue) == ("u-bob", None, None, None)
    assert not world.conflicts()


def test_somebody_who_is_known_needs_no_desk() -> None:
    world = desk_world()
    row, issue = world.paired(assigned_to="u-ada")
    assert held(world, row, issue) == ("u-ada", None, "acc-ada", None)


@pytest.mark.parametrize("change", [{"active": False}, {"email": ""}])
def test_deactivated_and_hidden_people_are_unknown_too(change: dict[str, Any]) -> None:
    world = desk_world()
    world.jira.people["acc-ada"] = replace(PERSON_JIRA, **change)
    row, issue = world.paired(assigned_to="u-ada")
    assert held(world, row, issue) == ("u-ada", "g-desk", None, "Desk")


def test_unknown_callers_move_no_incident() -> None:
    world = desk_world()
    caller = {"name": "caller", "kind": "person", "servicenow": "caller_id", "jira": "reporter"}
    world.config = world.config.model_copy(
        update={"field": (*world.config.field, FieldConfig.model_validate(caller))}
    )
    row, issue = world.paired(caller_id="u-bob")
    assert held(world, row, issue) == (None, None, None, None)


def test_a_desk_that_servicenow_does_not_have_is_shown_in_jira_alone() -> None:
    world = desk_world("group:Nobody's")
    row, issue = world.paired(assigned_to="u-bob")
    assert (row.values.get("assignment_group"), issue.values[GROUP]) == (None, "Nobody's")


@pytest.mark.parametrize("unknown", ["unassigned", "default:Desk"])
def test_unknown_groups_have_a_default_both_ways(unknown: str) -> None:
    """A component without a partner was nobody's in ServiceNow, whatever the default."""
    world = desk_world("unassigned", unknown=unknown)
    world.jira.groups["Ghosts"] = Entity("jira", "group", "Ghosts", "Ghosts")
    row, issue = world.paired()
    world.jira.edit(issue.id, {GROUP: "Ghosts"})
    world.settle()
    expected = "g-desk" if unknown == "default:Desk" else None
    assert (row.values.get("assignment_group"), issue.values[GROUP]) == (expected, "Ghosts")
    world.sn.edit(row.id, {"assignment_group": "g-net"})
    world.settle()
    assert issue.values[GROUP] == "Network"
    world.in_step()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('unknown = "hold"', 'unknown = "group:Desk"', r"groups\.unknown: is a rule for people"),
        ('kind = "group" ', 'kind = "line"\nlimit = { jira = 40 } ', r"people\.unknown: names a group"),
    ],
)
def test_rules_that_cannot_be_followed_are_faults(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = (Path(__file__).resolve().parents[3] / "config.example.toml").read_text(encoding="utf-8")
    text = text.replace('unknown = "unassigned"', 'unknown = "group:Desk"', 1)
    assert old in text
    path = tmp_path / "config.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_config(path)


def test_components_that_are_no_group_stay_where_they_are() -> None:
    """One component of an issue is its group; a change of the group took all the others away."""
    world = desk_world("unassigned", unknown="unassigned")
    row, issue = world.paired(assignment_group="g-desk")
    world.jira.edit(issue.id, {GROUP: frozenset({"Backend", "Desk", "Zebra"})})
    world.settle()
    assert row.values["assignment_group"] == "g-desk"
    world.sn.edit(row.id, {"assignment_group": "g-net"})
    world.settle()
    assert issue.values[GROUP] == frozenset({"Backend", "Network", "Zebra"})
    world.jira.edit(issue.id, {GROUP: frozenset({"Backend", "Desk"})})
    world.settle()
    assert row.values["assignment_group"] == "g-desk"
    world.sn.edit(row.id, {"assignment_group": None})
    world.settle()
    assert issue.values[GROUP] == "Backend"
    world.jira.edit(issue.id, {GROUP: frozenset({"Backend", "Desk"})})
    world.settle()
    world.jira.edit(issue.id, {GROUP: None})
    world.settle()
    assert row.values["assignment_group"] is None
    assert not world.conflicts()
    world.in_step()
