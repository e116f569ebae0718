"""A mirrored incident as a policy sees it: names of the vocabulary, and what people touched. Pure.

It reads only; nothing here writes to a side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tieline.connectors.base import SIDES, Side, Value, Values
from tieline.sync.groups import PriorityUnit, StatusUnit
from tieline.sync.mapping import Directory, FieldUnit, Unit
from tieline.sync.model import Base
from tieline.sync.policy.evaluate import Standing
from tieline.sync.policy.fields import Cell, Record
from tieline.sync.policy.model import Policy


def incident(
    policy: Policy,
    units: Sequence[Unit],
    values: Mapping[Side, Values],
    directory: Directory,
    opened: datetime | None = None,
    updated: datetime | None = None,
) -> Record:
    """The incident as the policy sees it: what ServiceNow holds, or Jira where ServiceNow holds nothing.

    People and groups are named by the directory; values that the vocabulary does not have stay as they are.
    """
    record: dict[str, Cell] = {"opened": opened, "updated": updated}
    for unit in units:
        for side in reversed(SIDES):
            if side in values:
                found = _cells(policy, unit, side, values[side], directory)
                record |= {name: cell for name, cell in found.items() if cell is not None}
    return {name: cell for name, cell in record.items() if cell is not None}


def _cells(policy: Policy, unit: Unit, side: Side, values: Values, directory: Directory) -> dict[str, Cell]:
    match unit:
        case StatusUnit():
            state = unit.token(values) if side == "servicenow" else values.get(unit.status)
            code = values.get(unit.close_code if side == "servicenow" else unit.resolution)
            return {
                "status": named(policy, "status", side, state or None),
                "resolution": named(policy, "resolution", side, code),
            }
        case PriorityUnit() if side == "servicenow":
            columns = {"impact": unit.impact, "urgency": unit.urgency, "priority": unit.priority}
            return {name: named(policy, name, side, values.get(column)) for name, column in columns.items()}
        case PriorityUnit():
            return {"priority": named(policy, "priority", side, values.get(unit.jira_priority))}
        case FieldUnit():
            value = unit.value(side, values)
            for kind, id_ in unit.entities(side, values):
                value = directory.name(side, kind, id_)
            return {unit.name: named(policy, unit.name, side, value)}
        case _:
            return {}


def named(policy: Policy, name: str, side: Side, value: Value) -> Cell:
    """A side's own value as the vocabulary calls it."""
    terms = policy.vocabulary.get(name, ())
    if isinstance(value, frozenset):
        return frozenset(str(named(policy, name, side, member)) for member in value) or None
    if value is None:
        return None
    return next((term.name for term in terms if value in term.own(side)), value)


def standing(units: Sequence[Unit], base: Base) -> Standing:
    """What people touched: every field whose Base does not say that a rule or a system gave the value.

    After a rebuilt state there is no such Base, so that everything counts as touched.
    """
    touched: set[str] = set()
    for unit in units:
        held = base.unit(unit.name)
        origins = {dealt.origin for dealt in (held.servicenow, held.jira) if dealt is not None}
        if not origins or "person" in origins:
            touched |= fields_of(unit)
    return Standing(frozenset(touched))


def fields_of(unit: Unit) -> set[str]:
    """The policy's fields that a unit holds."""
    match unit:
        case StatusUnit():
            return {"status", "resolution"}
        case PriorityUnit():
            return {"impact", "urgency"}
        case _:
            return {unit.name}
