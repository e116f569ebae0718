"""Both sides moved: who wins, by which rule, and that nothing is lost in silence (P2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.base import Action, Create, Side, Transition, Update
from tieline.connectors.memory import Row
from tieline.sync.model import Arrival, Conflict

from .world import World


def both(world: World, row: Row, mirror: Row, *, apart: float = 5, jira_first: bool = False) -> None:
    sides = ["jira", "servicenow"] if jira_first else ["servicenow", "jira"]
    for side in sides:
        if side == "jira":
            world.jira.edit(mirror.id, {"summary": "Mine"}, "engineer")
        else:
            world.sn.edit(row.id, {"short_description": "Theirs"})
        world.tick(apart)


def choose(world: World, conflict: Conflict, side: Side) -> None:
    """As `tieline conflicts resolve` does."""
    with world.store.transaction() as tx:
        tx.save_conflict(replace(conflict, choice=side))
        pair = tx.pairs([conflict.pair])[conflict.pair]
        tx.arrive([Arrival(pair.servicenow, "person")], world.now)


class TestWhoWins:
    def test_the_newest(self, world: World) -> None:
        row, mirror = world.paired()
        both(world, row, mirror)
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("Mine",) * 2
        (conflict,) = world.conflicts()
        assert (conflict.winner, conflict.open, conflict.kind) == ("jira", False, "clash")
        assert (conflict.servicenow["short_description"], conflict.jira["summary"]) == ("Theirs", "Mine")

    def test_servicenow_tells_no_instant_so_an_interval_decides(self, world: World) -> None:
        """Its change lies anywhere since the sides were last seen equal; Jira's fell into that."""
        row, mirror = world.paired()
        both(world, row, mirror, jira_first=True)
        world.settle()
        (conflict,) = world.conflicts()
        assert conflict.winner == "servicenow"
        assert "too close" in conflict.reason

    def test_seen_equal_after_the_other_moved(self, world: World) -> None:
        row, mirror = world.paired()
        mirror.values["summary"] = "Mine"
        world.jira.edit(mirror.id, {"summary": "Mine again"}, "engineer")
        world.sn.edit(row.id, {"short_description": "Theirs"})
        world.tick(60)
        world.sn.edit(row.id, {"state": "2"})
        world.settle()
        assert len(world.conflicts()) == 1

    @pytest.mark.parametrize(
        ("rules", "winner"),
        [
            ({"clash": "servicenow"}, "servicenow"),
            ({"clash": "jira"}, "jira"),
            ({"clash": "newest", "tie": "jira"}, "jira"),
        ],
    )
    def test_a_side_by_rule(self, rules: dict[str, str], winner: Side) -> None:
        world = World(field={"summary": rules})
        row, mirror = world.paired()
        both(world, row, mirror, apart=0)
        world.settle()
        expected = "Theirs" if winner == "servicenow" else "Mine"
        assert (row.values["short_description"], mirror.values["summary"]) == (expected,) * 2
        assert [c.winner for c in world.conflicts()] == [winner]

    @pytest.mark.parametrize("rules", [{"clash": "hold"}, {"clash": "newest", "tie": "hold"}])
    def test_held_for_people(self, rules: dict[str, str]) -> None:
        world = World(field={"summary": rules})
        row, mirror = world.paired()
        both(world, row, mirror, apart=0)
        world.sn.edit(row.id, {"state": "2"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("Theirs", "Mine")
        assert mirror.values["status"] == "In Progress", "hold leaves that field alone, never the pair"
        (conflict,) = world.conflicts()
        assert (conflict.open, conflict.winner) == (True, None)
        for _ in range(3):
            world.tick(600)
            world.run()
        assert len(world.conflicts()) == 1

    def test_the_loser_is_told_where_the_same_write_is_taken_in_part(self, world: World) -> None:
        """ServiceNow leaves out what the account may not write, and answers as if all was well."""
        row, mirror = world.paired(description="As it was")
        world.sn.rules.append(lambda _row, _by: {"description": "As it was"})
        both(world, row, mirror)
        world.jira.edit(mirror.id, {"description": "Another story"}, "engineer")
        world.tick()
        world.run()
        assert (row.values["short_description"], row.values["description"]) == ("Mine", "As it was")
        (conflict,) = world.conflicts()
        assert (conflict.unit, conflict.winner) == ("summary", "jira")
        assert conflict.servicenow["short_description"] == "Theirs"
        (park,) = world.parks()
        assert "description" in park.detail
        assert "summary" not in park.detail

    def test_the_same_value_on_both_sides_is_no_clash(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Same"})
        world.jira.edit(mirror.id, {"summary": "Same"})
        world.settle()
        assert world.conflicts() == []

    def test_different_fields_are_no_clash(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Theirs"})
        world.jira.edit(mirror.id, {"description": "Mine"})
        world.settle()
        assert (mirror.values["summary"], row.values["description"]) == ("Theirs", "Mine")
        assert world.conflicts() == []

    def test_a_status_clash_over_several_hops_is_recorded_at_the_first(self, world: World) -> None:
        """A crash between the hops must not make the loser's value vanish."""
        world.incident(state="2")
        row, mirror = world.paired(state="2")
        world.jira.edit(mirror.id, {"status": "Waiting"})
        world.tick(5)
        world.sn.edit(row.id, {"state": "3", "hold_reason": "4"})

        def before(action: Action) -> Any:
            if isinstance(action, Transition) and action.move.to == "Blocked":
                raise KeyboardInterrupt
            return None

        world.jira.before_write = before
        with pytest.raises(KeyboardInterrupt):
            world.run()
        assert mirror.values["status"] == "In Progress"
        (conflict,) = world.conflicts()
        assert (conflict.winner, conflict.jira["status"]) == ("servicenow", "Waiting")
        world.jira.before_write = lambda _action: None
        world.tick(200)
        world.settle()
        assert mirror.values["status"] == "Blocked"
        assert len(world.conflicts()) == 1


class TestDecisions:
    @pytest.mark.parametrize("side", ["servicenow", "jira"])
    def test_a_choice_is_carried_out_by_the_next_pass(self, side: Side) -> None:
        world = World(field={"summary": {"clash": "hold"}})
        row, mirror = world.paired()
        both(world, row, mirror)
        world.settle()
        choose(world, world.conflicts()[0], side)
        world.settle()
        expected = "Theirs" if side == "servicenow" else "Mine"
        assert (row.values["short_description"], mirror.values["summary"]) == (expected,) * 2
        (conflict,) = world.conflicts()
        assert (conflict.open, conflict.winner, conflict.choice) == (False, side, side)

    def test_a_cut_text_can_be_let_go(self, world: World) -> None:
        whole = "long " * 1000
        row = world.issue(description=whole.strip())
        world.run(initial=True)
        world.settle()
        mirror = world.mirror_of(row)
        world.sn.edit(mirror.id, {"description": "Short now"})
        world.settle()
        assert row.values["description"] == whole.strip(), "the tail is never erased by a copy"
        (conflict,) = world.conflicts()
        assert (conflict.kind, conflict.open) == ("cut", True)
        choose(world, conflict, "servicenow")
        world.settle()
        assert row.values["description"] == "Short now"
        assert world.conflicts(open_only=True) == []

    def test_one_that_settles_itself_is_closed(self) -> None:
        world = World(field={"summary": {"clash": "hold"}})
        row, mirror = world.paired()
        both(world, row, mirror)
        world.settle()
        world.sn.edit(row.id, {"short_description": "Mine"})
        world.settle()
        assert world.conflicts(open_only=True) == []

    def test_a_side_that_does_not_travel_is_chosen_to_stay(self) -> None:
        world = World(field={"category": {"direction": "to_jira"}})
        row, mirror = world.paired()
        world.sn.edit(row.id, {"category": "unheard of"})
        world.settle()
        choose(world, world.conflicts()[0], "jira")
        world.settle()
        assert (row.values["category"], mirror.values["customfield_10051"]) == ("unheard of", "Network")
        assert world.conflicts(open_only=True) == []


class TestUnmapped:
    def test_held_until_the_map_has_a_line(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"category": "facilities", "short_description": "Go on"})
        world.settle()
        assert (mirror.values["summary"], mirror.values["customfield_10051"]) == ("Go on", "Network")
        (conflict,) = world.conflicts()
        assert (conflict.kind, "'facilities'" in conflict.reason) == ("unmapped", True)
        edges = [
            *world.config.model_dump()["field"][2]["map"],
            {"servicenow": "facilities", "jira": "Hardware"},
        ]
        world.config = World(field={"category": {"map": edges}}).config
        world.tick()
        world.run()
        assert mirror.values["customfield_10051"] == "Hardware"
        assert world.conflicts(open_only=True) == []

    def test_at_the_making_of_the_mirror(self, world: World) -> None:
        row = world.incident(category="facilities")
        world.run(initial=True)
        mirror = world.mirror_of(row)
        assert mirror.values.get("customfield_10051") is None
        assert [c.unit for c in world.conflicts(open_only=True)] == ["category"]
        world.sn.edit(row.id, {"category": "software"})
        world.settle()
        assert mirror.values["customfield_10051"] == "Software"
        assert world.conflicts(open_only=True) == []

    def test_a_map_that_takes_values_apart_shows_it(self, world: World) -> None:
        """Nobody moved, and yet the sides differ now: the rule `first` decides, as a Conflict."""
        row, _ = world.paired(category="dns")
        edges = [
            {"servicenow": "network", "jira": "Network"},
            {"servicenow": "dns", "jira": "Software"},
        ]
        world.config = World(field={"category": {"map": edges}}).config
        world.sn.edit(row.id, {"state": "2"})
        world.run(accept=True)
        assert [(c.unit, c.kind) for c in world.conflicts(open_only=True)] == [("category", "first")]


class TestRaces:
    def test_in_servicenow_the_value_is_unknown(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.edit(mirror.id, {"summary": "Mine"})

        def before(action: Action) -> Any:
            if isinstance(action, Update):
                world.sn.before_write = lambda _action: None
                world.sn.edit(row.id, {"short_description": "Somebody's"}, "beth")
            return None

        world.sn.before_write = before
        world.settle()
        (conflict,) = world.conflicts()
        assert (conflict.kind, conflict.open, conflict.winner) == ("race", False, "jira")
        assert "beth" in conflict.reason
        assert "value unknown" in conflict.reason
        assert row.values["short_description"] == "Mine"

    def test_in_jira_it_is_known(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Theirs"})

        def before(action: Action) -> Any:
            if isinstance(action, Update):
                world.jira.before_write = lambda _action: None
                world.jira.edit(mirror.id, {"summary": "Somebody's"}, "beth")
            return None

        world.jira.before_write = before
        world.settle()
        (conflict,) = world.conflicts()
        assert conflict.kind == "race"
        assert conflict.jira == {"summary": "Somebody's"}
        assert conflict.servicenow == {"short_description": "Theirs"}

    def test_a_priority_that_was_mixed_with_somebodys_is_told(self, world: World) -> None:
        """Jira's becomes an urgency, somebody sets the impact: what they make together nobody chose."""
        row, mirror = world.paired()
        world.jira.edit(mirror.id, {"priority": "Medium"})

        def before(action: Action) -> Any:
            if isinstance(action, Update):
                world.sn.before_write = lambda _action: None
                world.sn.edit(row.id, {"impact": "1", "urgency": "2"}, "beth")
            return None

        world.sn.before_write = before
        world.settle()
        assert (row.values["priority"], mirror.values["priority"]) == ("1", "Highest")
        (conflict,) = world.conflicts()
        assert (conflict.unit, conflict.kind) == ("priority", "race")
        assert conflict.jira == {"priority": "Medium"}, "what Jira's person had chosen stands nowhere else"

    def test_another_field_meanwhile_is_taken_next(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.edit(mirror.id, {"summary": "Mine"})

        def before(action: Action) -> Any:
            if isinstance(action, Update):
                world.sn.before_write = lambda _action: None
                world.sn.edit(row.id, {"category": "database"}, "beth")
            return None

        world.sn.before_write = before
        world.settle()
        assert mirror.values["customfield_10051"] == "Database"
        assert row.values["short_description"] == "Mine"
        world.in_step()

    def test_an_edit_between_reading_and_planning_is_not_older_than_it_is(self, world: World) -> None:
        """`equal_at` is when reading began: a person may edit while the wave is read."""
        row, mirror = world.paired()
        world.sn.edit(row.id, {"state": "2"})
        world.tick()

        def fault(request: str) -> None:
            if request == "read" and len(world.jira.requests) and "read" in world.sn.requests:
                world.tick(5)
                world.sn.edit(row.id, {"short_description": "While it was read"})
                world.tick(5)
                world.jira.fault = lambda _request: None

        world.jira.fault = fault
        world.run()
        world.tick(1)
        world.jira.edit(mirror.id, {"summary": "A little later"})
        world.settle()
        (conflict,) = world.conflicts()
        assert conflict.winner == "jira", conflict.reason


def test_an_edit_of_the_origin_while_its_mirror_is_made(world: World) -> None:
    row = world.incident()

    def after(action: Action, outcome: Any) -> Any:
        if isinstance(action, Create):
            world.sn.edit(row.id, {"short_description": "Printer on fire"})
        return outcome

    world.jira.after_write = after
    world.run(initial=True)
    world.settle()
    assert world.mirror_of(row).values["summary"] == "Printer on fire"
    assert world.conflicts() == []
