"""Business rules and automations of both systems: they rewrite, alternate, and close by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.sides import HostileSide, Row
from tests.simulation.world import Who, World
from tieline.connectors.base import Side, Value

SECONDS_TO_CLOSE = 400.0


def set_up(world: World, sides: Mapping[Side, HostileSide]) -> None:
    """Switch on the rules that the scenario's traits name."""
    names = world.scenario.traits.rules
    servicenow, jira = sides["servicenow"], sides["jira"]
    if "upper" in names:
        servicenow.rules.append(_upper)
    if "alternate" in names:
        servicenow.rules.append(_alternate)
    if "self_assign" in names:
        servicenow.rules.append(_self_assign)
    if "lower" in names:
        jira.after_change.append(lambda row, changed, who: _lower(world, jira, row, changed))
    if "auto_close" in names:
        servicenow.after_change.append(
            lambda row, changed, who: _close_incident(world, servicenow, row, changed)
        )
    if "auto_close_jira" in names:
        jira.after_change.append(lambda row, changed, who: _close_issue(world, jira, row, changed))
    if "stamp" in names:
        for side in sides.values():
            side.after_change.append(lambda row, changed, who, side=side: _stamp(world, side, row, who))  # type: ignore[misc]


def _upper(row: Row, changed: frozenset[str], who: Who) -> Mapping[str, Value]:
    text = row.values["short_description"]
    return {"short_description": text.upper()} if isinstance(text, str) else {}


def _alternate(row: Row, changed: frozenset[str], who: Who) -> Mapping[str, Value]:
    value = row.values["subcategory"]
    if who != "tieline" or "subcategory" not in changed or not isinstance(value, str):
        return {}
    return {"subcategory": value.removesuffix("-x") if value.endswith("-x") else f"{value}-x"}


def _self_assign(row: Row, changed: frozenset[str], who: Who) -> Mapping[str, Value]:
    if "state" in changed and row.values["state"] == "2" and row.values["assignment_group"] is None:
        return {"assignment_group": "g1"}
    return {}


def _lower(world: World, jira: HostileSide, row: Row, changed: frozenset[str]) -> None:
    def act() -> None:
        text = row.values["summary"]
        if isinstance(text, str) and text != text.lower() and not row.deleted:
            world.reach["rule lower"] += 1
            jira.change(row, {"summary": text.lower()}, "automation")

    if "summary" in changed:
        world.at(world.chance.uniform(0.05, 20), act)


def _close_incident(world: World, servicenow: HostileSide, row: Row, changed: frozenset[str]) -> None:
    def act() -> None:
        if row.values["state"] == "6" and not row.deleted:
            world.reach["rule auto_close"] += 1
            servicenow.change(row, {"state": "7"}, "automation")

    if row.values["state"] == "6" and "state" in changed:
        world.at(SECONDS_TO_CLOSE, act)


def _close_issue(world: World, jira: HostileSide, row: Row, changed: frozenset[str]) -> None:
    def act() -> None:
        if row.values["status"] == "Resolved" and not row.deleted:
            world.reach["rule auto_close_jira"] += 1
            jira.change(row, {"status": "Closed"}, "automation")

    if row.values["status"] == "Resolved" and "status" in changed:
        world.at(SECONDS_TO_CLOSE, act)


def _stamp(world: World, side: HostileSide, row: Row, who: Who) -> None:
    if who == "tieline":
        world.at(1.5, lambda: side.touch(row, "automation"))
