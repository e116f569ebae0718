"""Writes whose answer was lost, and to whose record somebody wrote as well: what is seen of them is ours."""

from __future__ import annotations

import pytest

from tieline.connectors.base import SIDES, Action, Side, Update, other
from tieline.connectors.errors import Unknown

from .test_rewrites import upper
from .test_unknown import look_while_hidden, lose, refuse
from .world import World


@pytest.fixture(name="world")
def held() -> World:
    """Clashes are left to people, so that a false one is seen."""
    return World(field={"summary": {"clash": "hold"}}, priority={"clash": "hold"})


def test_what_a_rule_made_of_a_lost_write_clashes_with_nobody(world: World) -> None:
    """It differs in its case alone from what was sent: nobody else set that, and it is carried back."""
    row, mirror = world.paired()
    world.sn.rules.append(upper)
    world.jira.edit(mirror.id, {"summary": "One"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    assert row.values["short_description"] == "ONE"
    world.tick()
    world.sn.edit(row.id, {"u_other": "1"}, "agent")
    world.tick(121)
    world.settle()
    assert mirror.values["summary"] == "ONE"
    (told,) = world.conflicts()
    assert (told.kind, told.open, dict(told.servicenow)) == ("race", False, {})
    world.in_step()


def test_a_value_that_stands_is_ours_though_another_was_put_back(world: World) -> None:
    """The summary stands as it was sent: what is written in Jira afterwards clashes with nothing."""
    row, mirror = world.paired()
    world.jira.edit(mirror.id, {"summary": "One", "priority": "Low"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    assert (row.values["short_description"], row.values["urgency"]) == ("One", "2")
    world.tick()
    world.sn.edit(row.id, {"urgency": "3"}, "agent")
    world.jira.edit(mirror.id, {"summary": "Two"})
    world.tick(121)
    world.settle()
    assert (row.values["short_description"], mirror.values["summary"]) == ("Two", "Two")
    assert world.conflicts(open_only=True) == []
    assert {(told.unit, told.kind) for told in world.conflicts()} == {
        ("summary", "race"),
        ("priority", "race"),
    }


def test_what_was_never_written_is_told_where_somebody_set_one_of_its_values(world: World) -> None:
    """Their category is the very one that was sent, by chance: the summary that met theirs is no secret."""
    row, mirror = world.paired(category="network")
    world.jira.edit(mirror.id, {"summary": "One", "customfield_10051": "Hardware"})
    refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.sn.edit(row.id, {"category": "hardware"}, "agent")
    world.tick()
    world.sn.edit(row.id, {"short_description": "Theirs"}, "agent")
    world.tick(121)
    world.settle()
    assert (row.values["short_description"], mirror.values["summary"]) == ("Theirs", "Theirs")
    assert {"summary": "One"} in [dict(told.jira) for told in world.conflicts()]
    world.in_step()


def test_one_change_that_is_not_ours_leaves_no_room_for_a_lost_write(world: World) -> None:
    """They set one of its values, by chance, and another summary: that is a clash of two persons."""
    row, mirror = world.paired(category="network")
    world.jira.edit(mirror.id, {"summary": "One", "customfield_10051": "Hardware"})
    refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.sn.edit(row.id, {"category": "hardware", "short_description": "Theirs"}, "agent")
    world.tick(121)
    world.settle()
    (held,) = world.conflicts(open_only=True)
    assert (held.unit, held.kind, dict(held.servicenow)) == (
        "summary", "clash", {"short_description": "Theirs"}
    )  # fmt: skip


def test_an_edit_that_a_lost_write_ran_over_is_told_though_a_rule_changed_what_was_sent(world: World) -> None:
    """We wrote last, and the count tells that somebody else wrote as well: that was before us."""
    row, mirror = world.paired(category="network")
    world.sn.rules.append(upper)

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        world.sn.edit(row.id, {"short_description": "Theirs"}, "agent")

    world.sn.before_write = meet
    world.jira.edit(mirror.id, {"summary": "One", "customfield_10051": "Hardware"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    assert (row.values["short_description"], row.values["category"]) == ("ONE", "hardware")
    world.tick(121)
    world.settle()
    (told,) = world.conflicts()
    assert (told.kind, told.winner, told.open) == ("race", "jira", False)
    assert "value unknown" in told.reason
    world.in_step()


def test_a_clash_is_told_whose_write_was_lost_on_a_record_that_is_hidden_since() -> None:
    """Once it is shown again both sides agree, and what lost stands nowhere else."""
    world = World(field={"summary": {"clash": "jira"}})
    row, mirror = world.paired()
    world.sn.edit(row.id, {"short_description": "Theirs"}, "agent")
    world.jira.edit(mirror.id, {"summary": "One"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    look_while_hidden(world, row)
    world.sn.edit(row.id, {"u_other": "1"}, "agent")
    world.settle()
    assert (row.values["short_description"], mirror.values["summary"]) == ("One", "One")
    (told,) = world.conflicts()
    assert (told.kind, told.open, dict(told.servicenow)) == ("clash", False, {"short_description": "Theirs"})
    assert "it is not known whether it was written" in told.reason


@pytest.mark.parametrize("side", SIDES)
def test_what_is_put_back_over_a_lost_write_on_a_hidden_record_is_told(side: Side) -> None:
    """It stands as before the write: looked at alone, nobody has touched it, and it is written again."""
    world = World()
    row, mirror = world.paired()
    rows, names = {"servicenow": row, "jira": mirror}, {"servicenow": "short_description", "jira": "summary"}
    there, name, origin = rows[side], names[side], other(side)
    before = there.values[name]
    world.sides[origin].edit(rows[origin].id, {names[origin]: "One"})
    lose(world.sides[side], Update)
    world.tick()
    world.run()
    assert there.values[name] == "One"
    world.sides[side].edit(there.id, {name: before}, "agent")
    look_while_hidden(world, there)
    world.sides[side].edit(there.id, {"u_other": "1"}, "agent")
    world.settle()
    (told,) = world.conflicts()
    assert (told.unit, told.kind, told.winner, told.open) == ("summary", "race", origin, False)
    assert there.label in told.reason and "hidden" in told.reason
    world.in_step()


def test_what_a_lost_hop_to_a_hidden_record_carried_is_told() -> None:
    world = World()
    row, mirror = world.paired()
    world.jira.edit(mirror.id, {"status": "Blocked"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    look_while_hidden(world, row)
    (told,) = world.conflicts()
    assert (told.unit, told.kind) == ("status", "race")
    assert told.jira


def test_what_is_put_back_where_a_write_to_a_hidden_record_came_from_is_told() -> None:
    """The write was made, and the issue shows again what it showed before: both sides have moved."""
    world = World(field={"summary": {"clash": "hold"}})
    row, mirror = world.paired()
    before = mirror.values["summary"]
    world.jira.edit(mirror.id, {"summary": "One"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    world.jira.edit(mirror.id, {"summary": before}, "engineer")
    look_while_hidden(world, row)
    world.sn.edit(row.id, {"u_other": "1"}, "agent")
    world.settle()
    (held,) = world.conflicts(open_only=True)
    assert (held.kind, held.unit, mirror.values["summary"]) == ("clash", "summary", before)


def test_what_somebody_set_where_a_lost_write_was_never_made_is_theirs(world: World) -> None:
    """The one change that counts bears their name: their urgency is the one that was sent, by chance."""
    row, mirror = world.paired()
    world.jira.edit(mirror.id, {"priority": "Low"})
    refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.sn.edit(row.id, {"impact": "2", "urgency": "2"}, "agent")
    world.tick(121)
    world.settle()
    (held,) = world.conflicts(open_only=True)
    assert (held.unit, held.kind, dict(held.jira)) == ("priority", "clash", {"priority": "Low"})
    assert (held.servicenow["impact"], held.servicenow["urgency"]) == ("2", "2")
    assert mirror.values["priority"] == "Low"


def test_what_somebody_set_just_as_a_lost_write_would_have_is_in_step(world: World) -> None:
    row, mirror = world.paired()
    world.jira.edit(mirror.id, {"priority": "Low", "summary": "One"})
    refuse(world.sn, Update, Unknown("reset"))
    world.tick()
    world.run()
    world.sn.edit(row.id, {"urgency": "2", "short_description": "One"}, "agent")
    world.tick(121)
    world.settle()
    assert world.conflicts() == []
    world.in_step()
