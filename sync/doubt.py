"""What a write whose answer was lost may have left on its record and carried. Pure; it settles nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tieline.connectors.base import (
    Applied,
    Record,
    Side,
    Transition,
    Update,
    Values,
    no_values,
    other,
)
from tieline.sync.decide import undealt
from tieline.sync.mapping import SetUnit
from tieline.sync.merge import has_moved
from tieline.sync.model import Conflict, Pair, Step, UnitBase
from tieline.sync.refusal import plain
from tieline.sync.settle import carried
from tieline.sync.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Trace:
    """What a record shows of a write to it: by fields, in the words of the write's side.

    `sent` is what the write was to set, `changed` what of it stood otherwise before, and `kept` what of that
    stands as it stood then.
    """

    sent: Values
    changed: frozenset[str]
    kept: frozenset[str]


def trace(write: Update | Transition, found: Record, vocabulary: Vocabulary) -> Trace:
    """What `found` shows of a write."""
    sent, before = _sent(write, vocabulary), write.before
    changed = frozenset(name for name, value in sent.items() if before.get(name) != value)
    kept = (name for name in changed if name in before and found.values.get(name) == before[name])
    return Trace(sent, changed, frozenset(kept))


def _sent(write: Update | Transition, vocabulary: Vocabulary) -> Values:
    if isinstance(write, Transition) and vocabulary.status is not None:
        return {**write.values, vocabulary.status.status: write.move.to}
    return write.values


def seen_of_it(step: Step, done: Applied, vocabulary: Vocabulary) -> Mapping[str, UnitBase]:
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
    shows, now = trace(action, record, vocabulary), record.values
    stand = {n for n in shows.changed - shows.kept if plain(now.get(n)) == plain(shows.sent[n])}
    # Sets are written element by element, and merged so whatever became of the others.
    apart = {name for name in shows.changed - stand if isinstance(shows.sent[name], frozenset)}
    found: dict[str, UnitBase] = {}
    for unit in vocabulary.units if stand else ():
        mine = shows.changed & set(unit.fields(record.ref.side))
        if mine and not mine & (shows.kept | apart) and unit.name in step.bases:
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
        if after is None or isinstance(unit, SetUnit) or base.of(side) is None or after.ruled:
            continue
        then, now = base.of(other(side)), after.of(other(side))
        if then is not None and then.system is None and (now is None or now.values != then.values):
            found[unit.name] = undealt(unit, base, other(side))
    return found


def told_of_it(
    pair: Pair, step: Step, done: Applied, found: Mapping[str, UnitBase], at: datetime
) -> Iterator[Conflict]:
    """A Conflict for each unit that counts as ours for all that is known, and may be somebody's.

    It names no value of theirs: what stands may be ours. A race that the side tells says it for all units.
    """
    if done.record is None or done.races:
        return
    record = done.record
    for name in found:
        why = (
            f"{name}: {_last_hand(record)}, about a write of Tieline whose answer was lost: what "
            "they set of it may be run over (it is not known whether it was written)"
        )
        side = record.ref.side
        yield _unnamed(pair.id, side, name, carried(step, side, [name]), why, at)


def put_back(
    pair: Pair, step: Step, done: Applied, vocabulary: Vocabulary, at: datetime
) -> Iterator[Conflict]:
    """A Conflict for each unit that stands as before our write and that somebody may have put back over it.

    The count of a record's changes tells that somebody else changed it, not what: where that hand was the
    last, ours may have been the one before, and the next write runs over it. What stands may be older than
    our write as well, so that the Conflict names no value that somebody set.
    """
    action, record = step.action, done.record
    if record is None or done.races or done.alone is not False or not isinstance(action, Update | Transition):
        return
    side, changed = record.ref.side, trace(action, record, vocabulary).changed
    for unit in vocabulary.units:
        own, base = unit.own(side, record.values), pair.base.unit(unit.name)
        stands = _kept(unit, action, own) if isinstance(unit, SetUnit) else not has_moved(base, side, own)
        if unit.name not in step.bases or not changed & set(own) or not stands:
            continue
        yield as_before(pair.id, record, unit.name, carried(step, side, [unit.name]), at)


def unseen(pair: Pair, step: Step, vocabulary: Vocabulary, at: datetime) -> Iterator[Conflict]:
    """A Conflict for each unit of a write to a record that is not shown: nobody sees what is put back there.

    A unit of which a Conflict of both sides names what the write was to overwrite needs none. An ended pair
    is not written to again.
    """
    write = step.action
    if not isinstance(write, Update | Transition) or pair.state != "active":
        return
    side, sent = write.ref.side, _sent(write, vocabulary)
    named = {conflict.unit for conflict in step.conflicts if conflict.kind in ("clash", "first")}
    for unit in vocabulary.units:
        if unit.name in step.bases and unit.name not in named:
            ours = {name: value for name, value in sent.items() if name in unit.fields(side)}
            yield unseen_there(pair, side, unit.name, carried(step, side, [unit.name]) or ours, at)


def unseen_there(pair: Pair, side: Side, name: str, ours: Values, at: datetime) -> Conflict:
    """The Conflict of a unit, or a relation, whose record is not shown when our write is looked for."""
    why = (
        f"{name}: {pair.label(side)} is hidden, or deleted, and a write of Tieline to it has lost its "
        "answer: if somebody puts back what stood there, that is run over "
        "(it is not known whether it was written)"
    )
    return _unnamed(pair.id, side, name, ours, why, at)


def _kept(unit: SetUnit, write: Update | Transition, own: Values) -> bool:
    """Whether an element that a write was to add or take away stands as before, whatever became of others."""
    side = write.ref.side
    sent, before, now = (unit.members(side, values) for values in (write.values, write.before, own))
    return not (sent ^ before).isdisjoint(sent ^ now)


def as_before(pair: int, record: Record, name: str, ours: Values, at: datetime) -> Conflict:
    """The Conflict of a unit, or a relation, that stands as before our write, where others wrote last.

    `ours` is what was carried there.
    """
    why = (
        f"{name}: {_last_hand(record)}, and it stands as before a write of Tieline whose "
        "answer was lost: if they put it back, that is run over (it is not known whether it was written)"
    )
    return _unnamed(pair, record.ref.side, name, ours, why, at)


def _last_hand(record: Record) -> str:
    return (
        f"{record.updated_by or 'somebody'} changed {record.label} last, at "
        f"{record.updated:%Y-%m-%d %H:%M:%S} UTC"
    )


def _unnamed(pair: int, side: Side, unit: str, ours: Values, why: str, at: datetime) -> Conflict:
    """A race that is over, with what we carried to `side` and without what somebody may have set there."""
    values = (no_values(), ours) if side == "servicenow" else (ours, no_values())
    return Conflict(pair, unit, "race", *values, why, at, winner=other(side), closed_at=at)
