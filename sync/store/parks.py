"""Parks: what is left alone, and until when; who parks and releases is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieline.connectors.base import Side
from tieline.sync.model import Park
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import parks
from tieline.sync.store.shapes import decode, encode


class Parks(Rows):
    """Reads and writes of parks; keys are those of the inbox."""

    def park(self, park: Park) -> None:
        """Leave a thing alone; a park with the same key is replaced."""
        row = {"key": park.key, "since": park.since, "retry_at": park.retry_at, "body": encode(park)}
        self._put(parks, row)

    def unpark(self, key: str) -> None:
        """End a park; nothing happens if there is none."""
        self._run(parks.delete().where(parks.c.key == key))

    def parked(self, keys: Iterable[str]) -> dict[str, Park]:
        """The parks under these keys."""
        rows = (row for some in chunks(list(keys)) for row in self._all(_BODIES.where(parks.c.key.in_(some))))
        return {park.key: park for park in map(_park, rows)}

    def all_parks(self, limit: int | None = None) -> list[Park]:
        """All parks, longest parked first."""
        query = _BODIES.order_by(parks.c.since, parks.c.key).limit(limit)
        return [_park(row) for row in self._all(query)]

    def rests(self, side: Side, reason: str) -> bool:
        """Whether a record of this side that is in no pair is parked for this reason."""
        lone = parks.c.key.startswith(f"r:{side}:")
        return any(_park(row).reason == reason for row in self._all(_BODIES.where(lone)))

    def parks_due(self, now: datetime, limit: int) -> list[Park]:
        """At most `limit` parks whose time to try again has come, longest due first."""
        due = _BODIES.where(parks.c.retry_at <= now).order_by(parks.c.retry_at, parks.c.key).limit(limit)
        return [_park(row) for row in self._all(due)]

    def park_count(self) -> int:
        """How many parks there are."""
        return self._number(sa.select(sa.func.count()).select_from(parks))


_BODIES = sa.select(parks.c.body)


def _park(row: sa.Row[Any]) -> Park:
    return decode(Park, row.body)
