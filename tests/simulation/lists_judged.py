"""Whether what people are shown in conflicts and parks has a cause: the other way round of P2, P3 and P6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tests.simulation import truth
from tests.simulation.evidence import Couple, Evidence, Stand, Violation, as_text, is_of_then, stays_closed
from tests.simulation.scenario import UNITS
from tests.simulation.sides import Row
from tests.simulation.world import Who
from tieline.connectors.base import SIDES, Side, Update, Value, other
from tieline.sync.model import Conflict

HELD = "sub4"
"""What the simulation's policy holds for a person: a subcategory that begins so."""


def honest_conflicts(evidence: Evidence) -> Iterator[Violation]:
    """P2, the other way round: no conflict that nobody caused, and none left open that a rule decides."""
    for (life, _), conflict in evidence.story.lists.conflicts.items():
        couple = evidence.pair_ids.get((life, conflict.pair))
        if couple is None or life or evidence.story.scenario.tampered:
            continue
        stays = conflict.unit == "status" and stays_closed(evidence, conflict.servicenow)
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
                f"{couple} {conflict.unit}: a conflict names {as_text(values)} in {side}, "
                "which no person set",
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
    return kept and any(is_of_then(evidence, race, side, stand) for race in races)


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
            yield Violation("P2", f"{couple}: a race names {as_text(values)} in {side}, which no person set")


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
