"""One pass: recover, drain the feeds, guard, sweep, and work off the inbox in waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tieline.connectors.base import SIDES, Connector, Ref, Side
from tieline.connectors.errors import ConfigError, TielineError
from tieline.sync import passlog
from tieline.sync.admission import refuse_unfit, remember_mapping
from tieline.sync.aspects import hear_all
from tieline.sync.config.model import Config
from tieline.sync.duties import tidy
from tieline.sync.feeds import Progress, drain_all, silent
from tieline.sync.guard import guard
from tieline.sync.intake import claim_mirrors
from tieline.sync.journal import block_open
from tieline.sync.lanes import Lanes
from tieline.sync.looking import look_around
from tieline.sync.model import Arrival, Outlook, PassSummary
from tieline.sync.pairing import pair_key, record_key
from tieline.sync.parking import BY_MAPPING, BY_PERSON, BY_RULE, BY_TIME, BY_WORKFLOW, NO_PATH, arrival_ref
from tieline.sync.parknotes import note_parks
from tieline.sync.recovery import recover
from tieline.sync.run import EVERYTHING, PassOptions, PassStopped, Run, never, new_run
from tieline.sync.store import Store
from tieline.sync.store.store import Tx
from tieline.sync.waves import Waves

__all__ = ["PassStopped", "Progress", "check_installation", "find_label", "run_pass", "silent"]

SWEEP_AGE: Final = timedelta(hours=12)
"""A pair that was not compared for so long is swept; so each is seen within a day."""

LOOKED: Final = "looked_again"
"""Note: the mapping under which all that was held or parked was put into the inbox."""
POLICY: Final = "policy"
"""Note: the policy that the last pass had."""
RULED: Final = frozenset({"flapping", "unmapped"})
"""Kinds of conflicts that another policy may settle."""
NEXT: Final = timedelta(milliseconds=1)
"""What is due so long after the start of a pass is left to the next one."""
WAKE: Final = 500
"""As many as are woken in one transaction."""


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
    lanes: Lanes | None = None,
) -> PassSummary:
    """Run one pass and return its summary, which is stored as well.

    `stop` is asked between waves: whether the pass is to end soon; what is left waits for the next. Without
    `lanes` everything happens in turn.

    What stops a whole side or the pass (`Denied`, a feed that cannot be believed, too much at once, a state
    that cannot be written) is raised after the summary was stored with the reason.
    """
    run = new_run(id_, config, store, sides, clock, options, stop=stop, lanes=lanes)
    summary = PassSummary(id_, clock())
    passlog.started(id_)
    with store.transaction() as tx:
        tx.start_pass(summary)
    try:
        _work(run, progress)
    except BaseException as error:
        reason = (str(error) or type(error).__name__) if isinstance(error, TielineError) else "interrupted"
        with suppress(TielineError):  # a state that cannot be written must not hide why the pass stopped
            _finish(run, replace(summary, error=reason))
        raise
    return _finish(run, summary)


def _finish(run: Run, summary: PassSummary) -> PassSummary:
    summary = replace(summary, ended=run.clock(), counts=dict(run.counts))
    with run.store.transaction() as tx:
        tx.finish_pass(summary)
    passlog.ended(summary)
    return summary


def _work(run: Run, progress: Progress) -> None:
    changed = check_installation(run)
    named = _named(run)
    recover(run)
    block_open(run)
    drain_all(run, progress)
    hear_all(run)
    if not named:
        _wake(run)
        _sweep(run)
        guard(run)  # also of what is parked and tried again now
        claim_mirrors(run)
    _waves(run, named, progress)
    note_parks(run)
    if not named:
        look_around(run)
    if changed:  # only now: a mapping that did not work is given up without a word
        remember_mapping(run)
    tidy(run)


def check_installation(run: Run) -> bool:
    """Refuse a state that a pass may not work on, and look again at what another mapping held or parked.

    Returns whether the mapping is another one than the state is in step with. What is to be looked at again
    waits in the inbox from then on, however often a pass ends before all of it was done.
    """
    mapping = run.config.fingerprint()
    with run.store.transaction() as tx:
        refuse_unfit(run, tx)
        tx.set_note("installation", run.config.installation)
        known = tx.note("fingerprint")
        if (tx.note(LOOKED) or known) != mapping:
            held = [f"p:{conflict.pair}" for conflict in tx.conflicts(open_only=True, limit=1_000_000)]
            _look_again(run, tx, [*held, *(park.key for park in tx.all_parks())], BY_MAPPING)
            tx.set_note(LOOKED, mapping)
    return known != mapping


def _look_again(run: Run, tx: Tx, keys: Iterable[str], reason: str, due: datetime | None = None) -> None:
    """Put what these inbox keys name into the inbox, for this pass or from `due` on.

    Parks of ended pairs are over.
    """
    known = list(dict.fromkeys(keys))
    pairs = tx.pairs({int(key[2:]) for key in known if key.startswith("p:")})
    refs = [pair.servicenow for pair in pairs.values() if pair.state != "unlinked"]
    refs += [arrival_ref(key) for key in known if key.startswith("r:")]
    tx.arrive([Arrival(ref, reason) for ref in refs], run.clock(), due or run.started)
    for pair in pairs.values():
        if pair.state == "unlinked":
            tx.unpark(pair_key(pair))


def _named(run: Run) -> tuple[Ref, ...]:
    """The records named by `only`, put into the inbox; none for all."""
    refs = tuple(find_label(run.sides, label) for label in run.options.only)
    if refs:
        with run.store.transaction() as tx:
            tx.arrive([Arrival(ref, BY_PERSON) for ref in refs], run.clock(), run.started)
    return refs


def _keys(tx: Tx, refs: Iterable[Ref]) -> frozenset[str]:
    """The inbox keys of these records, those of their pairs as soon as they are in one."""
    wanted = list(refs)
    pairs = tx.pairs_of(wanted)
    return frozenset(pair_key(pairs[ref]) if ref in pairs else record_key(ref) for ref in wanted)


def find_label(sides: Mapping[Side, Connector], label: str) -> Ref:
    """The record that a person means by a number, key or id. ConfigError if no side knows it."""
    for side in SIDES:
        found = sides[side].lookup(label)
        if found is not None:
            return found
    raise ConfigError(f"neither side knows {label!r}: name an incident number or an issue key")


def _wake(run: Run) -> None:
    """Look again at what the policy may say something else about by now: at what is due, and nothing else."""
    due: Sequence[Outlook] | None = None
    _judge_again(run)
    while run.govern is not None and (due is None or len(due) == WAKE):
        with run.store.transaction() as tx:
            due = tx.outlooks_due(run.started, WAKE)
            _look_again(run, tx, [outlook.key for outlook in due], BY_TIME)
            tx.drop_outlooks([outlook.key for outlook in due])
        run.counts["due"] += len(due)


def _judge_again(run: Run) -> None:
    """Another policy: look again at what the old one held or left out. All else is seen by the sweep."""
    if run.govern is None:
        return
    with run.store.transaction() as tx:
        if tx.note(POLICY) != run.govern.fingerprint:
            held = [park.key for park in tx.all_parks() if park.reason == BY_RULE]
            out = [outlook.key for outlook in tx.left_out(1_000_000)]
            conflicts = tx.conflicts(open_only=True, limit=1_000_000)
            keys = [f"p:{conflict.pair}" for conflict in conflicts if conflict.kind in RULED]
            _look_again(run, tx, [*held, *out, *keys], BY_MAPPING)
            tx.set_note(POLICY, run.govern.fingerprint)


def _sweep(run: Run) -> None:
    """Compare a slice of all pairs, whatever the feeds said, and try again what is parked and due."""
    now, limit = run.clock(), run.config.limits.sweep_records
    if not limit:
        return
    with run.store.transaction() as tx:
        stale = tx.sweep(limit, now - SWEEP_AGE)
        tx.arrive([Arrival(pair.servicenow, "sweep") for pair in stale], now, run.started)
        _look_again(run, tx, [park.key for park in tx.parks_due(now, limit)], "retry")
    run.counts["swept"] = len(stale)


def _waves(run: Run, named: tuple[Ref, ...], progress: Progress) -> None:
    keys = partial(_keys, refs=named) if named else None
    Waves(run, keys, partial(_try_paths_again, run), progress).work_off()


def _try_paths_again(run: Run) -> None:
    """Issues have shown transitions that were not known before: look again at pairs that found no path.

    The guard did not count them: this pass takes those for which it has room, the next one counts the others.
    """
    with run.store.transaction() as tx:
        keys = [park.key for park in tx.all_parks() if park.reason == NO_PATH]
        taken = keys[: run.room]
        if run.room is not None:
            run.room -= len(taken)
        _look_again(run, tx, taken, BY_WORKFLOW)
        _look_again(run, tx, keys[len(taken) :], BY_WORKFLOW, due=run.started + NEXT)
