"""Files as an aspect of a pass: lists them for a wave, plans what goes across, remembers what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from tieline.connectors.base import (
    SIDES,
    Action,
    AddNote,
    Applied,
    Attach,
    Attachment,
    Record,
    Ref,
    Side,
    other,
)
from tieline.connectors.errors import ConnectorError, Gone, Malformed, Rejected, Retryable
from tieline.sync.aspects import NOT_MADE, Extra, Recovered
from tieline.sync.attachments.matching import (
    Filter,
    Found,
    free_name,
    is_copy,
    look,
    refused_again,
    tried_again,
    why_stays,
)
from tieline.sync.attachments.model import Carried, Reason
from tieline.sync.attachments.notes import is_ours, note, noted
from tieline.sync.attachments.spool import Spool, spool_folder
from tieline.sync.conversation.filing import is_entry
from tieline.sync.model import Arrival, Intent, Pair, Step

if TYPE_CHECKING:
    from tieline.sync.config.attachments import Attachments
    from tieline.sync.config.model import Config
    from tieline.sync.decide import Context
    from tieline.sync.run import Run
    from tieline.sync.store.store import Tx
    from tieline.sync.work import Work

BY_FILE: Final = "attachment"
"""Why a pair is looked at: it got a file, or one is to be tried again."""
PAUSES_S: Final = (60.0, 240.0, 900.0, 3600.0, 86_400.0)
"""How long a file waits after its first, second, ... transfer that broke off."""
_ASKED: Final = "attachments_asked"
_REACH: Final = timedelta(minutes=5)
_WAKE: Final = 500


def rules_of(config: Attachments) -> Filter:
    """Which files go across, as configured."""
    since = None if config.since is None else datetime.combine(config.since, time(), UTC)
    sides = frozenset(side for side in SIDES if config.direction in ("both", f"to_{other(side)}"))
    return Filter(sides, config.max_size, config.only, config.never, since)


class FilesAspect:
    """The files of the pairs of one pass."""

    def __init__(self, config: Config, attachments: Attachments) -> None:
        self.config = attachments
        self.rules = rules_of(attachments)
        self.spool = Spool(spool_folder(config.state_url, attachments.folder, config.path.parent))

    def owns(self, action: Action) -> bool:
        """Files, and the notes about those that stay."""
        if isinstance(action, Attach):
            return not is_entry(action)
        return isinstance(action, AddNote) and is_ours(action)

    def hear(self, run: Run) -> None:
        """Put into the inbox what got a file without being changed by it, and what is to be tried again."""
        self.spool.clean()
        with run.store.transaction() as tx:
            due = tx.files_due(run.started, _WAKE)
            pairs = tx.pairs({row.pair for row in due})
            live = [pair for pair in pairs.values() if pair.state == "active"]
            tx.arrive([Arrival(pair.servicenow, BY_FILE) for pair in live], run.clock(), run.started)
            asked = tx.note(_ASKED)
        if asked is not None and run.started - datetime.fromisoformat(asked) < self.config.every:
            return
        for side in sorted(self.rules.sides):
            self._listen(run, side)
        with run.store.transaction() as tx:
            tx.set_note(_ASKED, run.started.isoformat())

    def would_hear(self, run: Run) -> Iterator[Ref]:
        """The records that `hear` would put into the inbox; nothing is remembered."""
        with run.store.read() as tx:
            pairs = tx.pairs({row.pair for row in tx.files_due(run.started, _WAKE)})
            cursors = {side: tx.cursor(_cursor(side)) for side in self.rules.sides}
        yield from (pair.servicenow for pair in pairs.values() if pair.state == "active")
        for side, cursor in sorted(cursors.items()):
            for page in run.sides[side].attached(cursor, run.started - _REACH):
                refs = [change.ref for change in page.changes]
                with run.store.read() as tx:
                    paired = list(tx.pairs_of(refs))
                yield from paired

    def _listen(self, run: Run, side: Side) -> None:
        name = _cursor(side)
        with run.store.read() as tx:
            cursor = tx.cursor(name)
        try:
            for page in run.sides[side].attached(cursor, run.started - _REACH):
                refs = [change.ref for change in page.changes]
                with run.store.transaction() as tx:
                    paired = list(tx.pairs_of(refs))
                    tx.arrive([Arrival(ref, BY_FILE) for ref in paired], run.clock(), run.started)
                    tx.set_cursor(name, page.cursor)
        except (Retryable, Malformed):
            run.counts["retry"] += 1  # the cursor stands where it stood: the next pass asks again

    def read(self, run: Run, works: Sequence[Work]) -> Mapping[int, FilesPart]:
        """The files of these pairs: one request a side at most, and none where records tell of them."""
        listed: dict[Side, list[tuple[Attachment, ...] | ConnectorError]] = {}
        try:
            for side in SIDES:
                listed[side] = run.sides[side].attachments([work.records[side] for work in works])
        except (Retryable, Malformed) as error:
            from tieline.sync.putting_off import put_all_off

            put_all_off(run, works, error)
            return {}
        with run.store.read() as tx:
            known = tx.files_of([work.pair.id for work in works])
        parts = {}
        for work, ours, theirs in zip(works, listed["servicenow"], listed["jira"], strict=True):
            if isinstance(ours, ConnectorError) or isinstance(theirs, ConnectorError):
                continue
            files: dict[Side, list[Attachment]] = {"servicenow": list(ours), "jira": list(theirs)}
            parts[work.pair.id] = FilesPart(
                work.pair.id, files, known.get(work.pair.id, []), self, run.is_us, run.clock
            )
        return parts

    def part(self, run: Run, pair: Pair, records: Mapping[Side, Record]) -> FilesPart:
        """The files of one pair, for people. Raises what keeps them from being listed."""
        files: dict[Side, list[Attachment]] = {}
        for side in SIDES:
            [listed] = run.sides[side].attachments([records[side]])
            if isinstance(listed, ConnectorError):
                raise listed
            files[side] = list(listed)
        with run.store.read() as tx:
            known = tx.files_of([pair.id]).get(pair.id, [])
        return FilesPart(pair.id, files, known, self, run.is_us, run.clock)

    def recover(self, run: Run, intent: Intent) -> Recovered:
        """Look for the file on the record: by name, size and digest, among those of our account."""
        action, pair = intent.step.action, intent.pair
        if pair is None:
            return NOT_MADE
        with run.store.read() as tx:
            rows = {(row.side, row.file): row for row in tx.files_of([pair]).get(pair, [])}
        if isinstance(action, AddNote):
            mine = {id_: row for (side, id_), row in rows.items() if side == action.ref.side}
            told = noted(pair, action.ref.side, mine, action)
            return Recovered(
                True, "its answer was lost; a note is never sent twice", remember=partial(_save, told)
            )
        assert isinstance(action, Attach)
        side = other(action.ref.side)
        row = rows.get((side, action.origin)) or Carried(pair, side, action.origin, "trying")
        taken = {row.partner for row in rows.values()}
        found = self._copies(run, action, taken)
        if found:
            row = replace(row, state="sent", partner=found[0].id, digest=action.digest, reason="", due=None)
            why = f"its answer was lost; found on the record: {action.name}"
            return Recovered(True, why, remember=partial(_save, [row]))
        row = tried_again(row, run.clock(), PAUSES_S)
        return replace(NOT_MADE, remember=partial(_save, [row]))

    def _copies(self, run: Run, action: Attach, taken: set[str]) -> list[Attachment]:
        side = action.ref.side
        record = run.read(side, [action.ref])[0]
        if isinstance(record, Gone):
            return []
        if not isinstance(record, Record):
            raise record
        listed = run.sides[side].attachments([record])[0]
        if isinstance(listed, ConnectorError):
            raise listed
        sent = Attachment("", action.ref, action.name, action.size, "", run.clock(), digest=action.digest)
        ours = [f for f in listed if f.id not in taken and (not f.author or run.is_us(side, f.author))]
        return [file for file in ours if file.name == action.name and is_copy(file, sent)]


def _save(rows: Sequence[Carried], tx: Tx) -> None:
    tx.save_files(rows)


def _cursor(side: Side) -> str:
    return f"attachments:{side}"


class FilesPart:
    """The files of one pair in one wave."""

    def __init__(
        self,
        pair: int,
        files: dict[Side, list[Attachment]],
        known: Sequence[Carried],
        aspect: FilesAspect,
        is_us: Callable[[Side, str], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self.pair = pair
        self.files = files
        self.aspect = aspect
        self._known = {(row.side, row.file): row for row in known}
        self._is_us = is_us
        self._clock = clock
        self._aside: set[tuple[Side, str]] = set()
        """Files that are left alone for the rest of the wave."""

    def owns(self, action: Action) -> bool:
        """What is the aspect's."""
        return self.aspect.owns(action)

    def found(self) -> Found:
        """What is left to do, as far as is known now."""
        known = self._known.values()
        return look(self.files, known, self.aspect.rules, self._is_us, self._clock())

    def plan(self, work: Work, context: Context) -> Extra:
        """Files first, so that comments find their images; one note a side about what stays."""
        if work.pair.state != "active":
            return Extra()
        found = self.found()
        names = {side: [file.name for file in self.files[side]] for side in SIDES}
        steps = []
        for file in found.send:
            if not self.is_aside(file):
                to = other(file.ref.side)
                name = free_name(file.name, names[to])
                names[to].append(name)
                attach = Attach(work.records[to].ref, file.id, name, file.size, file.type, file.digest)
                steps.append(Step(attach, (f"a file of {work.records[file.ref.side].label}",)))
        return Extra(before=tuple(steps), after=self._notes(work, found))

    def while_parked(self, work: Work, context: Context) -> Extra:
        """Files touch no field, and what is said may show them."""
        return self.plan(work, context)

    def _notes(self, work: Work, found: Found) -> tuple[Step, ...]:
        steps = []
        for side in SIDES:
            held = [h for h in found.held if h.file.ref.side == side and not self.is_aside(h.file)]
            if held:
                text = note(work.records[side].ref, held, other(side), self.aspect.rules.max_size)
                steps.append(Step(text, ("some files stay where they are",)))
        return tuple(steps)

    def looked(self, tx: Tx, work: Work, at: datetime) -> None:
        """Files that show to be copies of ours, though the state does not know them, are remembered."""
        rows = []
        for (side, id_), partner in self.found().partners.items():
            file = next((f for f in self.files[side] if f.id == id_), None)
            if file is not None and (side, id_) not in self._known and not self._is_us(side, file.author):
                rows.append(Carried(self.pair, side, id_, "sent", partner, file.digest))
        new = [row for row in rows if (other(row.side), row.partner) not in self._known]
        self.remember(tx, new)

    def remember(self, tx: Tx, rows: Sequence[Carried]) -> None:
        """What became of files, for now and later."""
        tx.save_files(rows)
        self._known |= {(row.side, row.file): row for row in rows}

    def row(self, action: Attach) -> Carried:
        """What is known of the file that an action carries."""
        side = other(action.ref.side)
        return self._known.get((side, action.origin)) or Carried(self.pair, side, action.origin, "trying")

    def set_aside(self, action: Attach) -> None:
        """Leave a file alone for the rest of the wave."""
        self._aside.add((other(action.ref.side), action.origin))

    def reason(self, file: Attachment) -> Reason | None:
        """Why a file stays where it is; "" if it goes across, None if it did."""
        row = self._known.get((file.ref.side, file.id))
        return why_stays(file, row, self.aspect.rules)

    def is_aside(self, file: Attachment) -> bool:
        """Whether a file is left alone for the rest of the wave."""
        return (file.ref.side, file.id) in self._aside

    def source(self, action: Attach) -> Attachment | None:
        """The file that an action carries, as its side lists it."""
        listed = self.files[other(action.ref.side)]
        return next((file for file in listed if file.id == action.origin), None)

    def learn(self, file: Attachment, digest: str) -> None:
        """The content of a file was fetched: for the rest of the wave its digest is known."""
        side, known = file.ref.side, replace(file, digest=digest)
        self.files[side] = [known if each.id == file.id else each for each in self.files[side]]

    def settled(self, tx: Tx, step: Step, result: Applied, at: datetime) -> None:
        """A file went across, or people were told that it does not."""
        action = step.action
        if isinstance(action, AddNote):
            self._told(tx, action)
            return
        assert isinstance(action, Attach)
        sent = replace(self.row(action), state="sent", partner=result.made, digest=action.digest, reason="",
                       due=None)  # fmt: skip
        self.remember(tx, [sent])
        copy = Attachment(result.made, action.ref, action.name, action.size, action.type, at,
                          digest=action.digest, url=result.url)  # fmt: skip
        self.files[action.ref.side].append(copy)

    def refused(self, tx: Tx, step: Step, error: Rejected, at: datetime) -> bool:
        """The other side does not take it: that is noted, and the pair goes on."""
        action = step.action
        if isinstance(action, AddNote):
            self._told(tx, action)
        elif isinstance(action, Attach):
            self.remember(tx, [refused_again(self.row(action), at, str(error))])
        return True

    def _told(self, tx: Tx, action: AddNote) -> None:
        mine = {id_: row for (side, id_), row in self._known.items() if side == action.ref.side}
        self.remember(tx, noted(self.pair, action.ref.side, mine, action))
