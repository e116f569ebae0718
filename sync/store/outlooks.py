"""Outlooks: when the policy may say something else about a thing, and whether it leaves it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieline.sync.model import Outlook
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import LEFT_OUT, outlooks


class Outlooks(Rows):
    """Reads and writes of outlooks; keys are those of the inbox."""

    def save_outlooks(self, found: Sequence[Outlook]) -> None:
        """Remember these; one that says nothing is forgotten."""
        self.drop_outlooks([each.key for each in found if not each])
        self._put_many(outlooks, [_columns(each) for each in found if each])

    def drop_outlooks(self, keys: Iterable[str]) -> None:
        """Forget what is known about these."""
        for some in chunks(list(keys)):
            self._run(outlooks.delete().where(outlooks.c.key.in_(some)))

    def outlooks_due(self, now: datetime, limit: int) -> list[Outlook]:
        """At most `limit` whose time has come, longest due first."""
        due = sa.select(outlooks).where(outlooks.c.due <= now).order_by(outlooks.c.due, outlooks.c.key)
        return [_outlook(row) for row in self._all(due.limit(limit))]

    def outlook(self, key: str) -> Outlook | None:
        """What is known about one."""
        row = self._first(sa.select(outlooks).where(outlooks.c.key == key))
        return None if row is None else _outlook(row)

    def left_out(self, limit: int) -> list[Outlook]:
        """At most `limit` of those that a rule leaves out, by key."""
        query = sa.select(outlooks).where(LEFT_OUT).order_by(outlooks.c.key).limit(limit)
        return [_outlook(row) for row in self._all(query)]

    def left_out_count(self) -> int:
        """How many a rule leaves out."""
        return self._number(sa.select(sa.func.count()).select_from(outlooks).where(LEFT_OUT))


def _columns(found: Outlook) -> dict[str, Any]:
    return {"key": found.key, "due": found.due, "left_out": found.left_out, "label": found.label}


def _outlook(row: sa.Row[Any]) -> Outlook:
    return Outlook(row.key, row.due, row.left_out, row.label)
