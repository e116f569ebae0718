"""Both sides at once, waves that overlap: order within a pair stays, and a failure loses no outcome."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Transition
from tieline.connectors.errors import Denied
from tieline.sync.engine import run_pass
from tieline.sync.lanes import Lanes
from tieline.sync.run import PassOptions

from .world import World

PATIENCE_S = 20


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World("sqlite:///state.db", tmp_path, limits={"wave": 2})


def overlap(world: World, **options: Any) -> None:
    """One pass with three waves at once."""
    world.passes += 1
    run_pass(
        world.config, world.store, world.sides, clock=world.clock, id_=f"pass-{world.passes}",
        options=PassOptions(**options), lanes=Lanes(3),
    )  # fmt: skip


def several(world: World, count: int) -> None:
    """So many pairs in step, and each with a change to carry over either way."""
    rows = [world.incident(short_description=f"Number {n}") for n in range(count)]
    world.tick()
    world.run(initial=True)
    world.settle()
    world.tick()
    for n, row in enumerate(rows):
        world.sn.edit(row.id, {"short_description": f"Changed {n}"})
        world.jira.edit(world.mirror_of(row).id, {"description": f"Told {n}"})
    world.tick()


def told(world: World) -> set[str]:
    """The incidents that the text of their issue has come to."""
    texts = {row.id: str(row.values.get("description")) for row in world.sn.rows.values()}
    return {id_ for id_, text in texts.items() if text.startswith("Told")}


def around(side: Any, name: str, do: Callable[[Callable[[], Any], Sequence[Any]], Any]) -> None:
    """Put something around one method of a side."""
    real = getattr(side, name)
    setattr(side, name, lambda asked: do(lambda: real(asked), asked))


def test_both_sides_are_asked_at_the_same_time(world: World) -> None:
    several(world, 1)
    met = threading.Barrier(2, timeout=PATIENCE_S)

    def meet(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        met.wait()  # breaks unless the other side is asked meanwhile
        return answer()

    around(world.sn, "read", meet)
    around(world.jira, "read", meet)
    overlap(world)
    assert "Number" not in str(world.jira.rows)


def test_waves_overlap(world: World) -> None:
    several(world, 8)
    met = threading.Barrier(2, timeout=PATIENCE_S)
    first = iter([True, True])

    def meet(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        if next(first, False):
            met.wait()  # breaks unless another wave reads at the same time
        return answer()

    around(world.jira, "read", meet)
    overlap(world)
    titles = sorted(str(row.values["summary"]) for row in world.jira.rows.values())
    assert titles == [f"Changed {n}" for n in range(8)]
    assert world.waiting() == world.intents() == 0


def test_many_mirrors_are_made_once_and_brought_in_step(world: World) -> None:
    for n in range(9):
        world.incident(short_description=f"Number {n}")
        world.issue(summary=f"Raised {n}")
    world.tick()
    overlap(world, initial=True)
    assert len(world.pairs()) == 18
    world.one_mirror_each()
    assert all(row.links for row in world.jira.rows.values())
    assert world.waiting() == world.intents() == 0


def test_the_engine_never_runs_twice_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(9):
        world.incident()
    world.tick()
    inside: list[int] = []
    most = []
    real = world.store.transaction

    @contextmanager
    def watched() -> Iterator[Any]:
        inside.append(threading.get_ident())
        most.append(len(inside))
        with real() as tx:
            yield tx
        inside.pop()

    monkeypatch.setattr(world.store, "transaction", watched)
    overlap(world, initial=True)
    assert max(most) == 1


def test_a_side_is_never_asked_within_a_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    several(world, 5)
    for _ in range(5):
        world.incident()
    world.tick()
    inside = threading.local()
    real = world.store.transaction

    @contextmanager
    def watched() -> Iterator[Any]:
        inside.now = True
        try:
            with real() as tx:
                yield tx
        finally:
            inside.now = False

    def outside(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        assert not getattr(inside, "now", False)
        return answer()

    monkeypatch.setattr(world.store, "transaction", watched)
    for side in world.sides.values():
        around(side, "read", outside)
        around(side, "write", outside)
    overlap(world, initial=True)
    assert len(world.pairs()) == 10


def test_the_writes_of_one_pair_keep_their_order(world: World) -> None:
    rows = [world.incident() for _ in range(6)]
    world.tick()
    world.run(initial=True)
    world.settle()
    world.sn.edit(rows[0].id, {"state": "2"})  # from its issue the way on is learned
    world.settle()
    world.tick()
    for row in rows:
        world.sn.edit(row.id, {"state": "6", "close_code": "Solution provided", "close_notes": "Restarted"})
    world.tick()
    log: list[tuple[str, str]] = []

    def noted(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        log.extend((a.ref.id, a.move.to if isinstance(a, Transition) else type(a).__name__) for a in asked)
        return answer()

    around(world.jira, "write", noted)
    overlap(world)
    for row in rows[1:]:
        mirror = world.mirror_of(row).id
        assert [what for id_, what in log if id_ == mirror] == ["In Progress", "Resolved", "ShowLink"]


@pytest.mark.parametrize("lanes", [1, 3])
def test_denied_on_one_side_loses_no_outcome_of_the_other(world: World, lanes: int) -> None:
    several(world, 2)

    def denied(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        raise Denied("the token is no longer valid")

    for row in world.jira.rows.values():  # one change each way in one round
        world.sn.edit(
            next(p.servicenow.id for p in world.pairs() if p.jira.id == row.id), {"category": "network"}
        )
    real = world.jira.write
    around(world.jira, "write", denied)
    with pytest.raises(Denied):
        run_pass(
            world.config, world.store, world.sides, clock=world.clock, id_="denied", lanes=Lanes(lanes),
            options=PassOptions(),
        )  # fmt: skip
    settled = [entry for entry in world.audit() if entry.pass_id == "denied" and entry.outcome == "applied"]
    written = told(world)
    assert {entry.ref.id for entry in settled if entry.ref} == written
    world.jira.write = real  # type: ignore[method-assign]
    world.tick(600)
    world.settle()
    assert world.intents() == world.waiting() == 0
    assert {str(row.values["summary"]) for row in world.jira.rows.values()} == {"Changed 0", "Changed 1"}


class Gone(BaseException):
    """The process is interrupted."""


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_interruption_leaves_intents_open_and_they_recover(world: World, lanes: int) -> None:
    for n in range(7):
        world.incident(short_description=f"Number {n}")
        world.issue(summary=f"Raised {n}")
    world.tick()

    def interrupted(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        answer()  # made, and then the process is told to go
        raise Gone

    real = world.jira.write
    around(world.jira, "write", interrupted)
    with pytest.raises(Gone):
        run_pass(
            world.config, world.store, world.sides, clock=world.clock, id_="gone", lanes=Lanes(lanes),
            options=PassOptions(initial=True),
        )  # fmt: skip
    assert world.intents()
    world.jira.write = real  # type: ignore[method-assign]
    world.tick(600)
    overlap(world, initial=True)
    world.settle()
    world.one_mirror_each()
    assert len(world.pairs()) == 14
    assert world.intents() == 0


def test_a_lane_that_fails_lets_the_others_finish_what_they_have_begun(world: World) -> None:
    several(world, 6)
    failing = threading.Lock()
    turned_away: list[bool] = []

    def once(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        with failing:
            first = not turned_away
            turned_away.append(first)
        if first:
            raise Denied("not now")
        return answer()

    around(world.sn, "write", once)
    with pytest.raises(Denied):
        overlap(world)
    made = told(world)
    settled = {
        e.ref.id for e in world.audit() if e.outcome == "applied" and e.ref and e.new.get("description")
    }
    assert made <= settled


def test_a_pass_that_is_told_to_stop_begins_no_further_wave(world: World) -> None:
    several(world, 8)
    asked = itertools.count()
    run_pass(
        world.config, world.store, world.sides, clock=world.clock, id_="stopped", lanes=Lanes(3),
        stop=lambda: next(asked) > 3,
    )  # fmt: skip
    assert world.intents() == 0
    assert 0 < world.waiting() < 8


def test_a_side_that_is_asked_within_a_transaction_keeps_the_others_waiting(world: World) -> None:
    lanes, log = Lanes(3), list[str]()

    def noted(answer: Callable[[], Any], asked: Sequence[Any]) -> Any:
        log.append("asked")
        return answer()

    around(world.sn, "read", noted)
    lent = lanes.lend(world.sides, lambda: world.store.inside)

    def first() -> None:
        with world.store.transaction():
            lent["servicenow"].read([])
            log.append("done")

    def second() -> None:
        with world.store.transaction():
            log.append("second")

    lanes.run([first, second])
    assert log.index("done") == log.index("asked") + 1
    assert sorted(log) == ["asked", "done", "second"]
