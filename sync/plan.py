"""plan(snapshot, vocabulary, context) -> Plan: what should be written for one pair, and why. Pure.

`plan_mirror` does the same for a record that has no pair yet. Nothing here reads, writes or waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, Create, Record, Side, Value, other
from tieline.sync.decide import Context, Verdict, decide
from tieline.sync.handover import handed_over, mirrored
from tieline.sync.links.holding import kept_open
from tieline.sync.mapping import SetUnit, Unmapped
from tieline.sync.marker import Marker, digest
from tieline.sync.merge import dealt_elements
from tieline.sync.model import Conflict, Dealt, Origin, Plan, Snapshot, Step, UnitBase
from tieline.sync.steps import links, ordered
from tieline.sync.vocabulary import Vocabulary

__all__ = ["Context", "plan", "plan_mirror"]

PARENT_FIELD: Final = "parent_incident"
"""ServiceNow's own reference from an incident to the one that it continues."""


def plan(snapshot: Snapshot, vocabulary: Vocabulary, context: Context) -> Plan:
    """Decide every unit of one pair and order what follows from it."""
    verdicts = [decide(unit, snapshot, context) for unit in vocabulary.units]
    verdicts = handed_over(verdicts, snapshot, context.directory)
    kept: Mapping[str, UnitBase] = {}
    notes: tuple[Step, ...] = ()
    due: datetime | None = None
    if context.govern is not None:
        governed = context.govern(verdicts, snapshot, context)
        verdicts, kept, notes, due = governed.verdicts, governed.bases, governed.notes, governed.due
        if governed.hold is not None:
            return Plan(bases=kept, park=governed.hold, due=due)
    verdicts = kept_open(verdicts, snapshot, context)
    written = [v for v in verdicts if v.writes(snapshot)]
    quiet = [v for v in verdicts if not v.writes(snapshot)]
    reopened = next((v for v in written if v.child), None)
    if reopened is not None:
        made = _plan_child(reopened, written, snapshot, vocabulary, context)
        return replace(made, bases=kept)
    old = snapshot.pair.base
    seen = {v.unit.name: v.base for v in quiet} | _seen_of_sets(written, snapshot)
    bases = {name: base for name, base in seen.items() if base != old.unit(name)} | {**kept}
    steps, park = ordered(written, snapshot, context)
    conflicts, closed = _conflicts(written, quiet, snapshot)
    steps += [*links(written, snapshot, vocabulary), *notes]
    return Plan(tuple(steps), bases, conflicts, closed, park, due=due)


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
        encoded = mirrored(unit, encoded, vocabulary.units, side, record.values, context.directory)
        values |= {n: v for n, v in encoded.items() if v is not None and n not in unit.computed(side)}
        by: Origin = "person" if context.govern is None else "system"
        dealt: dict[Side, Dealt] = {origin: Dealt(own, by), side: Dealt(encoded, by)}
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


def _plan_child(
    reopened: Verdict,
    written: Sequence[Verdict],
    snapshot: Snapshot,
    vocabulary: Vocabulary,
    context: Context,
) -> Plan:
    """A new incident continues the closed one; what was still to be carried to the issue goes there first.

    The closed incident itself is not written any more: what it was to get, its child has from the start.
    """
    others = [
        replace(v, values={**v.values, "servicenow": v.unit.own("servicenow", snapshot.servicenow.values)})
        for v in written
        if v is not reopened
    ]
    steps, _ = ordered(others, snapshot, context)
    final: Mapping[str, Value] = {n: x for v in others for n, x in v.values["jira"].items()}
    issue = replace(snapshot.jira, values=MappingProxyType({**snapshot.jira.values, **final}))
    closed = snapshot.servicenow
    marker = Marker(context.installation, vocabulary.route, issue.ref.id, digest(closed.ref))
    made = plan_mirror(issue, vocabulary, context, marker=str(marker))
    assert isinstance(made.action, Create)
    note = f"{issue.label} was reopened after {closed.label} had been closed: {issue.url}"
    values = {**made.action.values, PARENT_FIELD: closed.ref.id}
    child = replace(made, action=replace(made.action, values=values, note=note), why=(reopened.why,))
    return Plan((*steps, child))


def _seen_of_sets(written: Sequence[Verdict], snapshot: Snapshot) -> dict[str, UnitBase]:
    """What the Base of sets that are to be written becomes by this look, whatever comes of the writes.

    One without a Base stays without: that both sides get all of it is told with the first write.
    """
    found: dict[str, UnitBase] = {}
    for verdict in written:
        unit, base = verdict.unit, snapshot.pair.base.unit(verdict.unit.name)
        if isinstance(unit, SetUnit) and (base.servicenow is not None or base.jira is not None):
            held = {side: unit.own(side, snapshot.record(side).values) for side in SIDES}
            found[unit.name] = dealt_elements(unit, base, held)
    return found


def _conflicts(
    written: list[Verdict], quiet: list[Verdict], snapshot: Snapshot
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
