"""Replays an event log on the sandbox while scripted engineers edit the Jira side; passes run in between.

It moves the clock, lets people work, and says when a pass is due; it runs no pass itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.engineers import CLOSED, Choices, Engineers, Planned, Step
from tieline.connectors.sandbox.eventlog import Edit, EventLogError, Row, edits
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.stage import Deed, DeskEdit, Stage
from tieline.connectors.sandbox.vocabulary import DEFAULT_RESOLUTION, Vocabulary, resolution_of
from tieline.connectors.sandbox.world import (
    CATEGORY_FIELD,
    GROUP_FIELD,
    SUBCATEGORY_FIELD,
    World,
    email,
    user_name,
)

WINDOW: Final = timedelta(days=1)
CHECKPOINTS: Final = 12
ENGINEERS_SHARE: Final = 0.1
TRIES: Final = 3
"""How many incidents an engineer looks at before finding nothing to do."""
SYSTEM_USER: Final = "system"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pass is due: `at` (UTC) is the clock's time now, `deeds` what people did since the last pause.

    At a `checkpoint` both sides are to be compared after the pass.
    """

    at: datetime
    deeds: Sequence[Deed]
    checkpoint: bool


@dataclass(slots=True)
class Tally:
    """What was played so far: rows read, edits by where they were made, clashes by who must win."""

    rows: int = 0
    idle_rows: int = 0
    servicenow: int = 0
    jira: int = 0
    clashes: dict[str, int] = field(default_factory=lambda: {"servicenow": 0, "jira": 0})


class Replay:
    """The log's rows in time order, in windows of `every`, with as many edits of engineers as `share` asks.

    `clock` must be the world's own and stand before the first row; the world must have learned the
    vocabulary. `share` is the number of edits in Jira for each edit that the log records.
    """

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        maps: Maps,
        rows: Sequence[Row],
        vocabulary: Vocabulary,
        *,
        seed: int = 0,
        every: timedelta = WINDOW,
        checkpoints: int = CHECKPOINTS,
        share: float = ENGINEERS_SHARE,
    ) -> None:
        self.ledger = Ledger(maps)
        self.stage = Stage(world, clock, self.ledger)
        self.tally = Tally()
        self._clock = clock
        self._rows = rows
        self._every = every
        self._checkpoints = checkpoints
        self._share = share
        self._random = random.Random(f"replay {seed}")
        self._open: list[str] = []
        self._engineers = Engineers(maps, choices(rows, vocabulary), seed)

    def run(self) -> Iterator[Pause]:
        """Play window after window; a pass is to be run at each pause, and the last one is a checkpoint."""
        windows = list(self._windows())
        marks = {round((n + 1) * len(windows) / self._checkpoints) for n in range(self._checkpoints)}
        for count, (end, batch) in enumerate(windows, start=1):
            deeds = self._play(batch, end)
            yield Pause(end, deeds, checkpoint=count in marks or count == len(windows))

    def _windows(self) -> Iterator[tuple[datetime, list[Edit]]]:
        """Windows that hold rows, each with its end; the others hold nothing for anybody to do."""
        start = self._rows[0].at
        for index, batch in groupby(edits(self._rows), key=lambda edit: (edit.row.at - start) // self._every):
            yield start + (index + 1) * self._every, list(batch)

    def _play(self, batch: Sequence[Edit], end: datetime) -> list[Deed]:
        start = self._clock.now()
        desk = list(self._desk(batch))
        self.stage.mirrored()
        steps = list(self._steps(desk, start, end))
        deeds = self.stage.play([*desk, *steps])
        self._open += [deed.label for deed in deeds if deed.first]
        self._count(batch, deeds)
        self._clock.move_to(max(end, self._clock.now()))
        return deeds

    def _desk(self, batch: Iterable[Edit]) -> Iterator[DeskEdit]:
        """The rows that move something, spread over their minute so that no two fall together."""
        for at, minute in groupby(batch, key=lambda edit: edit.row.at):
            together = [edit for edit in minute if edit.values]
            for place, edit in enumerate(together, start=1):
                offset = timedelta(seconds=60) * place / (len(together) + 1)
                yield _desk_edit(edit, at + offset)

    def _steps(self, desk: Sequence[DeskEdit], start: datetime, end: datetime) -> Iterator[Step]:
        """Edits of engineers, at most one an incident, half of them where the desk works too."""
        planned: dict[str, list[Planned]] = {}
        for edit in desk:
            planned.setdefault(edit.key, []).append(Planned(edit.at, edit.values))
        self._open = [key for key in self._open if self._still_open(key)]
        busy = [key for key in planned if self._still_open(key)]
        taken: set[str] = set()
        for _ in range(round(len(desk) * self._share)):
            for _ in range(TRIES):
                among = busy if busy and self._random.random() < 0.5 else self._open
                key = self._random.choice(among) if among else ""
                if not key or key in taken or not self.stage.on_both_sides(key):
                    continue
                incident = self.ledger.incidents[key]
                step = self._engineers.step(key, incident, planned.get(key, ()), start, end)
                if step is not None:
                    taken.add(key)
                    yield step
                    break

    def _still_open(self, key: str) -> bool:
        incident = self.ledger.incidents.get(key)
        return incident is not None and incident.servicenow["state"] != CLOSED

    def _count(self, batch: Sequence[Edit], deeds: Sequence[Deed]) -> None:
        self.tally.rows += len(batch)
        self.tally.idle_rows += sum(not edit.values for edit in batch)
        for deed in deeds:
            if deed.side == "servicenow":
                self.tally.servicenow += 1
            else:
                self.tally.jira += 1
            if deed.clash:
                self.tally.clashes[deed.clash] += 1


def first_incidents(rows: Sequence[Row], count: int) -> list[Row]:
    """The rows of the first `count` incidents to appear; rows must be in time order."""
    numbers = dict.fromkeys(row.number for row in rows)
    kept = set(list(numbers)[:count])
    return [row for row in rows if row.number in kept]


def related_incidents(rows: Sequence[Row]) -> list[Row]:
    """The rows of the incidents that were ever tied to a problem or a change.

    Raises `EventLogError` if there is none.
    """
    kept = {row.number for row in rows if any(row.related)}
    if not kept:
        raise EventLogError("no incident of this log is tied to a problem or a change")
    return [row for row in rows if row.number in kept]


def choices(rows: Iterable[Row], vocabulary: Vocabulary) -> Choices:
    """What engineers may choose from: the log's own values, and the resolution that suits each incident."""
    return Choices(
        by_field={
            GROUP_FIELD: vocabulary.groups,
            CATEGORY_FIELD: vocabulary.categories,
            SUBCATEGORY_FIELD: vocabulary.subcategories,
        },
        people=[email(name) for name in vocabulary.resolvers],
        resolution={
            row.number: resolution_of(row["closed_code"]) if row["closed_code"] else DEFAULT_RESOLUTION
            for row in rows
        },
    )


def _desk_edit(edit: Edit, at: datetime) -> DeskEdit:
    row = edit.row
    values = {
        name: email(value) if value and name in ("assigned_to", "caller_id") else value
        for name, value in edit.values.items()
    }
    by = SYSTEM_USER if row.by in ("", "?") else user_name(row.by)
    return DeskEdit(at, row.number, by, values, first=edit.first, line=row.line, number=row.number)
