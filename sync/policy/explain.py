"""Why a policy makes of an incident what it makes of it: worked out when it is asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tieline.sync.policy.conditions import AllOf, AnyOf, Atom, Condition, Moment, Not, holds
from tieline.sync.policy.due import next_look
from tieline.sync.policy.evaluate import Applied, Engine, Standing, derived
from tieline.sync.policy.fields import DERIVED, Cell, Record, Said
from tieline.sync.policy.model import Bound, Policy, Rule
from tieline.sync.policy.sla import pauses_known
from tieline.sync.policy.testing import shown

if TYPE_CHECKING:
    from tieline.sync.links.explain import LinkReason

NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
"""No rule gave any value."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one field is what it is.

    `rule` with `place` set it, or speaks for it, or is ""; `met` are its conditions that hold. `next` is
    the rule that would have spoken without it, with its value. `note` says who overrode what.
    """

    field: str
    value: Cell
    was: Cell
    changed: bool
    rule: str = ""
    place: str = ""
    met: tuple[str, ...] = ()
    next: str = ""
    next_value: Cell = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reasons field by field, and what the policy demands besides."""

    reasons: tuple[Reason, ...]
    hold: str = ""
    leave_out: str = ""
    notes: tuple[str, ...] = ()
    flapping: tuple[str, ...] = ()
    due: datetime | None = None
    """When time alone may change what the policy says."""
    pauses: str = ""
    """From when on pauses of the clock are known, where that is not since it was opened."""
    links: tuple[LinkReason, ...] = ()
    """The rules about links that are for it."""


def explain(
    engine: Engine,
    record: Record,
    now: datetime,
    standing: Standing,
    given: Mapping[str, str] = NOBODY,
) -> Explanation:
    """Why the policy makes of an incident what it makes of it at `now` (UTC).

    `given` names the rule that gave a field the value it has, where a rule did.
    """
    policy = engine.policy
    applied = engine.apply(record, now, standing)
    moment = Moment(now, policy.calendars)
    start = derived(policy, record, moment, standing)
    names = dict.fromkeys([*applied.changes, *applied.speaks, *applied.left, *given])
    if "impact" in applied.changes or "urgency" in applied.changes or policy.matrix.cells:
        names |= dict.fromkeys(["priority"])
    reasons = [
        _reason(policy, name, start, applied, moment, standing, given.get(name, "")) for name in sorted(names)
    ]
    return Explanation(
        tuple(reason for reason in reasons if reason.value or reason.was or reason.rule),
        f"{applied.hold[0]}: {applied.hold[1]}" if applied.hold else "",
        applied.leave_out,
        tuple(f"{note.rule}: {note.text}" for note in applied.notes),
        tuple(f"{name}: {', '.join(rules)}" for name, rules in applied.flapping.items()),
        next_look(engine, applied.values, now, standing),
        pauses_known(policy, applied.values, standing.statuses),
        _links(policy, applied.values, moment),
    )


def _links(policy: Policy, record: Record, moment: Moment) -> tuple[LinkReason, ...]:
    if policy.links is None:
        return ()
    from tieline.sync.links.explain import about_links  # most policies have no rules about links

    return about_links(policy.links, record, moment)


def _reason(
    policy: Policy,
    name: str,
    start: Record,
    applied: Applied,
    moment: Moment,
    standing: Standing,
    given: str,
) -> Reason:
    value, was = applied.values.get(name), start.get(name)
    change, left = applied.changes.get(name), applied.left.get(name)
    if name in DERIVED:
        impact, urgency = applied.values.get("impact"), applied.values.get("urgency")
        met = (f"impact {shown(impact)}", f"urgency {shown(urgency)}")
        return Reason(name, value, was, value != was, "matrix", policy.matrix.spot.short, met)
    id_ = change.rule if change else left.rule if left else applied.speaks.get(name) or given
    entry = policy.rule(id_)
    if entry is None:
        return Reason(name, value, was, change is not None)
    record = _at(applied, change.round if change else len(applied.before))
    found = tuple(met_atoms(entry.when, record, moment))
    following, next_value = _next(policy, name, entry, record, moment)
    note = ""
    if change is not None and change.overrides:
        note = f"overrides {shown(was)}, which a person chose"
    elif left is not None:
        note = f"would be {shown(left.value)}: {left.why}"
    elif change is None and name in standing.touched:
        note = "a person chose the same"
    elif change is None and id_ == given and not found:
        note = "it gave the value, and does not apply any more"
    place = entry.at(f"then.{name}").short if isinstance(entry, Rule) else entry.spot.short
    return Reason(name, value, was, change is not None, id_, place, found, following, next_value, note)


def _at(applied: Applied, number: int) -> Record:
    """The incident as it was when a round began."""
    return applied.before[min(number, len(applied.before)) - 1]


def _next(policy: Policy, name: str, entry: Rule | Bound, record: Record, moment: Moment) -> tuple[str, Cell]:
    """The next rule that would set the field, and its value."""
    passed = isinstance(entry, Bound)
    for rule in policy.rules:
        if rule is entry:
            passed = True
        elif passed and holds(rule.when, record, moment):
            value = next((a.value for a in rule.sets if a.field == name), None)
            if any(a.field == name for a in rule.sets):
                return rule.id, value
    return "", None


def met_atoms(condition: Condition, record: Record, moment: Moment) -> Iterator[str]:
    """The parts of a condition that make it hold, for people; those that do not hold are left out."""
    if not holds(condition, record, moment):
        return
    match condition:
        case Atom():
            yield str(condition)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from met_atoms(part, record, moment)
        case Not(part):
            yield f"not ({describe(part)})"


def describe(condition: Condition) -> str:
    """A condition in words."""
    match condition:
        case Atom():
            return str(condition)
        case AllOf(parts):
            return " and ".join(map(describe, parts)) or "always"
        case AnyOf(parts):
            return " or ".join(f"({describe(part)})" for part in parts)
        case Not(part):
            return f"not ({describe(part)})"


def explanation_lines(found: Explanation) -> list[str]:
    """An explanation for people."""
    lines: list[str] = []
    for reason in found.reasons:
        before = f" (was {shown(reason.was)})" if reason.changed else ""
        lines.append(f"{reason.field}: {shown(reason.value)}{before}")
        if reason.rule:
            lines.append(
                f"    by {reason.rule} ({reason.place})"
                + (f": {', '.join(reason.met)}" if reason.met else "")
            )
        if reason.note:
            lines.append(f"    {reason.note}")
        if reason.next:
            lines.append(f"    without it: {reason.next} would say {shown(reason.next_value)}")
    lines += [f"hold: {found.hold}"] if found.hold else []
    lines += [f"left out of scope by {found.leave_out}"] if found.leave_out else []
    lines += [f"note: {note}" for note in found.notes]
    lines += [f"time may change this at {found.due:%Y-%m-%d %H:%M:%S} UTC"] if found.due else []
    lines += [found.pauses] if found.pauses else []
    lines += [f"never comes to rest, nothing is changed: {entry}" for entry in found.flapping]
    if found.links:
        from tieline.sync.links.explain import reason_lines

        lines += reason_lines(found.links)
    return lines or ["the policy says nothing about it"]


def explanation_json(found: Explanation) -> dict[str, Any]:
    """An explanation for JSON."""
    return {
        "fields": [
            {
                "field": r.field,
                "value": _plain(r.value),
                "was": _plain(r.was),
                "changed": r.changed,
                "rule": r.rule,
                "place": r.place,
                "met": list(r.met),
                "next": r.next,
                "next_value": _plain(r.next_value),
                "note": r.note,
            }
            for r in found.reasons
        ],
        "hold": found.hold,
        "leave_out": found.leave_out,
        "notes": list(found.notes),
        "flapping": list(found.flapping),
        "due": _plain(found.due),
        "pauses": found.pauses,
        "links": [
            {"rule": r.rule, "place": r.place, "says": r.says, "met": list(r.met)} for r in found.links
        ],
    }


def _plain(value: Cell) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Said):
        return sorted(value.texts)
    return value.isoformat() if isinstance(value, datetime) else value


def record_json(record: Mapping[str, Cell]) -> dict[str, Any]:
    """A record for JSON."""
    return {name: _plain(value) for name, value in record.items()}
