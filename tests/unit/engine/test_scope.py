"""Which records get a mirror, and what becomes of a pair that leaves the scope or whose route is paused."""

from __future__ import annotations

from datetime import date

from .world import World


class TestScope:
    def test_since_leaves_older_records_alone(self) -> None:
        world = World(route={"since": date(2026, 1, 6)})
        world.incident()
        world.tick(86_400)
        late = world.incident()
        world.run(initial=True)
        assert world.mirror_of(late)
        assert len(world.jira.rows) == 1

    def test_scope_decides_creation_only(self) -> None:
        world = World(route={"servicenow": {"table": "incident", "scope": "category=network"}})
        row, mirror = world.paired()
        world.incident(category="software")
        world.sn.edit(row.id, {"category": "software", "state": "2"})
        world.settle()
        assert len(world.jira.rows) == 1
        assert mirror.values["status"] == "In Progress", "its mirror follows all the same"

    def test_one_side_only(self) -> None:
        world = World(route={"create_from": ["servicenow"]})
        world.issue()
        world.incident()
        world.run(initial=True)
        assert (len(world.sn.rows), len(world.jira.rows)) == (1, 2)

    def test_another_place_is_left_alone(self, world: World) -> None:
        world.jira.make({"summary": "A bug"}, place="DEV/Bug")
        world.run(initial=True)
        assert len(world.sn.rows) == 0

    def test_frozen_out_of_scope_and_back(self) -> None:
        scope = {"servicenow": {"table": "incident", "scope": "category=network"}, "leaves_scope": "freeze"}
        world = World(route=scope)
        row, mirror = world.paired()
        world.sn.edit(row.id, {"category": "software", "short_description": "Gone"})
        world.settle()
        assert mirror.values["summary"] == "Printer broken"
        assert world.pairs()[0].state == "frozen"
        world.sn.edit(row.id, {"category": "network"})
        world.settle()
        assert mirror.values["summary"] == "Gone"
        assert world.pairs()[0].state == "active"

    def test_unlinked_out_of_scope_and_back_makes_no_second_mirror(self) -> None:
        scope = {"servicenow": {"table": "incident", "scope": "category=network"}, "leaves_scope": "unlink"}
        world = World(route=scope)
        row, mirror = world.paired()
        world.sn.edit(row.id, {"category": "software"})
        world.settle()
        assert world.pairs()[0].state == "unlinked"
        for edit in ({"short_description": "Alone"}, {"category": "network"}):
            world.sn.edit(row.id, edit)
            world.jira.edit(mirror.id, {"description": f"{edit}"})
            world.settle()
        assert (len(world.sn.rows), len(world.jira.rows)) == (1, 1)
        assert world.mirror_of(row) is mirror
        assert mirror.values["summary"] == "Alone"

    def test_moved_to_another_project_and_unlinked(self) -> None:
        world = World(route={"leaves_scope": "unlink"})
        row, mirror = world.paired()
        mirror.place = "DEV/Bug"
        world.jira.edit(mirror.id, {"summary": "Moved"})
        world.settle()
        world.sn.edit(row.id, {"short_description": "Still here"})
        world.settle()
        assert len(world.jira.rows) == 1, "its mirror lives on elsewhere: it gets no second one"
        assert row.values["short_description"] == "Still here"


class TestRoutes:
    def test_a_paused_route_is_left_alone_and_caught_up_afterwards(self, world: World) -> None:
        row, mirror = world.paired()
        world.config = World(route={"paused": True}).config
        world.sn.edit(row.id, {"short_description": "While paused"})
        fresh = world.incident(short_description="Raised while paused")
        for _ in range(4):
            world.tick(7200)
            world.run()
            assert world.writes.total() == 0
        assert mirror.values["summary"] == "Printer broken"
        world.config = World().config
        world.settle(seconds=7200)
        assert mirror.values["summary"] == "While paused"
        assert world.mirror_of(fresh)
        world.in_step()

    def test_a_route_added_later_gets_what_was_there_before(self) -> None:
        world = World(route={"create_from": ["jira"]})
        other = world.jira.make({"summary": "A bug"}, place="DEV/Bug")
        world.issue()
        world.run(initial=True)
        world.settle(seconds=3600)
        raw = world.config.model_dump(by_alias=True)
        second = {**raw["route"][0], "name": "bugs", "jira": {"project": "DEV", "issue_type": "Bug"}}
        world.config = type(world.config).model_validate({**raw, "route": [raw["route"][0], second]})
        world.tick(3600)
        world.run(initial=True)
        assert world.mirror_of(other).values["short_description"] == "A bug"
