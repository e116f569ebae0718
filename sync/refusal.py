"""What a side left as it was of a write, without a word, and what that makes of the Base. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tieline.connectors.base import Action, Applied, Record, Update, Value, other
from tieline.sync.decide import undealt
from tieline.sync.mapping import Unit
from tieline.sync.model import Step, UnitBase


def plain(value: Value) -> Value:
    """What a rule leaves alike that changes nothing but case and blanks."""
    return "".join(value.split()).casefold() if isinstance(value, str) else value


def left(action: Action, record: Record | None) -> Mapping[str, str]:
    """The fields of an update that stand exactly as they did before it, with what was asked of them.

    What differs from the value sent in case or blanks only was rewritten by a rule, and is not meant here.
    """
    if not isinstance(action, Update) or record is None:
        return {}
    now, before = record.values, action.before
    return {
        name: f"it was sent {value!r} and stayed {now.get(name)!r}"
        for name, value in action.values.items()
        if name in before and now.get(name) == before[name] and plain(value) != plain(before[name])
    }


def undone(unit: Unit, action: Action, record: Record | None) -> bool:
    """Whether all that an update sent of a unit stands as it stood before: the system did not take it."""
    if not isinstance(action, Update) or record is None:
        return False
    sent = [name for name in unit.fields(record.ref.side) if name in action.values]
    return bool(sent) and all(record.values.get(name) == action.before.get(name) for name in sent)


def untaken(unit: Unit, action: Action, record: Record | None) -> bool:
    """Whether a side left something of this unit as it was, and took nothing else of it."""
    if record is None or not undone(unit, action, record):
        return False
    return not left(action, record).keys().isdisjoint(unit.fields(record.ref.side))


def answers(applied: Applied, *, last: bool) -> bool:
    """Whether what stands is the side's answer to our write: nobody else wrote, or (`last`) nobody after us.

    Where the side tells who wrote each field, that is believed instead of the last hand.
    """
    record = applied.record
    return record is not None and (applied.alone is True or (last and not record.touched))


def in_part(unit: Unit, known: UnitBase, step: Step, applied: Applied, *, last: bool) -> UnitBase | None:
    """What a unit becomes of which a side took some fields and left others; None where that is not so.

    It stands as neither side meant it, and what is carried is not dealt with: only what the write changed on
    the written side is. That is the system's, as a Rewrite is, unless somebody had set what it left there.
    `last`: nobody wrote after us.
    """
    action, record = step.action, applied.record
    if record is None or not isinstance(action, Update) or not answers(applied, last=last):
        return None
    side, own = record.ref.side, unit.own(record.ref.side, record.values)
    if left(action, record).keys().isdisjoint(own) or untaken(unit, action, record):
        return None
    after = step.bases[unit.name]
    base = known if after.ruled else undealt(unit, known, other(side))
    dealt, aim = known.of(side), after.of(side)
    if dealt is None or aim is None:
        return base
    computed, sent = unit.computed(side), {n: x for n, x in action.before.items() if n in own}
    stood = {n: x for n, x in {**aim.values, **sent}.items() if n not in computed}
    if _stood(dealt.values, stood) or (dealt.system is not None and _stood(dealt.system, stood)):
        found = replace(dealt, system=own)
    else:
        taken = {n: x for n, x in own.items() if n not in stood or x != stood[n]}
        found = replace(dealt, values={**dealt.values, **taken}, system=None)
    return base.put(side, found)


def _stood(values: Mapping[str, Value], stood: Mapping[str, Value]) -> bool:
    return all(values.get(name) == value for name, value in stood.items())
