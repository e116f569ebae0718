"""Deliberate defects of the engine, its state and its cursors: the oracle must catch every one of them.

They are put in beside the simulator, by replacing functions for the time of a run; the product knows nothing
of them. `python -m tests.simulation.soak --mutants` says by which seed or drill each is caught.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from unittest.mock import patch

from tests.simulation import simulation
from tests.simulation.jira import Jira
from tests.simulation.sides import HostileSide
from tieline.connectors.base import Create, Side, other
from tieline.connectors.errors import StateError, Unavailable, Unknown
from tieline.sync import (
    decide,
    engine,
    feeds,
    journal,
    merge,
    outcome,
    pairing,
    parking,
    recovery,
    settle,
    steps,
    wave,
    work,
)
from tieline.sync.mapping import ChoiceUnit, Directory, TextUnit, cut
from tieline.sync.model import Arrival, Base, Intent, UnitBase
from tieline.sync.store.intents import Intents
from tieline.sync.store.parks import Parks
from tieline.sync.store.trail import Trail

Swap = tuple[object, str, Any]
"""Where a name stands, the name, and what stands there for the time of a run."""


@dataclass(frozen=True)
class Mutant:
    """A defect: what it is, and what it replaces. Functions are replaced wherever they were imported."""

    what: str
    swaps: Callable[[], Sequence[Swap]]

    @contextmanager
    def applied(self) -> Iterator[Counter[str]]:
        """The engine with this defect; counts how often it is come across."""
        hits = Counter[str]()
        with ExitStack() as stack:
            for owner, name, value in self.swaps():
                for place in places(owner, name):
                    stack.enter_context(patch.object(place, name, _counted(value, name, hits)))
            yield hits


def _counted(value: Callable[..., Any], name: str, hits: Counter[str]) -> Callable[..., Any]:
    @wraps(value)
    def counted(*args: Any, **options: Any) -> Any:
        hits[name] += 1
        return value(*args, **options)

    return counted


def places(owner: object, name: str) -> list[object]:
    """Where the owner's function is known by its name: `from x import f` makes further names of it.

    AttributeError where there is no such function any more.
    """
    if isinstance(owner, type):
        return [owner]
    original = getattr(owner, name)
    modules = [m for key, m in list(sys.modules.items()) if key.startswith(("tieline.", "tests.simulation."))]
    return [module for module in modules if module.__dict__.get(name) is original]


def _unjournaled(which: Callable[[Any], bool]) -> Sequence[Swap]:
    original = journal.intend

    def intend(run: Any, planned: Any, *more: Any) -> Any:
        stored = iter(original(run, [p for p in planned if not which(p[0].action)]))
        now = run.clock()
        return [
            Intent(run.id, None if pair is None else pair.id, route, step, now, now)
            if which(step.action) else next(stored)
            for step, pair, route in planned
        ]  # fmt: skip

    return [(journal, "intend", intend)]


def _base_before_write() -> Sequence[Swap]:
    original = journal.intend

    def intend(run: Any, planned: Any, *more: Any) -> Any:
        made = original(run, planned, *more)
        with run.store.transaction() as tx:
            for step, pair, _ in planned:
                if pair is not None:
                    base = replace(pair.base, units={**pair.base.units, **step.bases})
                    tx.save_pair(replace(pair, base=base))
        return made

    return [(journal, "intend", intend)]


def _read_back() -> Sequence[Swap]:
    def verified(unit: Any, base: UnitBase, side: Side, record: Any, *_: Any) -> UnitBase:
        dealt = base.of(side)
        if record is None or dealt is None:
            return base
        found = replace(dealt, values=unit.own(side, record.values))
        return replace(base, servicenow=found) if side == "servicenow" else replace(base, jira=found)

    return [(settle, "_verified", verified)]


def _no_rewrites() -> Sequence[Swap]:
    original = settle._verified

    def verified(unit: Any, base: UnitBase, side: Side, record: Any, alone: Any, directory: Any) -> UnitBase:
        return original(unit, base, side, record, None, directory)

    return [(settle, "_verified", verified)]


def _filtered_feed(keep: Callable[[Any, Any, Any, Any], bool]) -> Sequence[Swap]:
    """The feed's entries pass a filter before they reach the inbox: (run, side, change, pair) -> kept."""

    def drain(run: Any, side: Side, again: Any, progress: Any) -> None:
        with run.store.read() as tx:
            cursor = tx.cursor(side) if again is None else None
        for page in run.sides[side].feed(cursor, again or feeds.go_live(run.config.routes[0])):
            run.identity(side)
            with run.store.transaction() as tx:
                pairs = tx.pairs_of([change.ref for change in page.changes])
                kept = [c for c in page.changes if keep(run, side, c, pairs.get(c.ref))]
                tx.arrive([Arrival(change.ref, "feed") for change in kept], run.clock())
                tx.set_cursor(side, page.cursor)

    return [(feeds, "_drain", drain)]


def _not_seen_since(run: Any, side: Side, change: Any, pair: Any) -> bool:
    return pair is None or pair.checked_at is None or change.updated > pair.checked_at


def _in_scope_now(run: Any, side: Side, change: Any, pair: Any) -> bool:
    values = run.sides[side].rows[change.ref.id].values
    return values.get("state") not in ("6", "7", "8") and values.get("status") not in (
        "Resolved",
        "Closed",
        "Canceled",
    )


def _cursor_first() -> Sequence[Swap]:
    def drain(run: Any, side: Side, again: Any, progress: Any) -> None:
        with run.store.read() as tx:
            cursor = tx.cursor(side) if again is None else None
        for page in run.sides[side].feed(cursor, again or feeds.go_live(run.config.routes[0])):
            run.identity(side)
            with run.store.transaction() as tx:
                tx.set_cursor(side, page.cursor)
            with run.store.transaction() as tx:
                tx.arrive([Arrival(change.ref, "feed") for change in page.changes], run.clock())

    return [(feeds, "_drain", drain)]


def _greater() -> Sequence[Swap]:
    original = HostileSide._feed_rows

    def rows(self: HostileSide, bound: datetime, last: Any) -> Any:
        bound += self.overlap
        return [item for item in original(self, bound, last) if item[0] > bound]

    return [(HostileSide, "_feed_rows", rows)]


def _resend() -> Sequence[Swap]:
    original = HostileSide.write

    def write(self: HostileSide, actions: Any) -> Any:
        return [Unavailable(str(o)) if isinstance(o, Unknown) else o for o in original(self, actions)]

    return [(HostileSide, "write", write)]


def _at_once() -> Sequence[Swap]:
    original = Intents.open_intents

    def open_intents(self: Intents) -> Any:
        return [replace(i, probe_at=datetime(2000, 1, 1, tzinfo=UTC)) for i in original(self)]

    return [(Intents, "open_intents", open_intents)]


def _trusted_search() -> Sequence[Swap]:
    original = Jira._holders
    return [(Jira, "_holders", lambda self, marker, watermark: original(self, marker, ""))]


def _forgotten() -> Sequence[Swap]:
    return [(Intents, "mark_unknown", lambda self, id, probe_at: self.remove_intent(id))]


def _entry_first() -> Sequence[Swap]:
    original = wave.wave

    def first(run: Any, entries: Any) -> None:
        with run.store.transaction() as tx:
            tx.leave(entries)
        original(run, entries)

    return [(wave, "wave", first)]


def _stop_at_park() -> Sequence[Swap]:
    def park_work(*_: Any) -> None:
        raise StateError("a pair cannot be brought in step")

    return [(work, "park_work", park_work)]


def _let_go() -> Sequence[Swap]:
    def put_off(tx: Any, job: Any, until: datetime) -> None:
        tx.leave([job.entry])
        work.close(job)

    return [(work, "put_off", put_off)]


def _silent_clash() -> Sequence[Swap]:
    def clash(unit: Any, base: Any, snapshot: Any, directory: Any) -> Any:
        return merge.Take("servicenow", f"{unit.name}: changed on both sides")

    return [(merge, "_clash", clash)]


def _one_sided_sets() -> Sequence[Swap]:
    def sets(unit: Any, base: Any, snapshot: Any) -> Any:
        ours = unit.own("servicenow", snapshot.servicenow.values)
        theirs = unit.encode("jira", ours, unit.own("jira", snapshot.jira.values), Directory())
        return {"servicenow": ours, "jira": theirs}

    return [(merge, "merge_sets", sets)]


def _by_value() -> Sequence[Swap]:
    def agrees(self: ChoiceUnit, servicenow: Any, jira: Any, directory: Any) -> bool:
        return bool(self.encode("servicenow", jira, {}, directory) == servicenow)

    return [(ChoiceUnit, "agrees", agrees)]


def _cut_for_good() -> Sequence[Swap]:
    def encode(self: TextUnit, to: Side, values: Any, current: Any, directory: Any) -> Any:
        text = self.canonical(self.value(other(to), values))
        return self._as(to, cut(text, self.limits[to], self._mark)[0] or None)

    return [(TextUnit, "encode", encode)]


def _unread_answers() -> Sequence[Swap]:
    return [(outcome, "_shown", lambda run, tried: list(tried))]


def _blind_recovery() -> Sequence[Swap]:
    return [
        (recovery, "_recover_write", lambda run, intent, write: recovery._end(run, intent, "skipped", "?"))
    ]


def _raceless_recovery() -> Sequence[Swap]:
    original = recovery._settle

    def settled(run: Any, intent: Any, applied: Any, detail: str) -> None:
        original(run, intent, replace(applied, races=(), alone=None), detail)

    return [(recovery, "_settle", settled)]


def _note_again() -> Sequence[Swap]:
    def note(run: Any, intent: Any, write: Any) -> None:
        recovery._end(run, intent, "skipped", "sent again")

    return [(recovery, "_recover_note", note)]


def _swap(owner: object, name: str, value: Any) -> Callable[[], Sequence[Swap]]:
    return lambda: [(owner, name, value)]


def _everything(_: Any) -> bool:
    return True


def _not_creates(action: Any) -> bool:
    return not isinstance(action, Create)


def _no_conflict(*_: Any) -> None:
    return None


MUTANTS: dict[str, Mutant] = {
    "no-journal": Mutant("nothing is written down before it is tried", lambda: _unjournaled(_everything)),
    "updates-not-journaled": Mutant("only creates are written down", lambda: _unjournaled(_not_creates)),
    "base-before-write": Mutant("the Base moves when a write is intended", _base_before_write),
    "base-read-back": Mutant("the Base becomes whatever the answer shows", _read_back),
    "base-only-with-write": Mutant(
        "the Base moves only with a write",
        _swap(decide, "_settled", lambda unit, base, snapshot: decide.Verdict(unit, decide._NOTHING, base)),
    ),
    "no-races": Mutant("nobody looks what a write ran over", _swap(settle, "races", lambda *_: ())),
    "answers-unread": Mutant("a write that shows nothing is believed", _unread_answers),
    "feed-by-time": Mutant("older feed entries are dropped", lambda: _filtered_feed(_not_seen_since)),
    "scope-in-feed": Mutant("what is closed leaves the feed", lambda: _filtered_feed(_in_scope_now)),
    "cursor-greater": Mutant("`>` instead of `>=`, and no overlap", _greater),
    "cursor-first": Mutant("the cursor moves before the page is in the inbox", _cursor_first),
    "resend-unknown": Mutant("a lost answer is taken for a refusal, and sent again", _resend),
    "unknown-at-once": Mutant("a lost answer is settled without waiting", _at_once),
    "unknown-forgotten": Mutant("a lost answer ends the intent", _forgotten),
    "search-trusted": Mutant("the marker is looked for in the search index alone", _trusted_search),
    "recovery-blind": Mutant("a lost update is never looked for", _blind_recovery),
    "recovery-raceless": Mutant("recovery does not look for overwritten edits", _raceless_recovery),
    "doubt-ignored": Mutant(
        "a write that may have been made is taken for one that was not",
        _swap(recovery, "_leave_in_doubt", lambda run, it, *_: recovery._end(run, it, "skipped", "?")),
    ),
    "first-edits-ignored": Mutant(
        "what a mirror holds when it is found again counts as ours",
        _swap(settle, "_untouched", lambda unit, mirror, *, ours: True),
    ),
    "hops-not-committed": Mutant(
        "the Base does not follow each hop", _swap(steps, "_reached", lambda *_: None)
    ),
    "rewrites-as-people": Mutant("what a rule made of our write counts as a person's", _no_rewrites),
    "flapping": Mutant("two rules that fight are never held", _swap(merge, "_flaps", lambda *_: False)),
    "loser-not-recorded": Mutant("the loser of a clash is not kept", _swap(decide, "_decided", _no_conflict)),
    "silent-clash": Mutant("ServiceNow wins every clash without a word", _silent_clash),
    "one-sided-sets": Mutant("sets are copied instead of merged", _one_sided_sets),
    "by-value": Mutant("values are compared, not classes", _by_value),
    "tail-lost": Mutant("a cut copy replaces its original", _cut_for_good),
    "entry-leaves-first": Mutant("inbox entries leave before they are dealt with", _entry_first),
    "retry-forgotten": Mutant("a refused connection lets the entry go", _let_go),
    "unreadable-forgotten": Mutant(
        "a mirror that cannot be read is made again",
        _swap(Parks, "rests", lambda self, side, reason: False),
    ),
    "park-stops-all": Mutant("a pair that cannot be brought in step stops the pass", _stop_at_park),
    "parked-for-ever": Mutant("a park never ends", _swap(parking, "stays_parked", lambda *_: True)),
    "copies-adopted": Mutant(
        "of several holders of a marker the last is taken",
        _swap(pairing, "choose_holder", lambda holders: max(holders, key=lambda r: (r.created, r.ref.id))),
    ),
    "copies-mirrored": Mutant("our own marker is not known", _swap(pairing, "own_marker", lambda *_: None)),
    "foreign-mirrored": Mutant(
        "markers of others are not respected", _swap(pairing, "is_foreign_mirror", lambda *_: False)
    ),
    "no-first-base": Mutant("a new pair has no Base", _swap(pairing, "first_base", lambda *_: Base())),
    "no-guard": Mutant("nothing stops a stampede", _swap(engine, "guard", lambda run: None)),
    "no-lock": Mutant("two processes at once", _swap(simulation, "one_pass", lambda *_: nullcontext())),
    "no-audit": Mutant("writes are not accounted for", _swap(Trail, "audit", lambda self, entries: None)),
    "note-again": Mutant("a note whose answer was lost is sent again", _note_again),
    "state-for-all": Mutant(
        "the state's file can be read by everybody",
        _swap(sys.modules["tieline.sync.store.place"], "_make_private", lambda path: None),
    ),
}  # fmt: skip
