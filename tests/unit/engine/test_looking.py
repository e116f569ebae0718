"""What a pass does by itself about resolved incidents: in few requests, within bounds, in trouble."""

from __future__ import annotations

import pytest

from tieline.connectors.base import Action, AddNote, Ref, Side, Target
from tieline.connectors.errors import ConnectorError, Rejected, Unavailable, Unknown
from tieline.connectors.memory import Row
from tieline.sync.links import watch

from .world import World

PRB = "PRB0040001"


@pytest.fixture
def world() -> World:
    types = [{"relation": "problem", "jira": "Problem/Incident"}, {"relation": "parent", "jira": "Parent"}]
    world = World(links={"type": types})
    world.sn.ties.add("problem", "prb1", PRB)
    return world


def resolved(world: World, count: int, words: str) -> list[Row]:
    """So many incidents that were worked on and resolved, in step; the last pass found them so."""
    rows = [world.incident(description=f"Nothing {n}") for n in range(count)]
    world.tick()
    world.run(initial=True)
    world.settle()
    for row in rows:
        world.sn.edit(row.id, {"state": "2"})
    world.settle()
    for number, row in enumerate(rows):
        ref = Ref("servicenow", row.id, "incident")
        at = world.now.replace(microsecond=number)
        world.sn.ties.known["incident", row.id] = Target(ref, row.label, opened=at, closed=at)
        closing = {"state": "6", "close_code": "Solution provided", "close_notes": f"{words} ({number})"}
        world.sn.edit(row.id, closing)
    world.tick()
    return rows


def open_proposals(world: World) -> int:
    with world.store.read() as tx:
        return len(tx.proposals("open"))


def notes(world: World, side: Side) -> int:
    """Notes about proposals that were sent, by the audit."""
    pairs = world.pairs()
    with world.store.read() as tx:
        entries = [e for pair in pairs for e in tx.audit_trail(pair=pair.id)]
    return sum(
        e.action == "AddNote" and e.ref is not None and e.ref.side == side and e.outcome == "applied"
        for e in entries
    )


class Trouble:
    """Answers the first so many notes on a side with an error; the sides see them or not."""

    def __init__(self, world: World, side: Side, error: ConnectorError, times: int) -> None:
        self.error, self.times, self.seen = error, times, 0
        world.sides[side].before_write = self

    def __call__(self, action: Action) -> ConnectorError | None:
        if not isinstance(action, AddNote):
            return None
        self.seen += 1
        return self.error if self.seen <= self.times else None


def test_several_cost_no_more_requests_than_one(world: World) -> None:
    asked = []
    for count in (1, 4):
        resolved(world, count, f"Belongs to {PRB}")
        world.run()
        asked.append({n: world.asked[n] for n in ("targets", "seek", "read")})
        world.settle()
    assert asked[0]["targets"]
    assert asked[0] == asked[1]


def test_a_pass_looks_at_so_many_and_the_next_ones_at_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MOST", 2)
    resolved(world, 5, f"Could it be {PRB}?")
    found = []
    for _ in range(5):
        world.run()
        found.append(open_proposals(world))
        world.tick()
    assert found == [2, 4, 5, 5, 5]
    assert (notes(world, "servicenow"), notes(world, "jira")) == (5, 5)


def test_a_pass_in_which_nothing_moved_asks_for_no_targets(world: World) -> None:
    resolved(world, 2, f"Could it be {PRB}?")
    world.settle()
    world.tick()
    world.run()
    assert (world.asked["targets"], world.asked["seek"]) == (0, 0)


def test_a_note_that_is_refused_parks_nothing_and_is_not_sent_again(world: World) -> None:
    resolved(world, 1, f"Could it be {PRB}?")
    trouble = Trouble(world, "servicenow", Rejected("closed incidents take no notes"), 100)
    for _ in range(4):
        world.run()
        world.tick()
    assert trouble.seen == 1
    assert (world.parks(), notes(world, "jira"), open_proposals(world)) == ([], 1, 1)


def test_a_note_that_is_put_off_is_written_once_later(world: World) -> None:
    resolved(world, 1, f"Could it be {PRB}?")
    trouble = Trouble(world, "servicenow", Unavailable("busy"), 2)
    for _ in range(5):
        world.run()
        world.tick()
    assert trouble.seen == 3
    assert (notes(world, "servicenow"), notes(world, "jira")) == (1, 1)


def test_a_note_whose_answer_was_lost_is_not_sent_twice(world: World) -> None:
    resolved(world, 1, f"Could it be {PRB}?")
    trouble = Trouble(world, "servicenow", Unknown("no answer"), 1)
    for _ in range(5):
        world.run()
        world.tick(400)
    assert trouble.seen == 1
    assert notes(world, "jira") == 1
    assert world.intents() == 0


def test_what_the_parent_gets_later_its_resolved_children_get_too(world: World) -> None:
    one, two, parent = resolved(world, 3, "Done")
    for child in (one, two):
        world.sn.ties.set(child.id, "parent_incident", Ref("servicenow", parent.id, "incident"))
        world.sn._stamp(child, {}, "somebody", True)
    world.settle()
    world.tick()
    world.run()
    assert world.asked["targets"] == 0
    world.sn.ties.set(parent.id, "problem_id", Ref("servicenow", "prb1", "problem"))
    world.sn._stamp(parent, {}, "somebody", True)
    for _ in range(6):
        world.tick()
        world.run()
    held = [world.sn.ties.columns[row.id].get("problem_id") for row in (one, two)]
    assert [ref.id for ref in held if ref] == ["prb1", "prb1"]
    assert (world.asked["targets"], world.writes.total()) == (0, 0)
