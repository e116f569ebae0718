"""From the merge of one unit to what each side should hold, and the Conflict that goes with it. Pure.

Nothing here knows in which requests the values travel: `tieline.sync.steps` orders them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, assert_never

from tieline.connectors.base import SIDES, Record, Side, Values, no_values, other
from tieline.sync.groups import StatusUnit
from tieline.sync.mapping import Directory, SetUnit, Unit, Unmapped
from tieline.sync.merge import Decision, Hold, Settle, Take, has_moved, merge, merge_sets, trail
from tieline.sync.model import LEFT, Base, Conflict, Dealt, Park, Snapshot, Step, UnitBase
from tieline.sync.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan needs to know besides the pair: who is who, the known workflow, the time, who we are."""

    now: datetime
    directory: Directory = field(default_factory=Directory)
    workflow: Workflow = field(default_factory=Workflow)
    installation: str = ""
    govern: Govern | None = None
    """The policy, which has the last word on what each side should hold; None where there is none."""
    held: Mapping[int, str] = field(default_factory=dict)
    """By pair why its closing is held back, for those of which it is."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a policy says about whether an incident is mirrored at all.

    `left_out` is the rule, with its place, that leaves it out of scope; `hold` is a rule that wants a person
    to look first, and `mark` what a person who lifts it leaves behind. "" for no such rule. `due` is when
    time alone may change that (None: never).
    """

    left_out: str = ""
    hold: str = ""
    mark: str = ""
    due: datetime | None = None


class Govern(Protocol):
    """What a policy makes of the verdicts of one pair."""

    @property
    def fingerprint(self) -> str:
        """A token of the policy: another one may say something else about everything."""

    def __call__(self, verdicts: list[Verdict], snapshot: Snapshot, context: Context) -> Governed:
        """The verdicts as the policy leaves them. Pure."""

    def hears(self, base: Base, said: Sequence[str], at: datetime) -> Base:
        """The Base of a pair that is not planned now, once this was said. Pure."""

    def weigh(
        self,
        records: Sequence[Record],
        units: Sequence[Unit],
        directory: Directory,
        now: datetime,
        base: Base | None = None,
    ) -> Weighed:
        """Whether a record without a pair, or a pair with this Base, is to be mirrored. Pure."""


class Governed(Protocol):
    """The verdicts as the policy leaves them, and entries of the Base that advance without a write."""

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each unit."""

    @property
    def bases(self) -> Mapping[str, UnitBase]:
        """What the Base keeps for the policy."""

    @property
    def hold(self) -> Park | None:
        """Why nothing is to be written until a person has looked; None where that is not so."""

    @property
    def notes(self) -> tuple[Step, ...]:
        """What people are to be told, after everything else."""

    @property
    def due(self) -> datetime | None:
        """When time alone may change what the policy says; None for never."""


_NOTHING: Final[Mapping[Side, Values]] = {side: no_values() for side in SIDES}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One unit's end: what each side should hold and what its Base becomes, or the Conflict that holds it.

    `values` are empty where nothing is to be written. `note` is a comment for the issue. `child` asks for a
    new incident in place of the closed one.
    """

    unit: Unit
    values: Mapping[Side, Values]
    base: UnitBase
    why: str = ""
    conflict: Conflict | None = None
    note: str = ""
    child: bool = False

    def changed(self, snapshot: Snapshot, side: Side) -> Values:
        """What has to be written on one side."""
        now, computed = snapshot.record(side).values, self.unit.computed(side)
        return {n: x for n, x in self.values[side].items() if now.get(n) != x and n not in computed}

    def writes(self, snapshot: Snapshot) -> bool:
        """Whether anything has to be written on either side."""
        return bool(self.note) or self.child or any(self.changed(snapshot, side) for side in SIDES)


def decide(unit: Unit, snapshot: Snapshot, context: Context) -> Verdict:
    """Decide one unit of one pair; an open Conflict of it is carried on, carried out or left behind."""
    base = snapshot.pair.base.unit(unit.name)
    if isinstance(unit, SetUnit):
        return _sets(unit.knowing(context.directory), base, snapshot)
    decision = merge(unit, snapshot, context.directory)
    standing = next((c for c in snapshot.conflicts if c.unit == unit.name and c.open), None)
    if standing is None and isinstance(decision, Settle) and _half_way(unit, base, snapshot):
        decision = Take("servicenow", f"{unit.name}: what servicenow says was on its way to jira")
    if standing is not None and standing.choice is not None:
        standing, decision = _as_chosen(unit, snapshot, standing, standing.choice, decision)
    verdict = _follow(unit, base, snapshot, decision, context)
    if standing is not None and verdict.conflict is None and _stays_left(unit, snapshot, standing, verdict):
        now = _current(unit, snapshot)
        return replace(verdict, conflict=replace(standing, servicenow=now["servicenow"], jira=now["jira"]))
    if standing is not None and verdict.conflict is not None:
        choice = None if standing.kind in LEFT else standing.choice
        kept = replace(verdict.conflict, id=standing.id, at=standing.at, choice=choice)
        verdict = replace(verdict, conflict=kept)
    return verdict


def _half_way(unit: Unit, base: UnitBase, snapshot: Snapshot) -> bool:
    """Whether Jira ended, and what was to follow was never sent: the transition's answer was lost.

    Base then knows what Jira was brought to, and nothing of ServiceNow: its values are not dealt with yet.
    An empty resolution contradicts nothing, so that the two would pass for equal.
    """
    begun = base.servicenow is None and base.jira is not None
    held = {side: snapshot.record(side).values for side in SIDES}
    return begun and unit.flows("jira") and _is_left(unit, "jira", held)


def _as_chosen(
    unit: Unit, snapshot: Snapshot, standing: Conflict, choice: Side, decision: Decision
) -> tuple[Conflict | None, Decision]:
    """What a person's choice makes of an open Conflict and of the decision; None: the Conflict is over.

    What a side left empty is let be where that side is chosen: what else happened to the unit is dealt with
    as ever. Another try is made only while something is still empty.
    """
    left = LEFT.get(standing.kind)
    if left is None:
        return standing, decision if isinstance(decision, Settle) else _chosen(unit, choice)
    if choice == left or not unit.flows(left):
        return None, decision
    held = {side: snapshot.record(side).values for side in SIDES}
    return standing, _chosen(unit, choice) if _is_left(unit, left, held) else decision


def _stays_left(unit: Unit, snapshot: Snapshot, standing: Conflict, verdict: Verdict) -> bool:
    """Whether what a side left empty is still wanted, also once the verdict is carried out.

    The way from Resolved to Closed has as a rule no screen on which a resolution could be set: a write that
    goes that way sets nothing, whatever it carries, nor does one of what ServiceNow did not take before. If
    it does set it, the next look finds it set.
    """
    left = LEFT.get(standing.kind)
    if left is None or not isinstance(unit, StatusUnit):
        return False
    held = {side: {**snapshot.record(side).values, **verdict.values[side]} for side in SIDES}
    now = snapshot.record(left).values
    return _is_left(unit, left, {**held, left: {**held[left], **{n: now.get(n) for n in unit.end(left)}}})


def _is_left(unit: Unit, side: Side, held: Mapping[Side, Values]) -> bool:
    """Whether a side says nothing of how it ended, or why, where the other says it."""
    return isinstance(unit, StatusUnit) and bool(unit.silent(side, held["servicenow"], held["jira"]))


def _chosen(unit: Unit, side: Side) -> Decision:
    """What a person chose. A side whose values do not travel is chosen to stay as it is."""
    if not unit.flows(other(side)):
        return Settle()
    return Take(side, f"{unit.name}: a person chose {side}", clash=True, chosen=True)


def _follow(unit: Unit, base: UnitBase, snapshot: Snapshot, decision: Decision, context: Context) -> Verdict:
    match decision:
        case Settle():
            return _settled(unit, base, snapshot)
        case Hold():
            return _held(unit, base, snapshot, decision)
        case Take():
            return _taken(unit, base, snapshot, decision, context)
        case _:
            assert_never(decision)


def _current(unit: Unit, snapshot: Snapshot) -> Mapping[Side, Values]:
    return {side: unit.own(side, snapshot.record(side).values) for side in SIDES}


def _settled(unit: Unit, base: UnitBase, snapshot: Snapshot) -> Verdict:
    values = _current(unit, snapshot)
    moved = [side for side in SIDES if has_moved(base, side, values[side])]
    dealt = {side: Dealt(values[side]) if side in moved else base.of(side) for side in SIDES}
    after = UnitBase(dealt["servicenow"], dealt["jira"], snapshot.at, () if moved else base.trail)
    return Verdict(unit, _NOTHING, after)


def _held(unit: Unit, base: UnitBase, snapshot: Snapshot, hold: Hold) -> Verdict:
    values = _current(unit, snapshot)
    conflict = Conflict(
        snapshot.pair.id, unit.name, hold.kind, values["servicenow"], values["jira"], hold.why,
        snapshot.at, open=True,
    )  # fmt: skip
    return Verdict(unit, _NOTHING, base, hold.why, conflict)


def _taken(unit: Unit, base: UnitBase, snapshot: Snapshot, take: Take, context: Context) -> Verdict:
    now = _current(unit, snapshot)
    apart = take.side == "jira" and unit.stands_apart(now["servicenow"], now["jira"])
    if apart and isinstance(unit, StatusUnit):
        return _left_closed(unit, base, snapshot, now, take)
    values = _carried(unit, now, take, context.directory)
    if isinstance(values, Unmapped):
        return _held(unit, base, snapshot, Hold(values.kind, values.reason))
    after = UnitBase(
        Dealt(values["servicenow"]), Dealt(values["jira"]), snapshot.at,
        trail(unit, base, snapshot, take, context.directory),
    )  # fmt: skip
    conflict = _decided(unit, snapshot, now, take.side, take.why) if take.clash else None
    return Verdict(unit, values, after, take.why, conflict)


def _carried(
    unit: Unit, now: Mapping[Side, Values], take: Take, directory: Directory
) -> dict[Side, Values] | Unmapped:
    """What both sides hold once the values of one are carried over.

    Where the other side cannot hold them exactly, what it makes of them is carried back.
    """
    side, to = take.side, other(take.side)
    encoded = unit.encode(to, now[side], now[to], directory)
    if isinstance(encoded, Unmapped) and encoded.kind == "cut" and take.chosen:
        encoded = unit.encode(to, now[side], {}, directory)  # a person let go of the tail
    if isinstance(encoded, Unmapped):
        return encoded
    values: dict[Side, Values] = {side: now[side], to: encoded}
    if unit.flows(side) and not unit.agrees(values["servicenow"], values["jira"], directory):
        back = unit.encode(side, encoded, now[side], directory)
        values[side] = now[side] if isinstance(back, Unmapped) else back
    return values


def _decided(unit: Unit, snapshot: Snapshot, now: Mapping[Side, Values], winner: Side, why: str) -> Conflict:
    return Conflict(
        snapshot.pair.id, unit.name, "clash", now["servicenow"], now["jira"], why, snapshot.at,
        winner=winner, closed_at=snapshot.at,
    )  # fmt: skip


def _left_closed(
    unit: StatusUnit, base: UnitBase, snapshot: Snapshot, now: Mapping[Side, Values], take: Take
) -> Verdict:
    """The closed incident stays as it is. The comment goes to the issue: a closed incident takes none.

    An issue that was told so already, and goes from one open status to another, is not reopened by that.
    """
    after = UnitBase(Dealt(now["servicenow"]), Dealt(now["jira"]), snapshot.at)
    number, told = snapshot.servicenow.label, stood_apart(unit, base)
    if unit.reopen == "child":
        why = f"{unit.name}: {snapshot.jira.label} was reopened, and {number} is closed: it gets a child"
        return Verdict(unit, now, after, why, child=True)
    did = "changed" if told else "reopened"
    why = f"{unit.name}: {did} in jira, but the closed incident stays closed (reopen = {unit.reopen!r})"
    note = f"{number} is closed in ServiceNow and stays closed: reopening this issue does not reopen it."
    conflict = _decided(unit, snapshot, now, "servicenow", why)
    return Verdict(unit, now, after, why, conflict, "" if told else note)


def stood_apart(unit: StatusUnit, base: UnitBase) -> bool:
    """Whether the issue was open beside its closed incident when the two were last dealt with.

    On its way out of that it still is: what is being carried to it is not dealt with yet.
    """
    ours, theirs = base.servicenow, base.jira
    both = ours is not None and theirs is not None and unit.stands_apart(ours.values, theirs.values)
    return both or base.apart


def undealt(unit: Unit, base: UnitBase, side: Side) -> UnitBase:
    """The Base of a unit that is being carried from `side`, or may have been: nothing is dealt with there.

    What is put back to what it was must not look untouched.
    """
    apart = side == "servicenow" and isinstance(unit, StatusUnit) and stood_apart(unit, base)
    return replace(base.put(side, None), apart=apart or base.apart)


def _sets(unit: SetUnit, base: UnitBase, snapshot: Snapshot) -> Verdict:
    values = merge_sets(unit, base, snapshot)
    after = UnitBase(Dealt(values["servicenow"]), Dealt(values["jira"]), snapshot.at)
    verdict = Verdict(unit, values, after, f"{unit.name}: elements added or removed")
    known = base.servicenow is not None or base.jira is not None
    return verdict if known or not verdict.writes(snapshot) else _joined(verdict, snapshot)


def _joined(verdict: Verdict, snapshot: Snapshot) -> Verdict:
    """Sets without a Base: both get what either has. It is told, for somebody may have taken that away."""
    now, unit, at = _current(verdict.unit, snapshot), verdict.unit.name, snapshot.at
    why = f"{unit}: the sides differ, no history tells what was added or taken away, and both get all of it"
    told = Conflict(snapshot.pair.id, unit, "first", now["servicenow"], now["jira"], why, at, closed_at=at)
    return replace(verdict, why=why, conflict=told)
