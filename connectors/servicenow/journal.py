"""Reads what was said on incidents: rows of the journal, or its rendered form without the right to read them.

Source: ServiceNow, "Retrieving journal entries": additional comments and work notes are write-only columns,
whose entries are rows of `sys_journal_field`. Without the right to read that table its rows are counted and
not shown; the columns' display values then hold the entries as people see them.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from tieline.connectors.base import Ask, Comment, Conversation
from tieline.connectors.errors import ConnectorError, Denied, Gone, Malformed
from tieline.connectors.richtext import from_servicenow
from tieline.connectors.richtext.hooks import ImageHook
from tieline.connectors.servicenow import query
from tieline.connectors.servicenow.directory import askable_ids, chunks
from tieline.connectors.servicenow.pictures import pictures_read
from tieline.connectors.servicenow.records import Row, plain, utc
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.stream import Entry, Viewer, entries, viewer
from tieline.connectors.servicenow.wire import Rows, Wire

PUBLIC: Final = "comments"
INTERNAL: Final = "work_notes"
BOTH: Final = "comments_and_work_notes"
_TABLE: Final = "sys_journal_field"
_FIELDS: Final = ("sys_id", "element", "element_id", "value", "sys_created_on", "sys_created_by")
_SHOWN: Final = ("sys_id", "sys_created_on", "sys_updated_on", PUBLIC, INTERNAL, BOTH)
_PAGE: Final = 1000
_RENDERED_BATCH: Final = 20
"""Records whose rendered conversations are asked for at once: each is told from its beginning."""
_REMEMBERED: Final = 10_000


class Unreadable(Exception):
    """Rows of the journal are counted, and none of them is shown, or not all, or not whole (`partly`)."""

    def __init__(self, *, partly: bool = False) -> None:
        super().__init__()
        self.partly = partly


class Journal:
    """The conversations of one table's records. `us`: user name, display name, time zone of our account."""

    def __init__(
        self,
        wire: Wire,
        settings: ServiceNowSettings,
        us: Callable[[], tuple[str, str, str]],
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._us = us
        self._picture = pictures_read(wire.base_url)
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._rendered = False

    def begin_pass(self) -> None:
        """Rights may have been given since the last one."""
        self._rendered = False

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on these records. Raises what kept us from asking."""
        found: dict[str, Conversation | ConnectorError] = {}
        by_id = {ask.ref.id: ask for ask in asks}
        for ids in chunks(askable_ids(by_id), self._settings.read_batch):
            found |= self._of([by_id[id_] for id_ in ids])
        return [found.get(ask.ref.id) or Gone(f"{ask.ref} shows no conversation") for ask in asks]

    def _of(self, asks: Sequence[Ask]) -> dict[str, Conversation | ConnectorError]:
        if not self._rendered:
            try:
                return self._rows_of(asks)
            except Unreadable as unreadable:
                self._rendered = not unreadable.partly
            except Denied:
                self._rendered = True
        found: dict[str, Conversation | ConnectorError] = {}
        for some in chunks(asks, _RENDERED_BATCH):
            found |= self._rendered_of(some)
        return found

    # Rows

    def _rows_of(self, asks: Sequence[Ask]) -> dict[str, Conversation | ConnectorError]:
        since = None if any(ask.since is None for ask in asks) else min(a.since for a in asks if a.since)
        by_record: dict[str, list[Row]] = defaultdict(list)
        seen: set[str] = set()
        hidden = False
        for page in self._pages([ask.ref.id for ask in asks], since):
            hidden = hidden or (page.total is not None and page.total > len(page.rows) and not page.more)
            if any(not row.keys() >= set(_FIELDS) for row in page.rows):  # without its text: without its mark
                raise Unreadable(partly=True)
            for row in page.rows:
                if plain(row.get("sys_id")) not in seen:
                    seen.add(plain(row.get("sys_id")))
                    by_record[plain(row.get("element_id"))].append(row)
        if not by_record.keys() <= {ask.ref.id for ask in asks}:
            raise Malformed(f"reading {_TABLE}: the answer holds entries of records that were not asked for")
        if hidden:  # what follows a hidden entry must not go before it
            raise Unreadable(partly=True)
        known = {id_ for ask in asks for id_ in ask.known}
        fresh = [row for rows in by_record.values() for row in rows if plain(row["sys_id"]) not in known]
        names = self._named({plain(row.get("sys_created_by")) for row in fresh})
        whole = since is None
        return {a.ref.id: self._conversation(a, by_record[a.ref.id], names, whole=whole) for a in asks}

    def _pages(self, ids: Sequence[str], since: datetime | None) -> Iterator[Rows]:
        """Page by page, each behind the last row of the one before: entries of one second stay together.

        Raises Unreadable if entries are counted, and none is shown twice in a row.
        """
        asked = f"element_idIN{','.join(ids)}^elementIN{PUBLIC},{INTERNAL}"
        if since is not None:
            asked += f"^sys_created_on>={since.strftime(query.TIME_FORMAT)}"
        order = "^ORDERBYsys_created_on^ORDERBYsys_id"
        after, offset, shown = "", 0, False
        while True:
            page, _ = self._wire.rows(_TABLE, (after or asked) + order, _FIELDS, limit=_PAGE, offset=offset)
            if not page.rows and page.total != 0 and not shown and not offset:
                page, _ = self._wire.rows(_TABLE, asked + order, _FIELDS, limit=_PAGE)
                if not page.rows and page.total != 0:
                    raise Unreadable
            yield page
            shown = shown or bool(page.rows)
            if not (bool(page.rows) if page.more is None else page.more):
                return
            offset = 0 if page.rows else offset + _PAGE
            if page.rows:
                last = page.rows[-1]
                made, id_ = plain(last.get("sys_created_on")), plain(last.get("sys_id"))
                after = f"{asked}^sys_created_on>{made}^NQ{asked}^sys_created_on={made}^sys_id>{id_}"

    def _conversation(
        self, ask: Ask, rows: Sequence[Row], names: Mapping[str, str], *, whole: bool
    ) -> Conversation | ConnectorError:
        try:
            found = [self._comment(ask, row, names) for row in rows]
        except Malformed as error:
            return error
        return Conversation(ask.ref, tuple(sorted(found, key=lambda e: (e.created, e.id))), whole)

    def _comment(self, ask: Ask, row: Row, names: Mapping[str, str]) -> Comment:
        id_, by, text = plain(row["sys_id"]), plain(row.get("sys_created_by")), plain(row.get("value"))
        kind, made, own = plain(row.get("element")), utc(row, "sys_created_on"), self._is_us(by)
        wanted = not own and ask.known.get(id_) != id_
        return Comment(
            id=id_, ref=ask.ref, author=by, name=names.get(by, by), created=made, updated=made, stamp=id_,
            text=(from_servicenow(text, image=self._picture) or "") if wanted else None,
            public=kind == PUBLIC, kind=kind,
            own=own, mark=_first_line(text) if own else "",
        )  # fmt: skip

    def _is_us(self, user_name: str) -> bool:
        ours = self._us()[0]
        return bool(ours) and user_name.casefold() == ours.casefold()

    def _named(self, user_names: Iterable[str]) -> dict[str, str]:
        """What these people are called; rows tell their user names only."""
        wanted = {name for name in user_names if query.is_askable(name)}
        with self._lock:
            known = {name: self._names[name] for name in wanted if name in self._names}
        for some in chunks(sorted(wanted - known.keys()), self._settings.read_batch):
            named = self._ask_names(some)
            known |= named
            with self._lock:
                self._names |= named
                while len(self._names) > _REMEMBERED:
                    del self._names[next(iter(self._names))]
        return known

    def _ask_names(self, user_names: Sequence[str]) -> dict[str, str]:
        asked = query.any_of("user_name", user_names)
        try:
            page, _ = self._wire.rows("sys_user", asked, ("user_name", "name"), limit=2 * len(user_names))
        except Denied:
            return {}
        told = {plain(row.get("user_name")).casefold(): plain(row.get("name")) for row in page.rows}
        return {name: told.get(name.casefold()) or name for name in user_names}

    # The rendered form

    def _rendered_of(self, asks: Sequence[Ask]) -> dict[str, Conversation | ConnectorError]:
        ids = [ask.ref.id for ask in asks]
        table = self._settings.table
        page, _ = self._wire.rows(table, query.by_ids(ids), _SHOWN, limit=len(ids) + 1, display="all")
        rows = {plain(row.get("sys_id")): row for row in page.rows}
        if not rows.keys() <= set(ids):
            raise Malformed(f"reading {table}: the answer holds records that were not asked for")
        return {ask.ref.id: self._of_row(ask, rows[ask.ref.id]) for ask in asks if ask.ref.id in rows}

    def _of_row(self, ask: Ask, row: Row) -> Conversation | ConnectorError:
        _, ours, zone = self._us()
        samples = [(plain(row.get(n)), display(row.get(n))) for n in ("sys_created_on", "sys_updated_on")]
        if (PUBLIC in row) != (INTERNAL in row) or not row.keys() & {PUBLIC, BOTH}:
            return Malformed(f"{ask.ref}: ServiceNow does not show both journals: no right to one of them?")
        streams = {name: display(row.get(name)) for name in (PUBLIC, INTERNAL, BOTH)}
        if not any(streams.values()):
            return Conversation(ask.ref)
        try:
            clock: Viewer = viewer(samples, zone)
            found = entries(streams[PUBLIC], streams[INTERNAL], streams[BOTH], clock)
        except Malformed as error:
            return error
        return Conversation(ask.ref, tuple(_rendered(ask, entry, ours, self._picture) for entry in found))


def _rendered(ask: Ask, entry: Entry, ours: str, picture: ImageHook) -> Comment:
    own = bool(ours) and entry.author.casefold() == ours.casefold()
    wanted = not own and ask.known.get(entry.id) != entry.id
    return Comment(
        id=entry.id, ref=ask.ref, author="", name=entry.author, created=entry.at, updated=entry.at,
        stamp=entry.id, text=(from_servicenow(entry.text, image=picture) or "") if wanted else None,
        public=entry.public, kind=PUBLIC if entry.public else INTERNAL, own=own,
        mark=_first_line(entry.text) if own else "",
    )  # fmt: skip


def display(cell: object) -> str:
    """What people see of a cell that was asked for with all it has."""
    value = cell.get("display_value") if isinstance(cell, Mapping) else cell
    return "" if value is None else str(value)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def entry_text(line: str, text: str) -> str:
    """An entry as it is written: who said it in the first line, what was said below."""
    return f"{line}\n{text}".strip()


def is_ours(conversation: Conversation, mark: str) -> bool:
    """Whether one of our own entries carries this mark."""
    return any(entry.own and mark in entry.mark for entry in conversation.entries)
