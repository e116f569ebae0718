"""Whom a write without an answer named: somebody whom a person sets meanwhile is never taken for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tieline.connectors.base import Create, Entity, Reviewed, Side, Update
from tieline.connectors.errors import Denied

from .test_people import crowd_world
from .test_unknown import lose, quiet
from .world import World

FIELD = {"servicenow": "assigned_to", "jira": "assignee"}
SUMMARY = {"servicenow": "short_description", "jira": "summary"}
IDS = {"servicenow": "u", "jira": "acc"}


@pytest.fixture
def world() -> World:
    """Ada, Bob and Cay are on both sides; Kim is on neither side's other."""
    made = World()
    for side, system in made.sides.items():
        for name in ("ada", "bob", "cay"):
            id_ = f"{IDS[side]}-{name}"
            system.people[id_] = Entity(side, "person", id_, name.title(), f"{name}@example.com", name)
        kim = f"{IDS[side]}-kim"
        system.people[kim] = Entity(side, "person", kim, "Kim", f"kim@{side}.example.com", "")
    return made


@pytest.mark.parametrize("whom", [None, "kim"])
@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_an_edit_after_a_lost_write_is_not_what_was_sent(world: World, side: Side, whom: str | None) -> None:
    """Whom the write named stands nowhere any more, so that no look at the record finds them."""
    row, issue = world.paired(assigned_to="u-cay")
    here, there = (row, issue) if side == "servicenow" else (issue, row)
    across: Side = "jira" if side == "servicenow" else "servicenow"
    lose(world.sides[side], Update)
    sent = {FIELD[across]: f"{IDS[across]}-ada", SUMMARY[across]: "Ours"}
    world.sides[across].edit(there.id, sent)
    world.tick()
    world.run()
    assert (here.values[FIELD[side]], world.intents()) == (f"{IDS[side]}-ada", 1)
    world.tick()
    theirs = None if whom is None else f"{IDS[side]}-{whom}"
    world.sides[side].edit(here.id, {FIELD[side]: theirs}, "engineer")
    world.sides[across].edit(there.id, {FIELD[across]: f"{IDS[across]}-bob"}, "agent")
    quiet(world)
    world.settle()
    *doubts, conflict = sorted(world.conflicts(), key=lambda each: each.id)
    told = conflict.servicenow if side == "servicenow" else conflict.jira
    assert (conflict.unit, conflict.kind, told[FIELD[side]]) == ("assignee", "clash", theirs)
    assert {(each.unit, each.kind) for each in doubts} == doubted(side)
    assert all("it is not known whether it was written" in each.reason for each in doubts)


def doubted(side: Side) -> set[tuple[str, str]]:
    """What a lost write may have run over: ServiceNow tells its last writer alone, Jira has a history."""
    return {("summary", "race"), ("assignee", "race")} if side == "servicenow" else set()


def test_an_edit_that_history_tells_from_a_lost_write_is_carried(world: World) -> None:
    """Nobody else moved: whoever took the assignee off is heard, and the write is not repeated over it."""
    row, issue = world.paired()
    look = world.jira.review
    world.jira.review = lambda writes: [  # type: ignore[method-assign]
        replace(told, made=True) if isinstance(told, Reviewed) else told for told in look(writes)
    ]
    lose(world.jira, Update)
    world.sn.edit(row.id, {"assigned_to": "u-ada"})
    world.tick()
    world.run()
    world.jira.edit(issue.id, {"assignee": None}, "engineer")
    quiet(world)
    world.settle()
    assert (row.values["assigned_to"], issue.values["assignee"]) == (None, None)
    world.in_step()


def test_an_edit_of_a_mirror_whose_create_was_lost_is_not_what_was_sent(world: World) -> None:
    row = world.incident(assigned_to="u-ada")
    lose(world.jira, Create)
    world.run(initial=True)
    (issue,) = world.jira.rows.values()
    assert issue.values["assignee"] == "acc-ada"
    world.tick()
    world.jira.edit(issue.id, {"assignee": None}, "engineer")
    world.sn.edit(row.id, {"assigned_to": "u-bob"}, "agent")
    quiet(world)
    world.settle()
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind, conflict.jira["assignee"]) == ("assignee", "clash", None)


def test_a_watcher_who_went_after_a_lost_write_stays_away() -> None:
    world = crowd_world()
    row, issue = world.paired()
    lose(world.jira, Update)
    world.sn.edit(row.id, {"watch_list": frozenset({"s-1", "s-2"}), "short_description": "Ours"})
    world.tick()
    world.run()
    assert issue.values["watches"] == frozenset({"j-1", "j-2"})
    world.jira.edit(issue.id, {"watches": frozenset({"j-1"})}, "engineer")
    quiet(world)
    world.settle()
    assert row.values["watch_list"] == frozenset({"s-1"})
    assert issue.values["watches"] == frozenset({"j-1"})


def test_nobody_counts_as_nobody_before_they_were_looked_up(world: World) -> None:
    """The answer shows whom somebody else set, and who that is is not told just then."""
    row, issue = world.paired(assigned_to="u-ada")

    def deny(request: str) -> None:
        if request == "entities":
            raise Denied("not you")

    def met(_action: object, outcome: object) -> object:
        world.jira.fault = deny
        world.jira.edit(issue.id, {"assignee": "acc-bob"}, "engineer")
        return replace(outcome, alone=False, record=world.jira.read([issue_ref])[0])  # type: ignore[type-var]

    issue_ref = world.pairs()[0].jira
    world.jira.after_write = met  # type: ignore[assignment]
    world.sn.edit(row.id, {"assigned_to": None})
    world.tick()
    with pytest.raises(Denied):
        world.run()
    world.jira.fault = lambda _request: None
    world.jira.after_write = lambda _action, outcome: outcome
    world.tick()
    world.sn.edit(row.id, {"assigned_to": "u-cay"}, "agent")
    world.settle()
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind, conflict.jira["assignee"]) == ("assignee", "clash", "acc-bob")
