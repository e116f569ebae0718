"""Several tables of one instance as one side: each call goes to the table that the record lives in.

A record's table is known from the feed and from reads. One that was never met is looked for in each table,
the first one first: most records are incidents. What is about the instance as a whole is asked of that one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from tieline.connectors.base import (
    Action,
    Affected,
    Applied,
    Ask,
    Attachment,
    Capabilities,
    Conversation,
    Create,
    Entity,
    Identity,
    Page,
    PersonKey,
    Record,
    Ref,
    Reviewed,
    Search,
    Target,
    Transition,
    Update,
)
from tieline.connectors.errors import ConnectorError, Gone
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.directory import EntityKind

_REMEMBERED: Final = 100_000
"""Records of further tables whose table is remembered."""
T = TypeVar("T")
R = TypeVar("R")


class ServiceNowTables:
    """A `Connector` for several tables, by name; unknown records are looked for in the first one first."""

    def __init__(self, tables: Mapping[str, ServiceNowConnector]) -> None:
        self._tables = dict(tables)
        self._first = next(iter(tables))
        self._lock = threading.Lock()
        self._home: dict[str, str] = {}

    @property
    def _main(self) -> ServiceNowConnector:
        return self._tables[self._first]

    def _met(self, ids: Sequence[str], table: str) -> None:
        if table == self._first:
            return
        with self._lock:
            self._home.update(dict.fromkeys(ids, table))
            while len(self._home) > _REMEMBERED:
                del self._home[next(iter(self._home))]

    def _table_of(self, ref: Ref) -> str:
        with self._lock:
            return self._home.get(ref.id, self._first)

    def _each(
        self,
        items: Sequence[T],
        ref_of: Callable[[T], Ref],
        call: Callable[[ServiceNowConnector, list[T]], Sequence[R]],
    ) -> list[R]:
        """`call` for the items of each table at once; the results in order."""
        found: dict[int, R] = {}
        for table, connector in self._tables.items():
            mine = [n for n, item in enumerate(items) if self._table_of(ref_of(item)) == table]
            if mine:
                found.update(zip(mine, call(connector, [items[n] for n in mine]), strict=True))
        return [found[n] for n in range(len(items))]

    @property
    def capabilities(self) -> Capabilities:
        """Those of every table."""
        return self._main.capabilities

    def identity(self) -> Identity:
        """Our own row of sys_user."""
        return self._main.identity()

    # Feeds: a cursor a table, in one

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Everything that changed in any of the tables, table after table."""
        return self._feeds(cursor, start, lambda connector, own: connector.feed(own, start))

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records of any of the tables that got a file."""
        return self._feeds(cursor, start, lambda connector, own: connector.attached(own, start))

    def _feeds(
        self,
        cursor: str | None,
        _start: datetime,
        pages: Callable[[ServiceNowConnector, str | None], Iterator[Page]],
    ) -> Iterator[Page]:
        cursors = self._cursors(cursor)
        for table, connector in self._tables.items():
            for page in pages(connector, cursors.get(table)):
                self._met([change.ref.id for change in page.changes], table)
                cursors[table] = page.cursor
                yield Page(page.changes, json.dumps({"tables": cursors}), page.hidden)

    def _cursors(self, cursor: str | None) -> dict[str, str]:
        """By table how far it was read; a cursor from a time with one table is the first one's."""
        if cursor is None:
            return {}
        try:
            told = json.loads(cursor)
        except ValueError:
            told = None
        if isinstance(told, dict) and isinstance(told.get("tables"), dict):
            return {str(table): str(own) for table, own in told["tables"].items()}
        return {self._first: cursor}

    # Reads

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records by id, each in its table; one that was never met is looked for in all of them."""
        found = self._each(refs, lambda ref: ref, lambda connector, mine: connector.read(mine))
        for table, connector in self._tables.items():
            lost = [
                n for n, (ref, record) in enumerate(zip(refs, found, strict=True))
                if isinstance(record, Gone) and ref.id not in self._home and table != self._first
            ]  # fmt: skip
            for n, record in zip(lost, connector.read([refs[n] for n in lost]) if lost else (), strict=True):
                if isinstance(record, Record):
                    self._met([record.ref.id], table)
                    found[n] = record
        return found

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Those of `refs` that an encoded query of their table matches."""
        inside = [
            self._tables[table].in_scope([ref for ref in refs if self._table_of(ref) == table], scope)
            for table in {self._table_of(ref) for ref in refs}
        ]
        return frozenset().union(*inside)

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every record of the place's table that holds `marker`."""
        found = self._tables.get(place, self._main).find(marker, place, watermark)
        self._met([record.ref.id for record in found], place if place in self._tables else self._first)
        return found

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """Every record with a marker of this installation, table after table."""
        for table, connector in self._tables.items():
            for records in connector.marked(installation):
                self._met([record.ref.id for record in records], table)
                yield records

    def lookup(self, label: str) -> Ref | None:
        """The record with this number, or sys_id, in any table."""
        for table, connector in self._tables.items():
            ref = connector.lookup(label)
            if ref is not None:
                self._met([ref.id], table)
                return ref
        return None

    def watermark(self, place: str) -> str:
        """Not needed here."""
        return self._main.watermark(place)

    # People, files, conversations, relations

    def entities(self, kind: EntityKind, ids: Sequence[str]) -> list[Entity]:
        """The people or groups with these sys_ids."""
        return self._main.entities(kind, ids)

    def search_entities(
        self, kind: EntityKind, keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        """People and groups by what names them."""
        return self._main.search_entities(kind, keys, by)

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record."""
        return self._each(
            records, lambda record: record.ref, lambda connector, mine: connector.attachments(mine)
        )

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The content of a file."""
        return self._tables[self._table_of(file.ref)].content(file)

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on each record."""
        return self._each(asks, lambda ask: ask.ref, lambda connector, mine: connector.conversations(mine))

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The records of a kind with these sys_ids or numbers."""
        return self._main.targets(kind, keys)

    def seek(self, search: Search) -> list[Target]:
        """The records that a search finds."""
        return self._main.seek(search)

    def depends_on(self, cis: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """By configuration item those that it depends on."""
        return self._main.depends_on(cis)

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        """The items of each record: one table tells them for all kinds of records."""
        return self._main.affected(refs)

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records of whatever kind that got an affected item."""
        return self._main.affecting(cursor, start)

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """ServiceNow has no remote links."""
        return self._main.remote_ties(refs)

    # Writes

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once, those of one table together."""
        found: dict[int, Applied | ConnectorError] = {}
        for table, connector in self._tables.items():
            mine = [n for n, action in enumerate(actions) if self._written_to(action) == table]
            if mine:
                outcomes = connector.write([actions[n] for n in mine])
                made = [o.ref.id for o in outcomes if isinstance(o, Applied)]
                self._met(made, table)
                found.update(zip(mine, outcomes, strict=True))
        return [found[n] for n in range(len(actions))]

    def _written_to(self, action: Action) -> str:
        if not isinstance(action, Create):
            return self._table_of(action.ref)
        return action.place if action.place in self._tables else self._first

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What the records tell about writes that may have been made."""
        self.read([write.ref for write in writes if write.ref.id not in self._home])  # learns their tables
        return self._each(writes, lambda write: write.ref, lambda connector, mine: connector.review(mine))

    def close(self) -> None:
        """Let go of connections."""
        for connector in self._tables.values():
            connector.close()


def tables_of(
    tables: Mapping[str, ServiceNowConnector],
) -> ServiceNowConnector | ServiceNowTables:
    """The side of these tables: of one alone, that connector as it is."""
    return ServiceNowTables(tables) if len(tables) > 1 else next(iter(tables.values()))
