"""A closed incident that is reopened in Jira: written, commented on, or continued by a child."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.base import Action, Create, Ref, Transition
from tieline.connectors.errors import Rejected, Unknown
from tieline.connectors.memory import Row
from tieline.sync.marker import digest
from tieline.sync.model import Arrival
from tieline.sync.rebuild import rebuild
from tieline.sync.run import EVERYTHING, new_run

from .test_unknown import refuse
from .world import World

CLOSED = {"state": "7", "close_code": "Duplicate", "close_notes": "See INC9"}


def closed(reopen: str, **changes: Any) -> tuple[World, Row, Row]:
    world = World(status={"reopen": reopen}, **changes)
    world.incident(state="2", short_description="Shows the way")
    row, mirror = world.paired(state="2")
    world.sn.edit(row.id, CLOSED)
    world.settle()
    assert mirror.values["status"] == "Closed"
    return world, row, mirror


def never_closed() -> tuple[World, Row, Row]:
    """Closed in ServiceNow while somebody moved the issue, which wins: it is told, and stays open."""
    world = World(status={"reopen": "comment", "clash": "jira"})
    row, mirror = world.paired(state="2")
    world.sn.edit(row.id, CLOSED)
    world.jira.edit(mirror.id, {"status": "Blocked"})
    world.settle()
    return world, row, mirror


def meet_a_hop(world: World, mirror: Row) -> None:
    """Somebody lets the issue wait as soon as a transition of ours was made."""

    def after(action: Action, outcome: Any) -> Any:
        if isinstance(action, Transition):
            world.jira.after_write = lambda _action, outcome: outcome
            world.jira.edit(mirror.id, {"status": "Waiting"})
        return outcome

    world.jira.after_write = after


class TestComment:
    def test_the_issue_is_told_once_and_the_incident_stays(self) -> None:
        world, row, mirror = closed("comment")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        assert [note for note in mirror.notes if "stays closed" in note] == mirror.notes
        assert len(mirror.notes) == 1
        assert row.values["state"] == "7"
        assert [(c.unit, c.winner, c.open) for c in world.conflicts()] == [("status", "servicenow", False)]
        world.jira.edit(mirror.id, {"summary": "Other fields go on"})
        world.settle()
        assert row.values["short_description"] == "Other fields go on"
        assert len(mirror.notes) == 1

    def test_an_issue_that_goes_on_is_not_told_again(self) -> None:
        world, row, mirror = closed("comment")
        for status in ("In Progress", "Blocked", "In Progress"):
            world.jira.edit(mirror.id, {"status": status})
            world.settle()
        assert len(mirror.notes) == 1
        assert (row.values["state"], mirror.values["status"]) == ("7", "In Progress")
        told = [(c.jira["status"], c.winner, c.open) for c in world.conflicts()]
        assert told == [(status, "servicenow", False) for status in ("In Progress", "Blocked", "In Progress")]

    def test_one_that_was_never_closed_is_told_once(self) -> None:
        """Closed in ServiceNow while somebody moved the issue: that one wins, and moves it again later."""
        world, row, mirror = never_closed()
        assert len(mirror.notes) == 1
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        assert len(mirror.notes) == 1
        assert row.values["state"] == "7"

    def test_one_that_was_told_is_not_told_again_on_its_way_to_another_end(self) -> None:
        """The close code is corrected, and somebody moves the issue between two hops of ours."""
        world, row, mirror = never_closed()
        meet_a_hop(world, mirror)
        world.sn.edit(row.id, {"close_code": "Workaround provided"})
        world.settle()
        assert (row.values["state"], mirror.values["status"]) == ("7", "Waiting")
        assert len(mirror.notes) == 1

    def test_one_that_somebody_moves_on_its_way_to_its_first_end_is_told(self) -> None:
        world = World(status={"reopen": "comment", "clash": "jira"})
        row, mirror = world.paired(state="2")
        world.jira.edit(mirror.id, {"status": "Blocked"})
        world.settle()
        meet_a_hop(world, mirror)
        world.sn.edit(row.id, CLOSED)
        world.settle()
        assert (row.values["state"], mirror.values["status"]) == ("7", "Waiting")
        assert len(mirror.notes) == 1

    def test_one_that_is_closed_and_reopened_again_is_told_again(self) -> None:
        world, row, mirror = closed("comment")
        for number in (1, 2):
            world.jira.edit(mirror.id, {"status": "In Progress"})
            world.settle()
            assert len(mirror.notes) == number
            world.jira.edit(mirror.id, {"status": "Closed", "resolution": "Duplicate"})
            world.settle()
        assert row.values["state"] == "7"

    def test_closing_it_again_is_in_step(self) -> None:
        world, row, mirror = closed("comment")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        world.jira.edit(mirror.id, {"status": "Closed", "resolution": "Duplicate"})
        world.settle()
        assert row.values["state"] == "7"
        world.in_step()

    def test_a_resolved_one_is_written(self) -> None:
        world = World(status={"reopen": "comment"})
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {**CLOSED, "state": "6"})
        world.settle()
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        assert row.values["state"] == "2"


class TestChild:
    def test_a_child_continues_the_closed_incident(self) -> None:
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress", "summary": "It is back"})
        world.settle()
        child = world.mirror_of(mirror)
        assert child is not row
        assert child.values["parent_incident"] == row.id
        assert (child.values["state"], child.values["short_description"]) == ("2", "It is back")
        assert (row.values["state"], row.values["short_description"]) == ("7", "Printer broken")
        assert "was reopened after INC2 had been closed" in child.notes[0]
        assert len({r.marker for r in world.sn.rows.values() if r.marker}) == 1
        assert [pair.state for pair in world.pairs()] == ["active", "unlinked", "active"]
        world.one_mirror_each()
        world.in_step()

    def test_the_pair_goes_on_with_the_child(self) -> None:
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        child = world.mirror_of(mirror)
        world.sn.edit(child.id, {"short_description": "From the child"})
        world.jira.edit(mirror.id, {"description": "To the child"})
        world.sn.edit(row.id, {"description": "Nobody listens"})
        world.settle()
        assert mirror.values["summary"] == "From the child"
        assert child.values["description"] == mirror.values["description"] == "To the child"
        assert (len(world.sn.rows), len(world.jira.rows)) == (3, 2), "the old one gets no second mirror"

    def test_closed_and_reopened_again(self) -> None:
        world, _, mirror = closed("child")
        for n in range(2):
            world.jira.edit(mirror.id, {"status": "In Progress"})
            world.settle()
            child = world.mirror_of(mirror)
            world.sn.edit(child.id, CLOSED)
            world.settle()
            assert mirror.values["status"] == "Closed"
            assert len(world.sn.rows) == 3 + n
        markers = [row.marker for row in world.sn.rows.values() if row.marker]
        assert len(markers) == len(set(markers)) == 2

    def test_what_was_still_on_its_way_is_not_lost(self) -> None:
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.sn.edit(row.id, {"description": "Added after closing"})
        world.settle()
        child = world.mirror_of(mirror)
        assert mirror.values["description"] == child.values["description"] == "Added after closing"

    def test_an_answer_that_is_lost(self) -> None:
        world, _, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})

        def after(action: Action, outcome: Any) -> Any:
            if isinstance(action, Create):
                world.sn.after_write = lambda _action, outcome: outcome
                return Unknown("time-out")
            return outcome

        world.sn.after_write = after
        world.tick()
        world.run()
        world.tick(30)
        world.run()
        assert (len(world.sn.rows), world.intents(), world.parks()) == (3, 1, [])
        world.tick(121)
        world.settle()
        assert world.mirror_of(mirror).values["state"] == "2"
        assert len(world.sn.rows) == 3
        world.in_step()

    def test_a_kill_after_the_create(self) -> None:
        world, _, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})

        def after(action: Action, outcome: Any) -> Any:
            if isinstance(action, Create):
                world.sn.after_write = lambda _action, outcome: outcome
                raise KeyboardInterrupt
            return outcome

        world.sn.after_write = after
        try:
            world.run()
        except KeyboardInterrupt:
            world.tick(121)
        world.settle()
        assert len(world.sn.rows) == 3
        assert world.mirror_of(mirror).values["state"] == "2"

    def test_a_refusal_parks_the_pair(self) -> None:
        world, row, mirror = closed("child")
        world.sn.before_write = lambda action: Rejected("no caller") if isinstance(action, Create) else None
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.tick()
        world.run()
        assert [park.reason for park in world.parks()] == ["rejected"]
        assert world.mirror_of(mirror) is row
        world.sn.before_write = lambda _action: None
        world.tick(301)
        world.run()
        assert world.mirror_of(mirror) is not row
        assert world.parks() == []

    def test_a_child_is_recognised_after_a_lost_state(self) -> None:
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        child = world.mirror_of(mirror)
        for late in (child, mirror):
            world.lose_the_state()
            world.tick(86_400)
            world.sides["servicenow" if late is child else "jira"].edit(late.id, {"x": f"{world.now}"})
            world.run(initial=True)
            world.settle(seconds=86_400)
            assert world.mirror_of(mirror) is child
            assert (len(world.sn.rows), row.values["state"]) == (3, "7")
            assert mirror.values["status"] == "In Progress"

    @pytest.mark.parametrize("names", [True, False])
    @pytest.mark.parametrize("first", ["feeds", "rebuild"])
    def test_its_closed_incident_gets_no_mirror_after_a_lost_state(self, first: str, names: bool) -> None:
        """The child is joined first; whether or not the closed one still shows the key, it does not wait."""
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        child = world.mirror_of(mirror)
        world.sn.edit(row.id, {"correlation_display": mirror.label if names else ""})
        world.lose_the_state()
        world.tick(3600)
        if first == "rebuild":
            run = new_run("", world.config, world.store, world.sides, world.clock, EVERYTHING)
            rebuild(run, lambda *_: None)
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(mirror) is child
        assert (len(world.sn.rows), len(world.jira.rows), world.waiting()) == (3, 2, 0)
        assert (row.values["state"], world.parks()) == ("7", [])

    def test_nor_does_a_rebuild_pair_it_with_a_clone_of_the_issue(self) -> None:
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        child = world.mirror_of(mirror)
        clone = world.jira.make(mirror.values, marker=mirror.marker)
        world.lose_the_state()
        run = new_run("", world.config, world.store, world.sides, world.clock, EVERYTHING)
        found = rebuild(run, lambda *_: None)
        assert found.copies == [clone.label]
        assert row.id not in {pair.servicenow.id for pair in world.pairs()}
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(mirror) is child
        assert [(park.reason, park.label) for park in world.parks()] == [("copy", clone.label)]

    def test_nor_where_a_state_does_not_know_that_it_is_continued(self) -> None:
        """It shows the key of an issue that is another's half: it does not wait for that one for ever."""
        world, row, mirror = closed("child")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        world.sn.edit(row.id, {"correlation_display": mirror.label})
        world.lose_the_state()
        world.tick(3600)
        run = new_run("", world.config, world.store, world.sides, world.clock, EVERYTHING)
        rebuild(run, lambda *_: None)
        with world.store.transaction() as tx:
            tx.drop_note(f"continued:{digest(Ref('servicenow', row.id))}")
        world.run(initial=True)
        for _ in range(3):
            world.tick(600)
            world.run()
        assert (len(world.jira.rows), world.waiting(), world.jira.requests.count("find")) == (2, 0, 0)

    @pytest.mark.parametrize("made_in", ["servicenow", "jira"])
    def test_neither_do_those_before_it(self, made_in: str) -> None:
        """Closed and reopened twice, the last one seen first: the others are neither copies nor new."""
        world = World(status={"reopen": "child"})
        issue = world.issue() if made_in == "jira" else None
        world.incident(state="2", short_description="Shows the way")
        _, mirror = world.paired(state="2")
        issue = issue or mirror
        for _ in range(2):
            world.sn.edit(world.mirror_of(issue).id, CLOSED)
            world.settle()
            world.jira.edit(issue.id, {"status": "In Progress"})
            world.settle()
        child, rows = world.mirror_of(issue), len(world.sn.rows)
        world.lose_the_state()
        with world.store.transaction() as tx:
            for age, known in enumerate(world.sn.rows):
                waits_since = world.now - timedelta(hours=1 + age)
                tx.arrive([Arrival(Ref("servicenow", known), "feed")], waits_since)
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(issue) is child
        assert (len(world.sn.rows), len(world.jira.rows), world.waiting()) == (rows, rows - 2, 0)
        assert world.parks() == []


def test_an_issue_is_told_once_also_where_a_transition_to_it_is_left_in_doubt() -> None:
    world, row, mirror = closed("comment")
    world.jira.edit(mirror.id, {"status": "In Progress"})
    world.settle()
    assert len(mirror.notes) == 1
    world.sn.edit(row.id, {"close_code": "Solution provided"}, "agent")
    refuse(world.jira, Transition, Unknown("reset"))
    world.tick()
    world.run()
    world.jira.edit(mirror.id, {"status": "Waiting"}, "engineer")
    world.tick(121)
    world.settle()
    assert len(mirror.notes) == 1
