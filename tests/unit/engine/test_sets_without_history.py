"""Sets of a pair without a history: both sides get what either has, and people are told."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Action, Value
from tieline.connectors.memory import Row
from tieline.sync.config.model import Config
from tieline.sync.model import Conflict

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
