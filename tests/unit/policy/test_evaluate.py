"""The compiled policy says what a rule-by-rule reading says, and applying it twice changes nothing twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.sync.policy.conditions import Condition, Moment, holds
from tieline.sync.policy.evaluate import Applied, Engine, Note, Standing, plainly, settle
from tieline.sync.policy.fields import Record
from tieline.sync.policy.matcher import Matcher
from tieline.sync.policy.model import Policy

from .make import NOW, OFFICE, conditions, policies, policy_of, records

MOMENT = Moment(NOW, {"office": OFFICE})
touched = st.frozensets(st.sampled_from(["category", "group", "impact", "urgency", "labels"]))
standings = st.builds(Standing, touched, st.booleans())


@settings(max_examples=200)
@given(st.lists(conditions(), max_size=6), records())
def test_the_matcher_agrees_with_the_plain_reading(found: list[Condition], record: Record) -> None:
    expected = [number for number, condition in enumerate(found) if holds(condition, record, MOMENT)]
    assert Matcher(found, MOMENT.calendars).met(record, MOMENT) == expected


@settings(max_examples=200)
@given(policies(), records(), standings)
def test_the_compiled_policy_agrees_with_the_plain_one(
    policy: Policy, record: Record, standing: Standing
) -> None:
    compiled = Engine(policy).apply(record, NOW, standing)
    assert compiled == settle(policy, plainly(policy), record, NOW, standing)


@settings(max_examples=200)
@given(policies(), records(), standings, st.booleans())
def test_applied_twice_nothing_changes_the_second_time(
    policy: Policy, record: Record, standing: Standing, fresh: bool
) -> None:
    engine = Engine(policy)
    once = engine.apply(record, NOW, standing)
    later = Standing(standing.touched, standing.fresh and (fresh or bool(once.flapping)))
    again = engine.apply(once.values, NOW, later)
    assert not again.changes
    assert again.flapping == once.flapping


@settings(max_examples=150)
@given(policies(), records(), touched)
def test_what_a_person_chose_is_left_alone_unless_a_rule_always_speaks(
    policy: Policy, record: Record, chosen: frozenset[str]
) -> None:
    applied = Engine(policy).apply(record, NOW, Standing(chosen))
    for change in applied.changes.values():
        assert change.field not in chosen or (change.strength == "always" and change.overrides)


@settings(max_examples=150)
@given(policies(), records(), standings)
def test_the_priority_is_always_the_matrix_and_within_its_bounds(
    policy: Policy, record: Record, standing: Standing
) -> None:
    applied = Engine(policy).apply(record, NOW, standing)
    values = applied.values
    order = policy.matrix.priorities
    if applied.flapping:
        return
    assert values["priority"] == policy.matrix.cells[values["impact"], values["urgency"]]  # type: ignore[index]
    floors = [b for b in policy.bounds if b.kind == "floor" and holds(b.when, values, MOMENT)]
    for bound in floors:
        assert order.index(str(values["priority"])) <= order.index(bound.priority)


TEXT = """
[priority]
matrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
[[priority.floor]]
id = "vip"
when = { vip = true }
priority = 2

[[calendar]]
name = "office"
time_zone = "Europe/Berlin"
hours = ["mon-fri 08:00-17:00"]

[[rule]]
id = "first"
when = { summary = { contains = "vpn" } }
then = { category = "network", labels = "vpn" }
strength = "suggest"

[[rule]]
id = "second"
when = { summary = { contains = "client" } }
then = { category = "software", labels = "client" }

[[rule]]
id = "desk"
when = { category = "network" }
then = { group = "Network" }
strength = { group = "always" }

[[rule]]
id = "late"
when = { priority = "1", assignee = "", opened = { older_than = "30m" } }
then = { group = "Service Desk", note = "nobody has it" }
"""


def applied(folder: Path, record: Record, standing: Standing = Standing(), text: str = TEXT) -> Applied:  # noqa: B008
    return Engine(policy_of(folder, text).policy).apply(record, NOW, standing)


def test_the_first_rule_that_names_a_field_speaks_and_sets_add_up(tmp_path: Path) -> None:
    found = applied(tmp_path, {"summary": "VPN client", "impact": "3", "urgency": "3"})
    assert found.values["category"] == "network"
    assert found.values["labels"] == {"vpn", "client"}
    assert found.values["group"] == "Network"  # it asks what another rule set
    assert found.changes["category"].rule == "first"


def test_a_rule_that_only_suggests_keeps_what_is_there_and_others_silent(tmp_path: Path) -> None:
    found = applied(tmp_path, {"summary": "VPN client", "category": "hardware"})
    assert found.values["category"] == "hardware"
    assert found.left["category"].rule == "first"
    assert "suggests" in found.left["category"].why


def test_a_rule_that_always_speaks_overrides_a_person_and_says_so(tmp_path: Path) -> None:
    record = {"category": "network", "group": "Hardware"}
    found = applied(tmp_path, record, Standing(frozenset({"group", "category"})))
    assert found.changes["group"].overrides
    assert found.changes["group"].old == "Hardware"


def test_a_floor_moves_as_little_as_it_can_urgency_first(tmp_path: Path) -> None:
    found = applied(tmp_path, {"vip": True, "impact": "2", "urgency": "2"})
    assert (found.values["impact"], found.values["urgency"], found.values["priority"]) == ("2", "1", "2")
    assert found.changes["urgency"].rule == "vip"


def test_time_makes_a_rule_due(tmp_path: Path) -> None:
    record: Record = {"impact": "1", "urgency": "1", "opened": NOW - timedelta(minutes=30)}
    engine = Engine(policy_of(tmp_path, TEXT).policy)
    assert not engine.apply(record, NOW).notes
    late = engine.apply(record, NOW + timedelta(seconds=1))
    assert late.notes == (Note("late", "nobody has it"),)
    assert late.values["group"] == "Service Desk"


def test_rules_that_never_come_to_rest_change_nothing_and_are_named(tmp_path: Path) -> None:
    text = """
[[rule]]
id = "up"
when = { category = "a" }
then = { category = "b" }
[[rule]]
id = "down"
when = { category = "b" }
then = { category = "a" }
[[rule]]
id = "other"
then = { group = "x" }
"""
    found = applied(tmp_path, {"category": "a"}, text=text)
    assert not found.changes
    assert dict(found.flapping) == {"category": ("up", "down")}
