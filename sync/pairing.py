"""Makes pairs, of an origin and its mirror, and ends them. It decides neither which, nor when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import Record, Ref, Side
from tieline.sync.marker import Marker, digest, parse_marker
from tieline.sync.model import Arrival, Base, Pair, Park, Step
from tieline.sync.run import Run
from tieline.sync.settle import settle_mirror
from tieline.sync.store.store import Tx

PAIRED: Final = "paired"
"""The reason of an arrival after a pair was made: it has to be brought in step."""


def record_key(ref: Ref) -> str:
    """The inbox key of a record without a pair."""
    return f"r:{ref.side}:{ref.id}"


def pair_key(pair: Pair) -> str:
    """The inbox key of a pair."""
    return f"p:{pair.id}"


def first_base(run: Run, route: str, step: Step, origin: Record | None, mirror: Record) -> Base:
    """The Base of a pair whose mirror `step` made; `origin` is None if it is hidden meanwhile."""
    vocabulary, now = run.vocabularies[route], run.clock()
    records = [record for record in (origin, mirror) if record is not None]
    directory = run.people.directory([(record, vocabulary) for record in records], now)
    ours = run.wrote_last(mirror) is not False
    return settle_mirror(step, origin, mirror, vocabulary, directory, now, ours=ours)


def pair_up(
    run: Run, tx: Tx, route: str, origin: Record | Ref, mirror: Record, base: Base | None = None
) -> Pair:
    """Store the pair of an origin and its mirror, and let it be looked at.

    Without a Base (two halves found by their marker) the rule `first` decides what differs. An origin that
    is not shown is named by its Ref alone: the pair then parks as any other whose half is gone.
    """
    return pair_up_all(run, tx, [new_pair(run, route, origin, mirror, base)])[0]


def pair_up_all(run: Run, tx: Tx, new: Sequence[Pair]) -> list[Pair]:
    """The same for several pairs, which `new_pair` made."""
    for key in tx.parked([record_key(ref) for pair in new for ref in (pair.servicenow, pair.jira)]):
        tx.unpark(key)
    stored = tx.add_pairs(new if run.govern is None else [_with_lifted(tx, p, run.clock()) for p in new])
    tx.arrive([Arrival(pair.servicenow, PAIRED) for pair in stored], run.clock(), run.started)
    run.counts["paired"] += len(stored)
    return stored


def new_pair(run: Run, route: str, origin: Record | Ref, mirror: Record, base: Base | None) -> Pair:
    """The pair of an origin and its mirror, not stored yet."""
    ref = origin.ref if isinstance(origin, Record) else origin
    refs: dict[Side, Ref] = {ref.side: ref, mirror.ref.side: mirror.ref}
    labels: dict[Side, str] = {mirror.ref.side: mirror.label}
    labels[ref.side] = origin.label if isinstance(origin, Record) else ""
    return Pair(
        id=0, route=route, servicenow=refs["servicenow"], jira=refs["jira"], origin=ref.side,
        number=labels["servicenow"], key=labels["jira"], base=base or Base(), created_at=run.clock(),
    )  # fmt: skip


def lifted_note(key: str) -> str:
    """The note that keeps which hold of a record without a pair a person lifted."""
    return f"lifted:{key}"


def _with_lifted(tx: Tx, pair: Pair, now: datetime) -> Pair:
    """The pair, knowing which holds a person lifted before it was one."""
    from tieline.sync.policy.orders import lifted

    for ref in (pair.servicenow, pair.jira):
        mark = tx.note(lifted_note(record_key(ref)))
        if mark:
            pair = replace(pair, base=lifted(pair.base, mark, now, fresh=True))
            tx.drop_note(lifted_note(record_key(ref)))
    return pair


def move_over(run: Run, tx: Tx, closed: Pair, child: Record, issue: Record | Ref, base: Base | None) -> Pair:
    """The issue goes on with the child of its closed incident: that pair ends, and a new one begins."""
    unlink(run, tx, closed)
    if base is not None and run.govern is not None:
        from tieline.sync.policy.orders import knowing

        base = knowing(base, closed.base, run.clock())
    pair = pair_up(run, tx, closed.route, issue, child, base)
    said = [entry for entry in tx.heard([closed.id]).get(closed.id, ()) if entry.side == "jira"]
    tx.save_heard(pair.id, said)  # what the closed incident got is not said again; what it did not take is
    return pair


def unlink(run: Run, tx: Tx, pair: Pair) -> Pair:
    """End a pair. Its records are remembered, so that neither ever gets another mirror by mistake."""
    ended = replace(pair, state="unlinked")
    tx.save_pair(ended)
    tx.unpark(pair_key(pair))
    for ref in (pair.servicenow, pair.jira):
        tx.set_note(_ended(ref), str(pair.id))
    for conflict in tx.open_conflicts([pair.id]).get(pair.id, ()):
        tx.save_conflict(replace(conflict, open=False, closed_at=run.clock()))
    return ended


def relink(run: Run, tx: Tx, pair: Pair) -> Pair:
    """Take an ended pair up again, with the Base that it had."""
    again = replace(pair, state="active")
    tx.save_pair(again)
    for ref in (pair.servicenow, pair.jira):
        tx.unpark(record_key(ref))
        tx.set_note(_ended(ref), "")
    tx.arrive([Arrival(pair.servicenow, PAIRED)], run.clock(), run.started)
    return again


def ended_pairs(tx: Tx, refs: Iterable[Ref]) -> dict[Ref, Pair]:
    """The pair that each of these records was last in, where that has ended."""
    keys = {ref: _ended(ref) for ref in refs}
    notes = tx.notes(keys.values())
    found = {ref: int(notes[key]) for ref, key in keys.items() if notes.get(key)}
    pairs = tx.pairs(found.values())
    return {ref: pairs[id_] for ref, id_ in found.items() if id_ in pairs}


def note_continued(tx: Tx, child: Marker) -> None:
    """Remember the closed incident that a child continues: it gets no other mirror, whatever the state knows.

    After a lost state the child may be joined first, and nobody knows of the pair that ended.
    """
    if child.parent:
        tx.set_note(f"continued:{child.parent}", "child")


def continued(tx: Tx, refs: Iterable[Ref]) -> frozenset[Ref]:
    """Those of the records that a child was seen to continue."""
    keys = {ref: f"continued:{digest(ref)}" for ref in refs}
    notes = tx.notes(keys.values())
    return frozenset(ref for ref, key in keys.items() if key in notes)


def free(tx: Tx, pair: Pair) -> None:
    """Forget that these two were a pair: each is an incident of its own from now on."""
    for ref in (pair.servicenow, pair.jira):
        tx.set_note(_ended(ref), "")


def part_for_good(tx: Tx, pair: Pair) -> None:
    """A person ended this pair: it does not come back by itself, whatever its records do."""
    tx.set_note(_parted(pair), "person")


def is_parted(tx: Tx, pair: Pair) -> bool:
    """Whether a person ended this pair."""
    return bool(tx.note(_parted(pair)))


def _parted(pair: Pair) -> str:
    return f"parted:{pair.id}"


def _ended(ref: Ref) -> str:
    return f"ended:{record_key(ref)}"


def choose_holder(holders: Sequence[Record]) -> Record:
    """Of several records with one marker the one that was made first; the others are copies of it."""
    return min(holders, key=lambda record: (record.created, len(record.ref.id), record.ref.id))


def copy_park(run: Run, record: Record) -> Park:
    """A copy (Jira's Clone copies fields and labels) is reported and left alone."""
    detail = (
        f"{record.label} carries the marker of another ticket's mirror: it was copied from it. "
        "Empty its marker field to let it be an incident of its own"
    )
    return Park(record_key(record.ref), "copy", detail, run.clock(), None, label=record.label)


def own_marker(run: Run, record: Record) -> Marker | None:
    """The record's marker if this installation wrote it."""
    marker = parse_marker(record.marker)
    return marker if marker is not None and marker.installation == run.config.installation else None


def is_foreign_mirror(run: Run, record: Record) -> bool:
    """Whether another installation made this record: it is never an origin here."""
    marker = parse_marker(record.marker)
    return marker is not None and marker.installation != run.config.installation
