"""Rules beside people and other systems: who is respected, who is overridden, and what ends as flapping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tieline.connectors.base import Update, Value
from tieline.connectors.errors import Unavailable
from tieline.connectors.memory import Row

from .world import World, settings


def rule(strength: str, then: str = "urgency = 1") -> str:
    return f"""
[[rule]]
id = "printers"
when = {{ summary = {{ contains = "printer" }} }}
then = {{ {then} }}
strength = "{strength}"
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(policy={})
    made.config = made.config.read_from(tmp_path / "policy.toml")
    return made


def ruled(world: World, text: str) -> World:
    world.config.path.write_text(text, encoding="utf-8")
    return world


@pytest.mark.parametrize("strength", ["suggest", "until_touched", "on_create"])
def test_after_a_rebuilt_state_everything_counts_as_touched(world: World, strength: str) -> None:
    ruled(world, rule(strength, 'category = "hardware"'))
    row, issue = world.paired(category="network", short_description="Scanner")
    world.lose_the_state()
    world.run(initial=True)
    world.settle()
    for _ in range(3):
        world.sn.edit(row.id, {"short_description": "Printer"})
        world.settle()
        world.tick(30 * 3600)
        world.settle()
    assert issue.values["summary"] == "Printer"
    assert row.values["category"] == "network"
    assert not world.conflicts()


def test_a_rule_that_always_speaks_does_so_after_a_rebuilt_state_and_says_whom_it_overrode(
    world: World,
) -> None:
    row, _ = ruled(world, rule("always")).paired(short_description="Scanner", urgency="3")
    world.lose_the_state()
    world.run(initial=True)
    world.settle()
    world.sn.edit(row.id, {"short_description": "Printer"})
    world.settle()
    assert row.values["urgency"] == "1"
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.unit, conflict.open, conflict.winner) == ("rule", "priority", False, None)
    assert conflict.servicenow["urgency"] == "3"
    assert "rule printers (" in conflict.reason


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_a_person_who_is_overridden_is_told_with_the_rule_as_winner(world: World, side: str) -> None:
    row, issue = ruled(world, rule("always")).paired(urgency="3")
    assert row.values["urgency"] == "1"
    if side == "servicenow":
        world.sn.edit(row.id, {"urgency": "3"})
    else:
        world.jira.edit(issue.id, {"priority": "Lowest"})
    world.settle()
    assert row.values["urgency"] == "1"
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.open, conflict.winner) == ("rule", False, None)
    assert conflict.reason.endswith("wins over what a person chose")
    world.in_step()


@pytest.mark.parametrize("clash", ["servicenow", "jira", "newest", "hold"])
def test_people_of_both_sides_who_are_overridden_are_told_with_what_each_chose(
    world: World, clash: str
) -> None:
    """Whoever loses to the other side loses to the rule as well, and is named nowhere else."""
    made = settings(policy={}, priority={"clash": clash})
    world.config = made.read_from(world.config.path)
    row, issue = ruled(world, rule("always")).paired(urgency="3")
    world.sn.edit(row.id, {"impact": "2", "urgency": "2"})
    world.jira.edit(issue.id, {"priority": "Low"})
    world.settle()
    assert (row.values["impact"], row.values["urgency"]) == ("2", "1")
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.open, conflict.winner) == ("rule", False, None)
    assert (conflict.servicenow["impact"], conflict.servicenow["urgency"]) == ("2", "2")
    assert conflict.jira["priority"] == "Low"
    assert conflict.reason.endswith("wins over what people chose on both sides")
    world.in_step()


def test_a_rule_that_fights_a_business_rule_ends_as_flapping_held_and_reported(world: World) -> None:
    def lowers(row: Row, _by: str) -> Mapping[str, Value]:
        return {"urgency": "3"} if row.values["urgency"] == "1" else {}

    row, issue = ruled(world, rule("always")).paired(short_description="Scanner", urgency="3")
    world.sn.rules.append(lowers)
    world.sn.edit(row.id, {"short_description": "Printer"})
    for _ in range(6):
        world.settle()
        world.tick(3600)
    (conflict,) = world.conflicts(open_only=True)
    assert (conflict.kind, conflict.unit) == ("flapping", "priority")
    assert "rule printers (" in conflict.reason
    before = world.writes
    for hours in range(1, 5):
        world.tick(3600 * hours)
        world.settle()
    assert world.writes == before
    assert issue.values["summary"] == "Printer"
    assert row.values["urgency"] == "3"


@pytest.mark.parametrize("later", [False, True], ids=["at once", "once it is held"])
def test_a_rule_that_one_side_does_not_take_beside_a_persons_edit_parks(world: World, later: bool) -> None:
    """As long as their edit stands the rule is asked again: held, it would be written with each look."""
    row, issue = ruled(world, rule("always", 'subcategory = "disk"')).paired(short_description="Scanner")
    world.sn.rules.append(lambda _row, _by: {"subcategory": None})
    world.sn.edit(row.id, {"short_description": "Printer"})
    if later:
        world.settle()
        assert [conflict.kind for conflict in world.conflicts(open_only=True)] == ["flapping"]
    world.jira.edit(issue.id, {"customfield_10052": "cpu"}, "engineer")
    made = 0
    for _ in range(5):
        world.tick()
        world.run()
        made += world.writes["Update"]
    assert [park.reason for park in world.parks()] == ["rejected"]
    assert made <= 2
    assert len(world.conflicts()) <= 2


def test_rules_that_undo_each_other_write_nothing_and_are_reported(world: World) -> None:
    text = "".join(
        f"""
[[rule]]
id = "{one}"
when = {{ urgency = {asked} }}
then = {{ urgency = {given} }}
strength = "always"
"""
        for one, asked, given in (("up", 3, 2), ("down", 2, 3))
    )
    row, issue = ruled(world, text).paired(urgency="3")
    (conflict,) = world.conflicts(open_only=True)
    assert (conflict.kind, conflict.unit) == ("flapping", "priority")
    assert "up, down" in conflict.reason or "down, up" in conflict.reason
    world.sn.edit(row.id, {"short_description": "Printer again"})
    world.settle()
    assert issue.values["summary"] == "Printer again"
    assert row.values["urgency"] == "3"


@pytest.mark.parametrize("late", ["sn", "jira"])
def test_a_rule_of_which_one_half_is_written_later_is_no_persons_choice(world: World, late: str) -> None:
    row, issue = ruled(world, rule("until_touched")).paired(short_description="Scanner", urgency="3")
    refusals = [Unavailable("busy")]
    side = world.sn if late == "sn" else world.jira
    side.before_write = lambda action: refusals.pop() if isinstance(action, Update) and refusals else None
    world.sn.edit(row.id, {"short_description": "Printer"})
    world.settle()
    assert not refusals
    world.settle()
    assert (row.values["urgency"], issue.values["priority"]) == ("1", "Medium")
    assert not world.conflicts()
    ruled(world, rule("until_touched", "urgency = 2"))
    world.sn.edit(row.id, {"short_description": "Printer again"})
    world.settle()
    assert row.values["urgency"] == "2"
