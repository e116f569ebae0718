"""The promises about what the engine writes (P4, P5, P7, P8) as code: nothing comes twice or unaccounted.

P5 is judged in `talk`, where a run has conversations: here it says that no note of ours is written twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from tests.simulation import truth
from tests.simulation.apart import times_apart
from tests.simulation.evidence import MOMENTS, Evidence, Stand, Violation, as_text, in_order, worked_out
from tests.simulation.sides import Row
from tieline.connectors.base import SIDES, Attach, Create, Side, Transition, Value, other

GOVERNED = ("category", "group", "priority", "labels")
"""Units that the simulation's policy sets: what a rule writes, no side has shown."""
_REWRITTEN = ("description", "subcategory", "summary")
"""Units whose written value a rule may change in the same moment, or that are joined from two."""


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
            policy = bool(evidence.story.scenario.traits.policy)
            same = before.meaning == stand.meaning and not (policy and made_graver(before, stand))
            if unit != "status" and quiet and same and unit not in _REWRITTEN:
                yield Violation(
                    "P4", f"{couple} {unit}: {as_text(before.values)} in {side} was rewritten as "
                    f"{as_text(stand.values)}, which means the same",
                )  # fmt: skip
            known = (*_lately(held, stand), stand)
            sent = [_as_sent(evidence, side, id_, stand, unit, each) for each in known]
            ruled = unit in GOVERNED and policy
            shown = any(_was_shown(across, each, unit, side) for each in sent)
            if unit != "description" and not ruled and not shown:
                yield Violation(
                    "P4", f"{couple} {unit}: {as_text(sent[-1].values)} was written to {side} at "
                    f"{stand.at:%H:%M:%S}, which the other side did not show",
                )  # fmt: skip


def made_graver(before: Stand, after: Stand) -> bool:
    """Whether an urgency or an impact was set to 1, as rules do: with the other of the two, that may mean the
    priority that stood before.
    """
    return any(before.values.get(name) != after.values.get(name) == "1" for name in ("impact", "urgency"))


def _as_sent(evidence: Evidence, side: Side, id_: str, stand: Stand, unit: str, known: Stand) -> Stand:
    """What was sent, where a rule made something else of it in the same moment.

    Of a unit of several fields only those that differ are sent: the others are as they were `known`, though
    a person may have changed them since.
    """
    effect = next((e for e in evidence.sent[side, id_] if e.seq > stand.seq), None)
    given = getattr(effect.action, "values", {}) if effect is not None else {}
    values = worked_out(side, unit, {name: given.get(name, value) for name, value in known.values.items()})
    return replace(stand, values=values, meaning=truth.meaning(side, unit, values))


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
    whole = [(done.begun, done.ended) for done in evidence.story.passes if not done.error]
    looks = [
        look.seq
        for look in evidence.story.world.looks["jira", issue.id]
        if any(begun <= look.at <= ended for begun, ended in whole)
    ]
    steps = (
        (stand.seq, side, stand.who, stand.values)
        for side in SIDES
        for stand in evidence.stands[side, couple.row(side).id, "status"]
    )
    return times_apart(steps, looks)


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
    return (side, id_, action, tuple(sorted((name, repr(in_order(value))) for name, value in new.items())))
