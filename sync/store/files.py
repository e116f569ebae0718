"""Files that went across, or did not, by pair; what is done about one is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieline.sync.attachments.model import Carried
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import attachments
from tieline.sync.store.shapes import decode, encode

_KEY = (attachments.c.pair_id, attachments.c.side, attachments.c.file_id)
_BODIES = sa.select(attachments.c.body)


class Files(Rows):
    """Reads and writes of what is known of files."""

    def files_of(self, pairs: Iterable[int]) -> dict[int, list[Carried]]:
        """What is known of the files of these pairs; pairs without any are absent."""
        found: dict[int, list[Carried]] = {}
        for some in chunks(list(dict.fromkeys(pairs))):
            query = _BODIES.where(attachments.c.pair_id.in_(some)).order_by(*_KEY)
            for carried in map(_carried, self._all(query)):
                found.setdefault(carried.pair, []).append(carried)
        return found

    def files_due(self, now: datetime, limit: int) -> list[Carried]:
        """At most `limit` files whose transfer is to be tried again by now, the longest due first."""
        query = _BODIES.where(attachments.c.due <= now).order_by(attachments.c.due).limit(limit)
        return [_carried(row) for row in self._all(query)]

    def walk_files(self, after: tuple[int, str, str] | None, limit: int) -> list[Carried]:
        """The next `limit` files behind (pair, side, file), in that order; None: from the start."""
        query = _BODIES.order_by(*_KEY).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*_KEY) > sa.tuple_(*map(sa.literal, after)))
        return [_carried(row) for row in self._all(query)]

    def save_files(self, files: Sequence[Carried]) -> None:
        """Remember what became of files; what was known of them is replaced."""
        self._put_many(
            attachments,
            [
                {"pair_id": f.pair, "side": f.side, "file_id": f.file, "due": f.due, "body": encode(f)}
                for f in files
            ],
        )

    def drop_files(self, pair: int) -> int:
        """Forget the files of a pair; how many there were."""
        return self._run(attachments.delete().where(attachments.c.pair_id == pair))


def _carried(row: sa.Row[Any]) -> Carried:
    return decode(Carried, row.body)
