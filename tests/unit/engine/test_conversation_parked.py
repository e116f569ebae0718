"""Entries about a pair that is parked, or waits: they go on where only fields wait, else come in order."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.connectors.base import AddComment, Update
from tieline.connectors.errors import Rejected

from .test_conversation import bodies, closed, talking
from .world import World


def refuse_fields(world: World) -> None:
    """ServiceNow takes entries, and no field."""
    world.sn.before_write = lambda a: Rejected("not allowed here") if isinstance(a, Update) else None


def test_what_is_said_goes_on_while_only_a_field_is_parked() -> None:
    world = talking(park_notes=False)
    row, issue = world.paired()
    refuse_fields(world)
    world.jira.edit(issue.id, {"summary": "refused"})
    world.settle()
    [park] = world.parks()
    for n in range(3):
        world.jira.say(issue.id, f"from jira {n}")
        world.sn.say(row.id, f"from servicenow {n}")
        world.tick()
        world.run()
        assert bodies(world, row)[-1] == f"from jira {n}"
        assert bodies(world, issue)[-1] == f"from servicenow {n}"
    assert world.parks() == [park]
    assert world.run().counts.get("writes", 0) == 0
    assert bodies(world, row) == [f"from jira {n}" for n in range(3)]
    world.sn.before_write = lambda _a: None
    world.tick(100_000)
    world.settle(8)
    assert (world.parks(), row.values["short_description"]) == ([], "refused")
    assert bodies(world, row) == [f"from jira {n}" for n in range(3)]


def test_an_entry_that_is_refused_too_waits_for_its_own_time() -> None:
    world = talking(park_notes=False)
    row, issue = world.paired()
    world.sn.before_write = lambda _a: Rejected("nothing at all")
    world.jira.edit(issue.id, {"summary": "refused"})
    world.jira.say(issue.id, "one")
    world.settle()
    world.jira.say(issue.id, "two")
    world.settle()
    assert bodies(world, row) == []
    refuse_fields(world)
    world.tick(1000)
    world.settle()
    assert bodies(world, row) == ["one", "two"]
    assert [park.reason for park in world.parks()] == ["rejected"]


def test_no_state_is_written_with_an_entry_while_the_pair_is_parked() -> None:
    world = talking(park_notes=False, closed="reopen")
    row, issue = world.paired()
    closed(world, row)
    refuse_fields(world)
    world.jira.edit(issue.id, {"summary": "refused"})
    world.settle()
    world.jira.say(issue.id, "but it is not")
    world.sn.say(row.id, "to jira")
    world.settle()
    assert (row.values["state"], bodies(world, row), bodies(world, issue)) == ("7", [], ["to jira"])
    world.sn.before_write = lambda _a: None
    world.tick(100_000)
    world.settle(8)
    assert (row.values["state"], bodies(world, row)) == ("2", ["but it is not"])


def test_where_more_than_a_field_is_in_doubt_all_comes_in_order_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = talking(park_notes=False)
    row, issue = world.paired()

    def breaks(*_: Any) -> None:
        raise ValueError("odd")

    with monkeypatch.context() as patch:
        patch.setattr("tieline.sync.apply.plan", breaks)
        world.jira.edit(issue.id, {"summary": "odd"})
        world.settle()
        assert [park.reason for park in world.parks()] == ["failed"]
        for n in range(3):
            world.jira.say(issue.id, f"from jira {n}")
            world.sn.say(row.id, f"from servicenow {n}")
            world.settle()
        assert bodies(world, row) == bodies(world, issue) == []
    world.tick(100_000)
    world.settle(8)
    assert bodies(world, row) == [f"from jira {n}" for n in range(3)]
    assert bodies(world, issue) == [f"from servicenow {n}" for n in range(3)]


def test_one_that_cannot_be_planned_while_parked_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    world = talking(park_notes=False)
    (row, issue), (other, its_issue) = world.paired(), world.paired()
    refuse_fields(world)
    world.jira.edit(issue.id, {"summary": "refused"})
    world.settle()

    def breaks(*_: Any) -> None:
        raise ValueError("odd")

    monkeypatch.setattr("tieline.sync.apply.goes_on", breaks)
    world.jira.say(issue.id, "one")
    world.jira.say(its_issue.id, "two")
    world.settle()
    assert [park.reason for park in world.parks()] == ["failed"]
    assert (bodies(world, row), bodies(world, other)) == ([], ["two"])


def test_a_parked_pairs_comments_all_come_in_order_once_it_is_released() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.before_write = lambda a: Rejected("no") if not isinstance(a, AddComment) else None
    world.jira.edit(issue.id, {"summary": "refused"})
    world.tick()
    world.run()
    assert world.parks()
    for n in range(3):
        world.jira.say(issue.id, f"while parked {n}")
        world.tick()
        world.run()
    world.sn.before_write = lambda _a: None
    world.tick(100_000)
    world.settle(8)
    assert bodies(world, row) == [f"while parked {n}" for n in range(3)]


def test_a_park_is_told_once_on_the_ticket_and_the_note_releases_nothing() -> None:
    world = talking()
    row, issue = world.paired()
    before = len(row.notes)
    world.sn.before_write = lambda a: Rejected("not allowed here") if isinstance(a, Update) else None
    world.jira.edit(issue.id, {"summary": "refused"})
    world.settle()
    assert len(row.notes) == before + 1
    assert "not allowed here" in row.notes[-1]
    assert "tieline parked retry INC1" in row.notes[-1]
    world.settle()
    world.tick(100_000)
    world.settle()
    assert len(row.notes) == before + 1
    assert world.parks()


def test_a_park_is_not_told_where_that_is_switched_off() -> None:
    world = talking(park_notes=False)
    row, issue = world.paired()
    before = len(row.notes)
    world.sn.before_write = lambda a: Rejected("not allowed here") if isinstance(a, Update) else None
    world.jira.edit(issue.id, {"summary": "refused"})
    world.settle()
    assert len(row.notes) == before


def test_a_guard_that_counts_what_waits_lets_no_entry_go() -> None:
    world = World(comments={}, limits={"max_records": 3})
    rows = [world.incident() for _ in range(5)]
    world.tick()
    world.run(initial=True)
    world.settle()
    world.tick(1000)
    for row in rows:
        world.sn.edit(row.id, {"u_unmapped": "moved"})
    world.sn.say(rows[0].id, "heard?")
    world.settle()
    assert bodies(world, world.mirror_of(rows[0])) == ["heard?"]
