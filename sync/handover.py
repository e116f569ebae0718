"""Gives an incident to the default group where a side does not know the person whom it is assigned to. Pure.

It happens once, with the assignment, and only where no group has the incident: people may give it to another
group, or to none, afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tieline.connectors.base import SIDES, Side, Value, Values, other
from tieline.sync.decide import Verdict
from tieline.sync.entities import EntityUnit
from tieline.sync.mapping import Directory, Unit
from tieline.sync.merge import has_moved
from tieline.sync.model import Dealt, Snapshot, UnitBase


def handed_over(verdicts: Sequence[Verdict], snapshot: Snapshot, directory: Directory) -> list[Verdict]:
    """The verdicts, with the default group in that of the group where one is to take over."""
    found = list(verdicts)
    number = next((n for n, v in enumerate(found) if _is_group(v.unit)), None)
    if number is None or found[number].conflict is not None:
        return found
    group = found[number]
    assert isinstance(group.unit, EntityUnit)
    ends = {side: group.unit.value(side, _end(group, snapshot, side)) for side in SIDES}
    left = next((v for v in found if any(_is_left(v, snapshot, to, directory) for to in SIDES)), None)
    if left is None or any(value is not None for value in ends.values()):
        return found
    assert isinstance(left.unit, EntityUnit)
    values = _given(group.unit, left.unit.stand_in, directory)
    if any(values.values()):
        found[number] = _verdict(group, values, snapshot, left.unit)
    return found


def mirrored(
    group: Unit, encoded: Values, units: Sequence[Unit], to: Side, origin: Values, directory: Directory
) -> Values:
    """What the mirror of a record gets for its group: as `encoded`, or the default group in place of none."""
    if not isinstance(group, EntityUnit) or group.kind != "group" or any(encoded.values()):
        return encoded
    if group.value(other(to), origin) is not None:
        return encoded
    names = (u.stand_in for u in units if isinstance(u, EntityUnit) and _is_unknown(u, to, origin, directory))
    given = next((_given(group, name, directory)[to] for name in names), None)
    return {group.fields(to)[0]: given}


def _is_group(unit: Unit) -> bool:
    return isinstance(unit, EntityUnit) and unit.kind == "group"


def _is_left(verdict: Verdict, snapshot: Snapshot, to: Side, directory: Directory) -> bool:
    """Whether somebody whom `to` does not know was just assigned on the other side."""
    unit, side = verdict.unit, other(to)
    if not isinstance(unit, EntityUnit) or verdict.changed(snapshot, side):
        return False
    values = unit.own(side, snapshot.record(side).values)
    base = snapshot.pair.base.unit(unit.name)
    return has_moved(base, side, values) and _is_unknown(unit, to, values, directory)


def _is_unknown(unit: EntityUnit, to: Side, origin: Values, directory: Directory) -> bool:
    id_ = unit.value(other(to), origin)
    if not unit.stand_in or not unit.flows(to) or id_ is None:
        return False
    return directory.partner(other(to), unit.kind, str(id_)) is None


def _end(verdict: Verdict, snapshot: Snapshot, side: Side) -> Values:
    """What a side holds of the unit once the verdict is carried out."""
    return {**verdict.unit.own(side, snapshot.record(side).values), **verdict.values[side]}


def _given(group: EntityUnit, name: str, directory: Directory) -> Mapping[Side, Value]:
    """The default group as each side knows it; None where it does not, or is not written to."""
    known: dict[Side, Value] = {"jira": name, "servicenow": directory.partner("jira", "group", name)}
    return {side: known[side] if group.flows(side) else None for side in SIDES}


def _verdict(group: Verdict, given: Mapping[Side, Value], snapshot: Snapshot, person: Unit) -> Verdict:
    values: dict[Side, Values] = {side: {group.unit.fields(side)[0]: given[side]} for side in SIDES}
    after = UnitBase(
        Dealt(values["servicenow"], "system"), Dealt(values["jira"], "system"), snapshot.at, group.base.trail
    )
    why = f"{group.unit.name}: the other side does not know the {person.name}, so the default group has it"
    return replace(group, values=values, base=after, why=why)
