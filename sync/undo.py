"""Plans the reverse of what a pass wrote, for each field that nobody touched since. It deletes nothing.

The other side keeps what it has, and neither counts as moved afterwards: the next pass writes nothing, and
the next change on either side carries over. With `carry` the restored values count as a person's change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tieline.connectors.base import SIDES, Side, Update, Value, Values, Version, other
from tieline.sync.apply import contexts, observe, write_steps
from tieline.sync.decide import Context, Verdict
from tieline.sync.errand import came_through, read_both, works_of
from tieline.sync.explain import action_json, step_lines
from tieline.sync.mapping import Unit
from tieline.sync.merge import has_moved
from tieline.sync.model import UNDO, AuditEntry, Dealt, Pair, Snapshot, Step, UnitBase
from tieline.sync.run import Run
from tieline.sync.steps import ordered
from tieline.sync.store.store import Tx
from tieline.sync.work import Work

REVERSIBLE: Final = frozenset({"Update", "Transition"})
PAGE: Final = 1000

Old = Mapping[Side, Mapping[str, Value]]
"""What a pass overwrote: side -> field -> the value that stood there before the pass."""


@dataclass
class Undoing:
    """What would be put back on one incident, and what would not, with the reason."""

    work: Work
    steps: tuple[Step, ...] = ()
    left: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """How people call the incident."""
        return f"{self.work.pair.number} = {self.work.pair.key}"

    def lines(self) -> list[str]:
        """For people."""
        return [
            *(line for step in self.steps for line in step_lines(step)),
            *(f"not: {why}" for why in self.left),
        ]

    def json(self) -> dict[str, Any]:
        """For machines."""
        steps = [{**action_json(step.action), "why": list(step.why)} for step in self.steps]
        return {"incident": self.label, "steps": steps, "left": self.left}


@dataclass
class Extent:
    """What a pass did, as far as undoing goes: the pairs that it changed, and mirrors that it made."""

    pairs: dict[int, None] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    others: int = 0


def extent(tx: Tx, pass_id: str) -> Extent:
    """What the pass wrote, from the audit. Links and notes are counted as others: they are not undone."""
    found = Extent()
    last: AuditEntry | None = None
    while page := tx.audit_page(PAGE, pass_id=pass_id, before=last):
        for entry in page:
            if entry.outcome != "applied":
                continue
            if entry.action == "Create":
                found.made.append(entry.detail or str(entry.ref))
            elif entry.action in REVERSIBLE and entry.pair is not None:
                found.pairs[entry.pair] = None
            else:
                found.others += 1
        last = page[-1]
    return found


def plan_undo(run: Run, pass_id: str, pair_ids: Sequence[int], *, carry: bool) -> Iterator[list[Undoing]]:
    """What would be put back, a wave of pairs at a time. Both halves are read anew."""
    size = run.config.limits.wave
    for at in range(0, len(pair_ids), size):
        with run.store.read() as tx:
            pairs = tx.pairs(pair_ids[at : at + size])
            old = {pair.id: _overwritten(tx, pair, pass_id) for pair in pairs.values()}
        works = works_of(run, [pair for pair in pairs.values() if pair.state != "unlinked"])
        read_both(run, works)
        whole = [work for work in works if len(work.records) == len(SIDES)]
        observe(run, whole)
        context = contexts(run, whole, run.clock())
        rule = f"{UNDO}{pass_id}"
        yield [
            _undoing(run, work, old[work.pair.id], context.get(work.vocabulary.route), rule, carry)
            for work in works
        ]


def carry_out(run: Run, undoings: Sequence[Undoing]) -> None:
    """Write what is put back, each with its intent; what is refused parks its pair with the reason."""
    works = []
    for undoing in undoings:
        if undoing.steps:
            undoing.work.steps = list(undoing.steps)
            works.append(undoing.work)
    write_steps(run, works)
    for undoing in undoings:
        if undoing.steps:
            fine = came_through(run, undoing.work.pair.id, len(undoing.steps))
            run.counts["undone" if fine else "not_undone"] += 1


def _overwritten(tx: Tx, pair: Pair, pass_id: str) -> tuple[Old, Old]:
    """What stood before the pass, and what it left, each by side and field."""
    before: dict[Side, dict[str, Value]] = {side: {} for side in SIDES}
    after: dict[Side, dict[str, Value]] = {side: {} for side in SIDES}
    later: set[tuple[Side, str]] = set()
    last: AuditEntry | None = None
    reached = False
    while page := tx.audit_page(PAGE, pair=pair, before=last):
        for entry in page:
            if entry.outcome != "applied" or entry.action not in REVERSIBLE or entry.ref is None:
                continue
            side = entry.ref.side
            if entry.pass_id != pass_id:
                later |= set() if reached else {(side, name) for name in entry.new}
                continue
            reached = True
            for name, value in entry.new.items():
                after[side].setdefault(name, value)
                before[side][name] = entry.old.get(name)
        last = page[-1]
    for side, name in later:
        after[side].pop(name, None)
    return before, after


def _undoing(
    run: Run, work: Work, told: tuple[Old, Old], context: Context | None, rule: str, carry: bool
) -> Undoing:
    found = Undoing(work)
    if context is None or len(work.records) < len(SIDES):
        found.left.append("one half is deleted, or hidden from us")
        return found
    if work.key in run.blocked:
        found.left.append("a write whose answer was lost is not settled yet")
        return found
    snapshot = Snapshot(
        work.pair, work.records["servicenow"], work.records["jira"], min(work.read_at.values())
    )
    verdicts = []
    for side in SIDES:
        for unit in work.vocabulary.units:
            verdict = _reverse(unit, side, snapshot, told, rule, found.left)
            if verdict is not None:
                verdicts.append(verdict)
    steps, park = ordered([v for v in verdicts if v.writes(snapshot)], snapshot, context)
    if park is not None:
        found.left.append(park.detail)
    # To carry over, the Base stays behind: the restored value then counts as moved.
    mirrored = [replace(s, bases={}) if carry else _ruled(s, rule) for s in steps]
    found.steps = (*mirrored, *_one_sided(work, snapshot, told, rule, mirrored, found.left))
    return found


def _one_sided(
    work: Work, snapshot: Snapshot, told: tuple[Old, Old], rule: str, steps: Sequence[Step], left: list[str]
) -> Iterator[Step]:
    """What rules set on one side alone, such as a watch list. They give each value once: it stays so."""
    for side in SIDES:
        before, after, record = told[0][side], told[1][side], snapshot.record(side)
        mirrored = {name for unit in work.vocabulary.units for name in unit.fields(side)}
        values: dict[str, Value] = {}
        for name in sorted(before.keys() - mirrored):
            now = record.values.get(name)
            wanted = _put_back(now, before[name], after.get(name))
            if name not in after:
                left.append(f"{name} in {side}: a later pass wrote it")
            elif wanted != now:
                values[name] = wanted
            elif now != before[name]:
                left.append(f"{name} in {side}: somebody changed it since")
        if values:
            written = any(getattr(step.action, "ref", None) == record.ref for step in steps)
            there = {name: record.values.get(name) for name in values}
            action = Update(record.ref, values, there, Version("") if written else record.version)
            yield Step(action, tuple(f"{name}: {rule}" for name in values))


def _put_back(now: Value, before: Value, after: Value) -> Value:
    """What a field is to hold again: of a set each element; another one only if nobody came after."""
    if isinstance(now, frozenset) or isinstance(after, frozenset):
        held, old, new = (
            value if isinstance(value, frozenset) else frozenset() for value in (now, before, after)
        )
        return (held - (new - old)) | (old - new) or None
    return before if now == after else now


def _reverse(
    unit: Unit, side: Side, snapshot: Snapshot, told: tuple[Old, Old], rule: str, left: list[str]
) -> Verdict | None:
    """One unit with the values that it had on this side; None if there is nothing to put back."""
    before, after = told[0][side], told[1][side]
    names = [n for n in unit.fields(side) if n in before and n not in unit.computed(side)]
    current = unit.own(side, snapshot.record(side).values)
    if not names or all(current.get(n) == before[n] for n in names):
        return None
    why = _touched(unit, side, names, current, after, snapshot)
    if why:
        left.append(f"{unit.name} in {side}: {why}")
        return None
    restored = {**current, **{n: before[n] for n in names}}
    across = unit.own(other(side), snapshot.record(other(side)).values)
    values: dict[Side, Values] = {side: restored, other(side): across}
    base = snapshot.pair.base.unit(unit.name)
    theirs = base.of(other(side)) or Dealt(across)
    entries: dict[Side, Dealt] = {side: Dealt(restored, "rule", rule), other(side): theirs}
    new = UnitBase(entries["servicenow"], entries["jira"], base.equal_at)
    return Verdict(unit, values, new, f"{unit.name}: {rule}")


def _touched(
    unit: Unit,
    side: Side,
    names: Sequence[str],
    current: Values,
    after: Mapping[str, Value],
    snapshot: Snapshot,
) -> str:
    """Who came after the pass; "" if nobody did."""
    if any(name not in after for name in names):
        return "a later pass wrote it"
    base = snapshot.pair.base.unit(unit.name)
    if base.of(side) is None:
        return "" if all(current.get(n) == after[n] for n in names) else "somebody changed it since"
    if has_moved(base, side, current):
        return "somebody changed it since"
    across = unit.own(other(side), snapshot.record(other(side)).values)
    if base.of(other(side)) is not None and has_moved(base, other(side), across):
        return f"somebody changed it in {other(side)} since"
    return ""


def _ruled(step: Step, rule: str) -> Step:
    """The step, its Base saying on whose behalf: a status on its way is named by the journal's values."""
    side = step.action.ref.side if hasattr(step.action, "ref") else "jira"
    bases = {}
    for name, base in step.bases.items():
        dealt = base.of(side)
        if dealt is not None:
            dealt = replace(dealt, origin="rule", rule=rule)
            base = replace(base, servicenow=dealt) if side == "servicenow" else replace(base, jira=dealt)
        bases[name] = base
    return replace(step, bases=bases)
