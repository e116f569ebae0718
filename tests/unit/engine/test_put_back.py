"""What a person puts back after a write whose answer was lost: theirs or told, never in silence untouched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.base import Action, Reviewed, Transition, Update
from tieline.connectors.errors import Denied, Unknown

from .test_unknown import lose, refuse
from .world import World


def test_what_a_person_put_back_after_a_lost_write_is_theirs(world: World) -> None:
    """It looks as if the system had not taken the write; the history shows that it had."""
    row, mirror = world.paired()
    before, look = mirror.values["summary"], world.jira.review
    world.jira.review = lambda writes: [  # type: ignore[method-assign]
        replace(told, made=True) if isinstance(told, Reviewed) else told for told in look(writes)
    ]
    lose(world.jira, Update)
    world.sn.edit(row.id, {"short_description": "Ours"})
    world.tick()
    world.run()
    assert mirror.values["summary"] == "Ours"
    world.tick()
    world.jira.edit(mirror.id, {"summary": before}, "engineer")
    world.sn.edit(row.id, {"short_description": "Ours again"})
    world.tick(121)
    world.settle()
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.jira["summary"]) == ("clash", before)
    world.in_step()


def test_what_a_person_put_back_before_the_answer_was_looked_at_is_theirs(world: World) -> None:
    """Data Center shows nothing of an edit: the review meets what somebody put back, beside its history."""
    row, mirror = world.paired()
    before, look = mirror.values["summary"], world.jira.review
    world.jira.review = lambda writes: [  # type: ignore[method-assign]
        replace(told, made=True) if isinstance(told, Reviewed) else told for told in look(writes)
    ]

    def shows_nothing(action: Action, outcome: Any) -> Any:
        if not isinstance(action, Update):
            return outcome
        world.jira.edit(mirror.id, {"summary": before}, "engineer")
        return replace(outcome, record=None, alone=None)

    world.jira.after_write = shows_nothing
    world.sn.edit(row.id, {"short_description": "Ours"})
    world.tick()
    world.run(max_changes=1)
    world.jira.after_write = lambda _action, outcome: outcome
    world.tick()
    world.sn.edit(row.id, {"short_description": "Ours again"})
    world.settle()
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.jira["summary"]) == ("clash", before)
    world.in_step()


def put_back(world: World, *, made: bool) -> None:
    """An update of ServiceNow without an answer, then a person's edit; the summary stands as before."""
    row, mirror = world.paired(short_description="Printer broken")
    world.jira.edit(mirror.id, {"summary": "Ours"})
    if made:
        lose(world.sn, Update)
    else:
        refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    assert row.values["short_description"] == ("Ours" if made else "Printer broken")
    world.tick()
    if not made:
        world.sn.edit(row.id, {"u_other": "1"}, "engineer")
    world.sn.edit(row.id, {"short_description": "Printer broken", "u_other": "2"}, "engineer")
    world.tick(121)
    world.settle()
    assert row.values["short_description"] == "Ours"


@pytest.mark.parametrize("made", [True, False])
def test_what_may_have_been_put_back_after_a_lost_write_is_told(world: World, made: bool) -> None:
    """ServiceNow counts changes and tells none: what was put back looks as if nobody had touched it."""
    put_back(world, made=made)
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind, conflict.winner, conflict.open) == (
        "summary",
        "race",
        "jira",
        False,
    )
    assert (dict(conflict.servicenow), dict(conflict.jira)) == ({}, {"summary": "Ours"})
    assert "engineer changed INC1 last" in conflict.reason
    world.in_step()


def test_a_lost_write_that_one_other_hand_followed_or_forestalled_runs_over_nothing(world: World) -> None:
    """One change in all, and not ours: the write was not made, and nothing is told."""
    row, mirror = world.paired()
    world.jira.edit(mirror.id, {"summary": "Ours"})
    refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.sn.edit(row.id, {"u_other": "1"}, "engineer")
    world.tick(121)
    world.settle()
    assert (row.values["short_description"], world.conflicts()) == ("Ours", [])


@pytest.mark.parametrize("made", [True, False])
def test_what_is_put_back_where_a_write_in_doubt_came_from_is_theirs(world: World, made: bool) -> None:
    """What stood in Jira meanwhile may have been carried: to go back to what stood before is a change."""
    row, mirror = world.paired(short_description="Printer broken")
    world.jira.edit(mirror.id, {"summary": "Ours"})
    if made:
        lose(world.sn, Update)
    else:
        refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.jira.edit(mirror.id, {"summary": "Printer broken"})
    world.tick()
    world.sn.edit(row.id, {"short_description": "Theirs"}, "agent")
    if not made:
        world.sn.edit(row.id, {"u_other": "1"}, "agent")
    world.tick(121)
    world.settle()
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind) == ("summary", "clash")
    assert (dict(conflict.servicenow), dict(conflict.jira)) == (
        {"short_description": "Theirs"},
        {"summary": "Printer broken"},
    )
    world.in_step()


def test_what_is_put_back_where_a_write_came_from_that_was_not_made_is_told_to_nobody(world: World) -> None:
    """Both sides stand as they stood before: nothing is written, and nothing has to be told."""
    row, mirror = world.paired(short_description="Printer broken")
    world.jira.edit(mirror.id, {"summary": "Ours"})
    refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.jira.edit(mirror.id, {"summary": "Printer broken"})
    world.sn.edit(row.id, {"u_other": "1"}, "agent")
    world.tick(121)
    world.settle()
    assert world.conflicts() == []
    world.sn.edit(row.id, {"short_description": "Theirs"}, "agent")
    world.settle()
    assert (mirror.values["summary"], world.conflicts()) == ("Theirs", [])


def test_an_answer_is_not_lost_because_nobody_tells_who_is_who(world: World) -> None:
    """The write was answered: what a person puts back afterwards is theirs, and is carried."""
    world.everybody()
    row, mirror = world.paired()
    before = row.values["short_description"]

    def deny(request: str) -> None:
        if request == "entities" and row.values["short_description"] == "Ours":
            raise Denied("not you")

    world.sn.fault = deny
    world.sn.rules.append(lambda r, _by: {"assigned_to": "u-ada"} if r is row else {})
    world.jira.edit(mirror.id, {"summary": "Ours"})
    world.tick()
    with pytest.raises(Denied):
        world.run()
    assert (row.values["short_description"], world.intents()) == ("Ours", 0)
    world.sn.fault = lambda _request: None
    world.tick()
    world.sn.edit(row.id, {"short_description": before}, "engineer")
    world.settle()
    assert (mirror.values["summary"], world.conflicts()) == (before, [])
    world.in_step()


def test_what_was_carried_into_an_edit_that_set_the_same_field_is_told(world: World) -> None:
    """Low becomes urgency 2; somebody sets that and the impact just before: our write changes nothing."""
    row, mirror = world.paired()

    def meet(_action: Action) -> None:
        world.sn.edit(row.id, {"impact": "1", "urgency": "2"}, "engineer")

    def forestalled(_action: Action, outcome: Any) -> Any:
        return replace(outcome, alone=False, races=(), record=replace(outcome.record, updated_by="engineer"))

    world.sn.before_write, world.sn.after_write = meet, forestalled
    world.jira.edit(mirror.id, {"priority": "Low"})
    world.tick()
    world.run(max_changes=1)
    world.sn.before_write, world.sn.after_write = lambda _action: None, lambda _action, outcome: outcome
    world.settle()
    assert (row.values["priority"], mirror.values["priority"]) == ("2", "High")
    (conflict,) = world.conflicts()
    assert (conflict.unit, conflict.kind, conflict.winner) == ("priority", "race", "servicenow")
    assert (dict(conflict.servicenow), dict(conflict.jira)) == ({}, {"priority": "Low"})


def set_alike(world: World, *, moved_on: bool) -> None:
    """In Progress becomes state 2, which somebody sets just before: our write changes nothing."""
    row, mirror = world.paired()

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        if moved_on:
            world.jira.edit(mirror.id, {"status": "Blocked"}, "developer")
        world.tick(5)
        world.sn.edit(row.id, {"state": "2"}, "engineer")

    def forestalled(_action: Action, outcome: Any) -> Any:
        world.sn.after_write = lambda _action, outcome: outcome
        return replace(outcome, alone=False, races=(), record=replace(outcome.record, updated_by="engineer"))

    world.sn.before_write, world.sn.after_write = meet, forestalled
    world.jira.edit(mirror.id, {"status": "In Progress"})
    world.settle()


def test_what_somebody_set_just_as_we_did_is_theirs_where_the_other_side_has_moved_on() -> None:
    """Jira went on to Blocked before they set it: that is older, and must not beat it in silence."""
    world = World(status={"clash": "hold"})
    set_alike(world, moved_on=True)
    (held,) = world.conflicts(open_only=True)
    assert (held.unit, held.kind) == ("status", "clash")
    assert (held.servicenow["state"], held.jira["status"]) == ("2", "Blocked")


def test_what_somebody_set_just_as_we_did_is_in_step() -> None:
    world = World(status={"clash": "hold"})
    set_alike(world, moved_on=False)
    assert world.conflicts() == []
    world.in_step()


@pytest.mark.parametrize("moved_on", [True, False])
def test_the_same_in_jira_where_its_history_tells_who_set_it(moved_on: bool) -> None:
    world = World(field={"summary": {"clash": "hold"}})
    row, mirror = world.paired()

    def meet(_action: Action) -> None:
        world.jira.before_write = lambda _action: None
        if moved_on:
            world.sn.edit(row.id, {"short_description": "Two"}, "engineer")
        world.tick(5)
        world.jira.edit(mirror.id, {"summary": "One"}, "developer")

    def forestalled(_action: Action, outcome: Any) -> Any:
        world.jira.after_write = lambda _action, outcome: outcome
        touch = replace(outcome.record.touched["summary"], by="developer")
        record = replace(outcome.record, touched={**outcome.record.touched, "summary": touch})
        return replace(outcome, alone=None, races=(), record=record)

    world.jira.before_write, world.jira.after_write = meet, forestalled
    world.sn.edit(row.id, {"short_description": "One"})
    world.settle()
    held = [(c.unit, c.kind, dict(c.servicenow), dict(c.jira)) for c in world.conflicts()]
    clash = ("summary", "clash", {"short_description": "Two"}, {"summary": "One"})
    assert held == ([clash] if moved_on else [])
    assert moved_on or mirror.values["summary"] == "One"


@pytest.mark.parametrize("start", ["1", "2"], ids=["by two hops", "by one"])
def test_what_is_put_back_where_a_hop_in_doubt_came_from_is_theirs(start: str) -> None:
    """Of a status on its way nothing is dealt with, whether or not its hop was made."""
    world = World(status={"clash": "hold"})
    world.incident(state="2", short_description="Shows the way")
    row, mirror = world.paired(state=start)
    end = {"state": "6", "close_code": "Duplicate", "close_notes": "See INC9"}
    world.sn.edit(row.id, end, "agent")
    lose(world.jira, Transition)
    world.tick()
    world.run()
    world.jira.edit(mirror.id, {"status": "Waiting"}, "engineer")
    world.tick()
    world.sn.edit(row.id, {"state": start, "close_code": None, "close_notes": None}, "agent")
    world.tick(121)
    world.settle()
    (held,) = world.conflicts(open_only=True)
    assert (held.unit, held.kind) == ("status", "clash")
