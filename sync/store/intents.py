"""Intents that are open: written down before each write, and gone once settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tieline.sync.model import Intent
from tieline.sync.store.rows import Rows
from tieline.sync.store.schema import intents
from tieline.sync.store.shapes import decode, encode

_REMOVE: Final = intents.delete().where(intents.c.id == sa.bindparam("_id"))


class Intents(Rows):
    """Reads and writes of intents."""

    def add_intents(self, new: Sequence[Intent]) -> list[Intent]:
        """Write intents down; the same ones with their ids, in the same order."""
        ids = self._insert_ids(intents, [_columns(intent) for intent in new])
        return [replace(intent, id=id) for intent, id in zip(new, ids, strict=True)]

    def open_intents(self) -> list[Intent]:
        """All intents that are not settled, oldest first."""
        return [_intent(row) for row in self._all(sa.select(intents).order_by(intents.c.id))]

    def mark_unknown(self, id: int, probe_at: datetime) -> None:
        """The answer of this write was lost; it may be settled from `probe_at` on."""
        self._run(intents.update().where(intents.c.id == id).values(unknown=True, probe_at=probe_at))

    def remove_intent(self, id: int) -> None:
        """The intent is settled; what happened stands in the audit."""
        self._later(_REMOVE, {"_id": id})


def _columns(intent: Intent) -> dict[str, Any]:
    return {
        "pair_id": intent.pair,
        "probe_at": intent.probe_at,
        "unknown": intent.unknown,
        "body": encode(replace(intent, id=0)),
    }


def _intent(row: sa.Row[Any]) -> Intent:
    stored = decode(Intent, row.body)
    return replace(stored, id=row.id, unknown=row.unknown, probe_at=row.probe_at)
