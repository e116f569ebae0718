"""Duties of a state: what is over is dropped in time, a little with each pass and at most once a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tieline.sync.config.model import Config
from tieline.sync.run import Run
from tieline.sync.store import Store

EVERY: Final = timedelta(days=1)
SLICE: Final = 5000
"""Entries that one transaction drops: others do not wait long."""
_SLICES: Final = 20
"""Slices of each kind in one pass; the rest follows with the next."""
TIDIED: Final = "tidied"


def tidy(run: Run) -> None:
    """At the end of a pass, drop what is older than `[keep]` says, if that was not done within a day."""
    now = run.clock()
    with run.store.read() as tx:
        last = tx.note(TIDIED)
    if last is not None and now - datetime.fromisoformat(last) < EVERY:
        return
    dropped = drop_old(run.config, run.store, now, slices=_SLICES)
    run.counts.update({f"dropped_{what}": count for what, count in dropped.items() if count})
    if max(dropped.values(), default=0) < SLICE * _SLICES:
        with run.store.transaction() as tx:
            tx.set_note(TIDIED, now.isoformat())


def drop_old(config: Config, store: Store, now: datetime, *, slices: int | None = None) -> Mapping[str, int]:
    """Drop what is over and old; how many entries of each kind. `slices` bounds it, None does it all."""
    keep = {"audit": config.keep.audit, "conflicts": config.keep.conflicts, "passes": config.keep.passes}
    dropped: Counter[str] = Counter(dict.fromkeys(keep, 0))
    for what, age in keep.items():
        done = 0
        while slices is None or done < slices:
            with store.transaction() as tx:
                count = tx.drop_old(what, now - age, SLICE)
            dropped[what] += count
            done += 1
            if count < SLICE:
                break
    with store.transaction() as tx:
        dropped["entities"] = tx.drop_entities(now - config.people.max_age)
    return dropped
