"""P2 as code: each edit of a person arrived, was superseded, or stands where people see it.

P11 is judged here as well, where a policy is at work: what a rule does with a person's choice stands in the
conflicts, or it is lost in silence.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from tests.simulation import truth
from tests.simulation.evidence import (
    MOMENTS,
    Couple,
    Evidence,
    Stand,
    Violation,
    as_text,
    concerns,
    is_of_then,
    names_the_edit,
    worked_out,
)
from tests.simulation.looks import agreements
from tests.simulation.scenario import UNITS
from tests.simulation.settings import NOTES
from tieline.connectors.base import SIDES, Side, Update, Value, other
from tieline.sync.model import Conflict


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
        if unit == "status" and notes_stand(side, held[number - 1 : number], stand, end, across):
            continue
        arrived = _arrived([*across, *_sent(evidence, couple, other(side), unit)], stand, end, unit, side)
        if (arrived and _tail_kept(side, unit, stand, end)) or _is_told(
            evidence, couple, side, unit, stand, end
        ):
            continue
        yield Violation(
            "P2",
            f"{couple} {unit}: a person set {as_text(stand.values)} in {side} at {stand.at:%H:%M:%S}; it was "
            f"overwritten by {as_text(end.values)} at {end.at:%H:%M:%S} and stands nowhere",
        )


def notes_stand(side: Side, before: list[Stand], stand: Stand, end: Stand, across: list[Stand]) -> bool:
    """Whether an edit changed nothing but close notes, and they stand on both sides when it ends.

    They may stand beside the status that somebody else set in the moment in which they were carried: nobody
    loses anything by that.
    """
    mine, theirs = ("close_notes", NOTES) if side == "servicenow" else (NOTES, "close_notes")
    changed = {n for last in before for n, value in stand.values.items() if last.values.get(n) != value}
    shown = sorted((s for s in across if s.seq < end.seq), key=lambda s: s.seq)[-1:]
    return changed == {mine} and [end.values[mine]] * 2 == [
        stand.values[mine],
        *(s.values[theirs] for s in shown),
    ]


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
            values = worked_out(side, unit, sent)
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
        if conflict.kind == "race" and not values and is_of_then(evidence, conflict, side, end):
            return True
        if conflict.kind == "race" and not values and _met_the_same(evidence, couple, side, stand, conflict):
            return True
        known = {name: value for name, value in values.items() if name in stand.values}
        if known and all(stand.values[name] == value for name, value in known.items()):
            return True
        whole = {**stand.values, **known}
        if known and len(known) == len(stand.values) and truth.meaning(side, unit, whole) == stand.meaning:
            return True
    return False


def _met_the_same(evidence: Evidence, couple: Couple, side: Side, stand: Stand, conflict: Conflict) -> bool:
    """Whether an edit set just what we sent at that moment, and a race names its very second.

    Among several changes nothing tells that ours was none: what stands counts as what was carried.
    """
    effect = next((e for e in evidence.sent[side, couple.row(side).id] if e.seq > stand.seq), None)
    if effect is None or conflict.at < effect.at or not isinstance(effect.action, Update):
        return False
    sent = {name: value for name, value in effect.action.values.items() if name in stand.values}
    same = bool(sent) and all(stand.values[name] == value for name, value in sent.items())
    return same and names_the_edit(evidence, conflict, side, stand)


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
    return any(c.kind == "race" and concerns(c, "labels") for c in evidence.conflicts(couple, "labels"))


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
