"""Conflicts, open and decided, kept for people; how one is decided is no business of this module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from tieline.connectors.errors import StateError
from tieline.sync.model import Conflict
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import OPEN
from tieline.sync.store.schema import conflicts as table
from tieline.sync.store.shapes import decode, encode


class Conflicts(Rows):
    """Reads and writes of conflicts."""

    def add_conflicts(self, new: Sequence[Conflict]) -> list[Conflict]:
        """Store conflicts; the same ones with their ids, in the same order."""
        ids = self._insert_ids(table, [_columns(conflict) for conflict in new])
        return [replace(conflict, id=id) for conflict, id in zip(new, ids, strict=True)]

    def save_conflict(self, conflict: Conflict) -> None:
        """Replace what is stored of a conflict; StateError if there is no such conflict."""
        change = table.update().where(table.c.id == conflict.id).values(_columns(conflict))
        if not self._run(change):
            raise StateError(f"conflict {conflict.id} is not in the state")

    def conflict(self, id: int) -> Conflict | None:
        """The conflict with this id."""
        row = self._first(sa.select(table).where(table.c.id == id))
        return None if row is None else _conflict(row)

    def open_conflicts(self, pair_ids: Iterable[int]) -> dict[int, tuple[Conflict, ...]]:
        """The open conflicts of these pairs, oldest first; pairs without any are absent."""
        found: defaultdict[int, tuple[Conflict, ...]] = defaultdict(tuple)
        for some in chunks(list(pair_ids)):
            rows = self._all(
                sa.select(table).where(OPEN, table.c.pair_id.in_(some)).order_by(table.c.pair_id, table.c.id)
            )
            for row in rows:
                found[row.pair_id] += (_conflict(row),)
        return dict(found)

    def conflicts(self, *, open_only: bool, pair: int | None = None, limit: int = 1000) -> list[Conflict]:
        """The newest conflicts first, of all pairs or of one."""
        query = sa.select(table).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
        if open_only:
            query = query.where(OPEN)
        if pair is not None:
            query = query.where(table.c.pair_id == pair)
        return [_conflict(row) for row in self._all(query)]

    def open_conflict_count(self) -> int:
        """How many conflicts wait for a person."""
        return self._number(sa.select(sa.func.count()).select_from(table).where(OPEN))


def _columns(conflict: Conflict) -> dict[str, Any]:
    return {
        "pair_id": conflict.pair,
        "at": conflict.at,
        "open": conflict.open,
        "body": encode(replace(conflict, id=0)),
    }


def _conflict(row: sa.Row[Any]) -> Conflict:
    return replace(decode(Conflict, row.body), id=row.id)
