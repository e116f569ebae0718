"""Asks ServiceNow for affected items: for those of a wave, and, once a pass, which incidents got one.

A list that this account may not read stops no pass: nothing is made of it then, and nothing taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from tieline.connectors.base import Affected, Ref
from tieline.connectors.errors import ConnectorError, Retryable
from tieline.sync import passlog
from tieline.sync.links.affected import AFFECTED
from tieline.sync.model import Arrival
from tieline.sync.run import Run
from tieline.sync.work import Work

REACH: Final = timedelta(minutes=5)
"""How far back the first look at the feed goes; what is older is seen with the sweep."""
UNREAD: Final = "affected_unread"
"""The count of looks at the feed that ServiceNow kept us from."""


def items_of(run: Run, works: Sequence[Work]) -> dict[int, Affected]:
    """The affected items by pair, in one request for all. Raises Retryable where it could not be asked."""
    told = run.sides["servicenow"].affected([work.pair.servicenow for work in works]) if works else []
    return {work.pair.id: each for work, each in zip(works, told, strict=True)}


def listen(run: Run) -> None:
    """Put into the inbox what got an affected item: the incident itself does not tell."""
    with run.store.read() as tx:
        cursor = tx.cursor(AFFECTED)
    try:
        for page in run.sides["servicenow"].affecting(cursor, run.started - REACH):
            with run.store.transaction() as tx:
                paired = list(tx.pairs_of([change.ref for change in page.changes]))
                tx.arrive([Arrival(ref, AFFECTED) for ref in paired], run.clock(), run.started)
                tx.set_cursor(AFFECTED, page.cursor)
    except Retryable:
        run.counts["retry"] += 1  # the cursor stands where it stood: the next pass asks again
    except ConnectorError as error:
        run.counts[UNREAD] += 1
        passlog.affected_unread(run.id, str(error))


def would_listen(run: Run) -> Iterator[Ref]:
    """The records that `listen` would put into the inbox; nothing is remembered."""
    with run.store.read() as tx:
        cursor = tx.cursor(AFFECTED)
    for page in run.sides["servicenow"].affecting(cursor, run.started - REACH):
        with run.store.read() as tx:
            paired = list(tx.pairs_of([change.ref for change in page.changes]))
        yield from paired
