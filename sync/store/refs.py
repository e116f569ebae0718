"""Refs and keys: which pair a record belongs to, and how a thing is named in the inbox and among parks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from tieline.connectors.base import Ref, Side
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import LIVE, pairs

REF_COLUMN: Final[Mapping[Side, sa.Column[Any]]] = {
    "servicenow": pairs.c.servicenow_id,
    "jira": pairs.c.jira_id,
}


def pair_key(pair_id: int) -> str:
    """The key of a pair."""
    return f"p:{pair_id}"


def ref_key(ref: Ref) -> str:
    """The key of a record that is in no pair."""
    return f"r:{ref.side}:{ref.id}"


def by_side(refs: Iterable[Ref]) -> dict[Side, list[str]]:
    """The distinct ids of each side, in order."""
    found: defaultdict[Side, dict[str, None]] = defaultdict(dict)
    for ref in refs:
        found[ref.side][ref.id] = None
    return {side: list(ids) for side, ids in found.items()}


class Refs(Rows):
    """Finds pairs by their records."""

    def _ids_of(self, refs: Iterable[Ref]) -> dict[tuple[Side, str], int]:
        """The live pair (active or frozen) of each record that is in one."""
        found: dict[tuple[Side, str], int] = {}
        for side, ids in by_side(refs).items():
            column = REF_COLUMN[side]
            for some in chunks(ids):
                rows = self._all(sa.select(column.label("ref_id"), pairs.c.id).where(LIVE, column.in_(some)))
                found |= {(side, row.ref_id): row.id for row in rows}
        return found
