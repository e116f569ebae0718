"""Applies the policy to a merged incident: which verdicts a rule changes, and what Base keeps. Pure.

People win where the rule's strength says so (P11); where a rule overrides a person, that is a Conflict that
names the rule. A rule that something else keeps undoing is held as flapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, AddNote, Record, Side, Value, Values
from tieline.sync.decide import Context, Verdict, Weighed
from tieline.sync.entities import EntityUnit
from tieline.sync.groups import PriorityUnit
from tieline.sync.mapping import ChoiceUnit, Directory, SetUnit, Unit, Unmapped
from tieline.sync.merge import ALTERNATIONS, moved_by
from tieline.sync.model import Base, Conflict, ConflictKind, Dealt, Park, Snapshot, Step, UnitBase
from tieline.sync.policy.applied import Applied, Change, Standing
from tieline.sync.policy.bridge import View, fields_of, standing_of, status_since
from tieline.sync.policy.due import next_look
from tieline.sync.policy.evaluate import Engine
from tieline.sync.policy.fields import Cell
from tieline.sync.policy.fields import Record as Cells
from tieline.sync.policy.hearing import answered, questions
from tieline.sync.policy.memory import MEMORY, NOTHING, Memory, mark_of, remembered
from tieline.sync.policy.onesided import Account, own_steps
from tieline.sync.policy.orders import (
    held,
    kept,
    note_steps,
    pair_key,
    place_of,
    settled,
    with_heard,
    without_old_news,
)

Resolve = Callable[[str], tuple[str, str] | None]
"""A group's name to its ids in ServiceNow and in Jira; None if either has none."""


@dataclass(frozen=True, slots=True)
class Governed:
    """The verdicts as the policy leaves them, and entries of the Base that advance without a write.

    `hold` is why a rule wants nothing written until a person has looked, `notes` tell people what rules say,
    `due` is when time alone may change what the policy says (None: never).
    """

    verdicts: list[Verdict]
    bases: Mapping[str, UnitBase] = field(default_factory=lambda: MappingProxyType({}))
    hold: Park | None = None
    notes: tuple[Step, ...] = ()
    due: datetime | None = None


NO_ENTRIES: Final[Mapping[str, UnitBase]] = MappingProxyType({})
"""Nothing of the Base advances."""
RAISED: Final = Standing(fresh=True)
"""What is known of an incident that has no mirror yet."""


class Governor:
    """The policy of one pass. `resolve` finds groups that no record has shown yet, `account` people."""

    def __init__(
        self,
        engine: Engine,
        resolve: Resolve = lambda _name: None,
        fingerprint: str = "",
        account: Account = lambda _side, email: email,
    ) -> None:
        self.engine = engine
        self._account = account
        self.fingerprint = fingerprint
        self._resolve = resolve
        self._questions = questions(engine.policy)
        self._view = View(engine.policy)

    def __call__(self, verdicts: list[Verdict], snapshot: Snapshot, context: Context) -> Governed:
        """What the policy makes of these verdicts."""
        before = snapshot.pair.base.unit(MEMORY)
        news = answered(self._questions, snapshot.said)
        known = remembered(before) or Memory(fresh=_is_made(snapshot))
        known = replace(known, heard=known.heard | news)
        if any(verdict.child for verdict in verdicts):
            return Governed(verdicts, kept(before, known, snapshot.at) if news else NO_ENTRIES)
        verdicts = [_with_origin(verdict, snapshot) for verdict in verdicts]
        merged = {side: _merged(verdicts, snapshot, side) for side in SIDES}
        units = [verdict.unit for verdict in verdicts]
        record = self._view.of_pair(units, merged, context.directory, snapshot, known)
        memory = self._with_status(known, record, snapshot)
        standing = Standing(_touched(verdicts) | _held(verdicts), memory.fresh, memory.statuses)
        applied = self.engine.apply(record, context.now, standing)
        due = next_look(self.engine, applied.values, context.now, standing)
        if applied.leave_out and news:
            due = context.now  # whether it is in scope was asked before it was known what people say
        hold = held(self.engine.policy, applied, memory, pair_key(snapshot.pair), snapshot.at)
        if hold is not None:
            return Governed(verdicts, kept(before, memory, snapshot.at), hold, due=due)
        made = [self._governed(verdict, applied, merged, snapshot, context) for verdict in verdicts]
        if before.servicenow is None and not known.fresh:
            memory = without_old_news(memory, applied)
        policy = self.engine.policy
        notes, told = note_steps(policy, applied, memory, snapshot)
        written = [side for side in SIDES if any(verdict.changed(snapshot, side) for verdict in made)]
        written += [step.action.ref.side for step in notes if isinstance(step.action, AddNote)]
        own = own_steps(policy, applied, units, told, snapshot, written, self._account)
        if made == verdicts and not applied.flapping and not own:
            memory = settled(policy, memory, applied)
            notes, _ = note_steps(policy, applied, memory, snapshot)
        return Governed(made, kept(before, memory, snapshot.at), notes=(*notes, *own), due=due)

    def hears(self, base: Base, said: Sequence[str], at: datetime) -> Base:
        """The Base of a pair that is not planned now, once this was said."""
        news = answered(self._questions, said)
        return with_heard(base, news, at) if news else base

    def weigh(
        self,
        records: Sequence[Record],
        units: Sequence[Unit],
        directory: Directory,
        now: datetime,
        base: Base | None = None,
    ) -> Weighed:
        """Whether a record without a pair, or the records of a pair with this Base, are to be mirrored."""
        memory, standing = (NOTHING, RAISED) if base is None else standing_of(units, base)
        record = self._view.of_records(units, records, directory, memory)
        policy, applied = self.engine.policy, self.engine.apply(record, now, standing)
        return Weighed(
            place_of(policy, applied.leave_out) if applied.leave_out else "",
            f"{place_of(policy, applied.hold[0])}: {applied.hold[1]}" if applied.hold else "",
            mark_of(*applied.hold) if applied.hold else "",
            next_look(self.engine, applied.values, now, standing),
        )

    def _with_status(self, memory: Memory, record: Cells, snapshot: Snapshot) -> Memory:
        """What is remembered, with the status that it has now; only where targets need to know."""
        status = record.get("status")
        if not self.engine.policy.slas or not isinstance(status, str):
            return memory
        return memory.with_status(status, status_since(snapshot))

    def _governed(
        self,
        verdict: Verdict,
        applied: Applied,
        merged: Mapping[Side, Values],
        snapshot: Snapshot,
        context: Context,
    ) -> Verdict:
        names = fields_of(verdict.unit)
        flapping = [rule for name in names for rule in applied.flapping.get(name, ())]
        if flapping:
            rules = ", ".join(dict.fromkeys(flapping))
            why = f"{verdict.unit.name}: the rules {rules} undo each other (see `tieline policy check`)"
            return _stopped(verdict, merged, snapshot, "flapping", why)
        standing = _standing(verdict.unit, snapshot)
        if (
            standing is not None
            and standing.kind == "flapping"
            and True not in _moved_by(verdict.unit, snapshot)
        ):
            stays = standing.choice is None
            return _stopped(verdict, merged, snapshot, "flapping", standing.reason) if stays else verdict
        changes = [applied.changes[name] for name in names if name in applied.changes]
        if not changes or not all(verdict.unit.flows(side) for side in SIDES):
            return verdict
        return self._changed(verdict, changes, merged, snapshot, context)

    def _changed(
        self,
        verdict: Verdict,
        changes: Sequence[Change],
        merged: Mapping[Side, Values],
        snapshot: Snapshot,
        context: Context,
    ) -> Verdict:
        unit, rule = verdict.unit, changes[0].rule
        why = f"{unit.name}: rule {rule} ({self._place(rule)})"
        own = {side: unit.own(side, merged[side]) for side in SIDES}
        wanted, directory = self._wanted(unit, changes, own["servicenow"], context.directory)
        if isinstance(wanted, Unmapped):
            return _stopped(verdict, merged, snapshot, "unmapped", f"{why}: {wanted.reason}")
        encoded = unit.encode("jira", wanted, own["jira"], directory)
        if isinstance(encoded, Unmapped):
            return _stopped(verdict, merged, snapshot, "unmapped", f"{why}: {encoded.reason}")
        trail = _trail(verdict.unit, snapshot, rule)
        if len(trail) > ALTERNATIONS:
            unknown = all(by is None for by in _moved_by(unit, snapshot))
            who = "something, and no side tells who," if unknown else "something that is no person"
            why = f"{why}: {who} keeps undoing it; switch one of the two off"
            return _stopped(verdict, merged, snapshot, "flapping", why)
        base = UnitBase(Dealt(wanted, "rule", rule), Dealt(encoded, "rule", rule), snapshot.at, trail)
        conflict = (
            _overridden(verdict, own, snapshot, why)
            if any(c.overrides for c in changes)
            else verdict.conflict
        )
        return replace(
            verdict, values={"servicenow": wanted, "jira": encoded}, base=base, why=why, conflict=conflict
        )

    def _place(self, rule: str) -> str:
        entry = self.engine.policy.rule(rule)
        return "" if entry is None else entry.spot.short

    def _wanted(
        self, unit: Unit, changes: Sequence[Change], current: Values, directory: Directory
    ) -> tuple[Values | Unmapped, Directory]:
        """What ServiceNow must hold, and the directory with whoever had to be found for it."""
        match unit:
            case PriorityUnit():
                return self._priority(unit, changes, current), directory
            case EntityUnit():
                return self._entity(unit, changes[0].new, directory)
            case SetUnit() | ChoiceUnit():
                return {unit.servicenow[0]: self._own(unit.name, changes[0].new)}, directory
            case _:
                return Unmapped("rules cannot set this field"), directory

    def _priority(self, unit: PriorityUnit, changes: Sequence[Change], current: Values) -> Values | Unmapped:
        columns = {"impact": unit.impact, "urgency": unit.urgency}
        moved = {
            columns[change.field]: self._own(change.field, change.new)
            for change in changes
            if change.field in columns
        }
        made: dict[str, Value] = {**current, **moved}
        computed = unit.matrix.get((str(made[unit.impact]), str(made[unit.urgency])))
        if computed is None:
            return Unmapped("the matrix of the configuration has no such impact and urgency")
        return {**made, unit.priority: computed}

    def _entity(
        self, unit: EntityUnit, value: Cell, directory: Directory
    ) -> tuple[Values | Unmapped, Directory]:
        column = unit.servicenow[0]
        if not value:
            return {column: None}, directory
        name = str(self._own(unit.name, value))
        known = {
            id_
            for (side, kind, id_), shown in directory.names.items()
            if side == "servicenow" and kind == unit.kind and shown == name
        }
        if len(known) == 1:
            return {column: known.pop()}, directory
        found = self._resolve(name) if unit.kind == "group" else None
        if found is None:
            return Unmapped(f"{name!r} is not known on both sides"), directory
        partners = {**directory.partners, ("servicenow", unit.kind, found[0]): found[1]}
        return {column: found[0]}, replace(directory, partners=partners)

    def _own(self, name: str, value: Cell) -> Value:
        """A name of the vocabulary as ServiceNow calls it."""
        terms = {term.name: term for term in self.engine.policy.vocabulary.get(name, ())}
        if isinstance(value, frozenset):
            return frozenset(terms[v].servicenow[0] if v in terms else v for v in value) or None
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            return None
        return terms[value].servicenow[0] if value in terms else value


def _merged(verdicts: Sequence[Verdict], snapshot: Snapshot, side: Side) -> Values:
    values = dict(snapshot.record(side).values)
    for verdict in verdicts:
        values |= verdict.values.get(side, {})
    return values


def _moved_by(unit: Unit, snapshot: Snapshot) -> list[bool | None]:
    """For each side that moved, whether a person is behind it (None: not told)."""
    base = snapshot.pair.base.unit(unit.name)
    return moved_by(unit, base, [snapshot.record(side) for side in SIDES])


def _with_origin(verdict: Verdict, snapshot: Snapshot) -> Verdict:
    """The verdict, its Base saying `system` where no person is behind what moved."""
    by = _moved_by(verdict.unit, snapshot)
    if not by or any(person is not False for person in by):
        return verdict
    base = verdict.base
    dealt = [d and replace(d, origin="system") for d in (base.servicenow, base.jira)]
    return replace(verdict, base=replace(base, servicenow=dealt[0], jira=dealt[1]))


def _touched(verdicts: Sequence[Verdict]) -> frozenset[str]:
    """Fields whose Base does not say that a rule or a system gave the value."""
    found: set[str] = set()
    for verdict in verdicts:
        origins = {d.origin for d in (verdict.base.servicenow, verdict.base.jira) if d is not None}
        if not origins or "person" in origins:
            found |= fields_of(verdict.unit)
    return frozenset(found)


def _held(verdicts: Sequence[Verdict]) -> set[str]:
    """Fields that wait for a person's decision."""
    waiting = [v for v in verdicts if v.conflict is not None and v.conflict.open]
    return {name for verdict in waiting for name in fields_of(verdict.unit)}


def _is_made(snapshot: Snapshot) -> bool:
    """Whether the Base says that the mirror was made under a policy."""
    units = snapshot.pair.base.units.values()
    return any(d.origin == "system" for unit in units for d in (unit.servicenow, unit.jira) if d is not None)


def _trail(unit: Unit, snapshot: Snapshot, rule: str) -> tuple[str, ...]:
    """How often this rule has set the unit in a row with no person known in between."""
    base = snapshot.pair.base.unit(unit.name)
    if any(person is True for person in _moved_by(unit, snapshot)):
        return (rule,)
    return (*(mark for mark in base.trail if mark == rule), rule)


def _overridden(verdict: Verdict, own: Mapping[Side, Values], snapshot: Snapshot, why: str) -> Conflict:
    """The Conflict of a rule with people. It takes the place of that between both sides, and names both."""
    apart, unit, at = verdict.conflict, verdict.unit.name, snapshot.at
    both = apart is not None and apart.kind == "clash"
    chose = "people chose on both sides" if both else "a person chose"
    values = (own["servicenow"], own["jira"]) if apart is None else (apart.servicenow, apart.jira)
    return Conflict(
        snapshot.pair.id, unit, "rule", *values, f"{why} wins over what {chose}", at, closed_at=at
    )


def _standing(unit: Unit, snapshot: Snapshot) -> Conflict | None:
    """The open Conflict about a unit."""
    return next((c for c in snapshot.conflicts if c.open and c.unit == unit.name), None)


def _stopped(
    verdict: Verdict, merged: Mapping[Side, Values], snapshot: Snapshot, kind: ConflictKind, why: str
) -> Verdict:
    """The verdict as it is, with an open Conflict; one that stands already is carried on."""
    if verdict.conflict is not None:
        return verdict
    own = {side: verdict.unit.own(side, merged[side]) for side in SIDES}
    standing = _standing(verdict.unit, snapshot)
    conflict = Conflict(
        snapshot.pair.id,
        verdict.unit.name,
        kind,
        own["servicenow"],
        own["jira"],
        why,
        snapshot.at if standing is None else standing.at,
        open=True,
        id=standing.id if standing else 0,
    )
    return replace(verdict, conflict=conflict)
