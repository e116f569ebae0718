"""A process that ends at any instant while it opens a problem, and those after it: there is one problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tieline.connectors.base import Create, Ref, Target, Value
from tieline.connectors.memory import Row
from tieline.sync.links.opening import PLACE, is_opening

from .test_crashes import Killed, Point, after_write, before_commit, before_request, failing, repair
from .world import World

POLICY = """
[[links.closure]]
id = "network"
when = { category = "network" }
needs = ["problem"]
problem = "open"
"""
RESOLVED: Mapping[str, Value] = {
    "state": "6", "close_code": "Workaround provided", "close_notes": "Restarted",
}  # fmt: skip
Place = Callable[[World, Point], None]


def problems(world: World) -> list[Row]:
    return [row for row in world.sn.rows.values() if row.place == PLACE]


def tied(world: World, row: Row) -> Ref | None:
    """What an incident's column of its problem holds."""
    return world.sn.ties.columns.get(row.id, {}).get("problem_id")


def opening(world: World) -> tuple[bool, bool]:
    """Whether a problem is written down as being opened, and whether it stands in ServiceNow."""
    with world.store.read() as tx:
        actions = [intent.step.action for intent in tx.open_intents()]
    asked = any(isinstance(action, Create) and is_opening(action) for action in actions)
    return asked, bool(problems(world))


def resolved(folder: Path) -> tuple[World, list[Row]]:
    """An incident and its child, both resolved; the next passes are to open a problem for the two."""
    world = World(policy={})
    path = folder / "policy.toml"
    path.write_text(POLICY, encoding="utf-8")
    world.config = world.config.read_from(path)
    world.sn.rules.append(lambda row, _by: _known(world, row))
    parent, child = world.incident(state="2"), world.incident(state="2")
    world.sn.ties.set(child.id, "parent_incident", Ref("servicenow", parent.id, "incident"))
    world.run(initial=True)
    world.settle()
    world.tick(600)
    for row in (parent, child):
        world.sn.edit(row.id, RESOLVED)
        ref = Ref("servicenow", row.id, "incident")
        shown = Target(ref, row.label, opened=row.created, closed=world.now, category="network")
        world.sn.ties.known["incident", row.id] = shown
    world.tick()
    return world, [parent, child]


def _known(world: World, row: Row) -> Mapping[str, Value]:
    """Incidents can be tied to a problem as soon as it is made."""
    if row.place == PLACE:
        world.sn.ties.add(PLACE, row.id, row.label)
    return {}


class Opening(Point):
    """A place within the opening of a problem: it begins with the search for one that was opened before."""

    def __init__(self, number: int, world: World) -> None:
        super().__init__(number, Killed())
        self._world = world

    def __call__(self, *_: object) -> None:
        if "find" in self._world.sn.requests:
            super().__call__()


def killed_at(number: int, place: Place, folder: Path) -> tuple[bool, tuple[bool, bool]]:
    """Kill the process there, start it again: whether it got so far, and where the opening stood."""
    world, rows = resolved(folder)
    point = Opening(number, world)
    place(world, point)
    with failing(point):
        world.run()
    repair(world)
    stood = opening(world)
    world.tick(200)
    world.settle(seconds=200)
    check(world, rows, f"killed at place {number}")
    return point.reached, stood


def check(world: World, rows: Sequence[Row], where: str) -> None:
    """There is one problem, both incidents are tied to it, and nothing of the opening is left."""
    (made,) = problems(world)
    assert [tied(world, row) for row in rows] == [Ref("servicenow", made.id, PLACE)] * 2, where
    assert (world.intents(), world.parks(), len(world.pairs())) == (0, [], 2), where
    assert told_of(world, made) == 1, where
    with world.store.read() as tx:
        assert tx.note(f"links.opening:{made.marker}") is None, where


def told_of(world: World, made: Row) -> int:
    """How often the audit tells that the problem was opened."""
    done = [each for each in world.audit() if each.action == "Create" and each.outcome == "applied"]
    return sum(made.label in each.detail for each in done)


@pytest.mark.parametrize(
    ("place", "least", "met"),
    [(before_request, 6, (True, False)), (after_write, 5, (True, True)), (before_commit, 12, (True, True))],
    ids=["before a request", "after a write", "before a commit"],
)
def test_a_process_may_end_anywhere_while_it_opens_a_problem(
    place: Place, least: int, met: tuple[bool, bool], tmp_path: Path
) -> None:
    """`met`: it was killed with the opening written down, and the problem there or not."""
    stood: set[tuple[bool, bool]] = set()
    number, reached = 0, True
    while reached:
        number += 1
        reached, state = killed_at(number, place, tmp_path)
        stood.add(state)
    assert number > least
    assert stood >= {met, (False, True)}


@pytest.mark.parametrize(
    "place", [before_request, before_commit], ids=["before a request", "before a commit"]
)
def test_the_process_may_end_again_while_it_looks_what_became_of_it(place: Place, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        world, rows = resolved(tmp_path)
        for where, point in ((after_write, Opening(1, world)), (place, Opening(number, world))):
            where(world, point)
            with pytest.raises(Killed):
                world.run()
            repair(world)
            world.tick(200)
        assert opening(world)[1]
        world.settle(seconds=200)
        check(world, rows, f"killed again at place {number}")
