"""A pass that a person asked for: the same lock, journal and audit as any other, without feeds and sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from tieline.connectors.base import SIDES, Connector, Record, Side
from tieline.connectors.errors import TielineError
from tieline.sync import passlog
from tieline.sync.admission import check_owner
from tieline.sync.config.model import Config
from tieline.sync.journal import block_open
from tieline.sync.model import InboxEntry, Pair, PassSummary
from tieline.sync.pairing import pair_key
from tieline.sync.recovery import recover
from tieline.sync.run import EVERYTHING, Run, new_run
from tieline.sync.store import Store
from tieline.sync.work import Work


@contextmanager
def errand(
    config: Config,
    store: Store,
    sides: Mapping[Side, Connector],
    *,
    clock: Callable[[], datetime],
    id_: str,
    writes: bool,
) -> Iterator[Run]:
    """A run to work with. With `writes` it is a pass of its own, which the state remembers.

    Its summary names what was counted, and why it stopped early if it did. ConfigError for a foreign state.
    """
    run = new_run(id_, config, store, sides, clock, EVERYTHING, remember=writes)
    with store.read() as tx:
        check_owner(config, tx)
    for side in SIDES:
        run.identity(side)
    if not writes:
        block_open(run)
        yield run
        return
    summary = PassSummary(id_, clock())
    with store.transaction() as tx:
        tx.start_pass(summary)
    passlog.started(id_)
    try:
        recover(run)
        block_open(run)
        yield run
    except BaseException as error:
        summary = replace(summary, error=str(error) if isinstance(error, TielineError) else "interrupted")
        raise
    finally:
        summary = replace(summary, ended=clock(), counts=dict(run.counts))
        with store.transaction() as tx:
            tx.finish_pass(summary)
        passlog.ended(summary)


def works_of(run: Run, pairs: Sequence[Pair]) -> list[Work]:
    """These pairs as a wave works on them; those of routes that are gone are left out."""
    now = run.clock()
    return [
        Work(
            InboxEntry(pair_key(pair), pair.id, pair.servicenow, frozenset(), now, now, -1),
            pair,
            run.vocabularies[pair.route],
        )
        for pair in pairs
        if pair.route in run.vocabularies
    ]


def came_through(run: Run, pair_id: int, steps: int) -> bool:
    """Whether this errand has made all of so many writes for a pair, by the audit."""
    with run.store.read() as tx:
        trail = tx.audit_trail(pair=pair_id, pass_id=run.id)
    return sum(entry.outcome == "applied" for entry in trail) >= steps


def read_both(run: Run, works: Sequence[Work]) -> None:
    """Read both halves of each pair; a half that is not shown is absent from its records."""
    for side in SIDES:
        at = run.clock()
        found = run.read(side, [work.pair.ref(side) for work in works])
        for work, record in zip(works, found, strict=True):
            if isinstance(record, Record):
                work.show(record, at)
