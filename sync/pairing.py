"""Makes pairs: of an origin and the mirror just made of it, or of two halves that a marker joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieline.connectors.base import Record, Ref, Side, other
from tieline.sync.marker import Marker, parse_marker
from tieline.sync.model import Arrival, AuditEntry, Base, Pair, Park, Step
from tieline.sync.run import Run
from tieline.sync.settle import settle_mirror

LOST_STATE: Final = "its marker joins it; there was no history"


def record_key(ref: Ref) -> str:
    """The inbox key of a record without a pair."""
    return f"r:{ref.side}:{ref.id}"


def pair_key(pair: Pair) -> str:
    """The inbox key of a pair."""
    return f"p:{pair.id}"


def pair_up(
    run: Run, route: str, origin: Record, mirror: Record, step: Step | None,
    *, intent: int | None = None, audit: Sequence[AuditEntry] = (),
) -> Pair:  # fmt: skip
    """Store the pair of an origin and its mirror, with its Base, in one transaction with its intent's end.

    Without `step` (two halves found by their marker) there is no Base: the rule `first` decides what differs.
    """
    now = run.clock()
    base = Base()
    if step is not None:
        vocabulary = run.vocabularies[route]
        directory = run.people.directory([(origin, vocabulary), (mirror, vocabulary)], now)
        base = settle_mirror(step, origin, mirror, vocabulary, directory, now)
    records: dict[Side, Record] = {origin.ref.side: origin, mirror.ref.side: mirror}
    servicenow, jira = records["servicenow"], records["jira"]
    pair = Pair(
        id=0, route=route, servicenow=servicenow.ref, jira=jira.ref, origin=origin.ref.side,
        number=servicenow.label, key=jira.label, base=base, created_at=now,
    )  # fmt: skip
    with run.store.transaction() as tx:
        for record in (origin, mirror):
            tx.unpark(record_key(record.ref))
        stored = tx.add_pair(pair)
        tx.arrive([Arrival(pair.servicenow, "paired")], now)
        tx.audit([*audit])
        if intent is not None:
            tx.remove_intent(intent)
    run.counts["paired"] += 1
    return stored


def choose_holder(holders: Sequence[Record]) -> Record:
    """Of several records with one marker the one that was made first; the others are copies of it."""
    return min(holders, key=lambda record: (record.created, len(record.ref.id), record.ref.id))


def copy_park(run: Run, record: Record) -> Park:
    """A copy (Jira's Clone copies fields and labels) is reported and left alone."""
    detail = (
        f"{record.label} carries the marker of another ticket's mirror: it was copied from it. "
        "Empty its marker field to let it be an incident of its own"
    )
    return Park(record_key(record.ref), "copy", detail, run.clock(), None)


def own_marker(run: Run, record: Record) -> Marker | None:
    """The record's marker if this installation wrote it."""
    marker = parse_marker(record.marker)
    return marker if marker is not None and marker.installation == run.config.installation else None


def is_foreign_mirror(run: Run, record: Record) -> bool:
    """Whether another installation made this record: it is never an origin here."""
    marker = parse_marker(record.marker)
    return marker is not None and marker.installation != run.config.installation


def across(ref: Ref, id_: str) -> Ref:
    """The Ref of the same kind on the other side."""
    return Ref(other(ref.side), id_, ref.kind)
