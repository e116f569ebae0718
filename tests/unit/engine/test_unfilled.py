"""A resolution that ServiceNow takes without its close code, or notes: an empty one contradicts nothing."""

from __future__ import annotations

import pytest

from tieline.connectors.base import Side, Update, other
from tieline.connectors.memory import Row

from .test_rewrites import resolve
from .test_unknown import lose, quiet
from .world import World


def empty(world: World, name: str) -> None:
    """From now on a rule empties a field of each incident that is resolved or closed."""
    world.sn.rules.append(lambda row, _by: {name: None} if row.values["state"] in ("6", "7") else {})


def resolved(
    world: World, field: str = "close_code", *, lost: bool = False, parked: bool = False
) -> tuple[Row, Row]:
    """A pair whose issue was resolved as a duplicate: still parked for the refusal, or after another try."""
    row, mirror = world.paired(state="2")
    empty(world, field)
    if lost:
        lose(world.sn, Update)
    ended = {"status": "Resolved", "resolution": "Duplicate", "customfield_10053": "See the other"}
    world.jira.edit(mirror.id, ended)
    world.tick()
    world.run()
    if lost:
        quiet(world)
        world.run()
    else:
        assert [park.reason for park in world.parks()] == ["rejected"]
    for _ in range(0 if parked else 3):
        world.tick(600)
        world.run()
        assert world.writes["Update"] == 0
    assert (row.values["state"], row.values[field], bool(world.parks())) == ("6", None, parked)
    return row, mirror


def stands_open(world: World) -> None:
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind) == ("status", "unfilled")
    assert (conflict.winner, conflict.open) == (None, True)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(("field", "value"), [("close_code", "Duplicate"), ("close_notes", "See the other")])
def test_it_stands_open_until_somebody_sets_it(field: str, value: str, lost: bool) -> None:
    world = World()
    row, mirror = resolved(world, field, lost=lost)
    stands_open(world)
    assert f"left {field} empty" in world.conflicts()[0].reason
    world.sn.edit(row.id, {"short_description": "Seen"})
    world.settle()
    stands_open(world)
    world.sn.rules.pop()
    world.sn.edit(row.id, {field: value})
    world.settle()
    assert (len(world.conflicts()), world.conflicts(open_only=True)) == (1, [])
    assert mirror.values["resolution"] == "Duplicate"
    world.in_step()


def test_a_code_that_stood_there_before_and_is_emptied_is_told_as_well() -> None:
    """What a rule makes of a value is its own, but nobody would see that a resolution was not carried."""
    world = World()
    row, mirror = world.paired(state="2", close_code="Solved (Permanently)")
    empty(world, "close_code")
    world.jira.edit(mirror.id, {"status": "Resolved", "resolution": "Duplicate"})
    world.tick()
    world.settle()
    assert (row.values["state"], row.values["close_code"]) == ("6", None)
    stands_open(world)


def test_another_try_sets_it() -> None:
    world = World()
    row, _ = resolved(world)
    resolve(world, "jira")
    world.run()
    assert [park.reason for park in world.parks()] == ["rejected"]
    assert [conflict.open for conflict in world.conflicts()] == [True]
    world.sn.rules.pop()
    world.tick(24 * 3600)
    world.settle()
    assert (row.values["close_code"], world.conflicts(open_only=True)) == ("Duplicate", [])
    world.in_step()


def test_another_try_that_sets_a_part_leaves_the_rest_open() -> None:
    world = World()
    row, _ = resolved(world)
    world.sn.edit(row.id, {"close_notes": None})
    world.settle()
    resolve(world, "jira")
    world.tick(600)
    world.run()
    world.tick(600)
    world.run()
    assert (row.values["close_code"], row.values["close_notes"]) == (None, "See the other")
    (conflict,) = world.conflicts(open_only=True)
    assert (conflict.kind, conflict.choice) == ("unfilled", None)
    assert "left close_code empty" in conflict.reason


def test_it_may_be_let_be() -> None:
    world = World()
    row, mirror = resolved(world)
    resolve(world, "servicenow")
    world.settle()
    assert world.conflicts(open_only=True) == []
    assert (row.values["close_code"], mirror.values["resolution"]) == (None, "Duplicate")


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_to_let_it_be_takes_nothing_from_who_wrote_other_notes_meanwhile(side: Side) -> None:
    world = World()
    row, mirror = resolved(world)
    world.sn.rules.pop()
    if side == "jira":
        world.jira.edit(mirror.id, {"customfield_10053": "Better words"}, "engineer")
    else:
        world.sn.edit(row.id, {"close_notes": "Better words"}, "agent")
    resolve(world, "servicenow")
    world.settle()
    world.tick(3600)
    world.sn.edit(row.id, {"short_description": "Wakes it"}, "agent")
    world.settle()
    assert (row.values["close_notes"], mirror.values["customfield_10053"]) == ("Better words",) * 2
    assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("unfilled", False)]


def test_to_let_it_be_decides_no_clash_of_the_notes() -> None:
    world = World(status={"clash": "hold"})
    row, mirror = resolved(world)
    world.jira.edit(mirror.id, {"customfield_10053": "Theirs"}, "engineer")
    world.sn.edit(row.id, {"close_notes": "Ours"}, "agent")
    resolve(world, "servicenow")
    world.settle()
    assert (row.values["close_notes"], mirror.values["customfield_10053"]) == ("Ours", "Theirs")
    (conflict,) = world.conflicts(open_only=True)
    assert (conflict.kind, conflict.choice) == ("clash", None)


@pytest.mark.parametrize("choice", ["servicenow", "jira"])
@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_a_choice_lapses_where_it_was_reopened_meanwhile(side: Side, choice: Side) -> None:
    world = World()
    row, mirror = resolved(world)
    resolve(world, choice)
    if side == "servicenow":
        world.sn.edit(row.id, {"state": "2"}, "agent")
    else:
        world.jira.edit(mirror.id, {"status": "In Progress"}, "engineer")
    world.settle()
    assert (row.values["state"], mirror.values["status"]) == ("2", "In Progress")
    assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("unfilled", False)]


@pytest.mark.parametrize("kept", ["by a person", "by another try", "let be"])
def test_a_close_code_that_the_map_does_not_know_and_that_stays_is_told(kept: str) -> None:
    """It contradicts nothing either: both sides pass for equal."""
    world = World()
    row, mirror = world.paired(state="2", close_code="Odd")
    world.sn.rules.insert(0, lambda _row, _by: {"close_code": "Odd"})
    world.jira.edit(mirror.id, {"status": "Resolved", "resolution": "Duplicate"})
    for _ in range(4):
        world.tick(3600)
        world.run()
    assert (row.values["state"], row.values["close_code"]) == ("6", "Odd")
    stands_open(world)
    assert "left close_code at 'Odd'" in world.conflicts()[0].reason
    if kept != "let be":
        world.sn.rules.pop(0)
    if kept == "by a person":
        world.sn.edit(row.id, {"close_code": "Duplicate"}, "agent")
    else:
        resolve(world, "servicenow" if kept == "let be" else "jira")
    world.settle()
    assert world.conflicts(open_only=True) == []
    assert row.values["close_code"] == ("Odd" if kept == "let be" else "Duplicate")
    assert mirror.values["resolution"] == "Duplicate"


def test_a_close_code_that_the_map_does_not_know_is_not_told_where_jira_says_nothing_either() -> None:
    world = World()
    row, mirror = world.paired(state="2")
    world.sn.edit(row.id, {"state": "6", "close_code": "Odd", "close_notes": "So it is"})
    world.settle()
    assert mirror.values["status"] == "Resolved"
    assert [conflict for conflict in world.conflicts() if conflict.kind in ("left", "unfilled")] == []


@pytest.mark.parametrize("parked", [False, True])
@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_who_reopens_either_half_later_reopens_both(side: Side, parked: bool) -> None:
    """No clash with what was refused, whatever its rule says, and that is wanted no more."""
    world = World(status={"clash": other(side)})
    row, mirror = resolved(world, parked=parked)
    if side == "servicenow":
        world.sn.edit(row.id, {"state": "2"})
    else:
        world.jira.edit(mirror.id, {"status": "In Progress"})
    world.settle()
    assert (row.values["state"], mirror.values["status"]) == ("2", "In Progress")
    assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("unfilled", False)]
    world.in_step()


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_it_stays_open_when_the_incident_is_closed_and_the_resolution_stays(side: Side) -> None:
    world = World()
    row, mirror = resolved(world)
    if side == "servicenow":
        world.sn.edit(row.id, {"state": "7"}, "system")
    else:
        world.jira.edit(mirror.id, {"status": "Closed"})
    for _ in range(6):
        world.tick(3600)
        world.run()
    assert (row.values["state"], row.values["close_code"]) == ("7", None)
    assert (mirror.values["status"], mirror.values["resolution"]) == ("Closed", "Duplicate")
    stands_open(world)
    assert world.parks() == []
