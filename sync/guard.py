"""P7: a pass that would touch more than it may stops before its first write, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieline.sync.apply import plan_round
from tieline.sync.aspects import read_parts
from tieline.sync.intake import weigh
from tieline.sync.model import InboxEntry
from tieline.sync.run import PassStopped, Run
from tieline.sync.wave import gather, unblocked
from tieline.sync.work import close

SHARE_FLOOR: Final = 100
"""Below so many pairs a share of them says nothing."""


def guard(run: Run) -> None:
    """Raise PassStopped where a route was never mirrored, or where too much would be written at once.

    What is left of that is noted in `run.room`, for what the pass wakes itself later on.
    Counting what waits is cheap, and mostly enough. Where it is too much, each record is looked at: our own
    writes of the last pass wait there too, and need nothing.
    """
    _first_mirroring(run)
    if run.options.initial or run.options.max_changes is not None:
        return
    with run.store.read() as tx:
        waiting, pairs = tx.inbox_count(run.started), tx.pair_count()
    limits = run.config.limits
    shares = pairs >= SHARE_FLOOR
    allowed = min(limits.max_records, int(limits.max_share * pairs)) if shares else limits.max_records
    counted = waiting if waiting <= allowed else _to_write_up_to(run, allowed)
    if counted <= allowed:
        run.room = allowed - counted
        return
    rule = f"limits.max_records is {limits.max_records}"
    if allowed < limits.max_records:
        rule = f"limits.max_share allows {limits.max_share:.0%} of {pairs} pairs"
    raise PassStopped(
        f"{waiting} records wait, and more than {allowed} of them would be written; {rule}: nothing was "
        "written. `tieline plan` shows why; `tieline sync --max-changes 100` goes on in small steps, "
        "`tieline sync --initial` without a limit"
    )


def _first_mirroring(run: Run) -> None:
    with run.store.transaction() as tx:
        routes = [route.name for route in run.config.routes if not route.paused]
        fresh = [name for name in routes if tx.note(f"initial:{name}") is None]
        if run.options.initial:
            for name in fresh:
                tx.set_note(f"initial:{name}", run.clock().isoformat())
            return
    if fresh:
        raise PassStopped(
            f"route {', '.join(fresh)}: nothing was mirrored here yet. `tieline plan --initial` shows what "
            "would be made, `tieline sync --initial` makes it"
        )


def _to_write_up_to(run: Run, allowed: int) -> int:
    """How many records need a write, counted until they are too many. Those that need none leave."""
    after, count = "", 0
    while count <= allowed:
        with run.store.read() as tx:
            entries = tx.walk_due(run.started, after, run.config.limits.wave)
        if not entries:
            break
        after = entries[-1].key
        count += _to_write(run, entries)
    return count


def _to_write(run: Run, entries: Sequence[InboxEntry]) -> int:
    free = unblocked(run, entries)
    works = gather(run, [entry for entry in free if entry.pair_id is not None])
    read_parts(run, works)  # or what only an aspect sees would leave the inbox unheard
    plan_round(run, works)
    found = sum(work.open for work in works)
    for work in works:
        close(work)
    return found + len(weigh(run, [entry for entry in free if entry.pair_id is None]))
