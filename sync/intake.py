"""Records without a pair: is it a mirror that we made, a copy, or an incident that gets a mirror now?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from tieline.connectors.base import SIDES, Applied, Record, Ref, Side, other
from tieline.connectors.errors import ConnectorError, Denied, Gone, Rejected, Retryable
from tieline.sync.apply import pause_of, rejection, unread
from tieline.sync.config.model import Route
from tieline.sync.journal import audit_entry, intend
from tieline.sync.marker import Marker
from tieline.sync.model import InboxEntry, Intent, OutcomeKind, Park, Step
from tieline.sync.pairing import (
    choose_holder,
    copy_park,
    is_foreign_mirror,
    own_marker,
    pair_up,
    record_key,
)
from tieline.sync.parking import parked, seen_values, stays_parked
from tieline.sync.plan import Context, plan_mirror
from tieline.sync.run import Run


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record in scope of a route that has no mirror yet."""

    entry: InboxEntry
    record: Record
    route: str

    @property
    def side(self) -> Side:
        """Where the mirror has to be made."""
        return other(self.record.ref.side)


def intake(run: Run, entries: Sequence[InboxEntry]) -> None:
    """Give each record that is in scope its mirror, and join halves whose marker names each other."""
    records = _read(run, entries)
    unclaimed = []
    for entry, record in records:
        marker = own_marker(run, record)
        if marker is not None:
            _adopt(run, entry, record, marker)
        elif is_foreign_mirror(run, record):
            _leave(run, [entry])
        else:
            unclaimed.append((entry, record))
    chosen = candidates(run, unclaimed)
    wanted = {candidate.entry.key for candidate in chosen}
    _leave(run, [entry for entry, _ in unclaimed if entry.key not in wanted])
    for side in SIDES:
        _mirror(run, side, [candidate for candidate in chosen if candidate.side == side])


def _read(run: Run, entries: Sequence[InboxEntry]) -> list[tuple[InboxEntry, Record]]:
    found: list[tuple[InboxEntry, Record]] = []
    for side in SIDES:
        mine = [entry for entry in entries if entry.ref.side == side]
        for entry, record in zip(mine, run.read(side, [e.ref for e in mine]), strict=True):
            if isinstance(record, Record):
                found.append((entry, record))
            elif isinstance(record, Gone):
                _leave(run, [entry])
            elif isinstance(record, Retryable):
                _postpone(run, [entry], run.clock() + pause_of(record))
            else:
                reason, detail = unread(str(entry.ref), side, record)
                _park(run, entry, parked(entry.key, reason, detail, "", run.clock(), None))
    return found


def candidates(run: Run, found: Sequence[tuple[InboxEntry, Record]]) -> list[Candidate]:
    """Those of the records that a route wants a mirror of. Scope decides creation, and nothing else."""
    chosen: dict[str, Candidate] = {}
    for route in run.routes.values():
        for side in route.create_from:
            here = [
                (entry, record)
                for entry, record in found
                if record.ref.side == side and entry.key not in chosen and _is_due(run, route, record)
            ]
            inside = in_scope(run, route, side, [record.ref for _, record in here])
            chosen.update({e.key: Candidate(e, r, route.name) for e, r in here if r.ref in inside})
    return [candidate for candidate in chosen.values() if not _rests(run, candidate)]


def _is_due(run: Run, route: Route, record: Record) -> bool:
    start = datetime.combine(route.since, time(), UTC)
    place = run.vocabularies[route.name].place(record.ref.side)
    return not route.paused and record.place == place and record.created >= start


def in_scope(run: Run, route: Route, side: Side, refs: Sequence[Ref]) -> frozenset[Ref]:
    """Those of the records that the route's own query matches now."""
    scope = route.servicenow.scope if side == "servicenow" else route.jira.scope
    if not scope or not refs:
        return frozenset(refs)
    return run.sides[side].in_scope(refs, scope)


def _rests(run: Run, candidate: Candidate) -> bool:
    """Whether an earlier refusal still stands; such a record leaves the inbox until something moves."""
    with run.store.read() as tx:
        park = tx.parked([candidate.entry.key]).get(candidate.entry.key)
    seen = seen_values([candidate.record], run.vocabularies[candidate.route])
    return park is not None and stays_parked(park, candidate.entry.reasons, seen, run.clock())


def mirror_step(run: Run, candidate: Candidate, now: datetime, watermark: str = "") -> Step:
    """What makes the candidate's mirror."""
    vocabulary = run.vocabularies[candidate.route]
    directory = run.people.directory([(candidate.record, vocabulary)], now)
    marker = Marker(run.config.installation, candidate.route, candidate.record.ref.id)
    context = Context(now, directory)
    return plan_mirror(candidate.record, vocabulary, context, marker=str(marker), watermark=watermark)


def _mirror(run: Run, side: Side, chosen: Sequence[Candidate]) -> None:
    """Make mirrors: intents, one call, a read of what was made, and the pairs."""
    left = run.writes_left
    if left is not None and left < len(chosen):
        _postpone(run, [candidate.entry for candidate in chosen[left:]], run.clock())
        chosen = chosen[:left]
    if not chosen:
        return
    now = run.clock()
    places = {run.vocabularies[candidate.route].place(side) for candidate in chosen}
    marks = {place: run.sides[side].watermark(place) for place in places}
    run.people.directory([(c.record, run.vocabularies[c.route]) for c in chosen], now)
    steps = [
        mirror_step(run, candidate, now, marks[run.vocabularies[candidate.route].place(side)])
        for candidate in chosen
    ]
    intents = intend(run, [(s, None, c.route) for s, c in zip(steps, chosen, strict=True)])
    results = run.sides[side].write([step.action for step in steps])
    run.counts["writes"] += len(steps)
    made = []
    for candidate, intent, result in zip(chosen, intents, results, strict=True):
        if isinstance(result, Applied):
            made.append((candidate, intent, result))
        else:
            _not_made(run, candidate, intent, result)
    _pair(run, side, made)
    denied = next((result for result in results if isinstance(result, Denied)), None)
    if denied is not None:
        raise denied


def _pair(run: Run, side: Side, made: Sequence[tuple[Candidate, Intent, Applied]]) -> None:
    """Read what was made, where the answer did not show it, and store the pairs.

    A mirror that cannot be read yet stays an open intent: its marker will find it.
    """
    unseen = [result.ref for _, _, result in made if result.record is None]
    shown = dict(zip(unseen, run.read(side, unseen), strict=True))
    for candidate, intent, result in made:
        mirror = result.record if result.record is not None else shown[result.ref]
        if not isinstance(mirror, Record):
            _postpone(run, [candidate.entry], intent.probe_at)
            continue
        entry = audit_entry(intent, "applied", run.clock(), f"made {mirror.label}")
        pair_up(run, candidate.route, candidate.record, mirror, intent.step, intent=intent.id, audit=[entry])
        run.counts["created"] += 1


def _not_made(run: Run, candidate: Candidate, intent: Intent, error: ConnectorError) -> None:
    now, key = run.clock(), candidate.entry.key
    kind: OutcomeKind
    seen = seen_values([candidate.record], run.vocabularies[candidate.route])
    with run.store.transaction() as tx:
        match error:
            case Rejected():
                before = tx.parked([key]).get(key)
                detail = f"no mirror of {candidate.record.label}: {rejection(error)}"
                tx.park(parked(key, "rejected", detail, seen, now, before, candidate.record.label))
                tx.leave([candidate.entry])
                run.counts["parked"] += before is None
                kind = "rejected"
            case Retryable() | Denied():
                tx.postpone([candidate.entry], now + pause_of(error))
                kind = "retry"
            case _:
                tx.mark_unknown(intent.id, intent.probe_at)
                tx.postpone([candidate.entry], intent.probe_at)
                kind = "unknown"
        if kind != "unknown":
            tx.remove_intent(intent.id)
        tx.audit([audit_entry(intent, kind, now, str(error))])
    run.counts[kind] += 1


def _adopt(run: Run, entry: InboxEntry, mirror: Record, marker: Marker) -> None:
    """A record with a marker of ours and no pair: the mirror of a lost answer or state, or a copy."""
    origin_ref = marker.origin_of(mirror.ref)
    if record_key(origin_ref) in run.blocked:
        _postpone(run, [entry], run.clock() + run.config.limits.unknown_quiet)
        return
    with run.store.read() as tx:
        pair = tx.pairs_of([origin_ref]).get(origin_ref)
    if pair is not None:
        _park(run, entry, copy_park(run, mirror))
        return
    if marker.route not in run.routes:
        _leave(run, [entry])
        return
    holders = run.sides[mirror.ref.side].find(str(marker), mirror.place, "")
    first = choose_holder([*holders, mirror])
    if first.ref != mirror.ref:
        _park(run, entry, copy_park(run, mirror))
        return
    origin = run.read(origin_ref.side, [origin_ref])[0]
    if isinstance(origin, Record):
        pair_up(run, marker.route, origin, mirror, None)
        return
    detail = f"{mirror.label} is the mirror of a {origin_ref.side} record that is deleted or hidden from us"
    _park(run, entry, Park(entry.key, "gone", detail, run.clock(), None, label=mirror.label))


def _park(run: Run, entry: InboxEntry, park: Park) -> None:
    with run.store.transaction() as tx:
        run.counts["parked"] += not tx.parked([entry.key])
        tx.park(park)
        tx.leave([entry])


def _leave(run: Run, entries: Iterable[InboxEntry]) -> None:
    with run.store.transaction() as tx:
        tx.leave(list(entries))


def _postpone(run: Run, entries: Iterable[InboxEntry], until: datetime) -> None:
    with run.store.transaction() as tx:
        tx.postpone(list(entries), until)
