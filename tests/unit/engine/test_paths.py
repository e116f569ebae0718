"""Pairs that found no path: how many of them one pass takes on once issues show the way, and that it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tieline.connectors.base import Record
from tieline.connectors.memory import Row
from tieline.sync.run import PassStopped

from .world import World


def astray(world: World, count: int) -> list[tuple[Row, Row]]:
    """So many pairs that wait for a way to 'Blocked'; each was parked in a pass of its own."""
    found = [world.paired(short_description=f"Incident {n}") for n in range(count)]
    for row, _ in found:
        world.sn.edit(row.id, {"state": "3", "hold_reason": "4"})
        world.tick(10)
        world.run()
    assert [park.reason for park in world.parks()] == ["no-path"] * count
    return found


def blocked(pairs: Sequence[tuple[Row, Row]]) -> int:
    """How many of the issues got there."""
    return sum(issue.values["status"] == "Blocked" for _, issue in pairs)


class TestHowManyAtOnce:
    """P7: the guard lets a pass go without those that it wakes itself, so it counts what room is left."""

    def test_no_more_than_the_guard_left_room_for(self) -> None:
        world = World(limits={"max_records": 3})
        pairs = astray(world, 5)
        world.incident(short_description="Shows the way", state="2")
        world.tick(10)
        world.run()
        assert blocked(pairs) == 2, "beside the incident that the guard counted"
        world.tick(10)
        world.run()
        assert blocked(pairs) == 5
        world.settle()
        world.in_step()

    def test_the_rest_is_counted_by_the_next_pass(self) -> None:
        world = World(limits={"max_records": 3})
        pairs = astray(world, 7)
        world.incident(short_description="Shows the way", state="2")
        world.tick(10)
        world.run()
        assert blocked(pairs) == 2
        world.tick(10)
        with pytest.raises(PassStopped, match="max_records"):
            world.run()
        assert (blocked(pairs), world.writes.total()) == (2, 0)
        world.run(initial=True)
        assert blocked(pairs) == 7
        world.in_step()

    def test_room_is_what_would_be_written_not_what_waits(self) -> None:
        """Where more waits than is allowed, each is looked at: those that need nothing take no room."""
        world = World(limits={"max_records": 3})
        pairs = astray(world, 4)
        quiet = [world.paired(short_description=f"Quiet {n}")[0] for n in range(4)]
        for row in quiet:
            world.sn.edit(row.id, {"u_unmapped": "moved"})
        world.incident(short_description="Shows the way", state="2")
        world.tick(10)
        world.run()
        assert blocked(pairs) == 2

    def test_all_at_once_where_any_number_is_allowed(self) -> None:
        world = World(limits={"max_records": 3})
        pairs = astray(world, 7)
        world.incident(short_description="Shows the way", state="2")
        world.tick(10)
        world.run(initial=True)
        assert blocked(pairs) == 7
        world.in_step()


def test_issues_that_show_different_transitions_do_not_wake_one_another_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transition's conditions hide it from one issue and not from another in the same status."""
    first, second = world.paired(), world.paired(short_description="Another")
    shown = world.jira._record

    def by_conditions(row: Row) -> Record:
        record = shown(row)
        return replace(record, moves=record.moves[:1]) if row is second[1] else record

    def patient(_request: str) -> None:
        assert len(world.jira.requests) < 50, "no end"

    monkeypatch.setattr(world.jira, "_record", by_conditions)
    world.jira.fault = patient
    for row, _ in (first, second):
        world.sn.edit(row.id, {"state": "3", "hold_reason": "4"})
    world.tick()
    world.run()
    assert [park.reason for park in world.parks()] == ["no-path"] * 2
    world.incident(short_description="Shows the way", state="2")
    world.settle()
    assert blocked([first, second]) == 2
    world.in_step()
