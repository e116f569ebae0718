"""Drains both sides' feeds into the inbox; it decides nothing about what it finds there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from tieline.connectors.base import SIDES, Side
from tieline.sync import passlog
from tieline.sync.config.model import Route
from tieline.sync.model import Arrival
from tieline.sync.run import Run
from tieline.sync.store.store import Tx

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: unknown)."""

REACH: Final = timedelta(hours=1)
"""How far before the last look at the feeds a route that was paused since is read again: they may lag."""

DRAINED: Final = "drained"
"""Note: when the feeds were last drained."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def drain_all(run: Run, progress: Progress) -> None:
    """Everything that changed on either side goes into the inbox.

    What arrives for a route that is new, or paused, is nobody's then; so such a route is noted as behind,
    and once it is at work the feeds are read again from there.
    """
    again = _again_from(run)
    for side in SIDES:
        _drain(run, side, again, progress)
    with run.store.transaction() as tx:
        tx.set_note(DRAINED, run.started.isoformat())
        for route in run.config.routes:
            if not route.paused:
                tx.set_note(_behind(route), "")


def _again_from(run: Run) -> datetime | None:
    """From when both feeds have to be read again; None where their cursors will do."""
    now, since = run.clock(), []
    with run.store.transaction() as tx:
        fresh = all(tx.cursor(side) is None for side in SIDES)
        for route in run.config.routes:
            note = tx.note(_behind(route))
            if route.paused and not note:
                tx.set_note(_behind(route), _paused_from(tx, route, now).isoformat())
            elif not route.paused and note != "" and not fresh:
                since.append(datetime.fromisoformat(note) if note else go_live(route))
    return min(since, default=None)


def _paused_from(tx: Tx, route: Route, now: datetime) -> datetime:
    """From when a route that is paused now was not worked on: the last look, or what waited even then."""
    drained, waiting = tx.note(DRAINED), tx.due(now, 1)
    if drained is None or tx.note(_behind(route)) is None:
        return go_live(route)
    last = datetime.fromisoformat(drained) - REACH
    return min([last, *(entry.since for entry in waiting)])


def go_live(route: Route) -> datetime:
    """The instant from which on the route's incidents are mirrored."""
    return datetime.combine(route.since, time(), UTC)


def _behind(route: Route) -> str:
    return f"behind:{route.name}"


def _drain(run: Run, side: Side, again: datetime | None, progress: Progress) -> None:
    """One side's feed, each page together with its cursor.

    No page is believed, and no cursor moved, before the side answered as ourselves in the same pass: an
    expired token is answered with an empty feed.
    """
    start = min(go_live(route) for route in run.config.routes) if again is None else again
    with run.store.read() as tx:
        cursor = tx.cursor(side) if again is None else None
    seen = 0
    for page in run.sides[side].feed(cursor, start):
        run.identity(side)
        with run.store.transaction() as tx:
            arrivals = [Arrival(change.ref, "feed") for change in page.changes]
            tx.arrive(arrivals, run.clock(), run.started)
            tx.set_cursor(side, page.cursor)
        seen += len(page.changes)
        progress(f"reading what changed in {side}", seen, 0)
    run.counts[f"feed_{side}"] = seen
    passlog.drained(run.id, side, seen)
