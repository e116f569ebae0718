"""One wave: a plan for each of up to a hundred pairs, and its actions one after the other.

The actions of one pair keep their order; those of different pairs go out together. After its writes each pair
is planned again from what the answers showed, until nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from tieline.connectors.base import SIDES, Applied, Move, Record, Side
from tieline.connectors.errors import ConnectorError, Retryable
from tieline.sync.aspects import read_parts, remember_looks, said_in, with_aspects
from tieline.sync.attachments.fetching import prepared
from tieline.sync.conversation.shelf import laid_out
from tieline.sync.goes_on import goes_on, remember_goes_on
from tieline.sync.journal import intend, record_conflicts
from tieline.sync.links.holding import held_key
from tieline.sync.model import Conflict, Intent, Outlook, Pair, Park, Plan, Snapshot
from tieline.sync.outcome import Tried, pause_of, settle_all, target_side, unread
from tieline.sync.parking import BY_RULE, stays_parked
from tieline.sync.plan import Context, plan
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.work import PAUSE, Work, close, mark_parked, park_work, put_off
from tieline.sync.workflow import Workflow

__all__ = [
    "MAX_ROUNDS",
    "PAUSE",
    "Work",
    "apply_wave",
    "contexts",
    "plan_round",
    "read_missing",
    "write_steps",
]

MAX_ROUNDS: Final = 5
"""Plans of one pair within one wave: write, verify, and again for rewrites; what is left waits."""


def apply_wave(run: Run, works: Sequence[Work]) -> None:
    """Bring these pairs in step. What cannot be finished now stays in the inbox, or is parked."""
    for _ in range(MAX_ROUNDS):
        read_missing(run, works)
        read_parts(run, works)
        plan_round(run, works)
        if not any(work.open for work in works):
            break
        write_steps(run, works)
    postpone(run, [work for work in works if work.open], run.clock() + PAUSE)


def write_steps(run: Run, works: Sequence[Work]) -> None:
    """Carry out the steps that these pairs have, those of one pair in their order."""
    while ready := [work for work in works if work.open and work.steps]:
        with prepared(run, _within(run, ready)) as able, laid_out(able):
            _write_round(run, able)


def _within(run: Run, ready: Sequence[Work]) -> Sequence[Work]:
    """As many of these pairs as may still be written to; the others stay in the inbox."""
    left = run.writes_left
    if left is None or left >= len(ready):
        return ready
    postpone(run, ready[left:], run.clock())
    return ready[:left]


def read_missing(run: Run, works: Sequence[Work]) -> None:
    """Read, in batches, the records that nothing has shown yet."""
    asked = {side: [work for work in works if work.open and side not in work.records] for side in SIDES}
    at = run.clock()
    shown = run.read_both({side: [work.pair.ref(side) for work in asked[side]] for side in SIDES})
    for side in SIDES:
        failed = []
        for work, record in zip(asked[side], shown[side], strict=True):
            if isinstance(record, Record):
                work.show(record, at)
            elif work.open:
                failed.append((work, record))
        if failed:
            with run.store.transaction() as tx:
                for work, error in failed:
                    _unreadable(run, tx, work, side, error)


def _unreadable(run: Run, tx: Tx, work: Work, side: Side, error: ConnectorError) -> None:
    if isinstance(error, Retryable):
        run.counts["retry"] += 1
        put_off(tx, work, run.clock() + pause_of(error))
        return
    work.park = work.park or tx.parked([work.key]).get(work.key)
    reason, detail = unread(work.pair.label(side) or str(work.pair.ref(side)), side, error)
    same = work.park is not None and work.park.reason == reason
    if work.park is not None and same and stays_parked(work.park, work.entry.reasons, work.seen, run.clock()):
        tx.touch_pairs([work.pair.id], run.clock())
        tx.leave([work.entry])
        close(work)
    else:
        park_work(run, tx, work, reason, detail)


def contexts(run: Run, works: Sequence[Work], now: datetime) -> dict[str, Context]:
    """What plans need to know, by route: who is who, and the workflow as far as it was observed."""
    looked_at = [(record, work.vocabulary) for work in works for record in work.records.values()]
    directory = run.people.directory(looked_at, now)
    with run.store.read() as tx:
        notes = tx.notes([held_key(work.pair) for work in works])
    held = {work.pair.id: why for work in works if (why := notes.get(held_key(work.pair)))}
    found = {}
    for vocabulary in {work.vocabulary.route: work.vocabulary for work in works}.values():
        observed = observed_moves(run, vocabulary.place("jira"))
        workflow = Workflow({**vocabulary.workflow, **observed})
        govern = run.govern if vocabulary.about_incidents else None
        found[vocabulary.route] = Context(now, directory, workflow, run.config.installation, govern, held)
    return found


def observed_moves(run: Run, place: str) -> dict[str, tuple[Move, ...]]:
    """The transitions that issues at this place have shown so far, by status."""
    if place not in run.workflows:
        with run.store.read() as tx:
            run.workflows[place] = dict(tx.moves(place))
    return run.workflows[place]


def observe(run: Run, works: Sequence[Work]) -> None:
    """Remember the transitions that these issues show."""
    new = []
    for work in works:
        record, status = work.records["jira"], work.vocabulary.status
        if status is None or not record.moves:
            continue
        known, name = observed_moves(run, record.place), str(record.values.get(status.status))
        if known.get(name) != record.moves:
            run.counts["transitions_learned"] += _unseen(run, record, name, known.get(name, ()))
            known[name] = record.moves
            new.append((record.place, name, record.moves))
    if new:
        with run.store.transaction() as tx:
            for place, name, moves in new:
                tx.save_moves(place, name, moves)


def _unseen(run: Run, record: Record, status: str, before: Sequence[Move]) -> int:
    """How many of its transitions are news: not what an issue showed last in this status, nor in this pass.

    Two issues in one status may show different ones, by their conditions: each is news once a pass, or pairs
    that found no path would wake one another for ever.
    """
    known = {(record.place, status, move.id, move.to) for move in before} | run.shown_moves
    shown = {(record.place, status, move.id, move.to) for move in record.moves}
    run.shown_moves |= known | shown
    return len(shown - known)


def plan_round(run: Run, works: Sequence[Work]) -> None:
    """Plan each pair, settle what needs no write, and let go of those with nothing left to do.

    A pair that was put off by now is nobody's in this pass: its entry stays in the inbox.
    """
    works = [work for work in works if work.open]
    if not works:
        return
    now = run.clock()
    observe(run, works)
    context = contexts(run, works, now)
    with run.store.transaction() as tx:
        standing = tx.open_conflicts([work.pair.id for work in works])
        parks = tx.parked([work.key for work in works])
        for work in works:
            run.counts["looked_at"] += work.pair.checked_at is None or work.pair.checked_at < run.started
            work.park = work.park or parks.get(work.key)
            if work.park is None or not stays_parked(work.park, work.entry.reasons, work.seen, now):
                _plan_pair(run, tx, work, context[work.vocabulary.route], standing.get(work.pair.id, ()))
                if work.open and not work.steps and not work.parked and work.key in parks:
                    tx.unpark(work.key)
            else:
                _rest(run, tx, work, work.park, context[work.vocabulary.route])
            work.open = work.open and bool(work.steps)
        tx.leave([work.entry for work in works if not work.open])


def _rest(run: Run, tx: Tx, work: Work, park: Park, context: Context) -> None:
    """A pair that stays parked: what does not depend on the reason goes on."""
    tx.touch_pairs([work.pair.id], context.now)  # or it would stand first in every sweep
    try:
        work.steps = goes_on(work, park, context)
    except Exception as error:  # as for one that is planned
        park_work(run, tx, work, "failed", f"it could not be planned: {type(error).__name__}: {error}")
        return
    remember_goes_on(tx, work, park, context.now)
    if context.govern is not None and (said := said_in(work)):
        work.pair = replace(work.pair, base=context.govern.hears(work.pair.base, said, context.now))
        tx.save_pair(work.pair)


def _plan_pair(run: Run, tx: Tx, work: Work, context: Context, standing: Sequence[Conflict]) -> None:
    snapshot = Snapshot(
        work.pair, work.records["servicenow"], work.records["jira"], min(work.read_at.values()),
        tuple(standing), said_in(work),
    )  # fmt: skip
    try:
        made = plan(snapshot, work.vocabulary, context)
        held = made.park is not None and made.park.reason == BY_RULE
        steps = [] if held else with_aspects(work, made.steps, context)
    except Exception as error:  # one odd pair stops nobody else (P6), and is seen
        park_work(run, tx, work, "failed", f"it could not be planned: {type(error).__name__}: {error}")
        return
    work.steps = steps
    work.pair = _looked_at(work, made, context.now)
    tx.save_pair(work.pair)
    remember_looks(tx, work, context.now)
    record_conflicts(tx, [replace(conflict, pass_id=run.id) for conflict in made.conflicts])
    for conflict in standing:
        if conflict.id in made.closed:
            tx.save_conflict(replace(conflict, open=False, closed_at=context.now))
    run.counts["conflicts"] += len(made.conflicts)
    if context.govern is not None:
        tx.save_outlooks([Outlook(work.key, made.due)])
    work.parked = made.park is not None
    if made.park is not None:
        mark_parked(run, tx, work, made.park.reason, made.park.detail)


def _looked_at(work: Work, made: Plan, now: datetime) -> Pair:
    base = work.pair.base
    if made.bases:
        base = replace(base, units={**base.units, **made.bases})
    number, key = work.records["servicenow"].label, work.records["jira"].label
    return replace(work.pair, base=base, number=number, key=key, checked_at=now)


def _write_round(run: Run, ready: Sequence[Work]) -> None:
    """The next action of each pair: intents, one call a side, and what came of it in one transaction."""
    if not ready:
        return
    intents = intend(run, [(work.steps[0], work.pair, work.vocabulary.route) for work in ready])
    mine = {
        side: [(w, i) for w, i in zip(ready, intents, strict=True) if target_side(i) == side]
        for side in SIDES
    }
    at, sides = run.clock(), [side for side in SIDES if mine[side]]
    run.counts["writes"] += len(ready)
    answers = run.lanes.together(
        [partial(run.sides[side].write, [i.step.action for _, i in mine[side]]) for side in sides]
    )
    failures = [
        failure
        for side, answer in zip(sides, answers, strict=True)
        if (failure := _settled(run, mine[side], answer, at)) is not None
    ]
    if failures:
        raise failures[0]


def _settled(
    run: Run,
    mine: Sequence[tuple[Work, Intent]],
    answer: list[Applied | ConnectorError] | Exception,
    at: datetime,
) -> Exception | None:
    """Settle what came of one side's writes; what stops the pass waits until the other side's are settled."""
    if isinstance(answer, Exception):
        return answer
    try:
        settle_all(run, _tried(mine, answer), at)
    except ConnectorError as error:
        return error
    return None


def _tried(mine: Sequence[tuple[Work, Intent]], results: Sequence[Applied | ConnectorError]) -> list[Tried]:
    return [(work, intent, result) for (work, intent), result in zip(mine, results, strict=True)]


def postpone(run: Run, works: Sequence[Work], until: datetime) -> None:
    """Keep these pairs in the inbox until then."""
    if works:
        with run.store.transaction() as tx:
            for work in works:
                put_off(tx, work, until)
