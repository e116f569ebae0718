"""One wave: a plan for each of up to a hundred pairs, and its actions one after the other.

The actions of one pair keep their order; those of different pairs go out together. After its writes each pair
is planned again from what the answers showed, until nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import SIDES, Applied, Move, Record, Side, Transition, Update
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Retryable,
    Stale,
)
from tieline.sync.journal import audit_entry, intend, record_conflicts
from tieline.sync.model import Conflict, InboxEntry, Intent, OutcomeKind, Pair, Park, Plan, Snapshot, Step
from tieline.sync.pairing import pair_key
from tieline.sync.parking import parked, seen_values, stays_parked
from tieline.sync.plan import Context, plan
from tieline.sync.run import Run
from tieline.sync.settle import races, settle
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import Vocabulary
from tieline.sync.workflow import Workflow

MAX_ROUNDS: Final = 5
"""Plans of one pair within one wave: write, verify, and again for rewrites; what is left waits."""

PAUSE: Final = timedelta(seconds=30)
"""How long a pair waits for a side that was busy and did not say for how long."""


@dataclass
class Work:
    """One pair in a wave. `records` holds what each side last showed, none where it must be read again."""

    entry: InboxEntry
    pair: Pair
    vocabulary: Vocabulary
    records: dict[Side, Record] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    open: bool = True

    @property
    def key(self) -> str:
        """The pair's inbox key."""
        return pair_key(self.pair)

    @property
    def seen(self) -> str:
        """The fingerprint of the mapped values."""
        return seen_values(self.records.values(), self.vocabulary)


def apply_wave(run: Run, works: Sequence[Work]) -> None:
    """Bring these pairs in step. What cannot be finished now stays in the inbox, or is parked."""
    for _ in range(MAX_ROUNDS):
        read_missing(run, [work for work in works if work.open])
        _plan_round(run, [work for work in works if work.open])
        if not any(work.open for work in works):
            return
        while ready := [work for work in works if work.open and work.steps]:
            _write_round(run, ready)
    postpone(run, [work for work in works if work.open], run.clock() + PAUSE)


def read_missing(run: Run, works: Sequence[Work]) -> None:
    """Read, in batches, the records that nothing has shown yet."""
    for side in SIDES:
        asked = [work for work in works if work.open and side not in work.records]
        found = run.read(side, [work.pair.ref(side) for work in asked])
        for work, record in zip(asked, found, strict=True):
            if isinstance(record, Record):
                work.records[side] = record
            elif isinstance(record, Retryable):
                run.counts["retry"] += 1
                postpone(run, [work], run.clock() + pause_of(record))
            else:
                with run.store.transaction() as tx:
                    _park(run, tx, work, *unread(work.pair.label(side), side, record))


def unread(label: str, side: Side, error: ConnectorError) -> tuple[str, str]:
    """Why a record that cannot be read is parked: a short code, and the sentence for people."""
    if isinstance(error, Gone):
        return "gone", f"{label} is deleted, or hidden from us in {side}"
    return "unreadable", f"{label} cannot be read in {side}: {error}"


def contexts(run: Run, works: Sequence[Work], now: datetime) -> dict[str, Context]:
    """What plans need to know, by route: who is who, and the workflow as far as it was observed."""
    looked_at = [(record, work.vocabulary) for work in works for record in work.records.values()]
    directory = run.people.directory(looked_at, now)
    found = {}
    for vocabulary in {work.vocabulary.route: work.vocabulary for work in works}.values():
        observed = observed_moves(run, vocabulary.place("jira"))
        found[vocabulary.route] = Context(now, directory, Workflow({**vocabulary.workflow, **observed}))
    return found


def observed_moves(run: Run, place: str) -> dict[str, tuple[Move, ...]]:
    """The transitions that issues at this place have shown so far, by status."""
    if place not in run.workflows:
        with run.store.read() as tx:
            run.workflows[place] = dict(tx.moves(place))
    return run.workflows[place]


def _observe(run: Run, works: Sequence[Work], tx: Tx) -> None:
    for work in works:
        record, status = work.records["jira"], work.vocabulary.status
        if status is None or not record.moves:
            continue
        known, name = observed_moves(run, record.place), str(record.values.get(status.status))
        if known.get(name) != record.moves:
            known[name] = record.moves
            tx.save_moves(record.place, name, record.moves)


def _plan_round(run: Run, works: Sequence[Work]) -> None:
    """Plan each pair, settle what needs no write, and let go of those with nothing left to do."""
    if not works:
        return
    now = run.clock()
    context = contexts(run, works, now)
    with run.store.transaction() as tx:
        _observe(run, works, tx)
        standing = tx.open_conflicts([work.pair.id for work in works])
        parks = tx.parked([work.key for work in works])
        for work in works:
            run.counts["looked_at"] += work.pair.checked_at is None or work.pair.checked_at < run.started
            park = parks.get(work.key)
            if park is None or not stays_parked(park, work.entry.reasons, work.seen, now):
                _plan_pair(
                    run, tx, work, context[work.vocabulary.route], standing.get(work.pair.id, ()), park
                )
            else:
                _checked(tx, work, now)
            work.open = work.open and bool(work.steps)
        tx.leave([work.entry for work in works if not work.open])


def _plan_pair(
    run: Run, tx: Tx, work: Work, context: Context, standing: Sequence[Conflict], park: Park | None
) -> None:
    records = work.records
    snapshot = Snapshot(work.pair, records["servicenow"], records["jira"], context.now, tuple(standing))
    made = plan(snapshot, work.vocabulary, context)
    work.steps = list(made.steps)
    work.pair = _looked_at(work, made, context.now)
    tx.save_pair(work.pair)
    record_conflicts(tx, [replace(conflict, pass_id=run.id) for conflict in made.conflicts])
    for conflict in standing:
        if conflict.id in made.closed:
            tx.save_conflict(replace(conflict, open=False, closed_at=context.now))
    run.counts["conflicts"] += len(made.conflicts)
    if made.park is not None:
        again = parked(work.key, made.park.reason, made.park.detail, work.seen, context.now, park)
        tx.park(again)
        run.counts["parked"] += park is None
    elif park is not None:
        tx.unpark(park.key)


def _looked_at(work: Work, made: Plan, now: datetime) -> Pair:
    base = work.pair.base
    if made.bases:
        base = replace(base, units={**base.units, **made.bases})
    number, key = work.records["servicenow"].label, work.records["jira"].label
    return replace(work.pair, base=base, number=number, key=key, checked_at=now)


def _write_round(run: Run, ready: Sequence[Work]) -> None:
    """The next action of each pair: intents, one call a side, and what came of it in one transaction."""
    left = run.writes_left
    if left is not None and left < len(ready):
        postpone(run, ready[left:], run.clock())
        ready = ready[:left]
    if not ready:
        return
    intents = intend(run, [(work.steps[0], work.pair, work.vocabulary.route) for work in ready])
    for side in SIDES:
        mine = [
            (work, intent) for work, intent in zip(ready, intents, strict=True) if target_side(intent) == side
        ]
        if mine:
            results = run.sides[side].write([intent.step.action for _, intent in mine])
            run.counts["writes"] += len(mine)
            _settle_all(run, mine, results)


def target_side(intent: Intent) -> Side:
    """The side that an intent writes to."""
    action = intent.step.action
    return action.ref.side if hasattr(action, "ref") else action.side


def _settle_all(
    run: Run, tried: Sequence[tuple[Work, Intent]], results: Sequence[Applied | ConnectorError]
) -> None:
    looked_at = [(r.record, w.vocabulary) for (w, _), r in zip(tried, results, strict=True)
                 if isinstance(r, Applied) and r.record is not None]  # fmt: skip
    directory = run.people.directory(looked_at, run.clock())
    with run.store.transaction() as tx:
        for (work, intent), result in zip(tried, results, strict=True):
            if isinstance(result, Applied):
                base = settle(work.pair, intent.step, result, work.vocabulary, directory)
                _applied(run, tx, work, intent, replace(work.pair, base=base), result)
            else:
                _failed(run, tx, work, intent, result)
    denied = next((result for result in results if isinstance(result, Denied)), None)
    if denied is not None:
        raise denied


def _applied(run: Run, tx: Tx, work: Work, intent: Intent, pair: Pair, result: Applied) -> None:
    now, side = run.clock(), result.ref.side
    lost = races(pair, intent.step, result, work.vocabulary, now)
    record_conflicts(tx, [replace(c, pass_id=run.id) for c in (*intent.step.conflicts, *lost)])
    run.counts["conflicts"] += len(intent.step.conflicts) + len(lost)
    tx.save_pair(pair)
    tx.audit([audit_entry(intent, "applied", now)])
    tx.remove_intent(intent.id)
    work.pair = pair
    work.steps = [] if result.alone is False else work.steps[1:]
    if result.record is not None:
        work.records[side] = run.on_our_clock(result.record)
    elif isinstance(intent.step.action, Update | Transition):
        work.records.pop(side, None)
    run.counts["changed"] += isinstance(intent.step.action, Update | Transition)


def _failed(run: Run, tx: Tx, work: Work, intent: Intent, error: ConnectorError) -> None:
    now = run.clock()
    kind: OutcomeKind
    work.steps = []
    match error:
        case Rejected():
            kind = "rejected"
            _park(run, tx, work, "rejected", rejection(error))
        case Gone():
            kind = "rejected"
            side = target_side(intent)
            _park(run, tx, work, "gone", f"{work.pair.label(side)} is deleted, or hidden from us in {side}")
        case Stale():
            kind = "stale"
            work.records.clear()
        case Retryable() | Denied():
            kind = "retry"
            _postpone(tx, work, now + pause_of(error))
        case _:
            kind = "unknown"
            probe_at = now + run.config.limits.unknown_quiet
            tx.mark_unknown(intent.id, probe_at)
            _postpone(tx, work, probe_at)
    if kind != "unknown":
        tx.remove_intent(intent.id)
    tx.audit([audit_entry(intent, kind, now, str(error))])
    run.counts[kind] += 1


def pause_of(error: ConnectorError) -> timedelta:
    """How long to wait after a failure: what the system asked for, or the usual pause."""
    asked = error.retry_after if isinstance(error, RateLimited) else None
    return PAUSE if asked is None else timedelta(seconds=asked)


def rejection(error: Rejected) -> str:
    """The system's own words, field by field where it names them."""
    fields = "; ".join(f"{name}: {words}" for name, words in error.fields.items())
    return f"{error}" if not fields or fields in str(error) else f"{error} ({fields})"


def _park(run: Run, tx: Tx, work: Work, reason: str, detail: str) -> None:
    before = tx.parked([work.key]).get(work.key)
    tx.park(parked(work.key, reason, detail, work.seen, run.clock(), before))
    _checked(tx, work, run.clock())
    tx.leave([work.entry])
    work.open, work.steps = False, []
    run.counts["parked"] += before is None


def _checked(tx: Tx, work: Work, now: datetime) -> None:
    """Note that the pair had its turn, or one that stays parked would stand first in every sweep."""
    work.pair = replace(work.pair, checked_at=now)
    tx.save_pair(work.pair)


def _postpone(tx: Tx, work: Work, until: datetime) -> None:
    tx.postpone([work.entry], until)
    work.open, work.steps = False, []


def postpone(run: Run, works: Sequence[Work], until: datetime) -> None:
    """Keep these pairs in the inbox until then."""
    with run.store.transaction() as tx:
        for work in works:
            _postpone(tx, work, until)
