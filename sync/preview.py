"""What a pass would do: the same reads and the same plans, and no write to a side or to the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from itertools import islice
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, Record, Ref
from tieline.sync.apply import contexts
from tieline.sync.aspects import heard_by_all, read_parts, said_in, with_aspects
from tieline.sync.engine import Progress, find_label, silent
from tieline.sync.explain import Names
from tieline.sync.goes_on import goes_on
from tieline.sync.intake import candidates, mirror_step
from tieline.sync.journal import target
from tieline.sync.keeping_out import judged
from tieline.sync.mapping import Directory
from tieline.sync.model import InboxEntry, Pair, Park, Plan, Snapshot
from tieline.sync.pairing import is_foreign_mirror, own_marker, pair_key, record_key
from tieline.sync.parking import (
    BY_MAPPING,
    BY_PERSON,
    BY_RULE,
    BY_TIME,
    arrival_ref,
    seen_values,
    stays_parked,
)
from tieline.sync.plan import plan
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.work import Work

UNANSWERED: Final = "an earlier write got no answer: it is looked for before anything else is done"

Reasons = frozenset[str]
"""Why a record is looked at: feed, person, mapping, ..."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be done about one incident. `pair` is None where its mirror would be made first.

    With `rests` it is parked or held, and a pass would leave it alone. `names` are those of the people and
    groups in it.
    """

    label: str
    plan: Plan
    pair: Pair | None = None
    note: str = ""
    rests: bool = False
    names: Names = field(default_factory=lambda: MappingProxyType({}))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say about it."""
        return not (self.plan.steps or self.plan.conflicts or self.plan.park or self.note)


def preview(run: Run, progress: Progress = silent) -> Iterator[Proposal]:
    """What a pass would do about each record that waits or changed. Memory: the ids of those records."""
    return proposals(run, waiting(run, progress))


def proposals(run: Run, refs: Mapping[Ref, Reasons]) -> Iterator[Proposal]:
    """What a pass would do about these records, wave by wave."""
    now, lost = run.clock(), _lost(run)
    run.blocked |= lost.keys()
    waves = iter(refs)
    while slice_ := list(islice(waves, run.config.limits.wave)):
        with run.store.read() as tx:
            pairs = tx.pairs_of(slice_)
        known: dict[int, tuple[Pair, Reasons]] = {}
        for ref in slice_:
            key = pair_key(pairs[ref]) if ref in pairs else record_key(ref)
            if key in lost:
                label, probe_at = lost.pop(key)
                yield Proposal(label, Plan(), pairs.get(ref), UNANSWERED, rests=probe_at > now)
        for ref, pair in pairs.items():
            if pair_key(pair) in run.blocked:
                continue
            before = known[pair.id][1] if pair.id in known else frozenset()
            known[pair.id] = pair, before | refs[ref]
        yield from _paired(run, list(known.values()), now)
        alone = [ref for ref in slice_ if ref not in pairs and record_key(ref) not in run.blocked]
        yield from _unpaired(run, {ref: refs[ref] for ref in alone}, now)


def _lost(run: Run) -> dict[str, tuple[str, datetime]]:
    """By inbox key what has a write without an answer: its label, and when that may be looked for."""
    with run.store.read() as tx:
        intents = tx.open_intents()
    keys = (f"p:{i.pair}" if i.pair is not None else record_key(target(i)) for i in intents)
    return {key: (i.label or key, i.probe_at) for key, i in zip(keys, intents, strict=True)}


def waiting(run: Run, progress: Progress = silent) -> dict[Ref, Reasons]:
    """The records that a pass would look at, with the reasons: named ones, or those that wait or changed."""
    if run.options.only:
        return {find_label(run.sides, label): frozenset({BY_PERSON}) for label in run.options.only}
    start = min(datetime.combine(route.since, time(), UTC) for route in run.config.routes)
    with run.store.read() as tx:
        due = tx.due(run.clock(), 10**9)
        cursors = {side: tx.cursor(side) for side in SIDES}
        woken = _woken(tx, run)
    refs = {entry.ref: entry.reasons for entry in due}
    refs |= {ref: refs.get(ref, frozenset()) | {BY_TIME} for ref in woken}
    for side in SIDES:
        for page in run.sides[side].feed(cursors[side], start):
            run.identity(side)
            for change in page.changes:
                refs.setdefault(change.ref, frozenset())
            progress(f"reading what changed in {side}", len(refs), 0)
    for ref in heard_by_all(run):
        refs.setdefault(ref, frozenset())
    return refs


def all_pairs(run: Run, progress: Progress = silent) -> Iterator[dict[Ref, Reasons]]:
    """Every live pair, a wave at a time, as if the mapping were new to it."""
    after = done = 0
    with run.store.read() as tx:
        total = tx.pair_count()
    while True:
        with run.store.read() as tx:
            pairs = tx.walk_pairs(after, run.config.limits.wave, ("active", "frozen"))
        if not pairs:
            return
        yield {pair.servicenow: frozenset({BY_MAPPING}) for pair in pairs}
        after, done = pairs[-1].id, done + len(pairs)
        progress("looking at every pair", done, max(total, done))


def _paired(run: Run, pairs: Sequence[tuple[Pair, Reasons]], now: datetime) -> Iterator[Proposal]:
    works = [
        Work(InboxEntry(pair_key(pair), pair.id, pair.servicenow, reasons, now, now, 0), pair,
             run.vocabularies[pair.route])
        for pair, reasons in pairs
        if pair.state != "unlinked" and pair.route in run.routes and not run.routes[pair.route].paused
    ]  # fmt: skip
    for side in SIDES:
        found = run.read(side, [work.pair.ref(side) for work in works])
        for work, record in zip(works, found, strict=True):
            if isinstance(record, Record):
                work.records[side] = record
    whole = [work for work in works if len(work.records) == len(SIDES)]
    read_parts(run, whole)
    context = contexts(run, whole, now)
    with run.store.read() as tx:
        standing = tx.open_conflicts([work.pair.id for work in whole])
        parks = tx.parked([work.key for work in works])
    for work in works:
        park = parks.get(work.key)
        if len(work.records) < len(SIDES):
            label, note = f"{work.pair.number} = {work.pair.key}", "one half is gone: it would be parked"
            yield Proposal(label, Plan(park=park), work.pair, "" if park else note, rests=park is not None)
            continue
        records = work.records
        label = f"{records['servicenow'].label} = {records['jira'].label}"
        seen = seen_values(records.values(), work.vocabulary)
        if park is not None and stays_parked(park, work.entry.reasons, seen, now):
            steps = tuple(goes_on(work, park, context[work.pair.route]))
            yield Proposal(label, Plan(steps, park=park), work.pair, rests=not steps)
            continue
        conflicts = standing.get(work.pair.id, ())
        said = said_in(work)
        snapshot = Snapshot(work.pair, records["servicenow"], records["jira"], now, conflicts, said)
        mine = context[work.pair.route]
        made = plan(snapshot, work.vocabulary, mine)
        made = replace(made, steps=tuple(with_aspects(work, made.steps, mine)))
        yield Proposal(label, made, work.pair, names=_names(mine.directory))


def _unpaired(run: Run, refs: Mapping[Ref, Reasons], now: datetime) -> Iterator[Proposal]:
    found: list[tuple[InboxEntry, Record]] = []
    for side in SIDES:
        records = run.read(side, [ref for ref in refs if ref.side == side])
        for record in records:
            if not isinstance(record, Record) or is_foreign_mirror(run, record):
                continue
            marker = own_marker(run, record)
            if marker is not None and record_key(marker.origin_of(record.ref)) in run.blocked:
                yield Proposal(record.label, Plan(), note=UNANSWERED, rests=True)
            elif marker is not None:
                yield Proposal(record.label, Plan(), note="carries our marker: would be paired, or reported")
            else:
                entry = InboxEntry(record_key(record.ref), None, record.ref, refs[record.ref], now, now, 0)
                found.append((entry, record))
    for each in judged(run, candidates(run, found)):
        candidate, weighed = each.candidate, each.weighed
        if not each.admitted:
            hold = Park(candidate.entry.key, BY_RULE, weighed.hold, now, None)
            out = f"left out of scope by {weighed.left_out}" if weighed.left_out else ""
            yield Proposal(candidate.record.label, Plan(park=None if out else hold), note=out, rests=True)
            continue
        step = mirror_step(run, candidate, now)
        directory = run.people.directory([(candidate.record, run.vocabularies[candidate.route])], now)
        yield Proposal(candidate.record.label, Plan((step,)), names=_names(directory))


def _woken(tx: Tx, run: Run) -> list[Ref]:
    """What the policy may say something else about by now."""
    if run.govern is None:
        return []
    keys = [outlook.key for outlook in tx.outlooks_due(run.clock(), 10**9)]
    pairs = tx.pairs([int(key[2:]) for key in keys if key.startswith("p:")])
    live = [pair.servicenow for pair in pairs.values() if pair.state != "unlinked"]
    return [*live, *(arrival_ref(key) for key in keys if key.startswith("r:"))]


def _names(directory: Directory) -> Names:
    return {(side, id_): name for (side, _, id_), name in directory.names.items()}
