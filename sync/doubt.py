"""What a write whose answer was lost may have left on its record and carried. Pure; it settles nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from tieline.connectors.base import (
    SIDES,
    Applied,
    Side,
    Transition,
    Update,
    Value,
    Values,
    no_values,
    other,
)
from tieline.sync.mapping import SetUnit
from tieline.sync.model import Conflict, Pair, Step, UnitBase
from tieline.sync.settle import carried
from tieline.sync.vocabulary import Vocabulary


def seen_of_it(step: Step, sent: Values, done: Applied, vocabulary: Vocabulary) -> Mapping[str, UnitBase]:
    """The units that show a write to which somebody wrote on, with what they become by it.

    A write is made as a whole: where one of its values stands that did not before, if in other case or with
    other blanks, what shows neither what was sent nor what stood before was made of it since, by a rule or
    somebody. What stands as before may have been put back, and is left as it is. Nothing is taken for ours
    unless others wrote, too, as the count of changes proves: one change alone that is not ours leaves no room
    for it.
    """
    action, record = step.action, done.record
    if record is None or done.alone is not False or not isinstance(action, Update | Transition):
        return {}
    now, before = record.values, action.before
    changed = {name for name, value in sent.items() if before.get(name) != value}
    kept = {name for name in changed if name in before and now.get(name) == before[name]}
    stand = {name for name in changed - kept if plain(now.get(name)) == plain(sent[name])}
    # Sets are written element by element, and merged so whatever became of the others.
    apart = {name for name in changed - stand if isinstance(sent[name], frozenset)}
    found: dict[str, UnitBase] = {}
    for unit in vocabulary.units if stand else ():
        mine = changed & set(unit.fields(record.ref.side))
        if mine and not mine & (kept | apart) and unit.name in step.bases:
            found[unit.name] = step.bases[unit.name]
    return found


def in_doubt(pair: Pair, step: Step, side: Side, vocabulary: Vocabulary) -> Mapping[str, UnitBase]:
    """The units that a step may have brought to `side`, or not: where they came from, nothing is dealt with.

    What is put back there would look untouched, though what stood meanwhile may have been carried. Sets are
    merged from what they were; what only a rule or a system made was no person's, and is left as it was.
    """
    found: dict[str, UnitBase] = {}
    for unit in vocabulary.units:
        base, after = pair.base.unit(unit.name), step.bases.get(unit.name)
        if after is None or isinstance(unit, SetUnit) or base.of(side) is None or _ruled(after):
            continue
        then, now = base.of(other(side)), after.of(other(side))
        if then is not None and then.system is None and now is not None and now.values != then.values:
            found[unit.name] = (
                replace(base, jira=None) if side == "servicenow" else replace(base, servicenow=None)
            )
    return found


def _ruled(base: UnitBase) -> bool:
    """Whether a rule of the policy set what is carried."""
    return any(dealt is not None and dealt.origin == "rule" for dealt in map(base.of, SIDES))


def plain(value: Value) -> Value:
    """What a rule leaves alike that changes nothing but case and blanks."""
    return "".join(value.split()).casefold() if isinstance(value, str) else value


def told_of_it(
    pair: Pair, step: Step, done: Applied, found: Mapping[str, UnitBase], at: datetime
) -> Iterator[Conflict]:
    """A Conflict for each unit that counts as ours for all that is known, and may be somebody's.

    It names no value of theirs: what stands may be ours. A race that the side tells says it for all units.
    """
    if done.record is None or done.races:
        return
    record, side = done.record, done.record.ref.side
    for name in found:
        why = (
            f"{name}: {record.updated_by or 'somebody'} changed {record.label} last, at "
            f"{record.updated:%Y-%m-%d %H:%M:%S} UTC, about a write of Tieline whose answer was lost: what "
            "they set of it may be run over (it is not known whether it was written)"
        )
        ours = carried(step, side, [name])
        values = (no_values(), ours) if side == "servicenow" else (ours, no_values())
        yield Conflict(pair.id, name, "race", *values, why, at, winner=other(side), closed_at=at)
