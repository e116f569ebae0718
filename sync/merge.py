"""Three-way merge of one unit: who moved since the Base, do the sides agree, and who wins if not.

Moved is measured per side in that side's own vocabulary; agreement in classes. Nothing is encoded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tieline.connectors.base import SIDES, Record, Side, Touch, Values, other
from tieline.sync.mapping import Directory, SetUnit, Unit, Unmapped
from tieline.sync.model import Dealt, Snapshot, UnitBase

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
    """Take this side's values.

    `clash`: the other side's were a person's as well. `person`: whether a person stands behind the values
    taken, None where the side does not tell. `chosen`: a person named this side.
    """

    side: Side
    why: str
    clash: bool = False
    person: bool | None = True
    chosen: bool = False


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
    if unit.agrees(values["servicenow"], values["jira"], directory):
        return Settle()
    if base.servicenow is None and base.jira is None:
        return _first(unit)
    apart = [side for side in SIDES if has_moved(base, side, values[side])]
    moved = [side for side in apart if unit.flows(other(side))]
    if not apart and base.undone:
        return Settle()
    if not apart:
        return _unequal(unit, values, directory)
    if not moved:
        return Settle()
    if len(apart) == 1:
        return _take(unit, base, snapshot, moved[0], directory)
    if len(moved) == 1:
        return _override(unit, base, snapshot, moved[0])
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


def dealt_elements(unit: SetUnit, base: UnitBase, held: Mapping[Side, Values]) -> UnitBase:
    """The Base of a set whose sides hold `held`: an element that both hold, or neither, is dealt with.

    Who takes it away after that takes it away on both sides, whatever is still to be carried of the others.
    """
    for side in SIDES:
        then = _dealt(base, side)
        values = unit.dealt_with(side, held[side], held[other(side)], then)
        if base.of(side) is None or values != then:
            base = base.put(side, Dealt(values))
    return base


def _dealt(base: UnitBase, side: Side) -> Values:
    dealt = base.of(side)
    return dealt.values if dealt is not None else {}


def has_moved(base: UnitBase, side: Side, values: Values) -> bool:
    """Whether a side's values differ from what was last dealt with there."""
    dealt = base.of(side)
    return dealt is None or any(dealt.values.get(name) != value for name, value in values.items())


def _first(unit: Unit) -> Decision:
    rule = unit.rules.first
    if rule == "hold":
        return Hold("first", f"{unit.name}: the sides differ and there is no history to tell who changed it")
    if not unit.flows(other(rule)):
        return Settle()
    return Take(rule, f"{unit.name}: no history, and its rule 'first' names {rule}", clash=True)


def _unequal(unit: Unit, values: Mapping[Side, Values], directory: Directory) -> Decision:
    """Both sides are as they were left, and yet they differ: what joins their values has changed."""
    if unit.rules.direction != "both" or unit.stands_apart(values["servicenow"], values["jira"]):
        return Settle()
    for side in SIDES:
        class_ = unit.classify(side, values[side], directory)
        if isinstance(class_, Unmapped):
            return Hold("unmapped", class_.reason)
        if not any(values[side].values()):
            return Take(other(side), f"{unit.name}: {side} can hold it now")
    return _first(unit)


def _override(unit: Unit, base: UnitBase, snapshot: Snapshot, side: Side) -> Decision:
    """Only this side's values travel, and they run over what was changed on the other."""
    across = author(unit, base, snapshot.record(other(side)))
    why = f"{unit.name}: changed on both sides, and only {side}'s values travel"
    return Take(side, why, clash=across is not False, person=author(unit, base, snapshot.record(side)))


def _take(
    unit: Unit, base: UnitBase, snapshot: Snapshot, side: Side, directory: Directory, why: str = ""
) -> Decision:
    person = author(unit, base, snapshot.record(side))
    if person is False and _flaps(unit, base, snapshot, side, directory):
        return Hold(
            "flapping",
            f"{unit.name}: it goes back and forth between two values that no person is known to have set; "
            "two rules fight over it, one on each side: switch one off, then choose a side",
        )
    return Take(side, why or f"{unit.name}: changed in {side}", person=person)


def _clash(unit: Unit, base: UnitBase, snapshot: Snapshot, directory: Directory) -> Decision:
    systems = [side for side in SIDES if author(unit, base, snapshot.record(side)) is False]
    if len(systems) == len(SIDES):  # what a system made of our own write is older than any change since
        systems = [side for side in SIDES if is_rewrite(unit, base, snapshot.record(side))] or systems
    if len(systems) == 1:
        winner = other(systems[0])
        why = f"{unit.name}: changed in {winner}; in {systems[0]} only the system had changed it"
        return _take(unit, base, snapshot, winner, directory, why)
    decision = _by_rule(unit, base, snapshot)
    if systems and isinstance(decision, Take):
        return _take(unit, base, snapshot, decision.side, directory, decision.why)
    return decision


def _by_rule(unit: Unit, base: UnitBase, snapshot: Snapshot) -> Decision:
    rule = unit.rules.clash
    if rule == "hold":
        return Hold("clash", f"{unit.name}: changed on both sides, and its rule 'clash' is to hold")
    if rule != "newest":
        return Take(rule, f"{unit.name}: changed on both sides; its rule 'clash' names {rule}", clash=True)
    ours, theirs = (interval(unit, base, snapshot, side) for side in SIDES)
    last: Side | None = "jira" if ours.before(theirs) else "servicenow" if theirs.before(ours) else None
    if last is not None:
        return Take(last, f"{unit.name}: changed on both sides, in {last} last", clash=True)
    if unit.rules.tie == "hold":
        return Hold("clash", f"{unit.name}: changed on both sides, too close to tell which was last")
    why = f"{unit.name}: changed on both sides, too close to tell; 'tie' names {unit.rules.tie}"
    return Take(unit.rules.tie, why, clash=True)


def interval(unit: Unit, base: UnitBase, snapshot: Snapshot, side: Side) -> Interval:
    """When this side's move was made: an instant where the side tells, else since it was last seen equal."""
    record = snapshot.record(side)
    touches = _touches(unit, base, record)
    known = [touch.at for touch in touches if touch is not None]
    if known and len(known) == len(touches):
        return Interval(max(known), max(known))
    after = max([*known, *([base.equal_at] if base.equal_at else [])], default=None)
    until = min(snapshot.at, record.updated + RESOLUTION)
    # A change that bears a time from before it was missing was committed late: only its upper end is known.
    return Interval(after, until if after is None or after < until else snapshot.at)


def author(unit: Unit, base: UnitBase, record: Record) -> bool | None:
    """Whether a person made a side's move; False: its system did; None: the side does not tell."""
    if is_rewrite(unit, base, record):
        return False
    told = [None if touch is None else touch.person for touch in _touches(unit, base, record)]
    if True in told:
        return True
    return False if told and None not in told else None


def moved_by(unit: Unit, base: UnitBase, records: Iterable[Record]) -> list[bool | None]:
    """For each of these records that moved, whether a person is behind it, as `author` tells."""
    moved = (r for r in records if has_moved(base, r.ref.side, unit.own(r.ref.side, r.values)))
    return [author(unit, base, record) for record in moved]


def is_rewrite(unit: Unit, base: UnitBase, record: Record) -> bool:
    """Whether a side shows what its system made of our last write there (a Rewrite), and nothing newer."""
    dealt = base.of(record.ref.side)
    if dealt is None or dealt.system is None:
        return False
    values = unit.own(record.ref.side, record.values)
    return all(dealt.system.get(name) == value for name, value in values.items())


def _touches(unit: Unit, base: UnitBase, record: Record) -> list[Touch | None]:
    """What the side tells about each field that differs from the Base."""
    dealt = base.of(record.ref.side)
    then = {} if dealt is None else dealt.values
    values = unit.own(record.ref.side, record.values)
    return [record.touched.get(name) for name, value in values.items() if then.get(name) != value]


def trail(
    unit: Unit, base: UnitBase, snapshot: Snapshot, taken: Take, directory: Directory
) -> tuple[str, ...]:
    """The trail after `taken`: empty once a person is known, else with this value at its end."""
    if taken.person is True:
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
