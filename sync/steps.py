"""From verdicts to the steps of a plan: which write carries which unit, in which order. Pure.

After each step the Base says what that step has reached, so that a crash between two steps never looks
like a person's change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tieline.connectors.base import AddNote, Move, ShowLink, Side, Transition, Update, Value, Values, other
from tieline.sync.decide import Context, Verdict, undealt
from tieline.sync.groups import StatusUnit
from tieline.sync.mapping import SetUnit
from tieline.sync.merge import dealt_elements
from tieline.sync.model import UNDO, Dealt, Park, Snapshot, Step, UnitBase
from tieline.sync.parking import NO_PATH
from tieline.sync.vocabulary import Vocabulary
from tieline.sync.workflow import Workflow

STATE_NAMES: Final = {
    "1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"
}  # fmt: skip
"""Incident states of ServiceNow, as the remote link shows them."""
PROBLEM_STATES: Final = {
    "101": "New", "102": "Assess", "103": "Root Cause Analysis", "104": "Fix in Progress", "106": "Resolved",
    "107": "Closed",
}  # fmt: skip
CHANGE_STATES: Final = {
    "-5": "New", "-4": "Assess", "-3": "Authorize", "-2": "Scheduled", "-1": "Implement", "0": "Review",
    "3": "Closed", "4": "Canceled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """One write on its way to become a Step: the units that it carries, and how far it brings each.

    `reached` is what the written side holds of a unit afterwards, where that is not yet the whole.
    """

    action: Update | Transition | AddNote
    side: Side
    verdicts: tuple[Verdict, ...]
    reached: Mapping[str, Values] = field(default_factory=dict)
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """How an issue gets its status: the hops with their screens, and what no screen on the way takes.

    `edits` can be written like any field; `resolution` often cannot, so it goes alone. `whole` is False
    where the last hops are not known yet.
    """

    hops: tuple[tuple[Move, Values], ...] = ()
    edits: Values = field(default_factory=dict)
    resolution: Values = field(default_factory=dict)
    whole: bool = True


def ordered(
    written: Sequence[Verdict], snapshot: Snapshot, context: Context
) -> tuple[list[Step], Park | None]:
    """The steps that carry these verdicts, those on ServiceNow first, and why the pair must be parked."""
    drafts = [*_servicenow(written, snapshot)]
    on_jira, unfinished, park = _jira(written, snapshot, context)
    drafts += on_jira
    drafts += [
        Draft(AddNote(snapshot.jira.ref, v.note), "jira", (v,), why=(v.why,)) for v in written if v.note
    ]
    return _finished(drafts, snapshot, unfinished), park


def _servicenow(written: Sequence[Verdict], snapshot: Snapshot) -> list[Draft]:
    """One write of all; where a state is several steps away one for each step, and the rest with the first.

    What belongs to the state itself, such as a close code, goes with the last.
    """
    mine = tuple(v for v in written if v.changed(snapshot, "servicenow"))
    if not mine:
        return []
    values = {n: x for v in mine for n, x in v.changed(snapshot, "servicenow").items()}
    reached = {v.unit.name: v.values["servicenow"] for v in mine}
    status = next((v for v in mine if isinstance(v.unit, StatusUnit) and v.unit.state in values), None)
    if status is None:
        return [_update(snapshot, values, mine, reached)]
    return _state_hops(mine, status, values, snapshot)


def _update(
    snapshot: Snapshot, values: Values, verdicts: tuple[Verdict, ...], reached: Mapping[str, Values],
    now: Values | None = None, why: tuple[str, ...] = (),
) -> Draft:  # fmt: skip
    """A write to ServiceNow. `now` is what the record holds before it."""
    record, held = snapshot.servicenow, snapshot.servicenow.values if now is None else now
    before = {name: held.get(name) for name in values}
    return Draft(Update(record.ref, values, before, record.version), "servicenow", verdicts, reached, why)


def _state_hops(
    mine: tuple[Verdict, ...], status: Verdict, values: Mapping[str, Value], snapshot: Snapshot
) -> list[Draft]:
    unit, now = status.unit, dict(snapshot.servicenow.values)
    assert isinstance(unit, StatusUnit)
    target = str(values[unit.state])
    states = unit.machine.path(str(now.get(unit.state) or ""), target, {**now, **values})
    way = f"{unit.name}: on the way to {state_name(snapshot.servicenow.place, target)}"
    own = set(unit.fields("servicenow"))
    drafts = []
    for number, state in enumerate(states, 1):
        last = number == len(states)
        sent = {n: x for n, x in values.items() if (last if n in own else number == 1)}
        sent |= {n: values[n] for n in unit.machine.gives.get(state, {}) if values.get(n)}
        sent[unit.state] = state
        sent |= unit.machine.given(state, now, sent)
        verdicts = mine if number == 1 else (status,)
        why = () if last else tuple(way if v is status else v.why for v in verdicts)
        held = {n: sent.get(n, now.get(n)) for n in own}
        reached = {v.unit.name: v.values["servicenow"] for v in verdicts if v is not status}
        drafts.append(_update(snapshot, sent, verdicts, {**reached, unit.name: held}, dict(now), why))
        now |= sent
    return drafts


def _jira(
    written: Sequence[Verdict], snapshot: Snapshot, context: Context
) -> tuple[list[Draft], frozenset[str], Park | None]:
    """The edits and the transitions; out of a done status first the transitions, since it may be locked."""
    mine = [v for v in written if v.changed(snapshot, "jira")]
    plain = [v for v in mine if not isinstance(v.unit, StatusUnit)]
    status = next((v for v in mine if isinstance(v.unit, StatusUnit)), None)
    if status is None:
        return _edit(snapshot, plain), frozenset(), None
    way = _way(status, snapshot, context)
    if isinstance(way, Park):
        return _edit(snapshot, plain), frozenset(), way
    assert isinstance(status.unit, StatusUnit)
    start = status.unit.status_class("jira", snapshot.jira.values)
    locked = start is not None and status.unit.ends(start)
    edits, hops = _edit(snapshot, plain, status, way.edits), _hops(status, way, snapshot)
    drafts = [*hops, *edits] if locked else [*edits, *hops]
    drafts += _edit(snapshot, (), status, way.resolution)
    unfinished = frozenset() if way.whole else frozenset({status.unit.name})
    return _reaching(drafts, status, snapshot), unfinished, None


def _edit(
    snapshot: Snapshot, plain: Iterable[Verdict], status: Verdict | None = None, extra: Values | None = None
) -> list[Draft]:
    record, verdicts = snapshot.jira, list(plain)
    values = {n: x for v in verdicts for n, x in v.changed(snapshot, "jira").items()}
    reached = {v.unit.name: v.values["jira"] for v in verdicts}
    if status is not None and extra:
        verdicts.append(status)
        values.update(extra)
    if not values:
        return []
    update = Update(record.ref, values, {n: record.values.get(n) for n in values}, record.version)
    return [Draft(update, "jira", tuple(verdicts), reached)]


def _hops(verdict: Verdict, way: Way, snapshot: Snapshot) -> list[Draft]:
    unit, record = verdict.unit, snapshot.jira
    assert isinstance(unit, StatusUnit)
    start, drafts = record.values.get(unit.status), []
    for number, (move, values) in enumerate(way.hops, 1):
        last = way.whole and number == len(way.hops)
        why = verdict.why if last else f"{unit.name}: on the way to {verdict.values['jira'][unit.status]!s}"
        before = {unit.status: start, **{n: record.values.get(n) for n in values}}
        action = Transition(record.ref, move, values, before, record.version)
        drafts.append(Draft(action, "jira", (verdict,), why=(why,)))
        start = move.to
    return drafts


def _reaching(drafts: Iterable[Draft], status: Verdict, snapshot: Snapshot) -> list[Draft]:
    """The drafts, each with what the status unit holds after it."""
    unit = status.unit
    assert isinstance(unit, StatusUnit)
    now, found = dict(unit.own("jira", snapshot.jira.values)), []
    for draft in drafts:
        if any(v is status for v in draft.verdicts) and not isinstance(draft.action, AddNote):
            now |= {n: x for n, x in draft.action.values.items() if n in now}
            if isinstance(draft.action, Transition):
                now[unit.status] = draft.action.move.to
            draft = replace(draft, reached={**draft.reached, unit.name: dict(now)})
        found.append(draft)
    return found


def _way(verdict: Verdict, snapshot: Snapshot, context: Context) -> Way | Park:
    unit, record = verdict.unit, snapshot.jira
    assert isinstance(unit, StatusUnit)
    changed = dict(verdict.changed(snapshot, "jira"))
    target = changed.pop(unit.status, None)
    if target is None:
        return Way((), *_apart(unit, changed))
    start = str(record.values.get(unit.status))
    workflow = context.workflow.with_moves(start, record.moves)
    path = workflow.path(start, (str(target), *sorted(unit.siblings(str(target)))))
    if not path or not path[0].id:
        return _no_path(snapshot, workflow, start, str(target))
    # A hop that only the configuration knows has no id yet: an issue that gets there will show it.
    known = next((n for n, move in enumerate(path) if not move.id), len(path))
    wanted = verdict.values["jira"]
    hops = []
    for move in path[:known]:
        values = {n: x for n, x in _screen(unit, move, wanted).items() if n in move.required}
        if move is path[-1]:
            values |= {n: x for n, x in changed.items() if n in move.fields and x is not None}
        hops.append((move, values))
    if known < len(path):
        return Way(tuple(hops), whole=False)
    left = {n: x for n, x in changed.items() if n not in hops[-1][1]}
    return Way(tuple(hops), *_apart(unit, left))


def _screen(unit: StatusUnit, move: Move, wanted: Values) -> dict[str, Value]:
    """What this unit has to say on the screen of a transition; mandatory notes have a default."""
    said: dict[str, Value] = {n: x for n, x in wanted.items() if n != unit.status and x is not None}
    if unit.notes and unit.notes in move.required:
        said.setdefault(unit.notes, unit.default_close_notes)
    return said


def _apart(unit: StatusUnit, left: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """What is left to edit: the rest, and the resolution alone. Clearing that is the workflow's business."""
    resolution: dict[str, Value] = {n: x for n, x in left.items() if n == unit.resolution and x is not None}
    return {n: x for n, x in left.items() if n != unit.resolution}, resolution


def _no_path(snapshot: Snapshot, workflow: Workflow, start: str, target: str) -> Park:
    ways = ", ".join(workflow.reachable(start)) or "nothing"
    detail = (
        f"{snapshot.jira.label} cannot get from {start!r} to {target!r} within three transitions "
        f"(from {start!r} Jira offers {ways}); describe the way in the route's `workflow`, or change the "
        "status map or Jira's workflow"
    )
    return Park(f"p:{snapshot.pair.id}", NO_PATH, detail, snapshot.at, None)


def _finished(drafts: Sequence[Draft], snapshot: Snapshot, unfinished: frozenset[str]) -> list[Step]:
    """The steps: the last one of a unit brings its Base, the first that overwrites the loser its Conflict."""
    last = {v.unit.name: n for n, draft in enumerate(drafts) for v in draft.verdicts}
    first: dict[str, int] = {}
    for number, draft in enumerate(drafts):
        for verdict in draft.verdicts:
            conflict = verdict.conflict
            if conflict is not None and conflict.winner in (None, other(draft.side)):
                first.setdefault(verdict.unit.name, number)
    steps = []
    for number, draft in enumerate(drafts):
        bases: dict[str, UnitBase] = {}
        for verdict in draft.verdicts:
            name = verdict.unit.name
            whole = last[name] == number and name not in unfinished
            base = _whole(verdict, draft) if whole else _reached(verdict, draft, snapshot)
            bases |= {name: base} if base is not None else {}
        conflicts = [
            v.conflict for v in draft.verdicts
            if v.conflict is not None and first.get(v.unit.name, last[v.unit.name]) == number
        ]  # fmt: skip
        why = draft.why or tuple(v.why for v in draft.verdicts)
        steps.append(Step(draft.action, why, bases, conflicts=tuple(conflicts)))
    return steps


def _whole(verdict: Verdict, draft: Draft) -> UnitBase:
    """The Base of a finished unit; a status may have been reached by a name of the same class."""
    unit = verdict.unit
    if not isinstance(unit, StatusUnit) or draft.side != "jira" or unit.name not in draft.reached:
        return verdict.base
    return replace(verdict.base, jira=Dealt({**verdict.values["jira"], **draft.reached[unit.name]}))


def _reached(verdict: Verdict, draft: Draft, snapshot: Snapshot) -> UnitBase | None:
    """The Base of a unit on its way. Of a set, what both sides hold by then is dealt with."""
    unit, values = verdict.unit, draft.reached.get(verdict.unit.name)
    if values is None:
        return None
    before = snapshot.pair.base.unit(unit.name)
    if isinstance(unit, SetUnit):
        across = unit.own(other(draft.side), snapshot.record(other(draft.side)).values)
        return dealt_elements(unit, before, {draft.side: values, other(draft.side): across})
    end, known = verdict.base.of(draft.side), before.of(draft.side)
    if end is not None and known is not None and end.origin == "rule" and not end.rule.startswith(UNDO):
        # A rule's value on its way counts as the system's: it is still to be carried, and no person chose it.
        return before.put(draft.side, replace(known, origin="rule", rule=end.rule, system=values))
    return undealt(unit, before, other(draft.side)).put(draft.side, Dealt(values))


def state_name(table: str, state: str) -> str:
    """What people call a state; one of a table that is not known here stands as it is."""
    names = {"problem": PROBLEM_STATES, "change_request": CHANGE_STATES}.get(table, STATE_NAMES)
    return names.get(state, state)


def links(written: Sequence[Verdict], snapshot: Snapshot, vocabulary: Vocabulary) -> list[Step]:
    """The steps that keep each half visible on the other, where what is shown has changed."""
    pair, steps = snapshot.pair, []
    sn, jira = snapshot.servicenow, snapshot.jira
    values = {**sn.values, **{n: x for v in written for n, x in v.values["servicenow"].items()}}
    state = str(values.get(vocabulary.status.state) or "") if vocabulary.status else ""
    name = state_name(vocabulary.table, state)
    line = f"{sn.label} {name}".strip()
    if pair.base.shown.get("jira") != line:
        done = vocabulary.status is not None and state in vocabulary.status.over
        action = ShowLink(jira.ref, f"tieline:{sn.ref.id}", sn.label, sn.url, name, done=done)
        steps.append(Step(action, ("the other half is shown on the issue",), shown=line))
    shown = pair.base.shown.get("servicenow")
    if shown != jira.label:
        note = "" if shown else f"Mirrored in Jira as {jira.label}: {jira.url}"
        link = ShowLink(sn.ref, f"tieline:{jira.ref.id}", jira.label, jira.url, note=note)
        steps.append(Step(link, ("the other half is shown on the incident",), shown=jira.label))
    return steps
