"""Finds what a dot-walked field name means, and its stored value for a row; display is not its business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from tieline.connectors.sandbox.servicenow.schema import Column, Row, Table
from tieline.connectors.sandbox.servicenow.store import Store


@dataclass(frozen=True, slots=True)
class Path:
    """A field reached over zero or more references.

    `table` is where its `column` stands; `direct` says that no reference is in between.
    """

    table: Table
    column: Column
    walk: Callable[[Row], Row | None]
    direct: bool

    def value(self, row: Row) -> str:
        """The stored value; "" if a reference on the way is empty or leads nowhere."""
        last = self.walk(row)
        return "" if last is None else last[self.column.name]

    @property
    def reader(self) -> Callable[[Row], str]:
        """`value`, without the walk where there is none."""
        return itemgetter(self.column.name) if self.direct else self.value


def find_path(store: Store, table: Table, dotted: str) -> Path | None:
    """The path that a name like `assigned_to.email` means from `table`; None if it means nothing."""
    *steps, last = dotted.split(".")
    walk: Callable[[Row], Row | None] = _stay
    for step in steps:
        column = table.columns.get(step)
        if column is None or column.type != "reference" or column.reference not in store.tables:
            return None
        walk = _onward(store, walk, column)
        table = store.tables[column.reference]
    column = table.columns.get(last)
    return None if column is None else Path(table, column, walk, direct=not steps)


def _stay(row: Row) -> Row | None:
    return row


def _onward(store: Store, before: Callable[[Row], Row | None], column: Column) -> Callable[[Row], Row | None]:
    def walk(row: Row) -> Row | None:
        here = before(row)
        return None if here is None else store.find(column.reference, here[column.name])

    return walk
