"""A pass that ends at any instant, and the passes after it: no second mirror, no lost edit, no echo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Attach, Update
from tieline.connectors.errors import StateError
from tieline.sync.store.store import Tx

from .test_unknown import lose
from .world import WRITES, World


class Killed(BaseException):
    """The process ends here: nothing catches this on purpose."""


def raised(world: World) -> None:
    """A resolved incident, an assigned one and an issue: creates, links, edits and hops."""
    world.everybody()
    world.incident(state="6", close_code="Duplicate", close_notes="See INC1", assigned_to="u-ada")
    world.incident(state="2", short_description="No network", subcategory="vpn")
    world.issue(description="Since Monday", assignee="acc-ada")


def edited(world: World) -> None:
    """People edit on both sides, different fields and different records."""
    world.sn.edit("10001", {"short_description": "Printer on fire", "state": "2", "close_code": None})
    world.sn.edit("10002", {"state": "6", "close_code": "Workaround provided", "close_notes": "Restarted"})
    world.jira.edit("10001", {"summary": "Mail is very slow", "status": "In Progress"})


class Point:
    """Fails at the n-th time that it is reached."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.left = number
        self.error = error

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error

    @property
    def reached(self) -> bool:
        return self.left <= 0


def before_request(world: World, point: Point) -> None:
    world.sn.fault = world.jira.fault = point


def after_write(world: World, point: Point) -> None:
    for side in world.sides.values():

        def after(_action: object, outcome: Any) -> Any:
            point()
            return outcome

        side.after_write = after


def before_commit(world: World, point: Point) -> None:
    store, begin = world.store, world.store.transaction

    @contextmanager
    def transaction() -> Iterator[Tx]:
        with begin() as tx:
            yield tx
            point()

    store.transaction = transaction  # type: ignore[method-assign]


def repair(world: World) -> None:
    for side in world.sides.values():
        side.fault = lambda _request: None
        side.after_write = lambda _action, outcome: outcome
    vars(world.store).pop("transaction", None)


def endings(place: Callable[[World, Point], None], error: Callable[[], BaseException], stride: int) -> int:
    """Run the story with a failure at each `stride`-th such place, until none is left."""
    number = 1 - stride
    while True:
        number += stride
        world, point = World(), Point(number, error())
        raised(world)
        place(world, point)
        with failing(point):
            world.run(initial=True)
        edited_at_last = not point.reached
        if edited_at_last:
            world.tick(600)
            edited(world)
            with failing(point):
                world.run()
        repair(world)
        world.tick(200)
        world.run(initial=True)
        if not edited_at_last:
            world.tick(600)
            edited(world)
        world.settle(seconds=200)
        check(world, number)
        if not point.reached:
            return number


@contextmanager
def failing(point: Point) -> Iterator[None]:
    try:
        yield
    except (Killed, StateError, KeyboardInterrupt):
        assert point.reached


def check(world: World, number: int) -> None:
    where = f"after a failure at place {number}"
    world.one_mirror_each()
    assert (len(world.sn.rows), len(world.jira.rows)) == (3, 3), where
    world.in_step()
    assert world.conflicts() == [], where
    printer, network = world.sn.rows["10001"], world.sn.rows["10002"]
    assert (printer.values["short_description"], printer.values["state"]) == ("Printer on fire", "2"), where
    assert (network.values["state"], network.values["close_notes"]) == ("6", "Restarted"), where
    assert world.mirror_of(network).values["status"] == "Resolved", where
    assert world.mirror_of(network).values["resolution"] == "Workaround", where
    mail = world.mirror_of(world.jira.rows["10001"])
    assert (mail.values["short_description"], mail.values["state"]) == ("Mail is very slow", "2"), where


@pytest.mark.parametrize(
    ("place", "error", "stride"),
    [
        (before_request, Killed, 1),
        (after_write, Killed, 1),
        (before_commit, Killed, 2),
        (before_commit, lambda: StateError("disk full"), 7),
        (after_write, KeyboardInterrupt, 3),
    ],
    ids=["before a request", "after a write", "before a commit", "disk full", "Ctrl-C"],
)
def test_a_pass_may_end_anywhere(
    place: Callable[[World, Point], None], error: Callable[[], BaseException], stride: int
) -> None:
    assert endings(place, error, stride) > 15


def test_what_was_written_is_audited() -> None:
    world = World()
    raised(world)
    world.run(initial=True)
    done = [entry for entry in world.audit() if entry.outcome == "applied"]
    assert (
        len(done)
        == sum(world.writes.values())
        == world.asked.total() - sum(n for name, n in world.asked.items() if name not in WRITES)
    )
    assert all(entry.why and entry.pass_id == "pass-1" for entry in done)


def deaths(lost: Callable[[], World]) -> Iterator[tuple[World, str]]:
    """A world that lost an answer, after the pass that looks for it died at its first commit, its second, ...

    And after the passes that came then, with the place for people; last the one in which nothing died.
    """
    number, died = 0, True
    while died:
        number += 1
        world, point = lost(), Point(number, Killed())
        world.tick(121)
        before_commit(world, point)
        with failing(point):
            world.run()
        died = point.reached
        repair(world)
        world.tick(121)
        world.settle()
        yield world, f"after commit {number}"
    assert number > 3


def test_a_write_in_doubt_is_told_once_wherever_the_pass_dies_that_looks_for_it() -> None:
    """What it may have run over, its Base and its end are one commit."""

    def lost() -> World:
        world = World()
        row, mirror = world.paired(short_description="Printer broken")
        world.jira.edit(mirror.id, {"summary": "Ours"})
        lose(world.sn, Update)
        world.tick()
        world.run()
        world.sn.edit(row.id, {"short_description": "Printer broken", "u_other": "2"}, "agent")
        return world

    for world, where in deaths(lost):
        assert [conflict.kind for conflict in world.conflicts()] == ["race"], where


def test_a_file_is_found_wherever_the_pass_dies_that_looks_for_it(tmp_path: Path) -> None:
    """What is known of it and the end of its write are one commit: it is never somebody else's copy."""

    def lost() -> World:
        world = World(attachments={"every": "1s", "folder": str(tmp_path)})
        row, _ = world.paired()
        world.sn.put(row.id, "log.txt", b"content")
        lose(world.jira, Attach)
        world.tick()
        world.run()
        assert world.intents() == 1
        return world

    for world, where in deaths(lost):
        (pair,) = world.pairs()
        with world.store.read() as tx:
            known = [(row.state, row.tries) for row in tx.files_of([pair.id])[pair.id]]
        assert known == [("sent", 0)], where
        assert world.audit()[0].detail == "its answer was lost; found on the record: log.txt", where
