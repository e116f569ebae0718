"""What a pass would do: the same reads and the same plans, and no write to a side or to the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from tieline.connectors.base import SIDES, Record, Ref
from tieline.sync.apply import Work, contexts
from tieline.sync.engine import find_label
from tieline.sync.intake import candidates, mirror_step
from tieline.sync.model import InboxEntry, Pair, Plan, Snapshot
from tieline.sync.pairing import is_foreign_mirror, own_marker, pair_key, record_key
from tieline.sync.plan import plan
from tieline.sync.run import Run


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be done about one incident. `pair` is None where its mirror would be made first."""

    label: str
    plan: Plan
    pair: Pair | None = None
    note: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing would be done or recorded."""
        return not (self.plan.steps or self.plan.conflicts or self.plan.park or self.note)


def preview(run: Run) -> Iterator[Proposal]:
    """What a pass would do about each record that waits or changed. Memory: the ids of those records."""
    now = run.clock()
    refs = _waiting(run, now)
    waves = iter(refs)
    while slice_ := list(islice(waves, run.config.limits.wave)):
        with run.store.read() as tx:
            pairs = tx.pairs_of(slice_)
        known = {pair.id: pair for pair in pairs.values()}
        yield from _paired(run, list(known.values()), now)
        yield from _unpaired(run, [ref for ref in slice_ if ref not in pairs], now)


def _waiting(run: Run, now: datetime) -> dict[Ref, None]:
    if run.options.only:
        return dict.fromkeys(find_label(run.sides, label) for label in run.options.only)
    start = min(datetime.combine(route.since, time(), UTC) for route in run.config.routes)
    with run.store.read() as tx:
        waiting = tx.due(now, 10**9)
        cursors = {side: tx.cursor(side) for side in SIDES}
    refs = dict.fromkeys(entry.ref for entry in waiting)
    for side in SIDES:
        for page in run.sides[side].feed(cursors[side], start):
            refs.update(dict.fromkeys(change.ref for change in page.changes))
        run.identity(side)
    return refs


def _paired(run: Run, pairs: Sequence[Pair], now: datetime) -> Iterator[Proposal]:
    active = [p for p in pairs if p.route in run.routes and not run.routes[p.route].paused]
    works = [Work(_entry(pair, now), pair, run.vocabularies[pair.route]) for pair in active]
    for side in SIDES:
        found = run.read(side, [pair.ref(side) for pair in active])
        for work, record in zip(works, found, strict=True):
            if isinstance(record, Record):
                work.records[side] = record
    whole = [work for work in works if len(work.records) == len(SIDES)]
    context = contexts(run, whole, now)
    with run.store.read() as tx:
        standing = tx.open_conflicts([work.pair.id for work in whole])
    for work in whole:
        records = work.records
        conflicts = standing.get(work.pair.id, ())
        snapshot = Snapshot(work.pair, records["servicenow"], records["jira"], now, conflicts)
        label = f"{records['servicenow'].label} = {records['jira'].label}"
        yield Proposal(label, plan(snapshot, work.vocabulary, context[work.pair.route]), work.pair)
    for work in works:
        if work not in whole:
            yield Proposal(f"{work.pair.number} = {work.pair.key}", Plan(), work.pair, "one half is gone")


def _unpaired(run: Run, refs: Sequence[Ref], now: datetime) -> Iterator[Proposal]:
    found: list[tuple[InboxEntry, Record]] = []
    for side in SIDES:
        records = run.read(side, [ref for ref in refs if ref.side == side])
        for record in records:
            if not isinstance(record, Record) or is_foreign_mirror(run, record):
                continue
            if own_marker(run, record) is not None:
                yield Proposal(record.label, Plan(), note="carries our marker: would be paired, or reported")
            else:
                entry = InboxEntry(record_key(record.ref), None, record.ref, frozenset(), now, now, 0)
                found.append((entry, record))
    for candidate in candidates(run, found):
        yield Proposal(candidate.record.label, Plan((mirror_step(run, candidate, now),)))


def _entry(pair: Pair, now: datetime) -> InboxEntry:
    return InboxEntry(pair_key(pair), pair.id, pair.servicenow, frozenset(), now, now + timedelta(), 0)
