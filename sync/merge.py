"""Three-way merge of one unit: who moved since the Base, do the sides agree, and who wins if not.

Moved is measured per side in that side's own vocabulary; agreement in classes. Nothing is encoded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tieline.connectors.base import SIDES, Record, Side, Values, other
from tieline.sync.mapping import Directory, SetUnit, Unit, Unmapped
from tieline.sync.model import Snapshot, UnitBase

RESOLUTION: Final = timedelta(seconds=1)
"""ServiceNow writes `sys_updated_on` in whole seconds: a change may be up to one second younger."""

ALTERNATIONS: Final = 3
"""After so many changes between the same two values that no person set, a unit is held as flapping."""


@dataclass(frozen=True, slots=True)
class Interval:
    """When a change was made: after `after` (None: unknown), at the latest at `until`. Our clock."""

    after: datetime | None
    until: datetime

    def before(self, later: Interval) -> bool:
        """Whether this change certainly came before the other."""
        return later.after is not None and later.after >= self.until


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing to write: neither side moved, or both moved into one class."""


@dataclass(frozen=True, slots=True)
class Take:
    """Take this side's values. `clash`: both had moved. `person`: a person may stand behind them."""

    side: Side
    why: str
    clash: bool = False
    person: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Leave the unit alone: a person has to decide."""

    kind: Literal["clash", "first", "flapping", "unmapped", "cut"]
    why: str


Decision = Settle | Take | Hold


def merge(unit: Unit, snapshot: Snapshot, directory: Directory) -> Decision:
    """Decide one unit of one pair. Pure; the same snapshot always gives the same decision."""
    base = snapshot.pair.base.unit(unit.name)
    values = {side: unit.own(side, snapshot.record(side).values) for side in SIDES}
    moved = [side for side in SIDES if has_moved(base, side, values[side]) and unit.flows(other(side))]
    if not moved or unit.agrees(values["servicenow"], values["jira"], directory):
        return Settle()
    if base.servicenow is None and base.jira is None:
        return _first(unit)
    if len(moved) == 1:
        return _take(unit, base, snapshot, moved[0], directory)
    return _clash(unit, base, snapshot, directory)


def merge_sets(unit: SetUnit, base: UnitBase, snapshot: Snapshot) -> dict[Side, Values]:
    """What each side should hold: elements that either side added, without those that either removed."""
    now = {side: unit.elements(side, snapshot.record(side).values) for side in SIDES}
    then = {side: unit.elements(side, _dealt(base, side)) for side in SIDES}
    added = {c for side in SIDES for c in now[side] if c not in then[side]}
    removed = {c for side in SIDES for c in then[side] if c not in now[side]}
    final = {c for side in SIDES for c in now[side]} - (removed - added)
    values: dict[Side, Values] = {}
    for side in SIDES:
        own = unit.own(side, snapshot.record(side).values)
        across = {c: name for c, name in {**now[other(side)], **now[side]}.items() if c in final}
        values[side] = unit.with_elements(side, own, across) if unit.flows(side) else own
    return values


def _dealt(base: UnitBase, side: Side) -> Values:
    dealt = base.of(side)
    return dealt.values if dealt is not None else {}


def has_moved(base: UnitBase, side: Side, values: Values) -> bool:
    """Whether a side's values differ from what was last dealt with there."""
    dealt = base.of(side)
    return dealt is None or any(dealt.values.get(name) != value for name, value in values.items())


def _first(unit: Unit) -> Decision:
    if unit.rules.first == "hold":
        return Hold("first", f"{unit.name}: the sides differ and there is no history to tell who changed it")
    return Take(
        unit.rules.first,
        f"{unit.name}: no history, and its rule 'first' names {unit.rules.first}",
        clash=True,
    )


def _take(
    unit: Unit, base: UnitBase, snapshot: Snapshot, side: Side, directory: Directory, why: str = ""
) -> Decision:
    person = not by_system(unit, base, snapshot.record(side))
    if not person and _flaps(unit, base, snapshot, side, directory):
        return Hold(
            "flapping",
            f"{unit.name}: two rules fight over it, one on each side, and no person set either value; "
            f"switch one off, then choose a side",
        )
    return Take(side, why or f"{unit.name}: changed in {side}", person=person)


def _clash(unit: Unit, base: UnitBase, snapshot: Snapshot, directory: Directory) -> Decision:
    systems = [side for side in SIDES if by_system(unit, base, snapshot.record(side))]
    if len(systems) == 1:
        winner = other(systems[0])
        why = f"{unit.name}: changed in {winner}; in {systems[0]} only the system had changed it"
        return _take(unit, base, snapshot, winner, directory, why)
    rule = unit.rules.clash
    if rule == "newest":
        first, last = (interval(unit, base, snapshot, side) for side in SIDES)
        if first.before(last):
            return Take("jira", f"{unit.name}: changed on both sides, in jira last", clash=True)
        if last.before(first):
            return Take("servicenow", f"{unit.name}: changed on both sides, in servicenow last", clash=True)
        if unit.rules.tie != "hold":
            why = f"{unit.name}: changed on both sides, too close to tell; 'tie' names {unit.rules.tie}"
            return Take(unit.rules.tie, why, clash=True)
        return Hold("clash", f"{unit.name}: changed on both sides, too close to tell which was last")
    if rule == "hold":
        return Hold("clash", f"{unit.name}: changed on both sides, and its rule 'clash' is to hold")
    return Take(rule, f"{unit.name}: changed on both sides; its rule 'clash' names {rule}", clash=True)


def interval(unit: Unit, base: UnitBase, snapshot: Snapshot, side: Side) -> Interval:
    """When this side's move was made: an instant where the side tells, else since it was last seen equal."""
    record = snapshot.record(side)
    touches = [record.touched[name] for name in unit.fields(side) if name in record.touched]
    if touches:
        at = max(touch.at for touch in touches)
        return Interval(at, at)
    return Interval(base.equal_at, min(snapshot.at, record.updated + RESOLUTION))


def by_system(unit: Unit, base: UnitBase, record: Record) -> bool:
    """Whether a side's move is known to be its system's own (a business rule, an automation)."""
    dealt = base.of(record.ref.side)
    values = unit.own(record.ref.side, record.values)
    if dealt is not None and dealt.system is not None:
        return all(dealt.system.get(name) == value for name, value in values.items())
    changed = [n for n, v in values.items() if dealt is None or dealt.values.get(n) != v]
    touches = [record.touched[name] for name in changed if name in record.touched]
    return bool(touches) and all(touch.person is False for touch in touches)


def trail(
    unit: Unit, base: UnitBase, snapshot: Snapshot, taken: Take, directory: Directory
) -> tuple[str, ...]:
    """The trail after `taken`: empty once a person is known, else with this value at its end."""
    if taken.person:
        return ()
    return (*base.trail, _mark(unit, snapshot, taken.side, directory))[-ALTERNATIONS:]


def _flaps(unit: Unit, base: UnitBase, snapshot: Snapshot, side: Side, directory: Directory) -> bool:
    steps = (*base.trail, _mark(unit, snapshot, side, directory))[-ALTERNATIONS - 1 :]
    return (
        len(steps) > ALTERNATIONS
        and len(set(steps[::2])) == len(set(steps[1::2])) == 1
        and (steps[0] != steps[1])
    )


def _mark(unit: Unit, snapshot: Snapshot, side: Side, directory: Directory) -> str:
    class_ = unit.classify(side, unit.own(side, snapshot.record(side).values), directory)
    return f"{side}={class_.reason if isinstance(class_, Unmapped) else class_!r}"
