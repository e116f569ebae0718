"""What an applied step makes of the Base, and which races it shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from tieline.connectors.base import (
    Applied,
    Create,
    Record,
    Relate,
    Side,
    Transition,
    Unrelate,
    Update,
    Value,
    Values,
    no_values,
    other,
)
from tieline.sync.mapping import Directory, SetUnit, Unit, Unmapped
from tieline.sync.model import Base, Conflict, Dealt, Pair, Step, UnitBase
from tieline.sync.refusal import answers, in_part, undone, untaken
from tieline.sync.vocabulary import Vocabulary


def settle(
    pair: Pair,
    step: Step,
    applied: Applied,
    vocabulary: Vocabulary,
    directory: Directory,
    *,
    last: bool = False,
    theirs: Set[str] = frozenset(),
) -> Base:
    """The pair's Base once `step` was applied.

    `last`: the answer to the write itself names us as the record's last writer. `theirs`: the fields that
    stand as they were sent because somebody else set them so.

    A unit's Base on the written side is what was sent, unless the answer shows another value of the same
    class. A value of another class is the system's own (a Rewrite) if the answer proves that nobody else
    wrote, or that nobody wrote what we sent after us, or shows the value that stood there before (unless
    history shows that ours stood meanwhile: then somebody put it back); otherwise it counts as somebody's
    change at the next look. Of a unit that the side took in part, only what it took is dealt with, there,
    unless the sides agree by it.
    """
    side = applied.ref.side
    units = dict(pair.base.units)
    for unit in vocabulary.units:
        base, known = step.bases.get(unit.name), pair.base.unit(unit.name)
        if base is not None and (part := in_part(unit, known, step, applied, last=last)) is not None:
            units[unit.name] = _as_agreed(unit, base, side, applied.record, directory) or part
        elif base is not None:
            own = (
                applied.alone
                or (answers(applied, last=last) and _carried_whole(unit, base, step, applied))
                or (not applied.certain and undone(unit, step.action, applied.record))
            )
            # What a set in part still has to carry is people's: the system made nothing of it.
            own = own and not (isinstance(unit, SetUnit) and _in_part(step, base.of(side)))
            after = _verified(unit, base, side, applied.record, own, directory)
            units[unit.name] = after
            # Elements of a set that both sides hold are dealt with, whoever added them.
            if not theirs.isdisjoint(unit.fields(side)) and not base.ruled and not isinstance(unit, SetUnit):
                # It has moved there, as without our write: the two agree unless the other side has, too.
                units[unit.name] = after.put(side, known.of(side))
    mirrored = {unit.name for unit in vocabulary.units}
    units |= {name: base for name, base in step.bases.items() if name not in mirrored}
    shown = pair.base.shown
    if step.shown:
        shown = MappingProxyType({**shown, side: step.shown})
    return Base(MappingProxyType(units), shown)


def settle_mirror(
    step: Step,
    origin: Record | None,
    mirror: Record,
    vocabulary: Vocabulary,
    directory: Directory,
    at: datetime,
    *,
    ours: bool,
) -> Base:
    """The first Base of a pair whose mirror was made; `ours`: nobody but we is known to have written to it.

    What the create named is dealt with, unless the system shows another class instead: of a field that it
    left out it shows the default, and the origin's value must not go under for that. What the create could
    not name (a status, a value without a partner) is dealt with where the sides agree; elsewhere the origin
    still counts as moved. An origin that is not shown now (None) counts as moved too. If somebody else wrote
    it before the mirror was found again, nothing tells who was first: it has no Base.
    """
    side = mirror.ref.side
    units: dict[str, UnitBase] = {}
    for unit in vocabulary.units:
        base = step.bases.get(unit.name)
        if base is not None:
            alone = _untouched(unit, mirror, ours=ours)
            if not (alone and _left_out(unit, base, mirror, directory)):
                units[unit.name] = _verified(unit, base, side, mirror, alone, directory)
                continue
        if not _untouched(unit, mirror, ours=ours):
            units[unit.name] = UnitBase(equal_at=at)
            continue
        values = unit.own(side, mirror.values)
        dealt: dict[Side, Dealt | None] = {side: Dealt(values), other(side): None}
        if origin is not None:
            own = {side: values, other(side): unit.own(other(side), origin.values)}
            if unit.agrees(own["servicenow"], own["jira"], directory):
                dealt[other(side)] = Dealt(own[other(side)])
        units[unit.name] = UnitBase(dealt["servicenow"], dealt["jira"], at)
    create = step.action
    shown: dict[Side, str] = {side: create.shown} if isinstance(create, Create) and create.shown else {}
    return Base(MappingProxyType(units), MappingProxyType(shown))


def _left_out(unit: Unit, base: UnitBase, mirror: Record, directory: Directory) -> bool:
    """Whether the mirror shows another class than it was created with."""
    sent, actual = base.of(mirror.ref.side), unit.own(mirror.ref.side, mirror.values)
    if sent is None or actual == sent.values:
        return False
    return not _same_class(unit, mirror.ref.side, sent.values, actual, directory)


def _carried_whole(unit: Unit, base: UnitBase, step: Step, applied: Applied) -> bool:
    """Whether our write carried each field of the unit that stands otherwise than it was sent.

    What somebody wrote into those just before is run over: if we were the last, a rule made what stands.
    """
    record, side, dealt = applied.record, applied.ref.side, base.of(applied.ref.side)
    if record is None or dealt is None or not isinstance(step.action, Update):
        return False
    own = unit.own(side, record.values)
    return {name for name in own if own[name] != dealt.values.get(name)} <= step.action.values.keys()


def _as_agreed(
    unit: Unit, base: UnitBase, side: Side, record: Record | None, directory: Directory
) -> UnitBase | None:
    """The Base of a unit of which the side took enough that the sides agree; None where they do not.

    What it left says nothing then, and is told elsewhere: who goes on from here clashes with nobody.
    """
    ours, theirs = base.of(side), base.of(other(side))
    if record is None or ours is None or theirs is None or base.ruled:
        return None
    held = {side: unit.own(side, record.values), other(side): theirs.values}
    if not unit.agrees(held["servicenow"], held["jira"], directory):
        return None
    return base.put(side, replace(ours, values=held[side]))


def _verified(
    unit: Unit, base: UnitBase, side: Side, record: Record | None, alone: bool | None, directory: Directory
) -> UnitBase:
    dealt = base.of(side)
    if record is None or dealt is None:
        return base
    actual = unit.own(side, record.values)
    if actual == dealt.values:
        return base
    if _same_class(unit, side, dealt.values, actual, directory):
        found = replace(dealt, values=actual)
    elif alone:
        found = replace(dealt, system=actual)
    else:
        return base
    return base.put(side, found)


def _same_class(unit: Unit, side: Side, sent: Values, actual: Values, directory: Directory) -> bool:
    """Whether both are known to mean the same.

    Somebody without a partner may mean nobody; whom nobody has looked up yet is not taken for such a one.
    """
    named = [one for values in (sent, actual) for one in unit.entities(side, values)]
    if not all(directory.knows(side, kind, id_) for kind, id_ in named):
        return False
    class_ = unit.classify(side, actual, directory)
    return not isinstance(class_, Unmapped) and class_ == unit.classify(side, sent, directory)


def _untouched(unit: Unit, mirror: Record, *, ours: bool) -> bool:
    """Whether nobody but the system and we wrote this unit of a mirror.

    Where the side tells nothing about single fields, its last writer answers for all of them.
    """
    touches = [mirror.touched[name] for name in unit.fields(mirror.ref.side) if name in mirror.touched]
    return all(touch.person is False for touch in touches) if mirror.touched else ours


def races(
    pair: Pair, step: Step, applied: Applied, vocabulary: Vocabulary, at: datetime
) -> tuple[Conflict, ...]:
    """A Conflict for each edit that our write ran over, with the value where the side tells it.

    It names what was carried in the words of the side that it came from: of a unit of several fields, a write
    that met an edit may have made something else than either side meant, which is carried back later. And a
    Conflict for what a write that ended the record carried, and the side left empty.
    """
    side = applied.ref.side
    found = []
    for race in applied.races:
        names = [u.name for u in vocabulary.units if race.field in u.fields(side)][:1] or list(step.bases)
        unit = ", ".join(names) or _what(step)
        when = race.at.strftime("%Y-%m-%d %H:%M:%S UTC") if race.at else "an unknown time"
        what = "its value stands here" if race.known else "value unknown"
        why = f"{unit}: {race.by or 'somebody'} wrote it in {side} at {when} while Tieline did ({what})"
        lost: Values = {race.field: race.value} if race.known else no_values()
        ours = carried(step, side, names) or _sent(step, race.field)
        values = (lost, ours) if side == "servicenow" else (ours, lost)
        found.append(Conflict(pair.id, unit, "race", *values, why, at, winner=other(side), closed_at=at))
    return (
        *found,
        *_joined(pair, step, applied, vocabulary, at),
        *_left_empty(pair, step, applied, vocabulary, at),
        *_left_unfilled(pair, step, applied, vocabulary, at),
    )


def _joined(
    pair: Pair, step: Step, applied: Applied, vocabulary: Vocabulary, at: datetime
) -> Iterator[Conflict]:
    """A Conflict for each unit of several fields that somebody set as well, so that ours changed nothing.

    What was sent of it stands, and means another thing beside what they set: what was carried never stood. Of
    a rule's value nothing was carried.
    """
    record, side = applied.record, applied.ref.side
    if record is None or applied.alone is not False or applied.races or not isinstance(step.action, Update):
        return
    for unit in vocabulary.units:
        base, own = step.bases.get(unit.name), unit.own(side, record.values)
        dealt = None if base is None else base.of(side)
        sent = {name: value for name, value in step.action.values.items() if name in own}
        stands = bool(sent) and all(own[name] == value for name, value in sent.items())
        ruled = dealt is not None and dealt.origin == "rule" and dealt.system is not None
        if dealt is None or ruled or isinstance(unit, SetUnit) or dealt.values == own or not stands:
            continue
        who, theirs = record.updated_by or "somebody", carried(step, side, [unit.name])
        why = f"{unit.name}: {who} wrote it in {side} while Tieline did, and it stands as they set it"
        values = (no_values(), theirs) if side == "servicenow" else (theirs, no_values())
        yield Conflict(pair.id, unit.name, "race", *values, why, at, winner=side, closed_at=at)


def _left_empty(
    pair: Pair, step: Step, applied: Applied, vocabulary: Vocabulary, at: datetime
) -> Iterator[Conflict]:
    """A Conflict for what a transition carried and Jira left empty: it may take a resolution and not set it.

    A side that says nothing contradicts nothing, so that no later look would find it: it stays open until
    somebody sets the field, or lets it be.
    """
    record, action = applied.record, step.action
    if not isinstance(action, Transition) or record is None or applied.races:
        return
    for unit in vocabulary.units:
        own, base = unit.own("jira", record.values), step.bases.get(unit.name)
        empty = [n for n in own if own[n] is None and action.values.get(n) is not None]
        there = None if base is None else base.of("servicenow")
        if empty and there is not None and action.move.to in own.values():
            why = f"{unit.name}: jira made the transition and left {', '.join(empty)} empty: set it there"
            yield Conflict(pair.id, unit.name, "left", there.values, own, why, at, open=True)


def _left_unfilled(
    pair: Pair, step: Step, applied: Applied, vocabulary: Vocabulary, at: datetime
) -> Iterator[Conflict]:
    """The same of ServiceNow, where a rule may empty the close code, or the account may not write it."""
    record, action, unit = applied.record, step.action, vocabulary.status
    if not isinstance(action, Update) or record is None or record.ref.side != "servicenow":
        return
    base = None if unit is None else step.bases.get(unit.name)
    there = None if base is None or base.ruled else base.of("jira")
    if unit is None or there is None or untaken(unit, action, record):
        return  # nothing came of this write: what ended it before is told already
    own = unit.own("servicenow", record.values)
    left = [n for n in unit.silent("servicenow", own, there.values) if action.values.get(n) is not None]
    told = any(c.unit == unit.name and c.kind == "unfilled" for c in step.conflicts)
    if left and not told:
        what = ", ".join(f"{n} empty" if own[n] is None else f"{n} at {own[n]!r}" for n in left)
        why = f"{unit.name}: servicenow was ended and left {what}: set it there"
        yield Conflict(pair.id, unit.name, "unfilled", own, there.values, why, at, open=True)


def carried(step: Step, side: Side, units: Sequence[str]) -> Values:
    """What the other side holds of these units; of one that is still to be carried there, what is sent."""
    found: dict[str, Value] = {}
    for base in (step.bases[name] for name in units if name in step.bases):
        ours, theirs = base.of(side), base.of(other(side))
        if ours is not None and _in_part(step, ours):
            found |= {name: value for name, value in _values(step).items() if name in ours.values}
        elif theirs is not None:
            found |= theirs.values
    return found


def _in_part(step: Step, dealt: Dealt | None) -> bool:
    """Whether of what a step sends of a unit something is still to be carried to the other side."""
    sent, known = _values(step), no_values() if dealt is None else dealt.values
    return any(sent.get(name, value) != value for name, value in known.items())


def _what(step: Step) -> str:
    """What a write without a unit is about: a tie is about its relation."""
    action = step.action
    if isinstance(action, Relate | Unrelate):
        return action.about.partition(" ")[0]
    return type(action).__name__


def _sent(step: Step, field: str) -> Values:
    values = _values(step)
    return {field: values.get(field)} if field in values else dict(values)


def _values(step: Step) -> Values:
    values: Values = getattr(step.action, "values", no_values())
    return values
