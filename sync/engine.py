"""One pass: recover, drain the feeds, sweep, guard, and work off the inbox in waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

from tieline.connectors.base import SIDES, Connector, Create, Ref, Side
from tieline.connectors.errors import ConfigError, TielineError
from tieline.sync import passlog
from tieline.sync.admission import refuse_lost_state, refuse_unfit, remember_mapping
from tieline.sync.apply import PAUSE, Work, apply_wave, read_missing
from tieline.sync.config.model import Config
from tieline.sync.duties import tidy
from tieline.sync.intake import in_scope, intake
from tieline.sync.journal import recover
from tieline.sync.model import Arrival, InboxEntry, PairState, PassSummary
from tieline.sync.pairing import pair_key, record_key
from tieline.sync.parking import BY_MAPPING, BY_PERSON, BY_WORKFLOW, NO_PATH, arrival_ref
from tieline.sync.run import EVERYTHING, PassOptions, PassStopped, Run, never, new_run
from tieline.sync.store import Store
from tieline.sync.store.store import Tx

SWEEP_AGE: Final = timedelta(hours=12)
"""A pair that was not compared for so long is swept; so each is seen within a day."""

SHARE_FLOOR: Final = 100
"""Below so many pairs a share of them says nothing."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: unknown)."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def run_pass(
    config: Config,
    store: Store,
    sides: Mapping[Side, Connector],
    *,
    clock: Callable[[], datetime],
    id_: str,
    options: PassOptions = EVERYTHING,
    progress: Progress = silent,
    stop: Callable[[], bool] = never,
) -> PassSummary:
    """Run one pass and return its summary, which is stored as well. `stop` may end it between two waves.

    What stops a whole side or the pass (`Denied`, a feed that cannot be believed, too much at once, a state
    that cannot be written) is raised after the summary was stored with the reason.
    """
    run = new_run(id_, config, store, sides, clock, options, stop=stop)
    summary = PassSummary(id_, clock())
    passlog.started(id_)
    with store.transaction() as tx:
        tx.start_pass(summary)
    try:
        _work(run, progress)
    except BaseException as error:
        reason = str(error) or type(error).__name__
        _finish(run, replace(summary, error=reason if isinstance(error, TielineError) else "interrupted"))
        raise
    return _finish(run, summary)


def _finish(run: Run, summary: PassSummary) -> PassSummary:
    summary = replace(summary, ended=run.clock(), counts=dict(run.counts))
    with run.store.transaction() as tx:
        tx.finish_pass(summary)
    passlog.ended(summary)
    return summary


def _work(run: Run, progress: Progress) -> None:
    check_installation(run)
    if run.options.initial or run.options.only:
        refuse_lost_state(run)
    only = _named(run)
    recover(run)
    _block(run)
    for side in SIDES:
        drain(run, side, progress)
    if only is None:
        _sweep(run)
        _guard(run)
    _waves(run, only, progress)
    tidy(run)


def check_installation(run: Run) -> None:
    """Refuse a state that a pass may not work on, and look again at what an old mapping held or parked."""
    config, now = run.config, run.clock()
    with run.store.transaction() as tx:
        refuse_unfit(run, tx)
        tx.set_note("installation", config.installation)
        if tx.note("fingerprint") != config.fingerprint():
            held = [f"p:{conflict.pair}" for conflict in tx.conflicts(open_only=True)]
            _look_again(tx, [*held, *(park.key for park in tx.all_parks())], BY_MAPPING, now)
            remember_mapping(config, tx)


def _look_again(tx: Tx, keys: Iterable[str], reason: str, now: datetime) -> None:
    """Put what these inbox keys name into the inbox."""
    known = list(dict.fromkeys(keys))
    pairs = tx.pairs({int(key[2:]) for key in known if key.startswith("p:")})
    refs = [pair.servicenow for pair in pairs.values()]
    refs += [arrival_ref(key) for key in known if key.startswith("r:")]
    tx.arrive([Arrival(ref, reason) for ref in refs], now)


def _named(run: Run) -> frozenset[str] | None:
    """The inbox keys of the records named by `only`, put into the inbox; None for all."""
    if not run.options.only:
        return None
    refs = [ref for label in run.options.only for ref in [find_label(run.sides, label)]]
    with run.store.transaction() as tx:
        tx.arrive([Arrival(ref, BY_PERSON) for ref in refs], run.clock())
        pairs = tx.pairs_of(refs)
    return frozenset(pair_key(pairs[ref]) if ref in pairs else record_key(ref) for ref in refs)


def find_label(sides: Mapping[Side, Connector], label: str) -> Ref:
    """The record that a person means by a number, key or id. ConfigError if no side knows it."""
    for side in SIDES:
        found = sides[side].lookup(label)
        if found is not None:
            return found
    raise ConfigError(f"neither side knows {label!r}: name an incident number or an issue key")


def _block(run: Run) -> None:
    with run.store.read() as tx:
        intents = tx.open_intents()
    for intent in intents:
        action = intent.step.action
        if intent.pair is not None:
            run.blocked.add(f"p:{intent.pair}")
        elif isinstance(action, Create):
            run.blocked.add(record_key(action.origin))


def drain(run: Run, side: Side, progress: Progress) -> None:
    """Everything that changed on one side goes into the inbox, each page together with its cursor.

    No page is believed, and no cursor moved, before the side answered as ourselves in the same pass: an
    expired token is answered with an empty feed.
    """
    start = min(datetime.combine(route.since, time(), UTC) for route in run.config.routes)
    with run.store.read() as tx:
        cursor = tx.cursor(side)
    seen = 0
    for page in run.sides[side].feed(cursor, start):
        run.identity(side)
        with run.store.transaction() as tx:
            tx.arrive([Arrival(change.ref, "feed") for change in page.changes], run.clock())
            tx.set_cursor(side, page.cursor)
        seen += len(page.changes)
        progress(f"reading what changed in {side}", seen, 0)
    run.counts[f"feed_{side}"] = seen
    passlog.drained(run.id, side, seen)


def _sweep(run: Run) -> None:
    now, limit = run.clock(), run.config.limits.sweep_records
    with run.store.transaction() as tx:
        stale = tx.sweep(limit, now - SWEEP_AGE) if limit else []
        tx.arrive([Arrival(pair.servicenow, "sweep") for pair in stale], now)
        due = tx.parks_due(now, limit) if limit else []
        _look_again(tx, [park.key for park in due], "retry", now)
    run.counts["swept"] = len(stale)


def _guard(run: Run) -> None:
    """Stop before the first write where a pass would touch more than it may (P7)."""
    now, limits = run.clock(), run.config.limits
    with run.store.transaction() as tx:
        waiting, pairs = tx.inbox_count(now), tx.pair_count()
        routes = [route.name for route in run.config.routes if not route.paused]
        fresh = [name for name in routes if tx.note(f"initial:{name}") is None]
        if run.options.initial:
            for name in fresh:
                tx.set_note(f"initial:{name}", now.isoformat())
            return
    if fresh:
        names = ", ".join(fresh)
        raise PassStopped(
            f"route {names}: nothing was mirrored here yet. `tieline plan --initial` shows what would be "
            "made, `tieline sync --initial` makes it"
        )
    if run.options.max_changes is not None:
        return
    if waiting > limits.max_records:
        raise PassStopped(_too_much(f"{waiting} records wait, limits.max_records is {limits.max_records}"))
    if pairs >= SHARE_FLOOR and waiting > limits.max_share * pairs:
        share = f"{waiting} records wait, {waiting / pairs:.0%} of all pairs; limits.max_share is"
        raise PassStopped(_too_much(f"{share} {limits.max_share:.0%}"))


def _too_much(what: str) -> str:
    return (
        f"{what}: nothing was written. `tieline plan` shows why; `tieline sync --max-changes 100` goes on in "
        "small steps, `tieline sync --initial` without a limit"
    )


def _waves(run: Run, only: frozenset[str] | None, progress: Progress) -> None:
    done = 0
    with run.store.read() as tx:
        total = tx.inbox_count(run.clock())
    learned = 0
    while run.writes_left != 0 and not run.stop():
        with run.store.read() as tx:
            entries = tx.due(run.clock(), run.config.limits.wave, only)
        if not entries and run.counts["transitions_learned"] > learned:
            learned = run.counts["transitions_learned"]
            _try_paths_again(run)
            continue
        if not entries:
            return
        passlog.wave(run.id, len(entries))
        wave(run, entries)
        done += len(entries)
        progress("bringing incidents in step", done, max(total, done))


def _try_paths_again(run: Run) -> None:
    """Issues have shown transitions that were not known before: look again at pairs that found no path."""
    with run.store.transaction() as tx:
        _look_again(tx, [p.key for p in tx.all_parks() if p.reason == NO_PATH], BY_WORKFLOW, run.clock())


def wave(run: Run, entries: Sequence[InboxEntry]) -> None:
    """Work off one wave of inbox entries: each leaves the inbox, or is put off to a later time."""
    blocked = [entry for entry in entries if entry.key in run.blocked]
    if blocked:
        with run.store.transaction() as tx:
            tx.postpone(blocked, run.clock() + run.config.limits.unknown_quiet)
    free = [entry for entry in entries if entry.key not in run.blocked]
    apply_wave(run, gather(run, [entry for entry in free if entry.pair_id is not None]))
    intake(run, [entry for entry in free if entry.pair_id is None])


def gather(run: Run, entries: Sequence[InboxEntry]) -> list[Work]:
    """The pairs of these entries with both records, without those that are not to be touched."""
    with run.store.read() as tx:
        pairs = tx.pairs([entry.pair_id for entry in entries if entry.pair_id is not None])
    works, waiting, ended = [], [], []
    for entry in entries:
        pair = pairs.get(entry.pair_id) if entry.pair_id is not None else None
        if pair is None or pair.state == "unlinked":
            ended.append(entry)
        elif pair.route not in run.routes or run.routes[pair.route].paused:
            waiting.append(entry)
        else:
            works.append(Work(entry, pair, run.vocabularies[pair.route]))
    with run.store.transaction() as tx:
        tx.leave(ended)
        tx.postpone(waiting, run.clock() + PAUSE)
        for entry in waiting:  # or they would stand first in every sweep
            if entry.pair_id is not None:
                tx.save_pair(replace(pairs[entry.pair_id], checked_at=run.clock()))
    read_missing(run, works)
    _mind_scope(run, [work for work in works if work.open])
    return [work for work in works if work.open]


def _mind_scope(run: Run, works: Sequence[Work]) -> None:
    """Do what the route says about pairs of which a record left the scope, or came back."""
    for name, route in run.routes.items():
        mine = [work for work in works if work.pair.route == name]
        if route.leaves_scope == "keep" or not mine:
            continue
        inside = frozenset[Ref]()
        for side in SIDES:
            inside |= in_scope(run, route, side, [work.pair.ref(side) for work in mine])
        for work in mine:
            place = work.records["jira"].place == work.vocabulary.place("jira")
            stays = place and all(work.pair.ref(side) in inside for side in SIDES)
            _follow_scope(run, work, stays, route.leaves_scope)


def _follow_scope(run: Run, work: Work, stays: bool, rule: str) -> None:
    if stays and work.pair.state == "active":
        return
    state: PairState = "active" if stays else "frozen" if rule == "freeze" else "unlinked"
    work.pair = replace(work.pair, state=state)
    with run.store.transaction() as tx:
        tx.save_pair(work.pair)
        if not stays:
            tx.leave([work.entry])
            work.open = False
            run.counts["left_scope"] += 1
