"""Sets: what both sides hold is dealt with; without a history both get what either has, and it is told."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import SIDES, Action, Race, Side, Update, Value
from tieline.connectors.errors import ConnectorError, Rejected
from tieline.connectors.memory import Row
from tieline.sync.config.model import Config
from tieline.sync.mapping import SetUnit
from tieline.sync.merge import dealt_elements, merge_sets
from tieline.sync.model import Base, Conflict, Dealt, UnitBase

from .test_laws import record, snapshot_of
from .test_unknown import lose, quiet
from .world import World


@pytest.fixture
def world() -> World:
    """The example's configuration, and labels beside its fields."""
    raw = tomllib.loads((Path(__file__).resolve().parents[3] / "config.example.toml").read_text())
    labels = {"name": "labels", "kind": "set", "servicenow": "u_labels", "jira": "labels", "unmapped": "pass"}
    raw["field"].append(labels)
    made = World()
    made.config = Config.model_validate(raw)
    return made


def forgotten(world: World, *, servicenow: Value, jira: Value) -> tuple[Row, Row]:
    """A pair whose labels were moved after the state was lost, and that was found again by its marker."""
    row, mirror = world.paired(u_labels=frozenset({"vip", "night"}))
    world.lose_the_state()
    world.sn.edit(row.id, {"u_labels": servicenow})
    world.jira.edit(mirror.id, {"labels": jira})
    world.tick()
    world.run(initial=True)
    world.settle()
    return row, mirror


def of_labels(world: World) -> list[Conflict]:
    return [conflict for conflict in world.conflicts() if conflict.unit == "labels"]


def test_what_was_taken_away_comes_back_and_is_told(world: World) -> None:
    both = frozenset({"vip", "night"})
    row, mirror = forgotten(world, servicenow=both, jira=frozenset({"vip"}))
    assert (row.values["u_labels"], mirror.values["labels"]) == (both, both)
    (told,) = of_labels(world)
    assert (told.kind, told.open, told.winner) == ("first", False, None)
    assert (told.servicenow, told.jira) == ({"u_labels": both}, {"labels": frozenset({"vip"})})
    assert "no history" in told.reason


def test_what_both_sides_get_is_told_once(world: World) -> None:
    """Two writes, one for each side: one conflict."""
    row, mirror = forgotten(world, servicenow=frozenset({"night", "new"}), jira=frozenset({"vip"}))
    assert row.values["u_labels"] == mirror.values["labels"] == frozenset({"vip", "night", "new"})
    assert len(of_labels(world)) == 1


@pytest.mark.parametrize("labels", [frozenset({"vip"}), None], ids=["the same", "none"])
def test_sides_that_agree_tell_nothing(world: World, labels: Value) -> None:
    forgotten(world, servicenow=labels, jira=labels)
    assert of_labels(world) == []


def test_with_a_history_what_is_taken_away_stays_away(world: World) -> None:
    row, mirror = world.paired(u_labels=frozenset({"vip", "night"}))
    world.jira.edit(mirror.id, {"labels": frozenset({"vip"})})
    world.settle()
    assert row.values["u_labels"] == frozenset({"vip"})
    assert world.conflicts() == []


def test_what_somebody_added_as_we_did_may_be_taken_away_again(world: World) -> None:
    """Jira's history names an engineer for the label that we add: it is dealt with all the same."""
    row, mirror = world.paired(u_labels=frozenset({"vip"}))
    both = frozenset({"vip", "night"})

    def meet(_action: Action) -> None:
        world.jira.before_write = lambda _action: None
        world.jira.edit(mirror.id, {"labels": both}, "engineer")

    def after(_action: Action, outcome: Any) -> Any:
        world.jira.after_write = lambda _action, outcome: outcome
        world.sn.edit(row.id, {"u_labels": frozenset({"vip"})}, "agent")
        return replace(outcome, races=(), alone=None)

    world.jira.before_write, world.jira.after_write = meet, after
    world.sn.edit(row.id, {"u_labels": both}, "agent")
    world.settle()
    assert row.values["u_labels"] == mirror.values["labels"] == frozenset({"vip"})


OLD, OURS, THEIRS = "old", "night", "vip"
"""A label of both sides, one that agents add, and one that engineers add."""


def refuse(world: World, side: Side) -> None:
    """This side takes no edit of a field any more."""

    def no(action: Action) -> ConnectorError | None:
        return Rejected("no") if isinstance(action, Update) else None

    world.sides[side].before_write = no


def half_way(world: World, *, servicenow: frozenset[str], jira: frozenset[str]) -> tuple[Row, Row]:
    """Labels moved on both sides: ServiceNow got its half, and Jira refuses the other."""
    row, mirror = world.paired(u_labels=frozenset({OLD}))
    world.sn.edit(row.id, {"u_labels": servicenow}, "agent")
    world.jira.edit(mirror.id, {"labels": jira}, "engineer")
    refuse(world, "jira")
    world.tick()
    world.run()
    assert [park.reason for park in world.parks()] == ["rejected"]
    assert mirror.values["labels"] == jira
    world.jira.before_write = lambda _action: None
    world.tick()
    return row, mirror


def holds(row: Row, mirror: Row, *labels: str) -> None:
    wanted = frozenset(labels) or None
    assert (row.values["u_labels"], mirror.values["labels"]) == (wanted, wanted)


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_what_our_half_brought_across_may_be_taken_away_again(world: World, side: Side) -> None:
    row, mirror = half_way(world, servicenow=frozenset({OLD, OURS}), jira=frozenset({OLD, THEIRS}))
    assert row.values["u_labels"] == frozenset({OLD, OURS, THEIRS})
    if side == "servicenow":
        world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS})}, "agent")
    else:
        world.jira.edit(mirror.id, {"labels": frozenset({OLD})}, "engineer")
    world.settle()
    holds(row, mirror, OLD, OURS)
    assert world.conflicts() == []


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_what_our_half_took_away_may_be_added_again(world: World, side: Side) -> None:
    row, mirror = half_way(world, servicenow=frozenset({OLD, OURS}), jira=frozenset())
    assert row.values["u_labels"] == frozenset({OURS})
    if side == "servicenow":
        world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS})}, "agent")
    else:
        world.jira.edit(mirror.id, {"labels": frozenset({OLD})}, "engineer")
    world.settle()
    holds(row, mirror, OLD, OURS)


def test_what_is_still_to_be_carried_is_carried(world: World) -> None:
    """One label to be added in Jira, one to be taken away there: nobody moves anything but the summary."""
    row, mirror = half_way(world, servicenow=frozenset({OURS}), jira=frozenset({OLD, THEIRS}))
    assert row.values["u_labels"] == frozenset({OURS, THEIRS})
    world.sn.edit(row.id, {"short_description": "Wakes the pair"}, "agent")
    world.settle()
    holds(row, mirror, OURS, THEIRS)


def test_what_was_to_be_carried_and_is_taken_away_before_is_not(world: World) -> None:
    row, mirror = half_way(world, servicenow=frozenset({OLD, OURS}), jira=frozenset({OLD, THEIRS}))
    world.sn.edit(row.id, {"u_labels": frozenset({OLD, THEIRS})}, "agent")
    world.settle()
    holds(row, mirror, OLD, THEIRS)


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_what_both_sides_got_by_themselves_is_dealt_with_whatever_comes_of_a_write(
    world: World, side: Side
) -> None:
    row, mirror = world.paired(u_labels=frozenset({OLD}))
    world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS, THEIRS})}, "agent")
    world.jira.edit(mirror.id, {"labels": frozenset({OLD, THEIRS})}, "engineer")
    refuse(world, "jira")
    world.tick()
    world.run()
    world.jira.before_write = lambda _action: None
    world.tick()
    if side == "servicenow":
        world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS})}, "agent")
    else:
        world.jira.edit(mirror.id, {"labels": frozenset({OLD})}, "engineer")
    world.settle()
    holds(row, mirror, OLD, OURS)


labels = st.frozensets(st.sampled_from("abc"))


@given(then=st.tuples(labels, labels), held=st.tuples(labels, labels), later=st.tuples(labels, labels))
def test_a_look_takes_nothing_back_and_forgets_nothing(then: Any, held: Any, later: Any) -> None:
    """What people change after a look is theirs where both sides agreed; all else ends as without it."""
    unit = SetUnit("t", ("f",), ("f",))

    def base(values: Any) -> UnitBase:
        return UnitBase(Dealt({"f": values[0] or None}), Dealt({"f": values[1] or None}))

    def merged(known: UnitBase, values: Any) -> frozenset[str]:
        shown = [record(side, {"f": value or None}) for side, value in zip(SIDES, values, strict=True)]
        ends = merge_sets(unit, known, snapshot_of(Base({"t": known}), shown[0], shown[1]))
        assert ends["servicenow"] == ends["jira"]
        found = ends["jira"]["f"] or frozenset()
        assert isinstance(found, frozenset)
        return found

    seen = dealt_elements(unit, base(then), {s: {"f": v or None} for s, v in zip(SIDES, held, strict=True)})
    assert merged(seen, held) == merged(base(then), held)
    for one in "abc":
        agreed = (one in held[0]) == (one in held[1])
        known = base(held) if agreed else base(then)
        assert (one in merged(seen, later)) == (one in merged(known, later))


def meanwhile(world: World, row: Row, values: dict[str, Value], races: tuple[Race, ...]) -> None:
    """An agent writes just before our half to ServiceNow, which tells `races`."""

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        world.sn.edit(row.id, values, "agent")

    def after(action: Action, outcome: Any) -> Any:
        world.sn.after_write = lambda _action, outcome: outcome
        assert isinstance(action, Update)
        return replace(outcome, races=races, alone=False)

    world.sn.before_write, world.sn.after_write = meet, after


def test_a_half_that_somebody_set_alike_is_no_race(world: World) -> None:
    row, mirror = world.paired(u_labels=frozenset({OLD}))
    world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS})}, "agent")
    world.jira.edit(mirror.id, {"labels": frozenset({OLD, THEIRS})}, "engineer")
    meanwhile(world, row, {"u_labels": frozenset({OLD, OURS, THEIRS})}, ())
    world.settle()
    holds(row, mirror, OLD, OURS, THEIRS)
    assert world.conflicts() == []


def test_a_race_over_a_half_names_what_was_written(world: World) -> None:
    """What is still to be carried to Jira was not brought to ServiceNow: what was sent says it all."""
    row, mirror = world.paired(u_labels=frozenset({OLD}))
    world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS})}, "agent")
    world.jira.edit(mirror.id, {"labels": frozenset({OLD, THEIRS})}, "engineer")
    race = Race("u_labels", frozenset({OLD, "lost"}), True, world.now, "agent")
    meanwhile(world, row, {"u_labels": frozenset({OLD, "lost"})}, (race,))
    world.settle()
    holds(row, mirror, OLD, OURS, THEIRS)
    (told,) = of_labels(world)
    assert (told.kind, told.servicenow) == ("race", {"u_labels": frozenset({OLD, "lost"})})
    assert told.jira == {"u_labels": frozenset({OLD, OURS, THEIRS})}


def lost_half(world: World) -> tuple[Row, Row]:
    """Labels moved on both sides: ServiceNow got its half, and the answer was lost."""
    row, mirror = world.paired(u_labels=frozenset({OLD}))
    world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS})}, "agent")
    world.jira.edit(mirror.id, {"labels": frozenset({OLD, THEIRS})}, "engineer")
    lose(world.sn, Update)
    world.tick()
    world.run()
    assert row.values["u_labels"] == frozenset({OLD, OURS, THEIRS})
    world.tick()
    return row, mirror


@pytest.mark.parametrize("left", [{OLD, OURS}, {OLD}], ids=["what we brought", "all"])
def test_what_a_lost_half_brought_and_somebody_took_away_comes_back_told(
    world: World, left: set[str]
) -> None:
    """ServiceNow had moved as well before our half: that one of its elements stands as before says it all."""
    row, mirror = lost_half(world)
    world.sn.edit(row.id, {"u_labels": frozenset(left)}, "agent")
    quiet(world)
    world.settle()
    holds(row, mirror, *left, THEIRS)
    (told,) = of_labels(world)
    assert (told.kind, told.open, told.servicenow) == ("race", False, {})
    assert told.jira == {"u_labels": frozenset({OLD, OURS, THEIRS})}


def test_a_lost_half_whose_elements_all_stand_is_no_race(world: World) -> None:
    row, mirror = lost_half(world)
    world.sn.edit(row.id, {"u_labels": frozenset({OLD, OURS, THEIRS, "new"})}, "agent")
    quiet(world)
    world.settle()
    holds(row, mirror, OLD, OURS, THEIRS, "new")
    assert of_labels(world) == []


UNTIL_TOUCHED = """
[[rule]]
id = "hardware"
when = { category = "hardware" }
then = { labels = "auto" }
"""


def test_what_a_half_leaves_to_be_carried_is_no_systems(world: World, tmp_path: Path) -> None:
    """A rule that sets labels until somebody touches them leaves those of people alone."""
    path = tmp_path / "policy.toml"
    path.write_text(UNTIL_TOUCHED, encoding="utf-8")
    world.config = world.config.model_copy(update={"policy": World(policy={}).config.policy}).read_from(path)
    row, mirror = half_way(world, servicenow=frozenset({OLD, OURS}), jira=frozenset({OLD, THEIRS}))
    world.sn.edit(row.id, {"category": "hardware"}, "agent")
    world.settle()
    holds(row, mirror, OLD, OURS, THEIRS)
