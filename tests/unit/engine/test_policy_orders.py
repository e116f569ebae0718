"""What rules order besides values: notes written once, holds, what is left out, and what time does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Action, AddNote, Applied
from tieline.connectors.errors import Unknown

from .world import World, settings

HOUR = 3600.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(policy={})
    path = tmp_path / "policy.toml"
    path.write_text("", encoding="utf-8")
    made.config = made.config.read_from(path)
    return made


def ruled(world: World, text: str) -> World:
    world.config.path.write_text(text, encoding="utf-8")
    return world


NOTE = """
[[rule]]
id = "network"
when = { category = "network" }
then = { note = "Ask the network team." }
"""


def notes(world: World, word: str) -> list[int]:
    return [
        sum(word in note for row in side.rows.values() for note in row.notes) for side in world.sides.values()
    ]


def test_a_note_is_written_once_on_each_side_and_the_audit_has_the_rule(world: World) -> None:
    ruled(world, NOTE)
    row, issue = world.paired()
    assert notes(world, "Ask the network team.") == [1, 1]
    (text,) = [note for note in issue.notes if "Ask" in note]
    assert text.endswith("Tieline: rule network")
    for category in ("hardware", "network"):
        world.sn.edit(row.id, {"category": category})
        world.settle()
    world.tick(30 * HOUR)
    world.settle()
    assert notes(world, "Ask the network team.") == [1, 1]
    told = [entry for entry in world.audit() if entry.why and entry.why[0].startswith("note: rule network (")]
    assert [entry.action for entry in told] == ["AddNote", "AddNote"]


def test_a_note_may_be_meant_for_one_side(world: World) -> None:
    ruled(world, NOTE.replace('"Ask the network team."', '{ jira = "Engineers only." }'))
    world.paired()
    assert notes(world, "Engineers only.") == [0, 1]


def test_a_note_whose_answer_was_lost_is_not_written_again(world: World) -> None:
    ruled(world, NOTE)

    def lose(action: object, outcome: object) -> object:
        return Unknown("lost") if isinstance(action, AddNote) and isinstance(outcome, Applied) else outcome

    world.sn.after_write = lose  # type: ignore[assignment]
    world.incident()
    world.run(initial=True)
    for _ in range(8):
        world.tick(300)
        world.run()
    assert notes(world, "Ask the network team.") == [1, 1]
    assert not world.intents()


def test_nobody_is_told_about_what_is_older_than_the_policy(tmp_path: Path) -> None:
    world = World()
    row, _ = world.paired()
    world.config = settings(policy={}).read_from(tmp_path / "policy.toml")
    ruled(world, NOTE)
    world.sn.edit(row.id, {"short_description": "Another one"})
    world.settle()
    assert notes(world, "Ask the network team.") == [0, 0]


HOLD = """
[[rule]]
id = "legal"
when = { description = { contains = "legal hold" } }
then = { hold = "the service manager decides" }
"""


def test_a_rule_holds_a_pair_visibly_until_it_does_not_apply(world: World) -> None:
    ruled(world, HOLD)
    row, issue = world.paired(description="Nothing")
    world.sn.edit(row.id, {"description": "A legal hold", "short_description": "Held"})
    world.tick()
    world.run()
    (park,) = world.parks()
    assert park.reason == "rule"
    assert "rule legal (" in park.detail
    assert park.detail.endswith("policy.toml:3): the service manager decides")
    world.sn.edit(row.id, {"category": "hardware"})
    for _ in range(3):
        world.tick(HOUR)
        world.run()
        assert not world.writes
    assert issue.values["summary"] == "Printer broken"
    world.sn.edit(row.id, {"description": "Cleared"})
    world.settle()
    assert not world.parks()
    assert issue.values["summary"] == "Held"


def test_an_incident_that_is_held_from_the_start_gets_no_mirror_until_it_is_free(world: World) -> None:
    ruled(world, HOLD)
    row = world.incident(description="A legal hold")
    world.run(initial=True)
    world.tick()
    world.run()
    assert not world.jira.rows
    (park,) = world.parks()
    assert (park.reason, park.label) == ("rule", row.label)
    world.sn.edit(row.id, {"description": "Cleared"})
    world.settle()
    assert len(world.jira.rows) == 1
    assert not world.parks()


OUT = """
[[rule]]
id = "trial"
when = { summary = { starts_with = "[test]" } }
then = { leave_out = true }
"""


def left_out(world: World) -> list[str]:
    with world.store.read() as tx:
        assert tx.left_out_count() == len(tx.left_out(100))
        return [each.left_out for each in tx.left_out(100)]


def test_what_a_rule_leaves_out_gets_no_mirror_until_it_does_not_apply(world: World) -> None:
    ruled(world, OUT)
    row = world.incident(short_description="[test] A printer")
    assert world.run(initial=True).counts["left_out"] == 1
    assert not world.jira.rows
    assert not world.parks()
    (rule,) = left_out(world)
    assert rule.startswith("rule trial (")
    world.sn.edit(row.id, {"short_description": "A printer"})
    world.settle()
    assert len(world.jira.rows) == 1
    assert left_out(world) == []


@pytest.mark.parametrize(
    ("leaves", "state"), [("keep", "active"), ("freeze", "frozen"), ("unlink", "unlinked")]
)
def test_a_pair_that_a_rule_leaves_out_follows_what_the_route_says(
    tmp_path: Path, leaves: str, state: str
) -> None:
    world = World(policy={}, route={"leaves_scope": leaves})
    world.config = world.config.read_from(tmp_path / "policy.toml")
    ruled(world, OUT)
    row, issue = world.paired()
    world.sn.edit(row.id, {"short_description": "[test] A printer"})
    world.settle()
    assert [pair.state for pair in world.pairs()] == [state]
    assert (issue.values["summary"] == "[test] A printer") is (leaves == "keep")
    assert len(left_out(world)) == (leaves != "keep") or leaves == "unlink"
    world.sn.edit(row.id, {"short_description": "A printer"})
    world.settle()
    assert [pair.state for pair in world.pairs()] == ["active"]
    assert issue.values["summary"] == "A printer"
    assert left_out(world) == []


WAITS = """
[[rule]]
id = "waits"
when = { category = "network", opened = { older_than = "30m" } }
then = { subcategory = "late", note = "Nobody has it." }
"""


def test_time_alone_wakes_a_pair_and_nothing_else(world: World) -> None:
    ruled(world, WAITS)
    row, _ = world.paired()
    other = world.incident(category="hardware")
    world.settle()
    before = row.values.get("subcategory")
    world.now = row.created
    world.tick(30 * 60)
    summary = world.run()
    assert (summary.counts["due"], row.values.get("subcategory")) == (0, before)
    world.tick(1)
    summary = world.run()
    assert summary.counts["due"] == 1
    assert row.values["subcategory"] == "late"
    assert notes(world, "Nobody has it.") == [1, 1]
    assert other.values.get("subcategory") is None
    for _ in range(3):
        world.tick(30)
        summary = world.run()
        assert (summary.counts["due"], sum(world.writes.values())) == (0, 0)


def test_a_hold_ends_when_its_time_is_over(world: World) -> None:
    ruled(
        world,
        """
[[rule]]
id = "fresh"
when = { category = "network", not = { opened = { older_than = "2h" } } }
then = { hold = "for two hours nobody but the network team" }
""",
    )
    row = world.incident()
    world.run(initial=True)
    assert [park.label for park in world.parks()] == [row.label]
    world.tick(2 * HOUR + 1)
    world.run()
    assert len(world.jira.rows) == 1
    world.settle()
    assert not world.parks()


TARGETS = """
[vocabulary]
status = [
  { name = "new", servicenow = "1", jira = "Open" },
  { name = "working", servicenow = "2", jira = "In Progress" },
  { name = "waiting", servicenow = ["3/1", "3"], jira = "Waiting", lossy = "read only" },
]

[priority]

[[sla]]
priority = 3
resolve = "4h"
pause_on = ["waiting"]

[[rule]]
id = "late"
when = { sla = "breached" }
then = { subcategory = "breached" }
"""


def test_a_target_is_missed_when_its_time_is_over_without_pauses(world: World) -> None:
    ruled(world, TARGETS)
    row, _ = world.paired(impact="2", urgency="2", state="2")
    world.now = row.created
    world.tick(HOUR)
    world.sn.edit(row.id, {"state": "3", "hold_reason": "1"})
    world.run()
    world.tick(5 * HOUR)
    world.run()
    assert row.values.get("subcategory") != "breached"
    world.sn.edit(row.id, {"state": "2", "hold_reason": None})
    world.run()
    world.tick(3 * HOUR - 60)
    assert world.run().counts["due"] == 0
    assert row.values.get("subcategory") != "breached"
    world.tick(61)
    assert world.run().counts["due"] == 1
    assert row.values["subcategory"] == "breached"


MAJOR = """
[fields]
major = { servicenow = "u_major", jira = "customfield_10090" }
watchers = { kind = "set", servicenow = "watch_list" }
parent_is_major = { kind = "flag", servicenow = "parent_incident.u_major" }

[vocabulary]
major = [{ name = "true", jira = "Yes" }, { name = "false", jira = "No" }]

[major]
when = { impact = 1, urgency = 1 }
until = { status = ["6", "7", "8"] }
then = { group = "Network", subcategory = "all hands", watchers = "manager@example.com", note = "Call!" }
afterwards = { subcategory = "", note = { servicenow = "Write the review." } }

[[rule]]
id = "part-of-a-major-one"
when = { parent_is_major = true }
then = { subcategory = "part of a major one" }
"""


def test_a_major_incident_begins_on_both_sides_and_ends(world: World) -> None:
    world.everybody()
    ruled(world, MAJOR)
    row, issue = world.paired(impact="2", urgency="2", watch_list=frozenset({"someone@example.com"}))
    assert row.values.get("u_major") is None
    world.sn.edit(row.id, {"impact": "1", "urgency": "1"})
    world.settle()
    assert (row.values["u_major"], issue.values["customfield_10090"]) == ("true", "Yes")
    assert row.values["watch_list"] == frozenset({"someone@example.com", "manager@example.com"})
    assert (row.values["assignment_group"], row.values["subcategory"]) == ("g-net", "all hands")
    assert notes(world, "Call!") == [1, 1]
    child = world.incident(**{"parent_incident.u_major": "true"})
    world.settle()
    assert child.values["subcategory"] == "part of a major one"
    world.sn.edit(row.id, {"watch_list": frozenset({"someone@example.com"})})
    world.settle()
    assert row.values["watch_list"] == frozenset({"someone@example.com"})  # who leaves is left alone
    world.sn.edit(row.id, {"state": "6", "close_code": "Solution provided", "close_notes": "Done"})
    world.settle()
    assert (row.values["u_major"], issue.values["customfield_10090"]) == ("false", "No")
    assert row.values["subcategory"] is None
    assert notes(world, "Write the review.") == [1, 0]
    world.tick(24 * HOUR)
    world.settle()
    assert world.conflicts() == []
    whys = [why for entry in world.audit() for why in entry.why if "rule major" in why]
    assert any(why.startswith("major: rule major (") for why in whys)
    assert any(why.startswith("major: rule major-ends (") for why in whys)


def test_another_policy_lets_go_at_once_of_what_the_old_one_held_or_left_out(world: World) -> None:
    ruled(world, HOLD + OUT)
    world.incident(description="A legal hold")
    world.incident(short_description="[test] A printer")
    world.run(initial=True)
    assert not world.jira.rows
    world.tick(30 * 60)
    world.run()
    ruled(world, "")
    world.tick()
    world.run()
    assert len(world.jira.rows) == 2
    assert not world.parks()
    assert left_out(world) == []


@pytest.mark.parametrize("order", ["hold", "leave_out"])
def test_a_record_whose_mirror_stands_in_the_same_wave_is_not_kept_out_without_a_pair(
    world: World, order: str
) -> None:
    """After a lost state both wait. Once they are paired the pair may be held, the record alone no more."""
    row, _ = world.paired(description="Nothing")
    ruled(world, HOLD if order == "hold" else OUT)
    world.lose_the_state()
    world.sn.edit(row.id, {"description": "A legal hold", "short_description": "[test] A printer"})
    world.run(initial=True)
    world.sn.edit(row.id, {"description": "Cleared", "short_description": "A printer"})
    for _ in range(3):
        world.tick(3600)
        world.run()
    assert world.parks() == []
    assert left_out(world) == []


def test_what_a_rule_sets_beside_somebody_who_sets_the_same_is_no_race(world: World) -> None:
    """Our write changed nothing, and nothing of Jira's was carried: nobody lost anything."""
    row, mirror = world.paired(category="network")
    ruled(world, '[[rule]]\nid = "old"\nwhen = { category = "network" }\nthen = { category = "hardware" }\n')

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        world.sn.edit(row.id, {"category": "hardware"}, "agent")

    def forestalled(_action: Action, outcome: Any) -> Any:
        world.sn.after_write = lambda _action, outcome: outcome
        return replace(outcome, alone=False, races=(), record=replace(outcome.record, updated_by="agent"))

    world.sn.before_write, world.sn.after_write = meet, forestalled
    world.sn.edit(row.id, {"u_other": "1"}, "agent")
    world.settle()
    assert (row.values["category"], mirror.values["customfield_10051"]) == ("hardware", "Hardware")
    assert world.conflicts() == []
