"""The promises P1 to P10 as code, judged apart from the engine.

It sees what people did, what stands on both sides, and the lists that people are shown (conflicts, parked,
audit); never the Base, the intents, the inbox or the cursors of the engine. P5 is judged in `talk`, where a
run has conversations: here it says that no note of ours is written twice. P11 is judged with P2, where a
policy is at work: what a rule does with a person's choice stands in the conflicts, or it is lost in silence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from tests.simulation import truth
from tests.simulation.apart import times_apart
from tests.simulation.looks import agreements
from tests.simulation.scenario import UNITS
from tests.simulation.servicenow import MATRIX
from tests.simulation.sides import Row
from tests.simulation.simulation import Lists, Story
from tests.simulation.world import Effect, Happened, Who
from tieline.connectors.base import SIDES, Attach, Create, Side, Transition, Update, Value, other
from tieline.sync.model import Conflict, Pair

MOMENTS = timedelta(seconds=400)
"""How long before a write the other side may have shown what it carries: a slow pass, a late commit."""

_NAMED: Final = re.compile(r" at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC(?: while |, )")
"""Where a race says when somebody wrote, by that side's clock: while we did, or last, if that is in doubt."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept, and how it shows."""

    promise: str
    text: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.text}"


@dataclass(frozen=True, slots=True)
class Stand:
    """What one unit of one record held from some moment on, and who made it so."""

    seq: int
    at: datetime
    who: Who
    values: Mapping[str, Value]
    meaning: Hashable


@dataclass(frozen=True, slots=True)
class Couple:
    """The two records of an incident, known by what the engine made of what (no record of the engine)."""

    servicenow: Row
    jira: Row

    def row(self, side: Side) -> Row:
        """The record of one side."""
        return self.servicenow if side == "servicenow" else self.jira

    def __str__(self) -> str:
        return f"{self.servicenow.label} = {self.jira.label}"

    @property
    def visible(self) -> bool:
        """Whether both can be seen."""
        return self.servicenow.visible and self.jira.visible


class Evidence:
    """What a run left, arranged for judging."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.stands: dict[tuple[Side, str, str], list[Stand]] = defaultdict(list)
        for happened in story.world.log:
            self._enter(happened)
        self.sent: dict[tuple[Side, str], list[Effect]] = defaultdict(list)
        for effect in story.world.effects:
            self.sent[effect.side, effect.id].append(effect)
        self.couples = list(self._couples())
        self.couple_of = {(side, c.row(side).id): c for c in self.couples for side in SIDES}
        self.pair_ids: dict[tuple[int, int], Couple] = {}
        for key, pair in story.lists.pairs.items():
            couple = self._couple_of(pair)
            if couple is not None:
                self.pair_ids[key] = couple

    def _enter(self, happened: Happened) -> None:
        for unit in UNITS:
            names = truth.OWN[happened.side][unit]
            held = self.stands[happened.side, happened.id, unit]
            if held and not happened.changed.intersection(names):
                continue
            values = truth.own(happened.side, unit, happened.values)
            meaning = truth.meaning(happened.side, unit, happened.values)
            who: Who = happened.who if happened.meant & happened.changed & set(names) else "automation"
            held.append(Stand(happened.seq, happened.at, who, values, meaning))

    def _couples(self) -> Iterator[Couple]:
        for side in SIDES:
            for row in self.story.sides[side].rows.values():
                if row.origin is None or row.copied:
                    continue
                origin = self.story.sides[other(side)].rows[row.origin.id]
                yield Couple(row, origin) if side == "servicenow" else Couple(origin, row)

    def _couple_of(self, pair: Pair) -> Couple | None:
        mine = self.couple_of.get(("servicenow", pair.servicenow.id))
        return mine if mine is not None and mine.jira.id == pair.jira.id else None

    def conflicts(self, couple: Couple, unit: str) -> list[Conflict]:
        """What people are shown about this incident and unit; races may name no single unit."""
        found = []
        for (life, _), conflict in self.story.lists.conflicts.items():
            if self.pair_ids.get((life, conflict.pair)) is couple and _concerns(conflict, unit):
                found.append(conflict)
        return found

    def is_parked(self, lists: Lists, couple: Couple) -> bool:
        """Whether people are shown that this incident is left alone."""
        keys = {park.key for park in lists.parks}
        named = {f"p:{id_}" for (life, id_), c in self.pair_ids.items()
                 if c is couple and life == self.story.world.life}  # fmt: skip
        named |= {f"r:{side}:{couple.row(side).id}" for side in SIDES}
        return bool(keys & named)

    def open_conflict(self, lists: Lists, couple: Couple, unit: str) -> Conflict | None:
        """The open conflict that holds a unit."""
        life = self.story.world.life
        return next(
            (c for c in lists.open if c.unit == unit and self.pair_ids.get((life, c.pair)) is couple), None
        )


def _concerns(conflict: Conflict, unit: str) -> bool:
    return unit in conflict.unit.split(", ") or conflict.kind == "race"


def judge(story: Story) -> list[Violation]:
    """Every promise that was not kept in a run."""
    if story.crash:
        return [Violation("P6", f"the engine broke: {story.crash}")]
    evidence = Evidence(story)
    found: list[Violation] = []
    for promise in PROMISES:
        found += promise(evidence)
    return found


def one_mirror(evidence: Evidence) -> Iterator[Violation]:
    """P1: each incident of people has one mirror, and what is none of ours has none."""
    story = evidence.story
    made: Counter[tuple[Side, str]] = Counter()
    for side in SIDES:
        for row in story.sides[side].rows.values():
            if row.origin is not None and not row.copied and row.visible:
                made[other(side), row.origin.id] += 1
    parks = {park.key for park in story.lists.parks}
    for side in SIDES:
        for row in story.sides[side].rows.values():
            count, mine = made[side, row.id], evidence.couple_of.get((side, row.id))
            if count > 1:
                yield Violation("P1", f"{row.label} of {side} has {count} mirrors")
            is_origin = row.origin is None and not row.marker.startswith(("sim:", "elsewhere:"))
            if not is_origin and row.origin is None and mine is not None:
                yield Violation("P1", f"{row.label} of {side} is none of ours and was mirrored")
            due = is_origin and row.visible and row.place == story.sides[side].place
            if due and mine is None and f"r:{side}:{row.id}" not in parks:
                yield Violation("P2", f"{row.label} of {side} never got a mirror, and is not parked")
    for row in story.people.clones:
        key = f"r:{'jira' if row.id in story.sides['jira'].rows else 'servicenow'}:{row.id}"
        if row.visible and row.place == story.sides[_side_of(key)].place and key not in parks:
            yield Violation("P1", f"the copy {row.label} is not reported")


def _side_of(key: str) -> Side:
    return "jira" if ":jira:" in key else "servicenow"


def nothing_lost(evidence: Evidence) -> Iterator[Violation]:
    """P2: each edit of a person arrived, was superseded, or stands where people see it."""
    for couple in evidence.couples:
        if evidence.is_parked(evidence.story.lists, couple):
            continue
        for side in SIDES:
            for unit in UNITS:
                if unit == "labels":
                    yield from _labels_lost(evidence, couple, side)
                else:
                    yield from _edits_lost(evidence, couple, side, unit)


def _edits_lost(evidence: Evidence, couple: Couple, side: Side, unit: str) -> Iterator[Violation]:
    held = evidence.stands[side, couple.row(side).id, unit]
    across = evidence.stands[other(side), couple.row(other(side)).id, unit]
    for number, stand in enumerate(held):
        if stand.who != "person" or stand.seq < evidence.story.world.life_began:
            continue
        end = next((later for later in held[number + 1 :] if later.meaning != stand.meaning), None)
        if end is None or end.who != "tieline":
            continue
        put_back = _is_put_back(held, across, stand) or _is_agreed_again(evidence, couple, side, unit, stand)
        if put_back and not _was_agreed(evidence, couple, side, unit, stand):
            continue
        arrived = _arrived([*across, *_sent(evidence, couple, other(side), unit)], stand, end, unit, side)
        if (arrived and _tail_kept(side, unit, stand, end)) or _is_told(
            evidence, couple, side, unit, stand, end
        ):
            continue
        yield Violation(
            "P2",
            f"{couple} {unit}: a person set {_shown(stand.values)} in {side} at {stand.at:%H:%M:%S}; it was "
            f"overwritten by {_shown(end.values)} at {end.at:%H:%M:%S} and stands nowhere",
        )


def _is_put_back(held: list[Stand], across: list[Stand], stand: Stand) -> bool:
    """Whether people only went back to what stood when the engine last wrote this unit, on either side.

    Nothing of what they did in between was carried, so nothing has to be taken back.
    """
    if not across:
        return False
    wrote = _last_written(held, across, stand)
    then = [s for s in held if s.seq <= wrote]
    return wrote < stand.seq and then[-1].meaning == stand.meaning


def _last_written(held: list[Stand], across: list[Stand], stand: Stand) -> int:
    """The number of the last write of the engine before `stand`, on either side; else of the mirror."""
    made = max(held[0].seq, across[0].seq)
    return max(s.seq for s in (*held, *across) if s.seq == made or (s.who == "tieline" and s.seq < stand.seq))


def _is_agreed_again(evidence: Evidence, couple: Couple, side: Side, unit: str, stand: Stand) -> bool:
    """Whether people only went back to what both sides agreed on by themselves when a pass last saw it so.

    That is dealt with and needed no write, so that nothing of what they did since was carried either. What
    a pass saw that broke off counts beside what the last whole one saw: it may not have dealt with it.
    """
    ids = {each: couple.row(each).id for each in SIDES}
    held = {each: evidence.stands[each, ids[each], unit] for each in SIDES}
    if not held[other(side)]:
        return False
    wrote = _last_written(held[side], held[other(side)], stand)
    steps = {each: [(s.seq, s.values) for s in held[each]] for each in SIDES}
    looks = {each: evidence.story.world.looks[each, ids[each]] for each in SIDES}
    known: list[Hashable] = []
    for seq, shown, whole in agreements(unit, steps, looks, evidence.story.passes):
        if wrote < seq < stand.seq:
            known = [*([] if whole else known), truth.meaning(side, unit, shown[side])]
    return stand.meaning in known


def _was_agreed(evidence: Evidence, couple: Couple, side: Side, unit: str, stand: Stand) -> bool:
    """Whether both sides had agreed on what `stand` put back, for so long that the engine dealt with it.

    Only a run in which nothing went wrong tells: else passes may have missed it.
    """
    told = evidence.story.scenario
    if told.tampered or told.deaths or told.read_faults or told.write_faults:
        return False
    held = [s for s in evidence.stands[side, couple.row(side).id, unit] if s.seq < stand.seq]
    across = [s for s in evidence.stands[other(side), couple.row(other(side)).id, unit] if s.seq < stand.seq]
    if not held or not across or held[-1].meaning == stand.meaning:
        return False
    mine, theirs = ("servicenow", "jira") if side == "servicenow" else ("jira", "servicenow")
    both = {mine: held[-1].values, theirs: across[-1].values}
    since = max(held[-1].at, across[-1].at)
    return stand.at - since > MOMENTS and truth.agree(unit, both["servicenow"], both["jira"])


def _tail_kept(side: Side, unit: str, stand: Stand, end: Stand) -> bool:
    """Whether the end of a text that the other side was never shown still stands."""
    name = truth.OWN[side][unit][0]
    tail = truth.tail(str(stand.values[name] or "")) if unit == "description" else ""
    return str(end.values[name] or "").endswith(tail)


def _sent(evidence: Evidence, couple: Couple, side: Side, unit: str) -> Iterator[Stand]:
    """What was sent to a record, whatever a rule there made of it in the same moment."""
    names = truth.OWN[side][unit]
    for effect in evidence.sent[side, couple.row(side).id]:
        given = getattr(effect.action, "values", {})
        held = [s for s in evidence.stands[side, couple.row(side).id, unit] if s.seq < effect.seq]
        if held and any(name in given for name in names):
            sent = {name: given.get(name, held[-1].values.get(name)) for name in names}
            values = _worked_out(side, unit, sent)
            yield Stand(effect.seq, effect.at, "tieline", values, truth.meaning(side, unit, values))


def _arrived(across: list[Stand], stand: Stand, end: Stand, unit: str, side: Side) -> bool:
    """Whether the other side ever showed it between the edit and its end."""
    before = sorted((s for s in across if s.seq < stand.seq), key=lambda s: s.seq)[-1:]
    shown = [*before, *(s for s in across if stand.seq < s.seq < end.seq)]
    mine, theirs = ("servicenow", "jira") if side == "servicenow" else ("jira", "servicenow")
    both = [{mine: stand.values, theirs: s.values} for s in shown]
    return any(truth.agree(unit, pair["servicenow"], pair["jira"]) for pair in both)


def _is_told(evidence: Evidence, couple: Couple, side: Side, unit: str, stand: Stand, end: Stand) -> bool:
    for conflict in evidence.conflicts(couple, unit):
        values = conflict.servicenow if side == "servicenow" else conflict.jira
        if conflict.kind == "race" and not values and _is_of_then(evidence, conflict, side, end):
            return True
        known = {name: value for name, value in values.items() if name in stand.values}
        if known and all(stand.values[name] == value for name, value in known.items()):
            return True
        whole = {**stand.values, **known}
        if known and len(known) == len(stand.values) and truth.meaning(side, unit, whole) == stand.meaning:
            return True
    return False


def _is_of_then(evidence: Evidence, conflict: Conflict, side: Side, end: Stand) -> bool:
    """Whether a race is told of that moment: soon after it, or by the time that the conflict itself names.

    Where the answer was lost, a race is told when the answer is looked for: passes may have died before.
    """
    if abs(conflict.at - end.at) < MOMENTS:
        return True
    named = _NAMED.search(conflict.reason)
    if named is None or conflict.at < end.at:
        return False
    skew = timedelta(seconds=evidence.story.scenario.traits.skew[SIDES.index(side)])
    at = datetime.strptime(named[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - skew
    return abs(at - end.at) < MOMENTS


def _labels_lost(evidence: Evidence, couple: Couple, side: Side) -> Iterator[Violation]:
    held = evidence.stands[side, couple.row(side).id, "labels"]
    name, end = truth.OWN[side]["labels"][0], len(held)
    if _told_of_a_race(evidence, couple):
        return
    for number in range(end):
        if held[number].who != "person" or held[number].seq < evidence.story.world.life_began:
            continue
        now = _set(held[number].values[name])
        before = _set(held[number - 1].values[name]) if number else frozenset()
        for label, wanted in [*((x, True) for x in now - before), *((x, False) for x in before - now)]:
            if _is_undone(evidence, couple, label, held[number].seq):
                continue
            if not wanted and _is_told_kept(evidence, couple, side, label, held[number]):
                continue
            for there in SIDES:
                present = label in _set(couple.row(there).values.get(truth.OWN[there]["labels"][0]))
                if present != wanted and couple.visible:
                    did = "added" if wanted else "removed"
                    yield Violation(
                        "P2", f"{couple} labels: {label} {did} in {side} did not stay so in {there}"
                    )


def _is_told_kept(evidence: Evidence, couple: Couple, side: Side, label: str, stand: Stand) -> bool:
    """Whether people are shown that what was taken away on one side was put there again from the other.

    Without a history nothing tells that it was taken away, so that both sides get what either has.
    """
    names = {each: truth.OWN[each]["labels"][0] for each in SIDES}
    for conflict in evidence.conflicts(couple, "labels"):
        values = {"servicenow": conflict.servicenow, "jira": conflict.jira}
        there = {each: label in _set(values[each].get(names[each])) for each in SIDES}
        if conflict.kind == "first" and conflict.at > stand.at and there[other(side)] and not there[side]:
            return True
    return False


def _told_of_a_race(evidence: Evidence, couple: Couple) -> bool:
    return any(c.kind == "race" and _concerns(c, "labels") for c in evidence.conflicts(couple, "labels"))


def _is_undone(evidence: Evidence, couple: Couple, label: str, since: int) -> bool:
    """Whether a person touched the label again, on either side."""
    for side in SIDES:
        held = evidence.stands[side, couple.row(side).id, "labels"]
        name = truth.OWN[side]["labels"][0]
        for number in range(1, len(held)):
            change = _set(held[number].values[name]) ^ _set(held[number - 1].values[name])
            if held[number].seq > since and held[number].who == "person" and label in change:
                return True
    return False


def _set(value: Value) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()


def convergence(evidence: Evidence) -> Iterator[Violation]:
    """P3 and P10: in the end the sides agree, the next pass writes nothing; most of it without a sweep."""
    story = evidence.story
    last = story.passes[-1]
    if last.error or last.writes:
        yield Violation("P3", f"the last pass still writes ({last.writes}) or fails ({last.error})")
    for couple in evidence.couples:
        if couple.visible:
            values = {side: couple.row(side).values for side in SIDES}
            yield from _differences(evidence, couple, values, story.lists, "P3")
            disturbed = couple.jira.place != story.sides["jira"].place or story.scenario.tampered
            early = {side: story.early_values[side].get(couple.row(side).id) for side in SIDES}
            if story.early and all(early.values()) and not disturbed:
                yield from _differences(evidence, couple, early, story.early, "P10")


def _differences(
    evidence: Evidence,
    couple: Couple,
    values: Mapping[Side, Mapping[str, Value] | None],
    lists: Lists,
    promise: str,
) -> Iterator[Violation]:
    if evidence.is_parked(lists, couple):
        return
    for unit in UNITS:
        ours, theirs = values["servicenow"] or {}, values["jira"] or {}
        if truth.agree(unit, ours, theirs) or evidence.open_conflict(lists, couple, unit) is not None:
            continue
        if unit == "status" and _stays_closed(evidence, ours):
            continue
        shown = f"{_shown(truth.own('servicenow', unit, ours))} and {_shown(truth.own('jira', unit, theirs))}"
        yield Violation(promise, f"{couple} {unit}: the sides hold {shown}, and nobody is told")


def _stays_closed(evidence: Evidence, servicenow: Mapping[str, Value]) -> bool:
    return evidence.story.scenario.traits.reopen != "write" and servicenow.get("state") == "7"


def no_echo(evidence: Evidence) -> Iterator[Violation]:
    """P4: what the engine writes was shown by the other side just before, and says something new."""
    for (side, id_, unit), held in evidence.stands.items():
        couple = evidence.couple_of.get((side, id_))
        if couple is None or unit == "labels":
            continue
        across = evidence.stands[other(side), couple.row(other(side)).id, unit]
        for before, stand in pairwise(held):
            if stand.who != "tieline" or (unit, side) == ("status", "jira"):
                continue
            quiet = before.who == "tieline" or stand.at - before.at > MOMENTS
            if unit != "status" and quiet and before.meaning == stand.meaning and unit not in _REWRITTEN:
                yield Violation(
                    "P4", f"{couple} {unit}: {_shown(before.values)} in {side} was rewritten as "
                    f"{_shown(stand.values)}, which means the same",
                )  # fmt: skip
            known = (*_lately(held, stand), stand)
            sent = [_as_sent(evidence, side, id_, stand, unit, each) for each in known]
            ruled = unit in GOVERNED and bool(evidence.story.scenario.traits.policy)
            shown = any(_was_shown(across, each, unit, side) for each in sent)
            if unit != "description" and not ruled and not shown:
                yield Violation(
                    "P4", f"{couple} {unit}: {_shown(sent[-1].values)} was written to {side} at "
                    f"{stand.at:%H:%M:%S}, which the other side did not show",
                )  # fmt: skip


def _as_sent(evidence: Evidence, side: Side, id_: str, stand: Stand, unit: str, known: Stand) -> Stand:
    """What was sent, where a rule made something else of it in the same moment.

    Of a unit of several fields only those that differ are sent: the others are as they were `known`, though
    a person may have changed them since.
    """
    effect = next((e for e in evidence.sent[side, id_] if e.seq > stand.seq), None)
    given = getattr(effect.action, "values", {}) if effect is not None else {}
    values = _worked_out(side, unit, {name: given.get(name, value) for name, value in known.values.items()})
    return replace(stand, values=values, meaning=truth.meaning(side, unit, values))


def _worked_out(side: Side, unit: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """The values with the priority that ServiceNow makes of impact and urgency: it is never sent."""
    if (side, unit) != ("servicenow", "priority"):
        return dict(values)
    return {**values, "priority": MATRIX[int(str(values["impact"])), int(str(values["urgency"]))]}


HELD = "sub4"
"""What the simulation's policy holds for a person: a subcategory that begins so."""
GOVERNED = ("category", "group", "priority", "labels")
"""Units that the simulation's policy sets: what a rule writes, no side has shown."""
_REWRITTEN = ("description", "subcategory", "summary")
"""Units whose written value a rule may change in the same moment, or that are joined from two."""


def _was_shown(across: list[Stand], stand: Stand, unit: str, side: Side) -> bool:
    lately = _lately(across, stand)
    for shown in lately:
        ours, theirs = (stand.values, shown.values) if side == "servicenow" else (shown.values, stand.values)
        if truth.agree(unit, ours, theirs):
            return True
    return not lately


def _lately(held: list[Stand], stand: Stand) -> list[Stand]:
    """What stood in the moments before `stand`."""
    before = [s for s in held if s.seq < stand.seq]
    old = [s for s in before if stand.at - s.at > MOMENTS]
    return [*old[-1:], *before[len(old) :]]


def notes_once(evidence: Evidence) -> Iterator[Violation]:
    """P5: none of our notes stands twice on a record."""
    doubled = evidence.story.world.reach["fault double on a write"]
    for side in SIDES:
        for row in evidence.story.sides[side].rows.values():
            for text, count in Counter(row.notes).items():
                allowed = max(1, _left_behind(evidence, row, side, text), _stayed_closed(evidence, row, text))
                if count > allowed and not doubled and not evidence.story.scenario.tampered:
                    yield Violation("P5", f"{row.label} of {side} got the note {text!r} {count} times")


def _left_behind(evidence: Evidence, row: Row, side: Side, note: str) -> int:
    """How many files of one name cannot be carried over, for their size or since the other record refuses
    them: a note on each reads the same."""
    if not note.startswith("Not carried over"):
        return 0
    stored = evidence.story.sides[side].files.stored.get(row.id, [])
    refused = (
        sum(each.file.name in note and not each.ours for each in stored) if "did not take it" in note else 0
    )
    return max(refused, sum(put.large and put.name in note for put in evidence.story.scenario.puts))


def _stayed_closed(evidence: Evidence, issue: Row, note: str) -> int:
    """How often the issue was reopened, or went on, beside its closed incident: each time it is told so."""
    couple = evidence.couple_of.get(("jira", issue.id))
    if couple is None or "stays closed" not in note:
        return 0
    return times_apart(
        (stand.seq, side, stand.who, stand.values)
        for side in SIDES
        for stand in evidence.stands[side, couple.row(side).id, "status"]
    )


def no_stampede(evidence: Evidence) -> Iterator[Violation]:
    """P7: a pass that is stopped, or that meets an anonymous side, writes nothing; none touches too much."""
    story = evidence.story
    limit = story.scenario.traits.max_records
    for done in story.passes:
        if done.stopped and done.writes:
            yield Violation("P7", f"pass {done.number} was stopped after {done.writes} writes")
        if not done.allowed and done.touched > limit and not story.scenario.tampered:
            yield Violation("P7", f"pass {done.number} touched {done.touched} records, {limit} were allowed")
    if story.passes[0].writes:
        yield Violation("P7", "the first mirroring was not asked for")


def accounted(evidence: Evidence) -> Iterator[Violation]:
    """P8: each write that took effect stands in the audit trail, with its reason and its pass."""
    story = evidence.story
    entered = {
        _entry_key(e.ref.side, e.ref.id, e.action, e.new) for e in story.lists.audit if e.ref is not None
    }
    for entry in story.lists.audit:
        if not entry.why or not entry.pass_id:
            yield Violation("P8", f"the audit of {entry.action} on {entry.ref} names no reason or no pass")
    for effect in story.world.effects:
        if effect.life != story.world.life or evidence.story.scenario.tampered:
            continue
        action = effect.action
        ref = action.origin if isinstance(action, Create) else action.ref
        new = dict(getattr(action, "values", {}))
        new |= {"status": action.move.to} if isinstance(action, Transition) else {}
        new |= {"attachment": action.name} if isinstance(action, Attach) else {}
        if _entry_key(ref.side, ref.id, type(action).__name__, new) not in entered:
            yield Violation(
                "P8", f"{type(action).__name__} on {ref} at {effect.at:%H:%M:%S} is not in the audit"
            )


def _entry_key(side: str, id_: str, action: str, new: Mapping[str, Value]) -> tuple[object, ...]:
    return (side, id_, action, tuple(sorted((name, repr(_sorted(value))) for name, value in new.items())))


def _sorted(value: Value) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def private(evidence: Evidence) -> Iterator[Violation]:
    """P9: the state can be read by its owner alone."""
    if evidence.story.mode & 0o077:
        yield Violation("P9", f"the state's file has mode {evidence.story.mode:o}")


def honest_conflicts(evidence: Evidence) -> Iterator[Violation]:
    """P2, the other way round: no conflict that nobody caused, and none left open that a rule decides."""
    for (life, _), conflict in evidence.story.lists.conflicts.items():
        couple = evidence.pair_ids.get((life, conflict.pair))
        if couple is None or life or evidence.story.scenario.tampered:
            continue
        stays = conflict.unit == "status" and _stays_closed(evidence, conflict.servicenow)
        if conflict.kind == "clash" and not stays and conflict.choice is None:
            yield from _both_edited(evidence, couple, conflict)
        elif conflict.kind == "race":
            yield from _really_lost(evidence, couple, conflict)
    for conflict in evidence.story.lists.open:
        if not _may_be_open(evidence, conflict):
            yield Violation(
                "P3", f"an open conflict that a rule should decide: {conflict.unit} {conflict.kind}"
            )


def _both_edited(evidence: Evidence, couple: Couple, conflict: Conflict) -> Iterator[Violation]:
    for side in SIDES:
        values = conflict.servicenow if side == "servicenow" else conflict.jira
        held = evidence.stands[side, couple.row(side).id, conflict.unit]
        meaning = truth.meaning(side, conflict.unit, values)  # our notes may stand beside a person's status
        mine = [stand for stand in held if stand.meaning == meaning]
        untold = side == "servicenow" and any(_author_is_untold(evidence, couple, s, conflict) for s in mine)
        mixed = any(_is_mixed(evidence, couple, side, conflict.unit, stand) for stand in mine)
        if not untold and not mixed and all(stand.who == "tieline" for stand in mine):
            yield Violation(
                "P2",
                f"{couple} {conflict.unit}: a conflict names {_shown(values)} in {side}, which no person set",
            )


def _is_mixed(evidence: Evidence, couple: Couple, side: Side, unit: str, stand: Stand) -> bool:
    """Whether a person's edit of one field stands beside what we sent of another, and that race is told.

    Of a unit of several fields only what differs is sent: what stands then is theirs as much as ours.
    """
    held = evidence.stands[side, couple.row(side).id, unit]
    place = held.index(stand)
    effect = next((e for e in evidence.sent[side, couple.row(side).id] if e.seq > stand.seq), None)
    if place < 2 or effect is None or stand.who != "tieline" or held[place - 1].who != "person":
        return False
    races = [c for c in evidence.conflicts(couple, unit) if c.kind == "race"]
    given = getattr(effect.action, "values", {})
    before, edit = held[place - 2].values, held[place - 1].values
    theirs = [name for name, value in edit.items() if value != before[name] and name not in given]
    kept = any(stand.values[name] == edit[name] for name in theirs)
    return kept and any(_is_of_then(evidence, race, side, stand) for race in races)


def _author_is_untold(evidence: Evidence, couple: Couple, stand: Stand, conflict: Conflict) -> bool:
    """Whether nothing told who made this of what we sent: a rule did, within our create or update.

    The answer was lost, and by the time that it was looked for somebody else had written to the record:
    ServiceNow tells its last writer alone, so that it may as well have been a person's value.
    """
    row = couple.servicenow
    doubted = _left_in_doubt(evidence, row, stand, conflict)
    if doubted is not None:
        return _hands(evidence, row, stand, doubted)[-1:] not in ([], ["tieline"])
    found = any(e.detail == f"found by its marker: {row.label}" for e in evidence.story.lists.audit)
    made = evidence.stands["servicenow", row.id, conflict.unit][0]
    later = _hands(evidence, row, stand, conflict.at)
    return found and stand is made and any(who != "tieline" for who in later)


def _left_in_doubt(evidence: Evidence, row: Row, stand: Stand, conflict: Conflict) -> datetime | None:
    """When the lost answer to what made `stand` was given up; None unless a rule changed what was sent.

    None, too, where something else that the write had changed still stood: it showed that it was made.
    """
    effect = next((e for e in evidence.sent["servicenow", row.id] if e.seq > stand.seq), None)
    if effect is None or not isinstance(effect.action, Update):
        return None
    given, before = effect.action.values, effect.action.before
    if not any(given.get(name, value) != value for name, value in stand.values.items()):
        return None
    given_up = [
        entry.at for entry in evidence.story.lists.audit
        if entry.ref is not None and entry.ref.id == row.id and entry.new == given
        and entry.detail.startswith("its answer was lost, and the record moved on")
    ]  # fmt: skip
    until = min((at for at in given_up if stand.at < at <= conflict.at), default=None)
    if until is None:
        return None
    now = [each.values for each in evidence.story.world.log if each.id == row.id and each.at < until][-1]
    stood = any(before.get(name) != value == now[name] for name, value in given.items())
    return None if stood else until


def _hands(evidence: Evidence, row: Row, stand: Stand, until: datetime) -> list[Who]:
    """Who wrote to a record after `stand` and before that moment, one after the other."""
    hands = [(seq, at, who) for seq, at, id_, who in evidence.story.world.touched if id_ == row.id]
    hands += [(each.seq, each.at, each.who) for each in evidence.story.world.log if each.id == row.id]
    return [who for seq, at, who in sorted(hands) if seq > stand.seq and at < until]


def _really_lost(evidence: Evidence, couple: Couple, conflict: Conflict) -> Iterator[Violation]:
    for side in SIDES:
        values = conflict.servicenow if side == "servicenow" else conflict.jira
        if conflict.winner == side or not values or conflict.unit not in UNITS:
            continue
        held = evidence.stands[side, couple.row(side).id, conflict.unit]
        if not any(
            stand.who != "tieline" and all(stand.values.get(n) == v for n, v in values.items())
            for stand in held
        ):
            yield Violation("P2", f"{couple}: a race names {_shown(values)} in {side}, which no person set")


def _may_be_open(evidence: Evidence, conflict: Conflict) -> bool:
    traits = evidence.story.scenario.traits
    match conflict.kind:
        case "clash":
            number = UNITS.index(conflict.unit)
            rule, tie = traits.clash[number], traits.tie[number]
            return rule == "hold" or (rule == "newest" and tie == "hold")
        case "first":
            told = evidence.story.scenario
            # A mirror that somebody edited before it was found again has no history.
            lost = told.tampered or told.deaths or told.read_faults or told.write_faults or told.ambushes
            return bool(lost) and traits.first == "hold"
        case "flapping":
            return conflict.unit in ("summary", "subcategory") and bool(
                traits.rules & {"upper", "lower", "alternate"}
            )
        case "unmapped":
            sides: tuple[tuple[Side, Mapping[str, Value]], ...] = (
                ("servicenow", conflict.servicenow), ("jira", conflict.jira)
            )  # fmt: skip
            return any(not truth.can_be_carried(side, conflict.unit, values) for side, values in sides)
        case "cut":
            return conflict.unit == "description"
        case _:
            return False


def honest_parks(evidence: Evidence) -> Iterator[Violation]:
    """P6: in the end only what really cannot be done is parked."""
    story = evidence.story
    for park in story.lists.parks:
        rows = _rows_of(evidence, park.key)
        match park.reason:
            case "gone":
                fair = any(not row.visible for row in rows)
            case "rejected":
                undone = "alternate" in story.scenario.traits.rules and "subcategory" in park.detail
                fair = undone or any(row.sour for row in rows) or _only_the_resolution(evidence, rows)
            case "no-path":
                fair = not story.scenario.traits.workflow
            case "unreadable":
                fair = any(row.garbled for row in rows)
            case "copy":
                fair = any(row.copied for row in rows)
            case "rule":
                fair = any(HELD in str(v) for row in rows for v in row.values.values())
            case _:
                fair = False
        if not fair:
            labels = ", ".join(row.label for row in rows)
            yield Violation(
                "P6", f"{labels or park.key} is parked ({park.reason}) without a cause: {park.detail}"
            )


def _only_the_resolution(evidence: Evidence, rows: list[Row]) -> bool:
    """Jira's resolution is set by transitions alone: a close code corrected afterwards cannot follow."""
    couple = next((evidence.couple_of.get((side, row.id)) for side in SIDES for row in rows if row.id in
                   evidence.story.sides[side].rows), None)  # fmt: skip
    if couple is None:
        return False
    ours, theirs = (truth.meaning(side, "status", couple.row(side).values) for side in SIDES)
    return isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) > 1 and ours[:2] != theirs[:2]


def _rows_of(evidence: Evidence, key: str) -> list[Row]:
    story = evidence.story
    if key.startswith("p:"):
        couple = evidence.pair_ids.get((story.world.life, int(key[2:])))
        return [] if couple is None else [couple.servicenow, couple.jira]
    _, side, id_ = key.split(":")
    row = story.sides["jira" if side == "jira" else "servicenow"].rows[id_]
    origin = story.sides[other("jira" if side == "jira" else "servicenow")].rows.get(
        row.marker.rpartition(":")[2]
    )
    return [row, *([origin] if origin is not None else [])]


def _shown(values: Mapping[str, Value]) -> str:
    shown = (str(_sorted(value)) for value in values.values() if value is not None)
    return " / ".join(text if len(text) < 50 else f"{text[:47]}..." for text in shown) or "nothing"


PROMISES = (
    one_mirror, nothing_lost, convergence, no_echo, notes_once, no_stampede, accounted, private,
    honest_conflicts, honest_parks,
)  # fmt: skip
