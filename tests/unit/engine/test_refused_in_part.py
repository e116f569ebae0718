"""A unit of several fields of which a side puts some back at once: what it took is nobody's change."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tieline.connectors.base import Action, Update, Value
from tieline.connectors.memory import Row

from .test_unknown import lose, quiet
from .world import World


def keeps_urgency(_row: Row, _by: str) -> Mapping[str, Value]:
    return {"urgency": "3"}


def never_resolved(row: Row, _by: str) -> Mapping[str, Value]:
    return {"state": "2"} if row.values["state"] == "6" else {}


def without_a_code(row: Row, _by: str) -> Mapping[str, Value]:
    return {"close_code": None} if row.values["state"] == "6" else {}


def somebody_writes_first(world: World, row: Row, values: Mapping[str, Value]) -> None:
    """An agent writes to the incident between our look and our write."""

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        world.sn.edit(row.id, values, "agent")

    world.sn.before_write = meet


def stays_parked(world: World) -> None:
    """It rests until its pause is over, and says the same whenever it is tried again."""
    for _ in range(6):
        (park,) = world.parks()
        assert park.reason == "rejected"
        world.tick(30)
        world.run()
        assert world.writes.total() == 0, "our own write ends no park"
        world.tick(3600)
        world.run()


@pytest.mark.parametrize("clash", ["servicenow", "hold", "newest"])
def test_what_stands_of_a_priority_is_no_persons(clash: str) -> None:
    world = World(priority={"clash": clash})
    row, mirror = world.paired()
    world.sn.rules.insert(0, keeps_urgency)
    world.jira.edit(mirror.id, {"priority": "Highest"})
    world.tick()
    world.run()
    assert (row.values["impact"], row.values["urgency"]) == ("1", "3")
    stays_parked(world)
    assert (mirror.values["priority"], world.conflicts()) == ("Highest", [])
    world.sn.rules.remove(keeps_urgency)
    world.tick(24 * 3600)
    world.settle()
    assert (row.values["priority"], mirror.values["priority"]) == ("1", "Highest")
    assert world.conflicts() == []
    world.in_step()


def test_what_a_person_puts_back_of_it_is_theirs() -> None:
    """What is carried is not dealt with: who takes it back in Jira takes it back in ServiceNow, too."""
    world = World(priority={"clash": "hold"})
    row, mirror = world.paired()
    was = mirror.values["priority"]
    world.sn.rules.insert(0, keeps_urgency)
    world.jira.edit(mirror.id, {"priority": "Highest"})
    world.tick()
    world.run()
    world.tick()
    world.jira.edit(mirror.id, {"priority": was})
    world.settle()
    assert (row.values["priority"], mirror.values["priority"]) == ("5", was)
    assert world.conflicts() == []
    world.in_step()


def test_an_issue_that_is_reopened_after_half_its_end_was_taken_stays_open() -> None:
    """ServiceNow resolves the incident and knows no such close code: our own half is no rule's Rewrite."""
    world = World()
    row, mirror = world.paired(state="2")
    world.sn.rules.append(without_a_code)
    world.jira.edit(mirror.id, {"status": "Resolved", "resolution": "Done"})
    world.tick()
    world.run()
    assert (row.values["state"], row.values["close_code"]) == ("6", None)
    world.tick(600)
    world.jira.edit(mirror.id, {"status": "In Progress"})
    world.settle()
    assert (row.values["state"], mirror.values["status"]) == ("2", "In Progress")
    assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("unfilled", False)]


def test_what_a_person_set_of_it_and_lost_to_the_part_that_was_taken_is_told() -> None:
    """Their impact is overwritten, our urgency is not taken: the clash is told with the refusal."""
    world = World(priority={"clash": "jira"})
    row, mirror = world.paired()
    world.sn.rules.insert(0, keeps_urgency)
    world.sn.edit(row.id, {"impact": "2"}, "agent")
    world.jira.edit(mirror.id, {"priority": "Highest"})
    world.tick()
    world.run()
    assert (row.values["impact"], row.values["urgency"]) == ("1", "3")
    stays_parked(world)
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind, conflict.winner) == ("priority", "clash", "jira")
    assert (conflict.servicenow["impact"], conflict.open) == ("2", False)


def test_what_a_person_set_of_it_and_the_side_kept_stays_theirs() -> None:
    """Their urgency stands, kept by the rule: it clashes as before when both sides go on."""
    world = World(priority={"clash": "jira"})
    row, mirror = world.paired()
    world.sn.edit(row.id, {"urgency": "2"}, "agent")
    world.sn.rules.insert(0, lambda _row, _by: {"urgency": "2"})
    world.jira.edit(mirror.id, {"priority": "Highest"})
    world.tick()
    world.run()
    assert (row.values["impact"], row.values["urgency"]) == ("1", "2")
    told = len(world.conflicts())
    world.sn.rules.pop(0)
    world.tick(24 * 3600)
    world.settle()
    assert (row.values["urgency"], mirror.values["priority"]) == ("1", "Highest")
    last = world.conflicts()[-1]
    assert (told, len(world.conflicts())) == (1, 2)
    assert (last.kind, last.winner, last.servicenow["urgency"]) == ("clash", "jira", "2")
    world.in_step()


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("clash", ["servicenow", "newest"])
def test_close_notes_of_ours_beside_a_state_that_was_put_back_are_no_persons(clash: str, lost: bool) -> None:
    world = World(status={"clash": clash})
    row, mirror = world.paired(state="2")
    world.sn.rules.append(never_resolved)
    if lost:
        lose(world.sn, Update)
    world.jira.edit(mirror.id, {"status": "Resolved", "resolution": "Done"})
    world.tick()
    world.run()
    if lost:
        quiet(world)
        world.run()
    assert (row.values["state"], bool(row.values["close_notes"])) == ("2", True)
    stays_parked(world)
    assert (mirror.values["status"], world.conflicts()) == ("Resolved", [])
    world.sn.rules.remove(never_resolved)
    world.tick(24 * 3600)
    world.settle()
    assert (row.values["state"], mirror.values["status"], world.conflicts()) == ("6", "Resolved", [])
    world.in_step()


@pytest.mark.parametrize("refused", ["category", "urgency"])
def test_what_is_refused_beside_a_note_of_somebody_else_is_refused(refused: str) -> None:
    """They wrote between our look and our write, and we last: what stands as before is no Rewrite."""
    world = World()
    row, mirror = world.paired(category="network", urgency="3")
    stays = {refused: row.values[refused]}
    world.sn.rules.insert(0, lambda _row, _by: stays)
    somebody_writes_first(world, row, {"u_other": "A note"})
    world.jira.edit(mirror.id, {"customfield_10051": "Hardware", "priority": "Highest"})
    world.tick()
    world.run()
    world.settle()
    assert (mirror.values["customfield_10051"], mirror.values["priority"]) == ("Hardware", "Highest")
    (park,) = world.parks()
    assert (park.reason, refused in park.detail) == ("rejected", True)
    assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("race", False)]


def test_an_edit_that_a_write_ran_over_and_a_rule_took_back_is_told() -> None:
    """Nothing tells it from a refusal beside a note: the race names the field though nothing was taken."""
    world = World()
    row, mirror = world.paired(category="network")
    somebody_writes_first(world, row, {"category": "software"})
    world.sn.rules.insert(0, lambda _row, by: {"category": "network"} if by != "agent" else {})
    world.jira.edit(mirror.id, {"customfield_10051": "Hardware"})
    world.tick()
    world.run()
    world.settle()
    assert (row.values["category"], mirror.values["customfield_10051"]) == ("network", "Hardware")
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.unit, conflict.open) == ("race", "category", False)
    assert [park.reason for park in world.parks()] == ["rejected"]


@pytest.mark.parametrize("refused", ["category", "urgency"])
def test_what_is_refused_beside_a_note_is_refused_where_the_answer_was_lost(refused: str) -> None:
    """Recovery sends it again, so that the next answer tells: nothing of it goes back to Jira."""
    world = World()
    row, mirror = world.paired(category="network", urgency="3")
    stays = {refused: row.values[refused]}
    world.sn.rules.insert(0, lambda _row, _by: stays)
    somebody_writes_first(world, row, {"u_other": "A note"})
    lose(world.sn, Update)
    world.jira.edit(mirror.id, {"customfield_10051": "Hardware", "priority": "Highest"})
    world.tick()
    world.run()
    quiet(world)
    world.run()
    (race,) = world.conflicts()
    assert (race.kind, race.unit, race.open) == ("race", "category, priority", False)
    world.settle()
    assert (mirror.values["customfield_10051"], mirror.values["priority"]) == ("Hardware", "Highest")
    (park,) = world.parks()
    assert (park.reason, refused in park.detail) == ("rejected", True)
    assert world.conflicts() == [race]
