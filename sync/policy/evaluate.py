"""Applies a policy to one incident until nothing changes: who sets what, and what is left alone.

The first rule that names a field speaks for it, whether or not its strength lets it change the value. Rounds
go on until the rules leave the incident as it is; rules that never come to rest change nothing at all and are
reported as flapping. Pure: the time of asking is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, Side
from tieline.sync.policy.applied import UNTOUCHED, Applied, Change, Claims, Left, Note, Standing
from tieline.sync.policy.conditions import Moment, atoms, holds
from tieline.sync.policy.fields import Cell, Record
from tieline.sync.policy.matcher import Matcher
from tieline.sync.policy.matrix import bounded, priority_of
from tieline.sync.policy.model import Assignment, Bound, Policy, Rule
from tieline.sync.policy.sla import sla_word

__all__ = [
    "Applied",
    "Change",
    "Claims",
    "Engine",
    "Left",
    "Note",
    "Standing",
    "claims_of",
    "plainly",
    "settle",
]

MAX_ROUNDS: Final = 24
"""Rules that have not come to rest after so many rounds are taken for flapping."""
MAX_REMEMBERED: Final = 50_000


Finder = Callable[[Record, Moment], Claims]


class Engine:
    """A policy compiled: finds what its rules say about an incident at once, not rule by rule."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._entries: Sequence[Rule | Bound] = policy.entries
        self.matcher = Matcher([entry.when for entry in self._entries], policy.calendars)
        self.asked = frozenset(atom.field for entry in self._entries for atom in atoms(entry.when))
        """The fields that conditions name."""
        self._claims: dict[int, Claims] = {}
        self._setters: tuple[tuple[str, int], ...] = ()
        self._said: dict[str, dict[int, Cell]] = {}
        self._index()

    def claims(self, record: Record, moment: Moment) -> Claims:
        """What the rules that hold say."""
        mask = self.matcher.clauses_met(record, moment)
        known = self._claims.get(mask)
        if known is None:
            known = self._read(mask)
        return known

    def says(self, record: Record, moment: Moment) -> dict[str, Cell]:
        """The value that the rules say for each field, the first of each; `claims` tells the reasons."""
        met = self.matcher.clauses_met(record, moment)
        said: dict[str, Cell] = {}
        for name, setters in self._setters:
            hit = met & setters
            if hit:
                said[name] = self._said[name][(hit & -hit).bit_length() - 1]
        return said

    def _index(self) -> None:
        """For each field the clauses whose rules set it, and what each says."""
        setters: dict[str, int] = {}
        for bit, owner in enumerate(self.matcher.owners):
            entry = self._entries[owner]
            for assignment in entry.sets if isinstance(entry, Rule) else ():
                if self.policy.kind(assignment.field) != "set":
                    setters[assignment.field] = setters.get(assignment.field, 0) | 1 << bit
                    self._said.setdefault(assignment.field, {})[bit] = assignment.value
        self._setters = tuple(setters.items())

    def _read(self, mask: int) -> Claims:
        entries = [self._entries[number] for number in dict.fromkeys(self.matcher.owners_of(mask))]
        if len(self._claims) >= MAX_REMEMBERED:
            self._claims.clear()
        found = self._claims[mask] = claims_of(self.policy, entries)
        return found

    def apply(self, record: Record, now: datetime, standing: Standing = UNTOUCHED) -> Applied:
        """What the policy makes of an incident at `now` (UTC)."""
        return settle(self.policy, self.claims, record, now, standing)


def plainly(policy: Policy) -> Finder:
    """The same as `Engine.claims`, rule by rule: the reference that the compiled form must agree with."""

    def find(record: Record, moment: Moment) -> Claims:
        entries = [e for e in policy.entries if holds(e.when, record, moment)]
        return claims_of(policy, entries)

    return find


def claims_of(policy: Policy, entries: Sequence[Rule | Bound]) -> Claims:
    """What these rules and bounds, in the order of the file, say together."""
    fields: dict[str, tuple[Assignment, Rule]] = {}
    adds: dict[tuple[str, object], tuple[Assignment, Rule]] = {}
    rules = [entry for entry in entries if isinstance(entry, Rule)]
    for rule in rules:
        for assignment in rule.sets:
            if policy.kind(assignment.field) == "set":
                adds.setdefault((assignment.field, assignment.value), (assignment, rule))
            else:
                fields.setdefault(assignment.field, (assignment, rule))
    return Claims(
        tuple(fields.values()),
        tuple(adds.values()),
        tuple(rule for rule in rules if rule.orders),
        tuple(entry for entry in entries if isinstance(entry, Bound)),
        tuple(rules),
    )


def settle(policy: Policy, find: Finder, record: Record, now: datetime, standing: Standing) -> Applied:
    """Round after round until nothing changes."""
    moment = Moment(now, policy.calendars)
    current = derived(policy, record, moment, standing)
    seen: list[Record] = []
    fired: set[str] = set()
    changes: dict[str, Change] = {}
    for number in range(1, MAX_ROUNDS + 1):
        seen.append(current)
        claims = find(current, moment)
        fired |= {rule.id for rule in claims.rules} | {bound.id for bound in claims.bounds}
        made = _round(policy, claims, current, standing, number)
        if not made:
            return _rested(policy, claims, record, current, changes, standing, frozenset(fired), seen)
        for change in made:
            first = changes.get(change.field)
            old = change.old if first is None else first.old
            changes[change.field] = Change(
                change.field, old, change.new, change.rule, change.strength, change.overrides, number
            )
        values = {**current, **{change.field: change.new for change in made}}
        current = derived(policy, values, moment, standing)
        if current in seen:
            break
    return _flapping(policy, find, seen, moment, derived(policy, record, moment, standing), standing)


def derived(policy: Policy, record: Record, moment: Moment, standing: Standing) -> dict[str, Cell]:
    """The record with what follows from it: the priority, and what its targets say."""
    values = dict(record)
    if policy.matrix.cells:
        computed = priority_of(policy.matrix, values.get("impact"), values.get("urgency"))
        if computed is not None:
            values["priority"] = computed
    if policy.slas:
        values["sla"] = sla_word(policy, values, moment, standing.statuses)
    return values


def _round(policy: Policy, claims: Claims, record: Record, standing: Standing, number: int) -> list[Change]:
    made: list[Change] = []
    for assignment, rule in claims.fields:
        value, old = assignment.value, record.get(assignment.field)
        if not same(old, value) and not why_left(assignment, record, standing):
            made.append(_change(assignment, rule.id, old, value, standing, number))
    made += _sets(claims, record, standing, number)
    return made + _bounds(policy, claims, record, made, standing, number)


def _change(
    assignment: Assignment, rule: str, old: Cell, new: Cell, standing: Standing, number: int
) -> Change:
    overrides = assignment.field in standing.touched and assignment.strength == "always"
    return Change(assignment.field, old, new, rule, assignment.strength, overrides, number)


def _sets(claims: Claims, record: Record, standing: Standing, number: int) -> list[Change]:
    """Elements that rules add, and those that they take off; what is added is not taken off."""
    added: dict[str, frozenset[str]] = {}
    by: dict[str, tuple[Assignment, str]] = {}
    wanted: dict[str, frozenset[str]] = {}
    for assignment, rule in claims.adds:
        value, old = _elements(assignment.value), _elements(record.get(assignment.field))
        wanted[assignment.field] = wanted.get(assignment.field, frozenset()) | value
        if value - old and not why_left(assignment, {}, standing):
            added[assignment.field] = added.get(assignment.field, frozenset()) | value
            by.setdefault(assignment.field, (assignment, rule.id))
    made = [
        _change(*by[name], record.get(name), _elements(record.get(name)) | value, standing, number)
        for name, value in added.items()
    ]
    labels = next((c.new for c in made if c.field == "labels"), record.get("labels"))
    for rule in claims.orders:
        off = _elements(rule.orders.get("unlabel")) - wanted.get("labels", frozenset())
        rest = _elements(labels) - off
        if rest != _elements(labels):
            made = [c for c in made if c.field != "labels"]
            assignment = Assignment("labels", rest or None, "always")
            made.append(_change(assignment, rule.id, record.get("labels"), rest or None, standing, number))
            labels = rest
    return made


def _elements(value: object) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()


def _bounds(
    policy: Policy, claims: Claims, record: Record, made: Sequence[Change], standing: Standing, number: int
) -> list[Change]:
    """Impact and urgency moved so that the priority is within its floors and ceilings.

    It replaces what rules did to the two in the same round.
    """
    if not claims.bounds:
        return []
    now = {**record, **{change.field: change.new for change in made}}
    floor, ceiling = _tightest(policy, claims.bounds)
    least, most = floor.priority if floor else None, ceiling.priority if ceiling else None
    cell = bounded(policy.matrix, now.get("impact"), now.get("urgency"), least, most)
    if cell is None:
        return []
    order = policy.matrix.priorities
    is_now = priority_of(policy.matrix, now.get("impact"), now.get("urgency"))
    raised = floor is not None and is_now in order and order.index(is_now) > order.index(floor.priority)
    bound = floor if raised or ceiling is None else ceiling
    assert bound is not None
    found = []
    for name, value in zip(("impact", "urgency"), cell, strict=True):
        if now.get(name) != value:
            touched = name in standing.touched
            found.append(Change(name, record.get(name), value, bound.id, "always", touched, number))
    return _without_noise(found, made)


def _without_noise(found: list[Change], made: Sequence[Change]) -> list[Change]:
    """A bound that undoes a rule's change of the same round leaves no change of that field at all."""
    undone = {c.field for c in found if c.new == c.old}
    if isinstance(made, list):
        made[:] = [change for change in made if change.field not in {c.field for c in found}]
    return [change for change in found if change.field not in undone]


def _tightest(policy: Policy, bounds: Sequence[Bound]) -> tuple[Bound | None, Bound | None]:
    """The gravest floor and the least grave ceiling."""
    order = policy.matrix.priorities
    known = [bound for bound in bounds if bound.priority in order]
    floors = [bound for bound in known if bound.kind == "floor"]
    ceilings = [bound for bound in known if bound.kind == "ceiling"]
    return (
        min(floors, key=lambda bound: order.index(bound.priority), default=None),
        max(ceilings, key=lambda bound: order.index(bound.priority), default=None),
    )


def same(one: Cell, two: Cell) -> bool:
    """Whether two values are the same; a flag that is not set is false, an empty set is nothing."""
    return one == two or (not one and not two)


def why_left(assignment: Assignment, record: Record, standing: Standing) -> str:
    """Why a rule leaves a field alone; "" if it does not."""
    name = assignment.field
    match assignment.strength:
        case "suggest" if record.get(name):
            return "it only suggests, and there is a value"
        case "suggest" if name in standing.touched:
            return "it only suggests, and a person emptied it"
        case "until_touched" if name in standing.touched:
            return "a person changed it"
        case "on_create" if not standing.fresh:
            return "it speaks only when an incident is raised"
        case "on_create" if name in standing.touched:
            return "a person changed it"
        case _:
            return ""


def _rested(
    policy: Policy,
    claims: Claims,
    record: Record,
    current: Record,
    changes: Mapping[str, Change],
    standing: Standing,
    fired: frozenset[str],
    seen: Sequence[Record],
) -> Applied:
    left: dict[str, Left] = {}
    for assignment, rule in (*claims.fields, *claims.adds):
        why = why_left(assignment, current, standing)
        if why and not same(current.get(assignment.field), assignment.value):
            left.setdefault(assignment.field, Left(assignment.field, assignment.value, rule.id, why))
    for assignment, rule in claims.fields:
        # A value that one rule set and another confirms in the end is the other one's.
        change = changes.get(assignment.field)
        if change is None or change.overrides or change.rule == rule.id:
            continue
        if same(change.new, assignment.value):
            spoken = replace(change, rule=rule.id, strength=assignment.strength, round=len(seen))
            changes = {**changes, assignment.field: spoken}
    holds_ = [(rule.id, str(rule.orders["hold"])) for rule in claims.orders if rule.orders.get("hold")]
    out = [rule.id for rule in claims.orders if rule.orders.get("leave_out")]
    return Applied(
        values=MappingProxyType(dict(current)),
        changes=MappingProxyType({n: c for n, c in changes.items() if not same(record.get(n), c.new)}),
        left=MappingProxyType(left),
        speaks=MappingProxyType({a.field: rule.id for a, rule in reversed((*claims.fields, *claims.adds))}),
        fired=fired,
        hold=holds_[0] if holds_ else None,
        leave_out=out[0] if out else "",
        notes=tuple(note for rule in _telling(policy, claims, changes) for note in _notes(rule)),
        before=tuple(seen),
    )


def _telling(policy: Policy, claims: Claims, changes: Mapping[str, Change]) -> list[Rule]:
    """The rules whose notes count: those that hold in the end, and those that ended themselves."""
    held = {rule.id for rule in claims.rules}
    ended = dict.fromkeys(change.rule for change in changes.values() if change.rule not in held)
    found = [policy.rule(id_) for id_ in ended]
    return [*claims.orders, *(rule for rule in found if isinstance(rule, Rule) and rule.orders)]


def _notes(rule: Rule) -> list[Note]:
    """A note of both sides, or one of each side that the rule names."""
    said = rule.orders.get("note")
    if isinstance(said, Mapping):
        named: list[tuple[Side, str]] = [(side, said[side]) for side in SIDES if side in said]
        return [Note(rule.id, text, (side,)) for side, text in named]
    return [Note(rule.id, said)] if isinstance(said, str) else []


def _flapping(
    policy: Policy, find: Finder, seen: Sequence[Record], moment: Moment, record: Record, standing: Standing
) -> Applied:
    """Nothing is changed; the fields that differ between the last rounds, with the rules that set them."""
    found: dict[str, dict[str, None]] = {}
    for number, state in enumerate(seen[-(MAX_ROUNDS // 2) :], 1):
        for change in _round(policy, find(state, moment), state, standing, number):
            found.setdefault(change.field, {})[change.rule] = None
    repeated = {name: tuple(rules) for name, rules in found.items() if len(rules) > 1}
    named = repeated or {name: tuple(rules) for name, rules in found.items()}
    return Applied(
        MappingProxyType(dict(record)),
        MappingProxyType({}),
        flapping=MappingProxyType(named),
        before=tuple(seen),
    )
