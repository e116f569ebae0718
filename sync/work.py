"""One pair at work in a wave, and what becomes of its inbox entry: left, put off, or parked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import Record, Side
from tieline.sync import passlog
from tieline.sync.aspects import Part
from tieline.sync.model import InboxEntry, Pair, Park, Step
from tieline.sync.pairing import pair_key
from tieline.sync.parking import parked, seen_values, side_for
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import Vocabulary

PAUSE: Final = timedelta(seconds=30)
"""How long a pair waits for a side that was busy and did not say for how long."""


@dataclass
class Work:
    """One pair in a wave. `records` holds what each side last showed, none where it must be read again.

    `read_at` is when (our clock) the older of the two readings began. `park` is the park that the pair had
    at the beginning of the wave; it ends when nothing is left to do. `parked`: its last plan parked it.
    `parts` are its aspects as they were read for this wave, None before that.
    """

    entry: InboxEntry
    pair: Pair
    vocabulary: Vocabulary
    records: dict[Side, Record] = field(default_factory=dict)
    read_at: dict[Side, datetime] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    parts: list[Part] | None = None
    park: Park | None = None
    parked: bool = False
    counted: bool = False
    open: bool = True

    @property
    def key(self) -> str:
        """The pair's inbox key."""
        return pair_key(self.pair)

    @property
    def seen(self) -> str:
        """The fingerprint of the mapped values."""
        return seen_values(self.records.values(), self.vocabulary)

    def show(self, record: Record, at: datetime) -> None:
        """Keep what a side shows; `at` is when it was asked."""
        self.records[record.ref.side] = record
        self.read_at[record.ref.side] = at

    def forget(self, side: Side) -> None:
        """What this side showed is out of date."""
        self.records.pop(side, None)
        self.read_at.pop(side, None)


def close(work: Work) -> None:
    """Nothing more is done about the pair in this wave."""
    work.open, work.steps = False, []


def mark_parked(run: Run, tx: Tx, work: Work, reason: str, detail: str) -> None:
    """Say that the pair is parked; it is counted once, when it was not before."""
    tx.park(parked(work.key, reason, detail, work.seen, run.clock(), work.park))
    state = work.vocabulary.status.state if work.vocabulary.status is not None else ""
    incident = work.records.get("servicenow")
    told_on = side_for(list(work.records), None if incident is None else incident.values.get(state))
    if told_on is not None:
        run.parked_on[work.key] = told_on
    if work.park is None and not work.counted:
        run.counts["parked"] += 1
        passlog.parked(run.id, f"{work.pair.number} = {work.pair.key}", reason)
    work.counted = True


def park_work(run: Run, tx: Tx, work: Work, reason: str, detail: str) -> None:
    """Leave the pair alone, visibly, for the rest of the pass."""
    mark_parked(run, tx, work, reason, detail)
    tx.touch_pairs([work.pair.id], run.clock())
    tx.leave([work.entry])
    close(work)


def put_off(tx: Tx, work: Work, until: datetime) -> None:
    """Keep the pair in the inbox until then."""
    tx.postpone([work.entry], until)
    close(work)
