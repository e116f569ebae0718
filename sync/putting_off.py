"""Puts pairs off whose further parts cannot be read now, so that nothing of them is planned without those."""

from __future__ import annotations

from collections.abc import Sequence

from tieline.connectors.errors import ConnectorError
from tieline.sync.outcome import pause_of
from tieline.sync.run import Run
from tieline.sync.work import Work, put_off


def put_all_off(run: Run, works: Sequence[Work], error: ConnectorError) -> None:
    """Look at these pairs again after a pause. Raises `error` in a dry run, whose entries have no stamp."""
    real = [work for work in works if work.entry.stamp]
    if not real:
        raise error
    run.counts["retry"] += len(real)
    with run.store.transaction() as tx:
        for work in real:
            put_off(tx, work, run.clock() + pause_of(error))
