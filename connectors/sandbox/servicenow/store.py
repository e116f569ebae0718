"""Keeps the rows of each table, with the indexes that queries need; it applies no rule and reads no clock."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tieline.connectors.sandbox.servicenow.schema import Row, Table

_INDEXED: Final[Mapping[str, tuple[str, ...]]] = {
    "incident": ("number", "correlation_id", "state"),
    "sys_user": ("user_name", "email", "name"),
    "sys_user_group": ("name",),
    "sys_choice": ("name", "element"),
    "sys_dictionary": ("name", "element"),
    "sys_journal_field": ("element_id",),
    "problem": ("number", "correlation_id", "state"),
    "change_request": ("number", "correlation_id", "state"),
    "sys_attachment": ("table_sys_id",),
    "cmdb_ci": ("name",),
    "task_ci": ("task",),
}
"""Columns found by value without looking at every row."""

_SLACK: Final = 1000
"""Outdated entries of the order by update that are tolerated before it is rebuilt."""


class Rows:
    """The rows of one table. A stored row is never changed in place: `put` replaces it."""

    def __init__(self, table: Table, indexed: Iterable[str] = ()) -> None:
        self.table = table
        self.changes = 0
        self._rows: dict[str, Row] = {}
        self._equal: dict[str, dict[str, dict[str, None]]] = {column: {} for column in indexed}
        self._updated: list[tuple[str, str]] = []
        self._timed = "sys_updated_on" in table.columns

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def get(self, sys_id: str) -> Row | None:
        """The row of this sys_id."""
        return self._rows.get(sys_id)

    def put(self, row: Row) -> None:
        """Add the row, or put it in the place of the one with its sys_id."""
        sys_id = row["sys_id"]
        old = self._rows.get(sys_id)
        self._rows[sys_id] = row
        self.changes += 1
        for column, index in self._equal.items():
            if old is not None and old[column] != row[column]:
                index[old[column]].pop(sys_id, None)
            index.setdefault(row[column], {})[sys_id] = None
        if self._timed and (old is None or old["sys_updated_on"] != row["sys_updated_on"]):
            self._note(row["sys_updated_on"], sys_id)

    def remove(self, sys_id: str) -> None:
        """Forget the row."""
        old = self._rows.pop(sys_id)
        self.changes += 1
        for column, index in self._equal.items():
            index[old[column]].pop(sys_id, None)

    def indexed(self, column: str) -> bool:
        """Whether `having` knows this column."""
        return column in self._equal or column == "sys_id"

    def having(self, column: str, value: str) -> Iterable[Row]:
        """The rows with this value in an indexed column."""
        if column == "sys_id":
            row = self._rows.get(value)
            return () if row is None else (row,)
        return [self._rows[sys_id] for sys_id in self._equal[column].get(value, ())]

    def updated_since(self, moment: str) -> Iterator[Row]:
        """The rows updated at `moment` (UTC, as stored) or later, oldest first."""
        for at in range(bisect_left(self._updated, (moment, "")), len(self._updated)):
            updated, sys_id = self._updated[at]
            row = self._rows.get(sys_id)
            if row is not None and row["sys_updated_on"] == updated:
                yield row

    def _note(self, moment: str, sys_id: str) -> None:
        entry = (moment, sys_id)
        if not self._updated or self._updated[-1] <= entry:
            self._updated.append(entry)
        elif self._updated[bisect_left(self._updated, entry)] != entry:
            insort(self._updated, entry)
        if len(self._updated) > 2 * len(self._rows) + _SLACK:
            self._updated = sorted((r["sys_updated_on"], i) for i, r in self._rows.items())


class Store:
    """All tables of the instance."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self._rows = {name: Rows(t, _INDEXED.get(name, ())) for name, t in tables.items()}

    def rows(self, table: str) -> Rows:
        """The rows of a table; KeyError if there is no such table."""
        return self._rows[table]

    def find(self, table: str, sys_id: str) -> Row | None:
        """A row by table and sys_id; None also for tables that this stand-in does not keep."""
        rows = self._rows.get(table)
        return None if rows is None else rows.get(sys_id)

    def display(self, table: str, sys_id: str) -> str:
        """What people see in place of a reference; "" if its row is not here."""
        row = self.find(table, sys_id)
        return "" if row is None else row[self.tables[table].display]

    def named(self, table: str, said: str) -> str | None:
        """The sys_id of the one row that people call so (display value, or user name); None if unclear."""
        rows = self._rows.get(table)
        if rows is None:
            return None
        columns = [c for c in (rows.table.display, "user_name") if rows.indexed(c)]
        found = {row["sys_id"] for column in columns for row in rows.having(column, said)}
        return found.pop() if len(found) == 1 else None
