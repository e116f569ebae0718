"""Files in the simulated world: people put them on both sides, the engine carries them, the oracle counts.

A run has files only if its scenario says so (`with_files`): the seeds of all others stay what they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.simulation.scenario import Put, Scenario
from tieline.connectors.base import SIDES, Applied, Attach, Attachment, Change, Page, Record, Ref, Side, other
from tieline.connectors.errors import ConnectorError, Gone, Unavailable

if TYPE_CHECKING:
    from tests.simulation.sides import HostileSide, Row
    from tests.simulation.simulation import Story

FOLDER: Final = Path(tempfile.gettempdir()) / f"tieline-sim-files-{os.getpid()}"
SETTINGS: Final = f"""
[attachments]
every = "1s"
max_size = "1kB"
folder = "{FOLDER}"
"""
_PIECE: Final = 16


def with_files(scenario: Scenario) -> Scenario:
    """The same scenario with people who put files on both sides, some of them of one name, some too large."""
    chance = random.Random(f"files {scenario.seed}")
    span = sum(scenario.gaps)
    incidents = 1 + max((deed.incident for deed in scenario.deeds), default=0)
    puts = [
        Put(chance.uniform(0, span), chance.randrange(incidents), chance.choice(SIDES), n,
            chance.choice(("log.txt", "shot.png")), chance.random() < 0.05)
        for n in range(chance.choice((4, 12, 25)))
    ]  # fmt: skip
    traits = replace(scenario.traits, files=True)
    return replace(scenario, traits=traits, puts=tuple(sorted(puts, key=lambda put: put.at)))


@dataclass(frozen=True, slots=True)
class Stored:
    """One file as the side keeps it."""

    file: Attachment
    content: bytes
    ours: bool


class FileRoom:
    """The files of one hostile side."""

    def __init__(self, side: HostileSide) -> None:
        self.side = side
        self.stored: dict[str, list[Stored]] = {}
        self.sent: dict[str, bytes] = {}
        """What was sent, by its path: a write that is carried out late has its content by then."""

    @property
    def told(self) -> bool:
        """Whether records tell of their files, and count as changed by them (Jira)."""
        return self.side.side == "jira"

    def listed(self, row: Row) -> tuple[Attachment, ...]:
        """The files of a record."""
        return tuple(each.file for each in self.stored.get(row.id, ()))

    def put(self, row: Row, name: str, content: bytes, *, ours: bool) -> Attachment:
        """A file comes to be."""
        number = 1 + sum(map(len, self.stored.values()))
        digest = "" if self.told else hashlib.sha256(content).hexdigest()
        author = "tieline" if ours else "somebody"
        file = Attachment(
            f"{number}", Ref(self.side.side, row.id), name, len(content), "text/plain",
            self.side.server_now(), author, digest,
        )  # fmt: skip
        self.stored.setdefault(row.id, []).append(Stored(file, content, ours))
        if self.told:
            self.side.touch(row, "tieline" if ours else "person")
        self.side.world.tell(f"{author} at {self.side.side} {row.label}: the file {name} ({len(content)})")
        return file

    def keep(self, action: Attach) -> None:
        """The request was sent: its content is on the way, whatever becomes of the sender."""
        self.sent[action.path] = Path(action.path).read_bytes()

    def take(self, row: Row, action: Attach) -> Applied:
        """Carry out an attach."""
        made = self.put(row, action.name, self.sent[action.path], ours=True)
        return Applied(action.ref, made=made.id)

    # The port.

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of records; half an answer leaves some of them out."""
        if self.told:
            return [record.attachments or () for record in records]
        fault = self.side._read("attachments", half=True)
        found: list[tuple[Attachment, ...] | ConnectorError] = []
        for number, record in enumerate(records):
            row = self.side.rows[record.ref.id]
            broken = fault == "half" and number % 2
            found.append(Unavailable("left out of the answer") if broken else self.listed(row))
        self.side.world.answered()
        return found

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records that got a file since, where they do not tell."""
        if self.told:
            return
        self.side._read("attached")
        since = start if cursor is None else datetime.fromisoformat(json.loads(cursor)) - self.side.overlap
        found = [
            Change(stored.file.ref, row.label, self.side.version(row), stored.file.created)
            for row in self.side.rows.values()
            for stored in self.stored.get(row.id, ())
            if row.visible and stored.file.created >= since
        ]
        self.side.world.answered()
        at = max((change.updated for change in found), default=since)
        yield Page(tuple(found), json.dumps(at.isoformat()))

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The content in pieces; half of it, where a fault says so."""
        fault = self.side._read("content", half=True)
        row = self.side.rows.get(file.ref.id)
        stored = [s for s in self.stored.get(file.ref.id, ()) if s.file.id == file.id]
        if row is None or not row.visible or not stored:
            raise Gone(f"file {file.id} is not shown")
        content = stored[0].content
        end = len(content) // 2 if fault == "half" else len(content)
        for start in range(0, end, _PIECE):
            yield content[start : min(start + _PIECE, end)]
        self.side.world.answered()
        if fault == "half":
            raise Unavailable("the transfer broke off")


def content_of(put: Put) -> bytes:
    """A content that no other file has; of one length for many, so that a length proves nothing."""
    return f"{put.n:04d}".encode() * (300 if put.large else 12)


def broken_promises(story: Story) -> Iterator[str]:
    """What is wrong with the files at the end of a run: lost, doubled, changed, or carried back."""
    pairs = [
        (row, story.sides[other(side)].rows[row.origin.id], side)
        for side in SIDES
        for row in story.sides[side].rows.values()
        if row.origin is not None and not row.copied
    ]
    parked = {park.key for park in story.lists.parks}
    for mirror, origin, side in pairs:
        couple: dict[Side, Row] = {side: mirror, other(side): origin}
        keys = {f"p:{id_}" for (_, id_), p in story.lists.pairs.items() if p.ref(side).id == mirror.id}
        rests = bool(keys & parked) or not all(row.visible and not row.sour for row in couple.values())
        yield from _of_couple(story, couple, rests=rests)


def _of_couple(story: Story, couple: dict[Side, Row], *, rests: bool) -> Iterator[str]:
    label = " = ".join(row.label for row in couple.values())
    for side, row in couple.items():
        rooms = {s: story.sides[s].files for s in SIDES}
        here = Counter(s.content for s in rooms[side].stored.get(row.id, ()))
        mine = [s for s in rooms[side].stored.get(row.id, ()) if not s.ours]
        across = rooms[other(side)].stored.get(couple[other(side)].id, ())
        there = Counter(stored.content for stored in across)
        yield from (f"{label}: {side} has {c[:4]!r} {n} times" for c, n in here.items() if n > 1)
        for stored in mine:
            large = len(stored.content) > 1000
            if large and there[stored.content]:
                yield f"{label}: {stored.content[:4]!r} is too large, and was carried over"
            told = any(stored.file.name in note for note in row.notes if "Not carried over" in note)
            if not large and not rests and not told and there[stored.content] != 1:
                yield f"{label}: {stored.content[:4]!r} of {side} did not arrive"
        names = Counter(s.file.name for s in rooms[side].stored.get(row.id, ()) if s.ours)
        yield from (f"{label}: {side} got two files called {name}" for name, n in names.items() if n > 1)
