"""What all parts of a transaction share: running statements, one or many at a time, and counts kept apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import Executable

from tieline.sync.store.database import Database, Upsert, upsert
from tieline.sync.store.schema import tallies

T = TypeVar("T")

_VALUES_A_QUERY: Final = 500
"""As many values as one IN list takes: both databases allow more, and longer lists are not faster."""


def chunks(items: Sequence[T], size: int = _VALUES_A_QUERY) -> Iterator[Sequence[T]]:
    """The items in runs of at most `size`."""
    return (items[at : at + size] for at in range(0, len(items), size))


@dataclass
class _Waiting:
    """One statement and the rows it waits to be run for; `missed` is told if it did not touch each."""

    statement: Executable
    missed: Callable[[Sequence[Mapping[str, Any]]], None] | None
    rows: list[Mapping[str, Any]] = field(default_factory=list)


class Rows:
    """One open transaction. The parts that know a table build on it."""

    def __init__(self, connection: sa.Connection, database: Database) -> None:
        self._connection = connection
        self._database = database
        self._tallied: Counter[str] = Counter()
        self._waiting: dict[int, _Waiting] = {}

    def _later(
        self,
        statement: Executable,
        row: Mapping[str, Any],
        missed: Callable[[Sequence[Mapping[str, Any]]], None] | None = None,
    ) -> None:
        """Run a statement for this row before the next one that is not to be run later, or the commit.

        What is waiting is run together, statement by statement: a wave settles a hundred writes, and one
        statement for each row of them was most of what a pass did. `statement` is a constant of its module.
        """
        waiting = self._waiting.setdefault(id(statement), _Waiting(statement, missed))
        waiting.rows.append(row)

    def _catch_up(self) -> None:
        """Run what is waiting."""
        while self._waiting:
            waiting = self._waiting.pop(next(iter(self._waiting)))
            touched = self._connection.execute(waiting.statement, waiting.rows).rowcount
            if waiting.missed is not None and touched != len(waiting.rows):
                waiting.missed(waiting.rows)

    def _now(self, statement: Executable, values: Any = None) -> sa.CursorResult[Any]:
        self._catch_up()
        return self._connection.execute(statement, values)

    def _run(self, statement: Executable, row: Mapping[str, Any] | None = None) -> int:
        """Run one statement; how many rows it touched."""
        return self._now(statement, row).rowcount

    def _run_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each row."""
        if rows:
            self._now(statement, rows)

    def _all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[sa.Row[Any]]:
        return self._now(statement, values).all()

    def _first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> sa.Row[Any] | None:
        return self._now(statement, values).first()

    def _number(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        return int(self._now(statement, values).scalar_one())

    def _put(self, table: sa.Table, row: Mapping[str, Any]) -> None:
        """Insert a row, or replace that with its primary key; before the next statement, or the commit."""
        self._later(_putting(self._database.dialect, table, tuple(row)), row)

    def _put_many(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same for several rows, at once; all name the same columns."""
        if rows:
            self._run_many(_putting(self._database.dialect, table, tuple(rows[0])), rows)

    def _insert_ids(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Insert rows; their new ids in the same order."""
        if not rows:
            return []
        statement = table.insert().returning(table.c.id, sort_by_parameter_order=True)
        return list(self._now(statement, rows).scalars())

    def _tally(self, name: str, by: int) -> None:
        """Change a kept count; it is written once, at the end of the transaction."""
        self._tallied[name] += by

    def _tallied_now(self, names: Sequence[str]) -> int:
        """The sum of kept counts, with what this transaction changed."""
        stored = self._all(sa.select(tallies.c.value).where(tallies.c.name.in_(names)))
        return sum(int(row.value) for row in stored) + sum(self._tallied[name] for name in names)

    def _write_tallies(self) -> None:
        self._catch_up()
        changed = sorted((name, by) for name, by in self._tallied.items() if by)
        rows = [{"name": name, "value": by} for name, by in changed]
        self._run_many(_adding(self._database.dialect), rows)
        self._tallied.clear()


@cache
def _adding(dialect: str) -> Upsert:
    """What adds to kept counts; built once, as `_putting`."""
    insert = upsert(dialect, tallies)
    return insert.on_conflict_do_update(
        index_elements=["name"], set_={"value": tallies.c.value + insert.excluded.value}
    )


@cache
def _putting(dialect: str, table: sa.Table, names: tuple[str, ...]) -> Upsert:
    """Built once for a table: making one takes longer than running it."""
    insert = upsert(dialect, table)
    keys = [column.name for column in table.primary_key]
    rest = {name: insert.excluded[name] for name in names if name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)
