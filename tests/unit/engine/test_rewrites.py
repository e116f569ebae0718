"""What systems make of values without a person behind it: taken, beaten, or held when two of them fight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.base import Action, Applied, Side, Transition, Value
from tieline.connectors.errors import Unknown
from tieline.connectors.memory import Row
from tieline.sync.model import Arrival

from .world import WORKFLOW, World, move


def upper(row: Row, _by: str) -> Mapping[str, Value]:
    return {"short_description": str(row.values["short_description"]).upper()}


def lower(row: Row, _by: str) -> Mapping[str, Value]:
    return {"summary": str(row.values["summary"]).lower()}


class TestTaken:
    def test_a_rule_of_servicenow(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.rules.append(upper)
        world.jira.edit(mirror.id, {"summary": "Printer on fire"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("PRINTER ON FIRE",) * 2
        assert world.conflicts() == []

    def test_a_rule_of_jira(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.rules.append(lower)
        world.sn.edit(row.id, {"short_description": "Printer on FIRE"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("printer on fire",) * 2
        assert world.conflicts() == []

    def test_at_the_making_of_the_mirror(self, world: World) -> None:
        world.sn.rules.append(upper)
        row = world.issue()
        world.run(initial=True)
        world.settle()
        assert row.values["summary"] == "MAIL IS SLOW"
        assert world.conflicts() == []

    def test_an_automation_afterwards(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.tick()
        world.run()
        world.jira.edit(mirror.id, {"summary": "[P3] Printer on fire"}, "automation", person=False)
        world.settle()
        assert row.values["short_description"] == "[P3] Printer on fire"


def forgets(action: Action, outcome: Any, world: World) -> Any:
    """Jira makes the transition and does not set the resolution that it was given."""
    if isinstance(action, Transition) and isinstance(outcome, Applied):
        world.jira.rows[action.ref.id].values["resolution"] = None
        return replace(outcome, record=None)
    return outcome


def lose(action: Action, outcome: Any) -> Any:
    """The answer of a transition that was made is lost."""
    return Unknown("502: a web page") if isinstance(action, Transition) else outcome


class TestLeftEmpty:
    """A side that says nothing contradicts nothing: nobody would ever find an empty resolution again."""

    @pytest.fixture
    def left(self, world: World) -> tuple[Row, Row]:
        row, mirror = world.paired()
        world.jira.after_write = lambda action, outcome: forgets(action, outcome, world)
        world.sn.edit(row.id, {"state": "2"})
        world.settle()
        closing = {"state": "6", "close_code": "Duplicate", "close_notes": "As INC1"}
        world.sn.edit(row.id, closing)
        world.settle()
        assert (mirror.values["status"], mirror.values["resolution"]) == ("Resolved", None)
        world.jira.after_write = lambda _action, outcome: outcome
        return row, mirror

    def test_it_stays_open_until_it_is_set(self, world: World, left: tuple[Row, Row]) -> None:
        for _ in range(2):
            (conflict,) = world.conflicts(open_only=True)
            assert (conflict.unit, conflict.kind, conflict.winner) == ("status", "left", None)
            assert "left resolution empty" in conflict.reason
            world.jira.edit(left[1].id, {"summary": f"Seen {world.now}", "customfield_10053": "Mine"})
            world.settle()
        world.jira.edit(left[1].id, {"resolution": "Duplicate"})
        world.settle()
        assert (world.conflicts(open_only=True), len(world.conflicts())) == ([], 1)
        assert left[0].values["close_code"] == "Duplicate"

    def test_a_later_write_that_sets_it_closes_it(self, world: World, left: tuple[Row, Row]) -> None:
        world.sn.edit(left[0].id, {"state": "7"})
        world.settle()
        assert (left[1].values["status"], left[1].values["resolution"]) == ("Closed", "Duplicate")
        assert world.conflicts(open_only=True) == []

    def test_it_stays_open_beyond_a_transition_whose_answer_was_lost(
        self, world: World, left: tuple[Row, Row]
    ) -> None:
        world.jira.after_write = lose
        world.sn.edit(left[0].id, {"state": "7"})
        world.run()
        world.jira.after_write = lambda _action, outcome: outcome
        world.tick(300)
        world.settle()
        assert (left[1].values["status"], left[1].values["resolution"]) == ("Closed", None)
        (conflict,) = world.conflicts(open_only=True)
        assert (conflict.kind, len(world.conflicts())) == ("left", 1)
        world.jira.edit(left[1].id, {"resolution": "Duplicate"})
        world.settle()
        assert world.conflicts(open_only=True) == []

    def test_a_person_may_let_it_be(self, world: World, left: tuple[Row, Row]) -> None:
        resolve(world, "jira")
        world.settle()
        assert world.conflicts(open_only=True) == []
        assert (left[0].values["close_code"], left[1].values["resolution"]) == ("Duplicate", None)

    def test_a_person_may_ask_for_another_try(self, world: World, left: tuple[Row, Row]) -> None:
        resolve(world, "servicenow")
        world.settle()
        assert world.conflicts(open_only=True) == []
        assert left[1].values["resolution"] == "Duplicate"

    def test_to_let_it_be_takes_nothing_from_who_wrote_other_notes_meanwhile(
        self, world: World, left: tuple[Row, Row]
    ) -> None:
        world.sn.edit(left[0].id, {"close_notes": "Better words"}, "agent")
        resolve(world, "jira")
        world.settle()
        assert left[1].values["customfield_10053"] == "Better words"
        assert [(conflict.kind, conflict.open) for conflict in world.conflicts()] == [("left", False)]

    @pytest.mark.parametrize("tried", [False, True])
    def test_it_is_jira_that_left_it_also_where_servicenow_has_no_notes(
        self, world: World, tried: bool
    ) -> None:
        row, mirror = world.paired(state="2")
        world.jira.edit(mirror.id, {"customfield_10053": "Jotted down before"})
        world.settle()
        world.jira.rules.append(lambda _row, _by: {"resolution": None})
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate"})
        world.settle()
        (conflict,) = world.conflicts(open_only=True)
        assert (conflict.kind, mirror.values["resolution"]) == ("left", None)
        world.jira.rules.pop()
        if tried:
            resolve(world, "servicenow")
        else:
            world.jira.edit(mirror.id, {"resolution": "Duplicate"}, "engineer")
        world.settle()
        assert world.conflicts(open_only=True) == []
        assert (row.values["close_code"], mirror.values["resolution"]) == ("Duplicate",) * 2

    def test_a_resolution_that_was_to_follow_a_lost_transition_follows_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row, mirror = world.paired()
        bare = {"In Progress": (move("41", "Resolved", frozenset({"customfield_10053"})),)}
        monkeypatch.setattr(world.jira, "_workflow", {**WORKFLOW, **bare})
        world.sn.edit(row.id, {"state": "2"})
        world.settle()
        world.jira.after_write = lose
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "As INC1"})
        world.tick()
        world.run()
        assert (mirror.values["status"], mirror.values.get("resolution")) == ("Resolved", None)
        world.jira.after_write = lambda _action, outcome: outcome
        world.tick(300)
        world.settle()
        assert mirror.values["resolution"] == "Duplicate"

    def test_what_the_incident_does_next_is_carried_all_the_same(
        self, world: World, left: tuple[Row, Row]
    ) -> None:
        world.sn.edit(left[0].id, {"state": "2", "close_code": None, "close_notes": None})
        world.settle()
        assert left[1].values["status"] == "In Progress"
        assert world.conflicts(open_only=True) == []


def resolve(world: World, side: Side) -> None:
    """As `tieline conflicts resolve` does."""
    with world.store.transaction() as tx:
        (conflict,) = tx.conflicts(open_only=True)
        tx.save_conflict(replace(conflict, choice=side))
        pair = tx.pairs([conflict.pair])[conflict.pair]
        tx.arrive([Arrival(pair.servicenow, "person")], world.now)


class TestBeaten:
    def test_by_a_person_on_the_other_side(self, world: World) -> None:
        row, mirror = world.paired()
        world.jira.edit(mirror.id, {"summary": "[P3] Printer"}, "automation", person=False)
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("Printer on fire",) * 2
        assert world.conflicts() == [], "nobody lost anything"

    def test_a_rewrite_known_from_the_answer_loses_without_a_conflict(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.rules.append(upper)
        world.jira.edit(mirror.id, {"summary": "One"})
        world.tick()
        world.run(max_changes=1)
        assert row.values["short_description"] == "ONE"
        world.sn.rules.remove(upper)
        world.jira.edit(mirror.id, {"summary": "Two"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("Two",) * 2
        assert world.conflicts() == []

    @pytest.mark.parametrize("clash", ["hold", "servicenow", "newest"])
    def test_a_rewrite_of_a_write_that_ran_over_an_edit(self, clash: str) -> None:
        """The edit is told as a race; what stands is no person's all the same, and nobody clashes with it."""
        world = World(field={"summary": {"clash": clash, "tie": "hold"}})
        row, mirror = world.paired()
        world.sn.rules.append(upper)

        def meet(_action: Action) -> None:
            world.sn.before_write = lambda _action: None
            world.sn.edit(row.id, {"short_description": "THEIRS"}, "agent")

        world.sn.before_write = meet
        world.jira.edit(mirror.id, {"summary": "One"})
        world.tick()
        world.run(max_changes=1)
        assert row.values["short_description"] == "ONE"
        world.sn.rules.remove(upper)
        world.tick()
        world.jira.edit(mirror.id, {"summary": "Two"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("Two",) * 2
        (conflict,) = world.conflicts()
        assert (conflict.kind, dict(conflict.jira)) == ("race", {"summary": "One"})

    def test_what_somebody_else_set_of_a_unit_is_no_rewrite(self) -> None:
        """Our urgency met their impact: we wrote last, and yet the priority is what they made of it."""
        world = World(priority={"clash": "hold"})
        row, mirror = world.paired()

        def meet(_action: Action) -> None:
            world.sn.before_write = lambda _action: None
            world.sn.edit(row.id, {"impact": "1"}, "agent")

        world.sn.before_write = meet
        world.jira.edit(mirror.id, {"priority": "Low"})
        world.tick()
        world.run(max_changes=1)
        assert (row.values["impact"], row.values["urgency"]) == ("1", "2")
        world.tick()
        world.jira.edit(mirror.id, {"priority": "Highest"})
        world.settle()
        (held,) = world.conflicts(open_only=True)
        assert (held.unit, held.kind, held.servicenow["impact"]) == ("priority", "clash", "1")

    @pytest.mark.parametrize("clash", ["hold", "servicenow", "newest"])
    def test_a_rewrite_is_older_than_what_a_system_changed_since(self, clash: str) -> None:
        """Whatever the rule for two persons is: no person set what stands on either side."""
        world = World(field={"summary": {"clash": clash, "tie": "hold"}})
        row, mirror = world.paired()
        world.sn.rules.append(upper)
        world.jira.edit(mirror.id, {"summary": "One"})
        world.tick()
        world.run(max_changes=1)
        assert row.values["short_description"] == "ONE"
        world.sn.rules.remove(upper)
        world.jira.edit(mirror.id, {"summary": "Two"})
        world.jira.edit(mirror.id, {"summary": "two"}, "automation", person=False)
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("two",) * 2
        assert world.conflicts() == []


class TestFlapping:
    def fight(self, world: World) -> tuple[Row, Row]:
        row, mirror = world.paired()
        world.sn.rules.append(upper)
        world.jira.rules.append(lower)
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        world.settle(passes=8)
        return row, mirror

    def test_two_rules_that_fight_are_held_and_shown(self, world: World) -> None:
        row, mirror = self.fight(world)
        (conflict,) = world.conflicts()
        assert (conflict.kind, conflict.open) == ("flapping", True)
        assert {conflict.servicenow["short_description"], conflict.jira["summary"]} == {
            row.values["short_description"],
            mirror.values["summary"],
        }
        writes = [e for e in world.audit() if e.action == "Update"]
        assert len(writes) <= 4

    def test_the_other_fields_go_on(self, world: World) -> None:
        row, mirror = self.fight(world)
        world.sn.edit(row.id, {"state": "2"})
        world.settle()
        assert mirror.values["status"] == "In Progress"

    def test_automations_that_act_later(self, world: World) -> None:
        """On neither side does the answer to our write tell; Jira's changelog names an automation."""
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "PRINTER"})
        for _ in range(8):
            world.tick()
            world.run()
            if mirror.values["summary"] == "PRINTER":
                world.jira.edit(mirror.id, {"summary": "printer"}, "automation", person=False)
            if row.values["short_description"] == "printer":
                world.tick(1)
                world.sn.edit(row.id, {"short_description": "PRINTER"}, "system")
        assert [(c.kind, c.open) for c in world.conflicts()] == [("flapping", True)]

    def test_a_later_edit_of_a_person_ends_it(self, world: World) -> None:
        row, mirror = self.fight(world)
        world.jira.rules.remove(lower)
        world.tick(600)
        world.sn.edit(row.id, {"short_description": "Printer is well"})
        world.settle()
        assert (row.values["short_description"], mirror.values["summary"]) == ("PRINTER IS WELL",) * 2
        assert world.conflicts(open_only=True) == []

    def test_people_may_change_their_minds(self, world: World) -> None:
        row, mirror = world.paired()
        for n in range(8):
            world.tick(300)
            if n % 2:
                world.jira.edit(mirror.id, {"summary": "B"})
            else:
                world.sn.edit(row.id, {"short_description": "A"})
            world.run()
        assert world.conflicts() == []
        assert row.values["short_description"] == "B"


@pytest.mark.parametrize("status", ["Waiting", "Blocked"])
def test_a_status_that_a_rule_makes_another(world: World, status: str) -> None:
    """What ServiceNow returns counts, and nothing goes on for ever."""
    row, mirror = world.paired(state="2")
    world.sn.rules.append(lambda r, _by: {"state": "1"} if r.values["state"] == "3" else {})
    world.jira.edit(mirror.id, {"status": status})
    world.settle()
    assert (row.values["state"], mirror.values["status"]) == ("1", "Open")
    world.in_step()


def test_a_status_that_a_rule_puts_back_is_shown(world: World) -> None:
    """As a write that was ignored in silence looks: it must not be sent in every pass for ever."""
    row, mirror = world.paired(state="2")
    back = {"state": "2", "hold_reason": None}
    world.sn.rules.append(lambda r, _by: back if r.values["state"] == "3" else {})
    world.jira.edit(mirror.id, {"status": "Waiting", "summary": "Goes on"})
    world.settle()
    assert (row.values["state"], mirror.values["status"]) == ("2", "Waiting")
    assert [park.reason for park in world.parks()] == ["rejected"]
