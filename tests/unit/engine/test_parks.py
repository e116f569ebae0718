"""Parks: one bad record stops nobody else, is shown, and is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.connectors.base import Action, ShowLink
from tieline.connectors.errors import Denied, Rejected
from tieline.sync.model import InboxEntry, Snapshot
from tieline.sync.plan import plan

from .world import World, settings


class TestParks:
    def test_a_refusal_parks_one_pair_and_no_other(self, world: World) -> None:
        row, mirror = world.paired()
        other, copy = world.paired(short_description="Another")

        def before(action: Action) -> Any:
            refused = getattr(action, "values", {}).get("summary") == "bad"
            return Rejected("Operation aborted", {"summary": "is not allowed"}) if refused else None

        world.jira.before_write = before
        world.sn.edit(row.id, {"short_description": "bad"})
        world.sn.edit(other.id, {"short_description": "good"})
        world.tick()
        world.run()
        assert copy.values["summary"] == "good"
        (park,) = world.parks()
        assert (park.reason, "is not allowed" in park.detail) == ("rejected", True)
        tries = 0
        for _ in range(40):
            world.tick(300)
            world.run()
            tries += world.writes.total()
        assert 3 <= tries <= 6, "with growing pauses: 5, 10, 20, 40 ... minutes"
        assert world.parks()[0].since == park.since
        world.sn.edit(row.id, {"short_description": "fine"})
        world.settle()
        assert (mirror.values["summary"], world.parks()) == ("fine", [])

    def test_the_park_ends_when_the_cause_is_gone(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.before_write = lambda _action: Rejected("no")
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.tick()
        world.run()
        assert len(world.parks()) == 1
        world.jira.before_write = lambda _action: None
        world.tick(301)
        world.run()
        assert (mirror.values["summary"], world.parks()) == ("Printer on fire", [])

    def test_a_person_releases_it(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.before_write = lambda _action: Rejected("no")
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.tick()
        world.run()
        world.jira.before_write = lambda _action: None
        world.run(only=("INC1",))
        assert (mirror.values["summary"], world.parks()) == ("Printer on fire", [])

    def test_notes_and_links_of_ours_release_nothing(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.before_write = lambda action: None if isinstance(action, ShowLink) else Rejected("no")
        world.sn.edit(row.id, {"state": "2"})
        world.tick()
        world.run()
        assert world.writes["Transition"] == 1
        for _ in range(3):
            world.jira.edit(mirror.id, {"labels": frozenset({f"{world.now}"})})
            world.tick(60)
            world.run()
            assert world.writes.total() == 0

    def test_no_path(self) -> None:
        world = World()
        row, mirror = world.paired()
        world.sn.edit(row.id, {"state": "3", "hold_reason": "4", "short_description": "Go on"})
        world.tick()
        world.run()
        (park,) = world.parks()
        assert park.reason == "no-path"
        assert "'Blocked'" in park.detail
        assert mirror.values["summary"] == "Go on", "the other fields do not wait"
        helper = world.incident(short_description="Shows the way", state="2")
        world.settle()
        assert world.mirror_of(helper)
        assert (mirror.values["status"], world.parks()) == ("Blocked", [])

    def test_a_refused_create_stops_nobody_and_is_tried_again(self, world: World) -> None:
        world.paired()

        def before(action: Action) -> Any:
            return Rejected("no") if getattr(action, "values", {}).get("summary") == "bad" else None

        world.jira.before_write = before
        bad, good = world.incident(short_description="bad"), world.incident(short_description="good")
        world.tick()
        world.run()
        assert world.mirror_of(good)
        assert [park.reason for park in world.parks()] == ["rejected"]
        world.tick(60)
        world.run()
        assert world.writes.total() == 0
        world.jira.before_write = lambda _action: None
        world.tick(301)
        world.run()
        assert world.mirror_of(bad)
        assert world.parks() == []

    def test_a_park_of_a_record_that_is_out_of_scope_now_ends(self) -> None:
        world = World(route={"servicenow": {"table": "incident", "scope": "category=network"}})
        world.paired()
        world.jira.before_write = lambda _action: Rejected("no")
        row = world.incident(short_description="bad")
        world.tick()
        world.run()
        assert len(world.parks()) == 1
        world.sn.edit(row.id, {"category": "software"})
        world.tick(400)
        world.run()
        assert world.parks() == []

    def test_a_hidden_record_is_parked_and_comes_back(self, world: World) -> None:
        row, mirror = world.paired()
        mirror.hidden = True
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.tick()
        world.run()
        (park,) = world.parks()
        assert park.reason == "gone"
        assert "OPS-1" in park.detail
        assert row.values["state"] == "1", "nothing is closed because of it"
        world.tick(100)
        world.run()
        mirror.hidden = False
        world.tick(500)
        world.run()
        assert (mirror.values["summary"], world.parks()) == ("Printer on fire", [])

    def test_what_cannot_be_planned_parks_one_pair(self, world: World, monkeypatch: Any) -> None:
        row, _ = world.paired()
        other, copy = world.paired(short_description="Another")

        def odd(snapshot: Snapshot, *rest: Any) -> Any:
            if snapshot.servicenow.ref.id == row.id:
                raise ValueError("an odd value")
            return plan(snapshot, *rest)

        monkeypatch.setattr("tieline.sync.apply.plan", odd)
        for each in (row, other):
            world.sn.edit(each.id, {"short_description": "Go on"})
        world.tick()
        world.run()
        assert copy.values["summary"] == "Go on"
        (park,) = world.parks()
        assert (park.reason, "an odd value" in park.detail) == ("failed", True)

    def test_parked_pairs_do_not_use_up_the_sweep(self) -> None:
        world = World(limits={"sweep_records": 2})
        rows = [world.incident(short_description=f"Incident {n}") for n in range(5)]
        world.run(initial=True)
        world.settle(seconds=600)
        for row in rows[:3]:
            world.mirror_of(row).hidden = True
        last = rows[-1]
        world.sn.rows[last.id].values["short_description"] = "Edited past every feed"
        for _ in range(12):
            world.tick(6 * 3600)
            world.run()
        assert world.mirror_of(last).values["summary"] == "Edited past every feed"


class TestAnotherMapping:
    """What another mapping may mend goes into the inbox once, however many passes it takes to get through."""

    def test_passes_that_stop_do_not_put_it_there_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.paired()
        row, mirror = world.paired(short_description="Another")
        world.jira.before_write = lambda _action: Rejected("no")
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.tick()
        world.run()
        world.jira.before_write = lambda _action: None
        world.config = settings(groups={"map": [{"servicenow": "Another Group", "jira": "Another Team"}]})
        with monkeypatch.context() as patch:
            patch.setattr(world.sn, "feed", _denied)
            seen = [self._stopped(world) for _ in range(3)]
        assert [entry.reasons for entry in seen[0]] == [frozenset({"mapping"})]
        assert seen[0] == seen[1] == seen[2]
        world.run()
        assert (mirror.values["summary"], world.parks()) == ("Printer on fire", [])

    def _stopped(self, world: World) -> list[InboxEntry]:
        with pytest.raises(Denied):
            world.run()
        with world.store.read() as tx:
            return tx.due(world.now, 10)


def _denied(*_: object, **__: object) -> None:
    raise Denied("the password has expired")
