"""Builds a lost state anew from the markers alone: which records are pairs, and where their sides agree.

It reads both sides page by page and writes to neither. Where the sides agree their Base is decided; where
they differ the rule `first` decides in the next pass. What is a pair already stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tieline.connectors.base import SIDES, Record, Ref, Side
from tieline.connectors.errors import Unreadable
from tieline.sync.admission import LEFT, UNSURE
from tieline.sync.marker import Marker, digest
from tieline.sync.model import Base, Dealt, Pair, Snapshot, UnitBase
from tieline.sync.pairing import copy_park, move_over, note_continued, own_marker, pair_up
from tieline.sync.run import Run
from tieline.sync.steps import links
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import Vocabulary

Told = Callable[[str, int, int], None]


@dataclass
class Rebuilt:
    """What was found: counts, and what people should look at."""

    counts: Counter[str] = field(default_factory=Counter)
    copies: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Mirrors that cannot be read: none is made in their place, since what is new is searched for first."""
    continued: set[str] = field(default_factory=set)
    """Digests of closed incidents that a child continues: what else bears their marker is a copy."""


def rebuild(run: Run, progress: Told, *, keep: bool = True) -> Rebuilt:
    """Pair every mirror of this installation with its origin. With `keep` False nothing is stored.

    Raises what either side raises; what was stored by then stays, and the next rebuild goes on from there.
    """
    began, found = run.clock(), Rebuilt()
    for side in SIDES:
        run.identity(side)
    for side in SIDES:
        try:
            for page in run.sides[side].marked(run.config.installation):
                found.counts["read"] += len(page)
                _page(run, side, [run.on_our_clock(record) for record in page], found, keep=keep)
                progress(f"reading the markers in {side}", found.counts["read"], 0)
        except Unreadable as error:
            found.unreadable += error.labels
    if keep:
        with run.store.transaction() as tx:
            tx.set_note("installation", run.config.installation)
            tx.set_note(UNSURE, began.isoformat())
            tx.drop_note(LEFT)
    return found


def _page(run: Run, side: Side, page: Sequence[Record], found: Rebuilt, *, keep: bool) -> None:
    mirrors: list[tuple[Record, Marker]] = []
    for record in sorted(page, key=lambda r: (r.created, len(r.ref.id), r.ref.id)):
        marker = own_marker(run, record)
        if marker is None or marker.route not in run.routes:
            found.foreign.append(record.label)
        else:
            mirrors.append((record, marker))
    refs = list(dict.fromkeys(marker.origin_of(record.ref) for record, marker in mirrors))
    origins: dict[Ref, Record] = {}
    for shown in run.read(refs[0].side, refs) if refs else ():
        if isinstance(shown, Record):
            origins[shown.ref] = shown
    bases = {m.ref: _base(run, origins.get(k.origin_of(m.ref)), m, k.route, found) for m, k in mirrors}
    with run.store.transaction() as tx:
        known = tx.pairs_of([*refs, *(mirror.ref for mirror, _ in mirrors)])
        for mirror, marker in mirrors:
            origin = marker.origin_of(mirror.ref)
            _join(run, tx, known, mirror, marker, origins.get(origin, origin), bases[mirror.ref], found, keep)


def _join(
    run: Run,
    tx: Tx,
    known: dict[Ref, Pair],
    mirror: Record,
    marker: Marker,
    origin: Record | Ref,
    base: Base,
    found: Rebuilt,
    keep: bool,
) -> None:
    """Pair one mirror, unless it or its origin is in a pair; the later of two holders is a copy."""
    ref = origin.ref if isinstance(origin, Record) else origin
    there = known.get(ref)
    if marker.parent:
        found.continued.add(marker.parent)
    if keep:
        note_continued(tx, marker)
    if mirror.ref in known:
        found.counts["known"] += 1
        return
    ended = digest(ref if there is None else there.servicenow)
    goes_on = there is not None and marker.parent == ended
    if not goes_on and (there is not None or ended in found.continued):
        found.copies.append(mirror.label)
        if keep:
            tx.park(copy_park(run, mirror))
        return
    if not isinstance(origin, Record):
        found.lost.append(mirror.label)
    if not keep:
        pair = Pair(0, marker.route, *_sorted(ref, mirror.ref), ref.side)
    elif there is not None:
        pair = move_over(run, tx, there, mirror, there.jira, base)
    else:
        pair = pair_up(run, tx, marker.route, origin, mirror, base)
        pair = replace(pair, created_at=mirror.created)  # what was said since is not from before the pairing
        tx.save_pair(pair)
    known[ref] = known[mirror.ref] = pair
    found.counts["paired"] += 1


def _sorted(one: Ref, two: Ref) -> tuple[Ref, Ref]:
    return (one, two) if one.side == "servicenow" else (two, one)


def _base(run: Run, origin: Record | None, mirror: Record, route: str, found: Rebuilt) -> Base:
    """What both sides are shown to agree on; where they differ nothing was dealt with."""
    if origin is None:
        return Base()
    vocabulary, now = run.vocabularies[route], run.clock()
    directory = run.people.directory([(origin, vocabulary), (mirror, vocabulary)], now)
    records = {record.ref.side: record for record in (origin, mirror)}
    units: dict[str, UnitBase] = {}
    for unit in vocabulary.units:
        own = {side: unit.own(side, record.values) for side, record in records.items()}
        if unit.agrees(own["servicenow"], own["jira"], directory):
            units[unit.name] = UnitBase(Dealt(own["servicenow"]), Dealt(own["jira"]), now)
        else:
            found.counts["fields that differ"] += 1
    return Base(MappingProxyType(units), _shown(run, vocabulary, records, units))


def _shown(
    run: Run, vocabulary: Vocabulary, records: dict[Side, Record], units: dict[str, UnitBase]
) -> MappingProxyType[Side, str]:
    """What the visible links show already: nobody's ticket gets a second note for that.

    ServiceNow's field tells. Jira's link shows the state; it is up to date where the status is in step.
    """
    sn, jira = records["servicenow"], records["jira"]
    pair = Pair(0, vocabulary.route, sn.ref, jira.ref, sn.ref.side)
    lines = {
        step.action.ref.side: step.shown
        for step in links((), Snapshot(pair, sn, jira, run.clock()), vocabulary)
        if hasattr(step.action, "ref")
    }
    shown: dict[Side, str] = {}
    if sn.values.get(run.config.servicenow.link) == jira.label:
        shown["servicenow"] = lines["servicenow"]
    if vocabulary.status is None or vocabulary.status.name in units:
        shown["jira"] = lines["jira"]
    return MappingProxyType(shown)
