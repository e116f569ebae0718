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
    assert (conflict.unit, conflict.kind, conflict.winner, conflict.open) == ("status", "left", None, True)


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
    assert (conflict.kind, conflict.choice) == ("left", None)
    assert "left close_code empty" in conflict.reason


def test_it_may_be_let_be() -> None:
    world = World()
    row, mirror = resolved(world)
    resolve(world, "servicenow")
    world.settle()
    assert world.conflicts(open_only=True) == []
    assert (row.values["close_code"], mirror.values["resolution"]) == (None, "Duplicate")


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
    assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("left", False)]
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
