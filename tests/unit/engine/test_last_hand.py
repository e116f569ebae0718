"""Writes whose answer was lost, to records that nobody wrote after us: made, whatever stands now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tieline.connectors.base import Action, Reviewed, Update, Value
from tieline.connectors.memory import Row

from .test_rewrites import upper
from .test_unknown import lose
from .world import World


@pytest.fixture(name="world")
def held() -> World:
    """Clashes are left to people, so that a false one is seen."""
    return World(field={"summary": {"clash": "hold"}})


def back(row: Row, by: str) -> Mapping[str, Value]:
    """A rule by which only people change a summary: what an account writes into it is put back."""
    return {} if by == "agent" else {"short_description": "Printer broken"}


def put_back(_row: Row, _by: str) -> Mapping[str, Value]:
    """A rule that knows one category."""
    return {"category": "network"}


def test_an_edit_that_it_ran_over_is_told_though_a_rule_put_back_what_stood(world: World) -> None:
    """Nothing of ours stands. That somebody else wrote as well, and we last, proves that it was made."""
    row, mirror = world.paired(short_description="Printer broken")
    world.sn.rules.append(back)

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        world.sn.edit(row.id, {"short_description": "Theirs"}, "agent")

    world.sn.before_write = meet
    world.jira.edit(mirror.id, {"summary": "One"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    assert row.values["short_description"] == "Printer broken"
    world.tick(121)
    world.settle()
    (told,) = world.conflicts()
    assert (told.unit, told.kind, told.winner, told.open) == ("summary", "race", "jira", False)
    assert "value unknown" in told.reason
    assert dict(told.jira) == {"summary": "One"}
    assert (row.values["short_description"], mirror.values["summary"]) == ("Printer broken", "One")
    assert [park.reason for park in world.parks()] == ["rejected"], "sent again, and refused again"


def rewritten_in_part(world: World) -> Row:
    """A lost write, rewritten in upper case by a rule, of which another rule put the category back."""
    row, mirror = world.paired(category="network")
    world.sn.rules += [upper, put_back]
    world.jira.edit(mirror.id, {"summary": "One", "customfield_10051": "Hardware"})
    lose(world.sn, Update)
    world.tick()
    world.run()
    assert (row.values["short_description"], row.values["category"]) == ("ONE", "network")
    world.jira.edit(mirror.id, {"summary": "Two"})
    return row


def test_what_a_rule_made_of_it_is_the_systems_though_another_value_was_put_back(world: World) -> None:
    """We wrote last, and once: the summary is no person's. What was refused is sent again, and shown."""
    row = rewritten_in_part(world)
    world.tick(121)
    world.settle()
    assert row.values["short_description"] == "TWO"
    assert world.conflicts() == []
    (park,) = world.parks()
    assert (park.reason, "category" in park.detail) == ("rejected", True)


def look_older(world: World, by: timedelta) -> None:
    """From now on ServiceNow says of its records that they were changed earlier."""
    look = world.sn.review

    def older(told: Reviewed) -> Reviewed:
        return replace(told, record=replace(told.record, updated=told.record.updated - by))

    world.sn.review = lambda writes: [  # type: ignore[method-assign]
        older(told) if isinstance(told, Reviewed) else told for told in look(writes)
    ]
    world.tick(121)
    world.settle()


def test_our_name_proves_nothing_where_it_stood_there_before(world: World) -> None:
    """The last write is one of ours before this one: what stands may be anybody's, and clashes."""
    rewritten_in_part(world)
    look_older(world, timedelta(minutes=1))
    (held,) = world.conflicts(open_only=True)
    assert (held.unit, held.kind) == ("summary", "clash")


def test_our_name_proves_it_by_a_clock_that_is_slow_and_tells_whole_seconds(world: World) -> None:
    """Clocks count as equal up to two seconds, and of a second ServiceNow tells the beginning."""
    row = rewritten_in_part(world)
    look_older(world, timedelta(seconds=2.9))
    assert row.values["short_description"] == "TWO"
    assert world.conflicts() == []
