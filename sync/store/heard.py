"""Conversations of pairs: which entries were dealt with, by id and digest; no text is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from tieline.sync.conversation.model import Heard
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import heard
from tieline.sync.store.shapes import decode, encode


class HeardEntries(Rows):
    """Reads and writes of what was heard."""

    def heard(self, pairs: Iterable[int]) -> dict[int, list[Heard]]:
        """The entries of these pairs, by pair; pairs without any are absent."""
        found: dict[int, list[Heard]] = {}
        for some in chunks(list(dict.fromkeys(pairs))):
            query = sa.select(heard.c.pair_id, heard.c.body).where(heard.c.pair_id.in_(some))
            for row in self._all(query.order_by(heard.c.pair_id, heard.c.side, heard.c.id)):
                found.setdefault(row.pair_id, []).append(decode(Heard, row.body))
        return found

    def save_heard(self, pair: int, entries: Sequence[Heard]) -> None:
        """Store entries; those with the same side and id are replaced."""
        self._put_many(heard, [_columns(pair, entry) for entry in entries])

    def drop_heard(self, pair: int, entries: Iterable[Heard]) -> None:
        """Forget that these entries ever were."""
        for entry in entries:
            here = (heard.c.pair_id == pair, heard.c.side == entry.side, heard.c.id == entry.id)
            self._run(heard.delete().where(*here))

    def heard_count(self) -> int:
        """How many entries are remembered."""
        return self._number(sa.select(sa.func.count()).select_from(heard))


def _columns(pair: int, entry: Heard) -> dict[str, Any]:
    return {"pair_id": pair, "side": entry.side, "id": entry.id, "body": encode(entry)}
