"""plan(snapshot, vocabulary, context) -> Plan: what should be written for one pair, and why. Pure.

`plan_mirror` does the same for a record that has no pair yet. Nothing here reads, writes or waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, assert_never

from tieline.connectors.base import (
    SIDES,
    AddNote,
    Create,
    Record,
    ShowLink,
    Side,
    Transition,
    Update,
    Value,
    Values,
    other,
)
from tieline.sync.groups import StatusUnit
from tieline.sync.mapping import Directory, SetUnit, Unit, Unmapped
from tieline.sync.merge import Decision, Hold, Settle, Take, has_moved, merge, merge_sets, trail
from tieline.sync.model import Conflict, Dealt, Park, Plan, Snapshot, Step, UnitBase
from tieline.sync.vocabulary import Vocabulary
from tieline.sync.workflow import Workflow

__all__ = ["Context", "plan", "plan_mirror"]

STATE_NAMES: Final = {
    "1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"
}  # fmt: skip
"""Incident states of ServiceNow, as the remote link shows them."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan needs to know besides the pair: who is who, the known workflow, the time."""

    now: datetime
    directory: Directory = field(default_factory=Directory)
    workflow: Workflow = field(default_factory=Workflow)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """One unit's end: what each side should hold, or the Conflict that holds it."""

    unit: Unit
    values: Mapping[Side, Values]
    base: UnitBase
    why: str = ""
    conflict: Conflict | None = None
    note: str = ""

    def changed(self, snapshot: Snapshot, side: Side) -> Values:
        """What has to be written on one side."""
        now, computed = snapshot.record(side).values, self.unit.computed(side)
        return {n: x for n, x in self.values[side].items() if now.get(n) != x and n not in computed}

    def writes(self, snapshot: Snapshot) -> bool:
        """Whether anything has to be written on either side."""
        return bool(self.note) or any(self.changed(snapshot, side) for side in SIDES)


def plan(snapshot: Snapshot, vocabulary: Vocabulary, context: Context) -> Plan:
    """Decide every unit of one pair and order what follows from it."""
    verdicts = [_decide(unit, snapshot, context) for unit in vocabulary.units]
    written = [v for v in verdicts if v.writes(snapshot)]
    quiet = [v for v in verdicts if not v.writes(snapshot)]
    old = snapshot.pair.base
    bases = {v.unit.name: v.base for v in quiet if v.base != old.unit(v.unit.name)}
    jira_steps, park = _jira_steps(written, snapshot, context)
    steps = (*_servicenow_steps(written, snapshot), *jira_steps, *_links(written, snapshot, vocabulary))
    conflicts, closed = _conflicts(written, quiet, snapshot)
    return Plan(steps, bases, conflicts, closed, park)


def plan_mirror(
    record: Record, vocabulary: Vocabulary, context: Context, *, marker: str, watermark: str = ""
) -> Step:
    """The one step that makes the mirror of a record without a pair.

    What cannot be carried over, and a Jira status other than the first, is left to the pair's next plan.
    """
    origin = record.ref.side
    side = other(origin)
    values: dict[str, Value] = {}
    bases: dict[str, UnitBase] = {}
    for unit in vocabulary.units:
        own = unit.own(origin, record.values)
        encoded = unit.encode(side, own, {}, context.directory) if vocabulary.creates(side, unit) else None
        if encoded is None or isinstance(encoded, Unmapped):
            continue
        values |= {n: v for n, v in encoded.items() if v is not None and n not in unit.computed(side)}
        dealt: dict[Side, Dealt] = {origin: Dealt(own), side: Dealt(encoded)}
        bases[unit.name] = UnitBase(dealt["servicenow"], dealt["jira"], context.now)
    action = Create(
        side=side,
        place=vocabulary.place(side),
        values=values,
        marker=marker,
        origin=record.ref,
        note=f"Mirrored from {record.label}: {record.url}" if side == "servicenow" else "",
        watermark=watermark,
        shown=record.label if side == "servicenow" else "",
    )
    return Step(action, (f"{record.label} was raised in {origin} and is in scope",), bases)


def _decide(unit: Unit, snapshot: Snapshot, context: Context) -> _Verdict:
    base = snapshot.pair.base.unit(unit.name)
    if isinstance(unit, SetUnit):
        return _sets(unit, base, snapshot)
    decision = merge(unit, snapshot, context.directory)
    standing = next((c for c in snapshot.conflicts if c.unit == unit.name and c.open), None)
    chosen = standing is not None and standing.choice is not None and not isinstance(decision, Settle)
    if standing is not None and standing.choice is not None and chosen:
        decision = Take(standing.choice, f"{unit.name}: a person chose {standing.choice}", clash=True)
    verdict = _follow(unit, base, snapshot, decision, context, chosen=chosen)
    if standing is not None and verdict.conflict is not None:
        kept = replace(verdict.conflict, id=standing.id, at=standing.at, choice=standing.choice)
        verdict = replace(verdict, conflict=kept)
    return verdict


def _follow(
    unit: Unit, base: UnitBase, snapshot: Snapshot, decision: Decision, context: Context, *, chosen: bool
) -> _Verdict:
    match decision:
        case Settle():
            return _settled(unit, base, snapshot)
        case Hold():
            return _held(unit, base, snapshot, decision)
        case Take():
            return _taken(unit, base, snapshot, decision, context, chosen=chosen)
        case _:
            assert_never(decision)


def _current(unit: Unit, snapshot: Snapshot) -> Mapping[Side, Values]:
    return {side: unit.own(side, snapshot.record(side).values) for side in SIDES}


def _settled(unit: Unit, base: UnitBase, snapshot: Snapshot) -> _Verdict:
    values = _current(unit, snapshot)
    moved = [side for side in SIDES if has_moved(base, side, values[side])]
    dealt = {side: Dealt(values[side]) if side in moved else base.of(side) for side in SIDES}
    after = UnitBase(dealt["servicenow"], dealt["jira"], snapshot.at, () if moved else base.trail)
    return _Verdict(unit, values, after)


def _held(unit: Unit, base: UnitBase, snapshot: Snapshot, hold: Hold) -> _Verdict:
    values = _current(unit, snapshot)
    conflict = Conflict(
        snapshot.pair.id, unit.name, hold.kind, values["servicenow"], values["jira"], hold.why,
        snapshot.at, open=True,
    )  # fmt: skip
    return _Verdict(unit, values, base, hold.why, conflict)


def _taken(
    unit: Unit, base: UnitBase, snapshot: Snapshot, take: Take, context: Context, *, chosen: bool
) -> _Verdict:
    now = _current(unit, snapshot)
    if isinstance(unit, StatusUnit) and _stays_closed(unit, take, now):
        return _left_closed(unit, snapshot, now, take)
    to = other(take.side)
    encoded = unit.encode(to, now[take.side], now[to], context.directory)
    if isinstance(encoded, Unmapped) and encoded.kind == "cut" and chosen:
        encoded = unit.encode(to, now[take.side], {}, context.directory)  # a person lets the tail go
    if isinstance(encoded, Unmapped):
        return _held(unit, base, snapshot, Hold(encoded.kind, encoded.reason))
    values: dict[Side, Values] = {take.side: now[take.side], to: encoded}
    if not unit.agrees(values["servicenow"], values["jira"], context.directory):
        back = unit.encode(take.side, encoded, now[take.side], context.directory)
        values[take.side] = now[take.side] if isinstance(back, Unmapped) else back
    after = UnitBase(
        Dealt(values["servicenow"]), Dealt(values["jira"]), snapshot.at,
        trail(unit, base, snapshot, take, context.directory),
    )  # fmt: skip
    conflict = None
    if take.clash:
        conflict = Conflict(
            snapshot.pair.id, unit.name, "clash", now["servicenow"], now["jira"], take.why, snapshot.at,
            winner=take.side, closed_at=snapshot.at,
        )  # fmt: skip
    return _Verdict(unit, values, after, take.why, conflict)


def _stays_closed(unit: StatusUnit, take: Take, now: Mapping[Side, Values]) -> bool:
    if take.side != "jira" or unit.reopen == "write" or not unit.is_closed(now["servicenow"]):
        return False
    class_ = unit.status_class("jira", now["jira"])
    return class_ is not None and not unit.closes(class_)


def _left_closed(unit: StatusUnit, snapshot: Snapshot, now: Mapping[Side, Values], take: Take) -> _Verdict:
    key, status = snapshot.jira.label, now["jira"].get(unit.status)
    why = f"{unit.name}: reopened in jira, but the closed incident stays closed (reopen = {unit.reopen!r})"
    conflict = Conflict(
        snapshot.pair.id, unit.name, "clash", now["servicenow"], now["jira"], why, snapshot.at,
        winner="servicenow", closed_at=snapshot.at,
    )  # fmt: skip
    after = UnitBase(Dealt(now["servicenow"]), Dealt(now["jira"]), snapshot.at)
    note = f"{key} was reopened in Jira and is now {status!s}. This incident stays closed."
    return _Verdict(unit, now, after, why, conflict, note)


def _sets(unit: SetUnit, base: UnitBase, snapshot: Snapshot) -> _Verdict:
    values = merge_sets(unit, base, snapshot)
    after = UnitBase(Dealt(values["servicenow"]), Dealt(values["jira"]), snapshot.at)
    return _Verdict(unit, values, after, f"{unit.name}: elements added or removed")


def _step(
    action: Update | AddNote | Transition, verdicts: list[_Verdict], snapshot: Snapshot, side: Side
) -> Step:
    """A step on `side`. Units that a later step on Jira completes leave Base and Conflict to that one."""
    waits = [v for v in verdicts if side == "servicenow" and v.changed(snapshot, "jira")]
    done = [v for v in verdicts if v not in waits]
    return Step(
        action,
        tuple(v.why for v in verdicts),
        {v.unit.name: v.base for v in done},
        conflicts=tuple(v.conflict for v in done if v.conflict is not None),
    )


def _servicenow_steps(written: list[_Verdict], snapshot: Snapshot) -> list[Step]:
    record = snapshot.servicenow
    mine = [v for v in written if v.changed(snapshot, "servicenow")]
    steps = []
    if mine:
        values = {n: x for v in mine for n, x in v.changed(snapshot, "servicenow").items()}
        before = {name: record.values.get(name) for name in values}
        steps.append(_step(Update(record.ref, values, before, record.version), mine, snapshot, "servicenow"))
    noted = [v for v in written if v.note]
    steps.extend(_step(AddNote(record.ref, v.note), [v], snapshot, "servicenow") for v in noted)
    return steps


def _jira_steps(
    written: list[_Verdict], snapshot: Snapshot, context: Context
) -> tuple[list[Step], Park | None]:
    """The edit and the transitions; out of a done status first the transitions, since it may be locked."""
    mine = [v for v in written if v.changed(snapshot, "jira")]
    status = next((v for v in mine if isinstance(v.unit, StatusUnit)), None)
    if status is None:
        return _edit(mine, {}, snapshot), None
    hops, rest, park = _hops(status, snapshot, context)
    by_edit = [v for v in mine if v is not status or not (hops or park)]
    edits = _edit(by_edit, rest, snapshot)
    unit = status.unit
    assert isinstance(unit, StatusUnit)
    start = unit.status_class("jira", snapshot.jira.values)
    locked = start is not None and unit.ends(start)
    return (hops + edits if locked else edits + hops), park


def _edit(verdicts: list[_Verdict], rest: Values, snapshot: Snapshot) -> list[Step]:
    record = snapshot.jira
    plain = [v for v in verdicts if not isinstance(v.unit, StatusUnit)]
    values = {**rest, **{n: x for v in plain for n, x in v.changed(snapshot, "jira").items()}}
    if not values:
        return []
    update = Update(record.ref, values, {n: record.values.get(n) for n in values}, record.version)
    return [_step(update, verdicts, snapshot, "jira")]


def _hops(verdict: _Verdict, snapshot: Snapshot, context: Context) -> tuple[list[Step], Values, Park | None]:
    """The transitions to the wanted status, and what must be edited because no screen on the way takes it."""
    unit, record = verdict.unit, snapshot.jira
    assert isinstance(unit, StatusUnit)
    changed = dict(verdict.changed(snapshot, "jira"))
    target = changed.pop(unit.status, None)
    if target is None:
        return [], changed, None
    start = str(record.values.get(unit.status))
    workflow = context.workflow.with_moves(start, record.moves)
    path = workflow.path(start, (str(target), *sorted(_siblings(unit, str(target)))))
    if not path or not path[0].id:
        return [], {}, _no_path(snapshot, workflow, start, str(target))
    on_screen = {n: x for n, x in changed.items() if n in path[-1].fields and x is not None}
    rest = {n: x for n, x in changed.items() if n not in on_screen and n != unit.resolution}
    steps = []
    for number, move in enumerate(path, 1):
        if not move.id:  # only the configuration knows it: an issue that gets there will show its id
            break
        values = on_screen if number == len(path) else {}
        before = {unit.status: start, **{n: record.values.get(n) for n in values}}
        action = Transition(record.ref, move, values, before, record.version)
        steps.append(_hop(action, verdict, snapshot, last=number == len(path)))
        start = move.to
    return steps, rest, None


def _hop(action: Transition, verdict: _Verdict, snapshot: Snapshot, *, last: bool) -> Step:
    """One hop. The Base follows each, so that a crash between two does not look like a person's move."""
    unit = verdict.unit
    assert isinstance(unit, StatusUnit)
    if last:
        reached = Dealt({**verdict.values["jira"], unit.status: action.move.to})
        step = _step(action, [verdict], snapshot, "jira")
        return replace(step, bases={unit.name: replace(verdict.base, jira=reached)})
    reached = Dealt({**unit.own("jira", snapshot.jira.values), unit.status: action.move.to})
    why = f"{unit.name}: on the way to {verdict.values['jira'][unit.status]!s}"
    return Step(action, (why,), {unit.name: replace(snapshot.pair.base.unit(unit.name), jira=reached)})


def _siblings(unit: StatusUnit, target: str) -> frozenset[str]:
    class_ = unit.map.class_of("jira", target)
    return frozenset() if class_ is None else unit.map.members(class_, "jira") - {target}


def _no_path(snapshot: Snapshot, workflow: Workflow, start: str, target: str) -> Park:
    ways = ", ".join(workflow.reachable(start)) or "nothing"
    detail = (
        f"{snapshot.jira.label} cannot get from {start!r} to {target!r} within three transitions "
        f"(from {start!r} Jira offers {ways}); describe the way in the route's `workflow`, or change the "
        "status map or Jira's workflow"
    )
    return Park(f"p:{snapshot.pair.id}", "no-path", detail, snapshot.at, None)


def _links(written: list[_Verdict], snapshot: Snapshot, vocabulary: Vocabulary) -> list[Step]:
    """The steps that keep each half visible on the other, where what is shown has changed."""
    pair, steps = snapshot.pair, []
    sn, jira = snapshot.servicenow, snapshot.jira
    values = {**sn.values, **{n: x for v in written for n, x in v.values["servicenow"].items()}}
    state = str(values.get(vocabulary.status.state) or "") if vocabulary.status else ""
    line = f"{sn.label} {STATE_NAMES.get(state, state)}".strip()
    if pair.base.shown.get("jira") != line:
        action = ShowLink(
            jira.ref, f"tieline:{sn.ref.id}", sn.label, sn.url, STATE_NAMES.get(state, state),
            done=state in ("6", "7", "8"),
        )  # fmt: skip
        steps.append(Step(action, ("the other half is shown on the issue",), shown=line))
    shown = pair.base.shown.get("servicenow")
    if shown != jira.label:
        note = "" if shown else f"Mirrored in Jira as {jira.label}: {jira.url}"
        link = ShowLink(sn.ref, f"tieline:{jira.ref.id}", jira.label, jira.url, note=note)
        steps.append(Step(link, ("the other half is shown on the incident",), shown=jira.label))
    return steps


def _conflicts(
    written: list[_Verdict], quiet: list[_Verdict], snapshot: Snapshot
) -> tuple[tuple[Conflict, ...], tuple[int, ...]]:
    """Conflicts to record at once (those of written units come with their step), and those that fell away."""
    standing = {c.id: c for c in snapshot.conflicts if c.open}
    kept = {v.conflict.id for v in (*written, *quiet) if v.conflict is not None}
    new = [v.conflict for v in quiet if v.conflict is not None and not _same(v.conflict, standing)]
    return tuple(new), tuple(id_ for id_ in standing if id_ not in kept)


def _same(conflict: Conflict, standing: Mapping[int, Conflict]) -> bool:
    old = standing.get(conflict.id)
    return old is not None and conflict.open and (old.servicenow, old.jira, old.reason) == (
        conflict.servicenow, conflict.jira, conflict.reason
    )  # fmt: skip
