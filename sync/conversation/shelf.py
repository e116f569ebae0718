"""Entries that go as files: which of them stand on the records already, and their content for the write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tieline.connectors.base import SIDES, Attach, Attachment, Ref, Side
from tieline.connectors.errors import ConnectorError, Denied, Gone
from tieline.sync.aspects import NOT_MADE, Recovered, part_of
from tieline.sync.attachments.spool import Spool, spool_folder
from tieline.sync.conversation.filing import Filed, is_entry
from tieline.sync.model import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tieline.sync.run import Run
    from tieline.sync.work import Work

Standing = Mapping[Side, Sequence[Attachment]]


@dataclass
class Shelf:
    """The files of one pair's long entries: those that stand on its records, and those on their way.

    `refused` are names that a side did not take: those entries go in parts.
    """

    spool: Spool
    standing: Standing
    going: dict[str, Filed] = field(default_factory=dict)
    made: set[tuple[Side, str]] = field(default_factory=set)
    refused: set[tuple[Side, str]] = field(default_factory=set)

    def step(self, ref: Ref, file: Filed) -> Step:
        """The write that puts a file on a record."""
        self.going[file.name] = file
        return Step(file.attach(ref), ("an entry is longer than the other side takes",))

    def stands(self, side: Side, file: Filed) -> bool:
        """Whether a side holds this file."""
        return (side, file.name) in self.made or file.is_among(self.standing[side])


def spool_of(run: Run) -> Spool:
    """Where the content lies meanwhile."""
    files, config = run.config.attachments, run.config
    folder = "" if files is None else files.folder
    return Spool(spool_folder(config.state_url, folder, config.path.parent))


def standing(run: Run, works: Sequence[Work]) -> dict[int, Standing]:
    """Our account's files on both records of these pairs, by pair id; without those that cannot be listed."""
    found: dict[int, dict[Side, Sequence[Attachment]]] = {work.pair.id: {} for work in works}
    for side in SIDES if works else ():
        try:
            listed = run.sides[side].attachments([work.records[side] for work in works])
        except Denied:
            raise
        except ConnectorError:
            return {}
        for work, files in zip(works, listed, strict=True):
            if isinstance(files, tuple):
                found[work.pair.id][side] = [f for f in files if not f.author or run.is_us(side, f.author)]
    return {pair: sides for pair, sides in found.items() if len(sides) == len(SIDES)}


def recovered(run: Run, action: Attach) -> Recovered:
    """Whether a file whose answer was lost stands on its record."""
    [record] = run.read(action.ref.side, [action.ref])
    if isinstance(record, Gone):
        return NOT_MADE  # hidden for now, it may be: the file is looked for again before it is sent
    if isinstance(record, ConnectorError):
        raise record
    [listed] = run.sides[action.ref.side].attachments([record])
    if isinstance(listed, ConnectorError):
        raise listed
    there = any(
        file.name == action.name and file.size == action.size
        and (not file.author or run.is_us(action.ref.side, file.author))
        for file in listed
    )  # fmt: skip
    return Recovered(True, f"its answer was lost; found on the record: {action.name}") if there else NOT_MADE


@contextmanager
def laid_out(works: Sequence[Work]) -> Iterator[None]:
    """The files that the next steps of these works attach lie in the spool meanwhile."""
    from tieline.sync.conversation.aspect import ConversationPart

    held: list[tuple[Spool, Path]] = []
    try:
        for work in works:
            action = work.steps[0].action
            part = part_of(work, action)
            if is_entry(action) and isinstance(part, ConversationPart) and part.shelf is not None:
                content = part.shelf.going[action.name].content
                spool = part.shelf.spool
                spool.clean()  # what a process left that ended
                got = spool.fetch(iter([content]), len(content), f"writing {action.name!r}")
                held.append((spool, got.path))
                ready = replace(work.steps[0], action=replace(action, path=str(got.path)))
                work.steps = [ready, *work.steps[1:]]
        yield
    finally:
        for spool, path in held:
            spool.release(path)
