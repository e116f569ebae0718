"""Which records without a pair get a mirror, and the step that makes it; nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from tieline.connectors.base import Record, Ref, Side, other
from tieline.sync.config.model import Route
from tieline.sync.marker import Marker
from tieline.sync.model import InboxEntry, Step
from tieline.sync.parking import seen_values, stays_parked
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
    return _unparked(run, list(chosen.values()))


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


def _unparked(run: Run, chosen: Sequence[Candidate]) -> list[Candidate]:
    """Without those of which an earlier refusal still stands: they rest until something moves."""
    with run.store.read() as tx:
        parks = tx.parked([candidate.entry.key for candidate in chosen])
    free = []
    for candidate in chosen:
        park = parks.get(candidate.entry.key)
        vocabulary = run.vocabularies[candidate.route]
        if park is None or not stays_parked(
            park, candidate.entry.reasons, seen_values([candidate.record], vocabulary), run.clock()
        ):
            free.append(candidate)
    return free


def mirror_step(run: Run, candidate: Candidate, now: datetime, watermark: str = "") -> Step:
    """What makes the candidate's mirror."""
    vocabulary = run.vocabularies[candidate.route]
    directory = run.people.directory([(candidate.record, vocabulary)], now)
    marker = Marker(run.config.installation, candidate.route, candidate.record.ref.id)
    context = Context(now, directory, govern=run.govern)
    return plan_mirror(candidate.record, vocabulary, context, marker=str(marker), watermark=watermark)
