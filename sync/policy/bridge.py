"""A mirrored incident as a policy sees it: names of the vocabulary, and what people touched. Pure.

It reads only; nothing here writes to a side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tieline.connectors.base import SIDES, Side, Value, Values
from tieline.connectors.base import Record as SideRecord
from tieline.sync.entities import EntityUnit
from tieline.sync.groups import PriorityUnit, StatusUnit
from tieline.sync.mapping import Directory, FieldUnit, Unit
from tieline.sync.model import Base, Snapshot
from tieline.sync.policy.applied import Standing
from tieline.sync.policy.fields import COMMENTS, Cell, Record, Said
from tieline.sync.policy.memory import MEMORY, NOTHING, Memory, remembered
from tieline.sync.policy.model import Policy, Source
from tieline.sync.policy.sources import cells, is_yes, sources


class View:
    """An incident as a policy sees it: what is mirrored, what is read besides, and what is remembered."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._sources: dict[frozenset[str], Mapping[str, Source]] = {}

    def of_records(
        self,
        units: Sequence[Unit],
        records: Iterable[SideRecord],
        directory: Directory,
        memory: Memory = NOTHING,
    ) -> Record:
        """The incident of these records, of one side or both, as they are now."""
        shown = list(records)
        opened = min((record.created for record in shown), default=None)
        updated = max((record.updated for record in shown), default=None)
        values = {record.ref.side: record.values for record in shown}
        return self._of(units, values, directory, opened, updated, memory)

    def of_pair(
        self,
        units: Sequence[Unit],
        values: Mapping[Side, Values],
        directory: Directory,
        snapshot: Snapshot,
        memory: Memory,
    ) -> Record:
        """The incident of a pair once both sides are merged into `values`."""
        opened = min(snapshot.servicenow.created, snapshot.jira.created)
        updated = max(snapshot.servicenow.updated, snapshot.jira.updated)
        return self._of(units, values, directory, opened, updated, memory)

    def _of(
        self,
        units: Sequence[Unit],
        values: Mapping[Side, Values],
        directory: Directory,
        opened: datetime | None,
        updated: datetime | None,
        memory: Memory,
    ) -> Record:
        mirrored = frozenset(name for unit in units for name in fields_of(unit))
        if mirrored not in self._sources:
            self._sources[mirrored] = sources(self.policy, mirrored)
        kept: dict[str, Cell] = dict.fromkeys(memory.flags - mirrored, True)
        if memory.heard:
            kept[COMMENTS] = Said(marks=memory.heard)
        found = incident(self.policy, units, values, directory, opened, updated)
        read = cells(self.policy, self._sources[mirrored], values)
        return {**found, **kept, **read}


def status_since(snapshot: Snapshot) -> datetime:
    """Since when, as far as both sides tell, an incident has its status: its last known change of it."""
    base = snapshot.pair.base.unit("status")
    told = []
    for side in SIDES:
        record, dealt = snapshot.record(side), base.of(side)
        names = [] if dealt is None else [n for n, v in dealt.values.items() if record.values.get(n) != v]
        touches = [record.touched[name].at for name in names if name in record.touched]
        told += touches or ([record.updated] if names else [])
    if not told:
        told = [min(snapshot.servicenow.updated, snapshot.jira.updated)]
    return min([*told, snapshot.at])


def given_by(units: Sequence[Unit], base: Base) -> dict[str, str]:
    """The rule that gave each field the value it has, where one did."""
    found: dict[str, str] = {}
    for unit in units:
        held = base.unit(unit.name)
        rules = [d.rule for d in (held.servicenow, held.jira) if d is not None and d.origin == "rule"]
        found |= dict.fromkeys(fields_of(unit), rules[0]) if rules and rules[0] else {}
    return found


def standing_of(units: Sequence[Unit], base: Base) -> tuple[Memory, Standing]:
    """What is remembered of a pair, and what people touched of it."""
    memory = remembered(base.unit(MEMORY)) or Memory()
    return memory, Standing(_touched(units, base), memory.fresh, memory.statuses)


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
            if isinstance(unit, EntityUnit):
                one = unit.member(side, values, directory)
                value = None if one is None else directory.name(side, unit.kind, one)
            elif met := unit.entities(side, values):
                value = frozenset(directory.name(side, kind, id_) for kind, id_ in met)
            if policy.kind(unit.name) == "flag":
                return {unit.name: None if value is None else is_yes(value)}
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


def _touched(units: Sequence[Unit], base: Base) -> frozenset[str]:
    """What people touched: every field whose Base does not say that a rule or a system gave the value.

    After a rebuilt state there is no such Base, so that everything counts as touched.
    """
    touched: set[str] = set()
    for unit in units:
        held = base.unit(unit.name)
        origins = {dealt.origin for dealt in (held.servicenow, held.jira) if dealt is not None}
        if not origins or "person" in origins:
            touched |= fields_of(unit)
    return frozenset(touched)


def fields_of(unit: Unit) -> set[str]:
    """The policy's fields that a unit holds."""
    match unit:
        case StatusUnit():
            return {"status", "resolution"}
        case PriorityUnit():
            return {"impact", "urgency"}
        case _:
            return {unit.name}
