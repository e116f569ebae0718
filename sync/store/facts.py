"""Small things that are known: cursors, notes, people and groups with partners, observed transitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import sqlalchemy as sa

from tieline.connectors.base import Entity, Move, Side
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import cursors, entities, moves, notes
from tieline.sync.store.shapes import decode, encode


@dataclass(frozen=True, slots=True)
class Partners:
    """What is stored of a person or group."""

    entity: Entity
    partner: Entity | None


@dataclass(frozen=True, slots=True)
class _Moves:
    moves: tuple[Move, ...]


_CURSOR: Final = sa.select(cursors.c.value).where(cursors.c.name == sa.bindparam("_name"))
_NOTE: Final = sa.select(notes.c.value).where(notes.c.key == sa.bindparam("_key"))
_DROP_NOTE: Final = notes.delete().where(notes.c.key == sa.bindparam("_key"))


class Facts(Rows):
    """Reads and writes of what is known."""

    def cursor(self, name: str) -> str | None:
        """How far the feed `name` is drained; None if it never was."""
        row = self._first(_CURSOR, {"_name": name})
        return None if row is None else row.value

    def set_cursor(self, name: str, value: str) -> None:
        """The feed `name` is drained up to `value`: in the transaction that puts its page into the inbox."""
        self._put(cursors, {"name": name, "value": value})

    def note(self, key: str) -> str | None:
        """A small fact, such as the installation's id; None if it was never set."""
        row = self._first(_NOTE, {"_key": key})
        return None if row is None else row.value

    def notes(self, keys: Iterable[str]) -> dict[str, str]:
        """Those of these small facts that were set."""
        found = (self._all(sa.select(notes).where(notes.c.key.in_(some))) for some in chunks(list(keys)))
        return {row.key: row.value for rows in found for row in rows}

    def set_note(self, key: str, value: str) -> None:
        """Set a small fact."""
        self._put(notes, {"key": key, "value": value})

    def drop_note(self, key: str) -> None:
        """Let go of a small fact; nothing happens if it was never set."""
        self._later(_DROP_NOTE, {"_key": key})

    def entities(
        self, side: Side, kind: Literal["person", "group"], ids: Iterable[str]
    ) -> dict[str, tuple[Entity, Entity | None, datetime]]:
        """Known people or groups, each with its partner across (None: has none) and when that was found."""
        this_kind = sa.select(entities).where(entities.c.side == side, entities.c.kind == kind)
        found = {}
        for some in chunks(list(ids)):
            for row in self._all(this_kind.where(entities.c.id.in_(some))):
                known = decode(Partners, row.body)
                found[row.id] = (known.entity, known.partner, row.checked_at)
        return found

    def walk_entities(self, after: tuple[str, str, str] | None, limit: int) -> list[Partners]:
        """The next `limit` known people and groups behind (side, kind, id), in that order."""
        key = (entities.c.side, entities.c.kind, entities.c.id)
        query = sa.select(entities.c.body).order_by(*key).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
        return [decode(Partners, row.body) for row in self._all(query)]

    def save_entities(self, rows: Sequence[tuple[Entity, Entity | None]], at: datetime) -> None:
        """Remember people or groups with their partners as found at `at`."""
        self._put_many(entities, [_entity_row(entity, partner, at) for entity, partner in rows])

    def moves(self, place: str) -> dict[str, tuple[Move, ...]]:
        """The transitions seen at `place`, by the status they start from."""
        rows = self._all(sa.select(moves).where(moves.c.place == place).order_by(moves.c.status))
        return {row.status: decode(_Moves, row.body).moves for row in rows}

    def save_moves(self, place: str, status: str, seen: Sequence[Move]) -> None:
        """Remember the transitions that start from `status` at `place`."""
        self._put(moves, {"place": place, "status": status, "body": encode(_Moves(tuple(seen)))})


def _entity_row(entity: Entity, partner: Entity | None, at: datetime) -> dict[str, object]:
    return {
        "side": entity.side,
        "kind": entity.kind,
        "id": entity.id,
        "checked_at": at,
        "body": encode(Partners(entity, partner)),
    }
