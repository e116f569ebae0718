"""The policy at work on both stand-ins: what rules set on both sides, and what people keep."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from .site import Site

POLICY = """
[policy]
[policy.vocabulary]
category = [
  { name = "devices", servicenow = "hardware", jira = "Hardware" },
  { name = "net", servicenow = "network", jira = "Network" },
]

[[policy.rule]]
id = "devices"
when = { category = "devices" }
then = { group = "Hardware" }

[[policy.rule]]
id = "printers"
when = { summary = { contains = "printer" } }
then = { urgency = 1 }
strength = "always"

[policy.priority]
matrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
"""
GROUP = "customfield_10050"


@pytest.fixture
def governed(site: Site) -> Site:
    site.config.write_text(site.config.read_text() + POLICY)
    return site


def test_rules_set_values_on_both_sides_and_come_to_rest(governed: Site) -> None:
    site = governed
    row, ticket = site.paired()
    shown = site.row(row)
    assert (shown["urgency"], shown["priority"]) == ("1", "3")
    ticket = site.mirror(row)
    assert ticket.values["priority"] == "Medium"
    assert ticket.values[GROUP] == "Hardware"
    told = site.run("show", row["number"])
    assert "rule devices" in told.out
    before = site.writes
    site.sync(after=180)
    assert site.writes == before
    assert "rule" not in site.run("conflicts", "list", "--all").out


def test_what_a_person_chooses_is_kept_unless_the_rule_always_speaks(governed: Site) -> None:
    site = governed
    row, _ = site.paired()
    groups = site.world.servicenow.rows("sys_user_group")
    other = next(group for group in groups if group["name"] == "Database")
    site.desk(row, assignment_group=other["sys_id"], urgency="3")
    site.settle()
    shown = site.row(row)
    assert shown["assignment_group"] == other["sys_id"]
    assert site.mirror(row).values[GROUP] == "Database"
    assert shown["urgency"] == "1"  # printers: always
    (conflict,) = site.run("conflicts", "list", "--all", "--json").json
    assert (conflict["kind"], conflict["open"], conflict["field"]) == ("rule", False, "priority")
    assert "rule printers" in conflict["reason"]
    assert conflict["servicenow"]["urgency"] == "3"


def test_a_value_set_in_jira_is_kept_as_well(governed: Site) -> None:
    site = governed
    row, ticket = site.paired()
    site.engineer(ticket, **{GROUP: "Software"})
    site.settle()
    assert site.mirror(row).values[GROUP] == "Software"
    assert site.run("verify").code == 0


def test_plan_says_the_rule_with_its_place_and_writes_nothing(governed: Site) -> None:
    site = governed
    row, _ = site.paired(category="network")
    site.desk(row, category="hardware")
    site.wait(60)
    before = site.writes
    said = site.run("plan")
    assert site.writes == before
    assert "because group: rule devices (" in said.out
    assert "config.toml:" in said.out


def test_an_incident_that_is_raised_in_jira(governed: Site) -> None:
    site = governed
    site.issue(summary="The printer is slow", priority="Lowest")
    assert site.sync("--initial").code == 0
    site.settle()
    (row,) = site.world.servicenow.rows()
    assert (row["urgency"], row["priority"]) == ("1", "3")


def test_a_policy_that_cannot_be_read_stops_the_pass_before_its_first_write(site: Site) -> None:
    site.incident()
    site.config.write_text(site.config.read_text() + POLICY.replace("then =", "than ="))
    before = site.writes
    said = site.sync("--initial")
    assert (said.code, site.writes) == (2, before)
    assert "is not a setting" in said.err


@pytest.mark.parametrize("seed", range(4))
def test_edits_of_people_on_both_sides_come_to_rest_and_stay_there(governed: Site, seed: int) -> None:
    site, rng = governed, random.Random(seed)
    row, _ = site.paired()
    for _ in range(4):
        if rng.random() < 0.5:
            column, values = rng.choice(
                [("urgency", "123"), ("impact", "123"), ("category", ("hardware", "network"))]
            )
            site.desk(row, **{column: rng.choice(values)})
        else:
            field, names = rng.choice(
                [("priority", ("Highest", "Medium", "Lowest")), (GROUP, ("Hardware", "Database", "Network"))]
            )
            site.engineer(site.mirror(row), **{field: rng.choice(names)})
        if rng.random() < 0.6:
            site.settle()
    site.settle()
    rested = site.row(row), site.mirror(row).values
    writes = site.writes
    for _ in range(3):
        site.sync(after=180)
    assert site.writes == writes
    assert (site.row(row), site.mirror(row).values) == rested
    assert rested[0]["urgency"] == "1"
    assert site.run("verify").code == 0


def test_a_group_that_a_side_does_not_have_is_held_and_told(governed: Site) -> None:
    site = governed
    site.rewrite('then = { group = "Hardware" }', 'then = { group = "Nowhere" }')
    site.incident()
    site.sync("--initial")
    said = site.settle(code=3)
    assert said.code == 3
    (conflict,) = site.run("conflicts", "list", "--json").json
    assert (conflict["field"], conflict["kind"]) == ("group", "unmapped")
    assert "'Nowhere' is not known on both sides" in conflict["reason"]


def _always_devices(site: Site) -> None:
    old = 'when = { category = "devices" }\nthen = { group = "Hardware" }'
    site.rewrite(old, 'then = { category = "devices" }\nstrength = "always"')


def _undo(_before: object, after: Mapping[str, str], _user: str) -> Mapping[str, str] | None:
    return {"category": "network"} if after["category"] == "hardware" else None


def test_a_rule_whose_write_a_business_rule_takes_back_at_once_is_held_and_nothing_else(
    governed: Site,
) -> None:
    site = governed
    _always_devices(site)
    site.world.servicenow.writing.rules.append(_undo)
    row = site.incident(category="network")
    site.sync("--initial")
    writes = site.writes
    for _ in range(4):
        site.sync(after=180)
    assert site.writes <= writes + 2
    (conflict,) = site.run("conflicts", "list", "--json").json
    assert (conflict["kind"], conflict["field"], conflict["open"]) == ("flapping", "category", True)
    assert "servicenow undoes it at once" in conflict["reason"]
    assert "config.toml:" in conflict["reason"]
    assert site.run("parked", "list", "--json").json == []
    site.desk(row, short_description="And another word")
    site.sync(after=180)
    assert site.mirror(row).values["summary"] == "And another word"


def test_a_rule_that_a_business_rule_undoes_later_is_held_as_flapping(governed: Site) -> None:
    site = governed
    _always_devices(site)
    site.world.servicenow.later.append(_undo)
    site.incident(category="network")
    site.sync("--initial")
    for _ in range(8):
        site.world.servicenow.tick()
        site.sync(after=180)
    writes = site.writes
    for _ in range(3):
        site.world.servicenow.tick()
        site.sync(after=180)
    assert site.writes == writes
    (conflict,) = site.run("conflicts", "list", "--json").json
    assert (conflict["kind"], conflict["field"]) == ("flapping", "category")
    assert "rule devices" in conflict["reason"]
