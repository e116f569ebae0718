"""P7 and small steps: what stops a pass before its first write, and what it leaves for the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Action
from tieline.connectors.errors import ConfigError, ConnectorError, Denied, Malformed, Rejected, Unavailable
from tieline.sync.engine import run_pass
from tieline.sync.run import PassOptions, PassStopped

from .world import MATRIX, World


class TestGuards:
    def test_the_first_mirroring_is_asked_for(self, world: World) -> None:
        row = world.incident()
        with pytest.raises(PassStopped, match="--initial"):
            world.run()
        assert world.writes.total() == 0
        world.run(initial=True)
        assert world.mirror_of(row)
        world.incident(short_description="Another")
        world.tick()
        world.run()
        assert len(world.jira.rows) == 2

    def test_too_many_records(self) -> None:
        world = World(limits={"max_records": 5})
        world.paired()
        for n in range(7):
            world.incident(short_description=f"Incident {n}")
        with pytest.raises(PassStopped, match="max_records"):
            world.run()
        assert world.writes.total() == 0
        with pytest.raises(PassStopped):
            world.run()
        world.run(max_changes=3)
        assert world.writes == {"Create": 3}
        world.run(initial=True)
        world.settle()
        assert len(world.jira.rows) == 8

    def test_parks_that_end_together_count(self) -> None:
        """Each was parked by itself; tried again at the same time they are as many as any others."""
        world = World(limits={"max_records": 5})
        rows = [world.incident(short_description=f"Incident {n}") for n in range(8)]
        world.run(initial=True)
        world.settle()
        world.jira.before_write = lambda _action: Rejected("not now")
        for some in (rows[:4], rows[4:]):
            for row in some:
                world.sn.edit(row.id, {"short_description": f"{row.values['short_description']}, edited"})
            world.tick(10)
            world.run()
        assert len(world.parks()) == 8
        world.jira.before_write = lambda _action: None
        for _ in range(2):  # while they still rest, the feeds forget them: only their pauses bring them back
            world.tick(130)
            world.run()
        assert len(world.parks()) == 8
        world.tick(130)
        with pytest.raises(PassStopped, match="max_records"):
            world.run()
        world.run(initial=True)
        assert world.parks() == []

    def test_our_own_writes_do_not_count(self) -> None:
        """After a first mirroring everything is in the feed again; it needs nothing."""
        world = World(limits={"max_records": 20, "wave": 10})
        for n in range(40):
            world.incident(short_description=f"Incident {n}")
        world.run(initial=True)
        world.tick(10)
        world.run()
        assert world.writes.total() == 0
        assert world.waiting() == 0

    @pytest.mark.parametrize("error", [Unavailable("503"), Malformed("no JSON")], ids=["busy", "malformed"])
    def test_what_cannot_be_counted_now_is_not_let_go(self, tmp_path: Path, error: ConnectorError) -> None:
        """Files that cannot be listed put a pair off: its edits, which the feed told of, wait with it."""
        world = World(
            attachments={"every": "1s", "folder": str(tmp_path / "spool")}, limits={"max_records": 3}
        )
        rows = [world.incident(short_description=f"Incident {n}") for n in range(5)]
        world.run(initial=True)
        world.settle()
        world.tick(1000)
        for row in rows:
            world.sn.edit(row.id, {"u_unmapped": "moved"})
        world.sn.edit(rows[0].id, {"short_description": "Printer on fire"})

        def broken(request: str) -> None:
            if request == "attachments":
                raise error

        world.sn.fault = broken
        world.run()
        assert world.writes.total() == 0
        assert world.waiting() == 5
        world.sn.fault = lambda _request: None
        world.settle()
        assert world.mirror_of(rows[0]).values["summary"] == "Printer on fire"
        assert world.waiting() == 0
        world.in_step()

    def test_too_large_a_share(self) -> None:
        world = World(limits={"max_share": 0.5})
        rows = [world.incident(short_description=f"Incident {n}") for n in range(120)]
        world.run(initial=True)
        world.settle(seconds=600)
        for row in rows[:70]:
            world.sn.edit(row.id, {"short_description": f"Edited {row.id}"})
        world.tick()
        with pytest.raises(PassStopped, match="max_share"):
            world.run()
        assert world.writes.total() == 0
        for row in rows[:20]:
            world.sn.edit(row.id, {"short_description": world.mirror_of(row).values["summary"]})
        world.run()
        assert world.writes["Update"] == 50

    def test_a_sweep_is_no_stampede(self) -> None:
        world = World(limits={"max_share": 0.5, "sweep_records": 200})
        for n in range(110):
            world.incident(short_description=f"Incident {n}")
        world.run(initial=True)
        world.settle(seconds=600)
        world.tick(86_400)
        summary = world.run()
        assert summary.counts["swept"] == 110
        assert world.writes.total() == 0

    def test_a_feed_that_is_not_ours_is_not_believed(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Printer on fire"})

        def denied() -> Any:
            raise Denied("anonymous")

        world.jira.identity = denied  # type: ignore[method-assign]
        with pytest.raises(Denied):
            world.run()
        assert world.writes.total() == 0
        with world.store.read() as tx:
            (last,) = tx.last_passes(1)
        assert last.error == "anonymous"
        assert mirror.values["summary"] == "Printer broken"

    def test_the_state_of_another_installation(self, world: World) -> None:
        world.run(initial=True)
        world.config = World(installation="other").config
        with pytest.raises(ConfigError, match="other"):
            world.run()


class TestSmallSteps:
    def test_only_names_records(self, world: World) -> None:
        row, other = world.incident(state="2"), world.incident(short_description="Another")
        world.run(initial=True, only=("INC1",))
        assert len(world.jira.rows) == 1
        assert world.mirror_of(row).values["status"] == "In Progress", "all of its steps"
        assert world.writes["ShowLink"] == 2
        world.tick()
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(other)
        world.in_step()

    def test_a_name_that_nobody_knows(self, world: World) -> None:
        with pytest.raises(ConfigError, match="INC9"):
            world.run(only=("INC9",))

    def test_max_changes_leaves_the_rest(self, world: World) -> None:
        rows = [world.incident(short_description=f"Incident {n}", state="2") for n in range(7)]
        world.run(initial=True, max_changes=3)
        assert (world.writes.total(), len(world.jira.rows)) == (3, 3)
        for _ in range(20):
            world.tick(5)
            world.run(max_changes=3)
            assert world.writes.total() <= 3
        world.settle()
        assert {world.mirror_of(row).values["summary"] for row in rows} == {f"Incident {n}" for n in range(7)}
        world.in_step()

    def test_mirrors_are_searched_for_as_far_as_the_pass_may_make_them(self, world: World) -> None:
        for number in range(6):
            world.incident(correlation_display=f"OLD-{number}")
        searched = 0
        for _ in range(20):
            world.run(initial=True, max_changes=2)
            searched += world.jira.requests.count("find")
            world.tick()
        assert (len(world.jira.rows), searched) == (6, 6)

    def test_a_pass_ends_though_a_side_stays_busy(self) -> None:
        """What is put off becomes due again while the pass lasts: it waits for the next one."""
        world = World(limits={"wave": 2})
        rows = [world.incident(short_description=f"Incident {n}") for n in range(8)]
        world.run(initial=True)
        world.settle(seconds=600)
        for row in rows:
            world.sn.edit(row.id, {"short_description": f"Edited {row.id}"})
        tried: list[Action] = []

        def busy(action: Action) -> Any:
            tried.append(action)
            assert len(tried) < 50, "no end"
            return Unavailable("503")

        world.jira.before_write = busy
        world.sn.fault = world.jira.fault = lambda _request: world.tick(10)
        world.tick(600)
        world.run()
        assert len(tried) == 8
        world.sn.fault = world.jira.fault = lambda _request: None
        world.jira.before_write = lambda _action: None
        world.settle()
        world.in_step()

    def test_a_request_to_stop_is_heard_between_waves(self) -> None:
        world = World(limits={"wave": 5})
        for n in range(12):
            world.incident(short_description=f"Incident {n}")
        run_pass(world.config, world.store, world.sides, clock=world.clock, id_="p",
                 options=PassOptions(initial=True), stop=lambda: len(world.jira.rows) >= 5)  # fmt: skip
        assert len(world.jira.rows) == 5
        world.settle()
        assert len(world.jira.rows) == 12


def test_the_matrix_of_the_world_is_the_example_s() -> None:
    world = World()
    assert world.config.priority is not None
    rows = world.config.priority.matrix
    assert {(str(i + 1), str(u + 1)): str(rows[i][u]) for i in range(3) for u in range(3)} == MATRIX
