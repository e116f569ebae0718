"""Relations of pairs: their Base and what is wanted; what is made of them is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from tieline.connectors.base import Ref
from tieline.sync.links.model import Relation
from tieline.sync.links.relations_model import Standing
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import relations
from tieline.sync.store.shapes import decode, encode


class Relations(Rows):
    """Reads and writes of relations."""

    def relations_of(self, pairs: Iterable[int]) -> dict[int, list[Standing]]:
        """The relations of these pairs, by pair; pairs without any are absent."""
        found: dict[int, list[Standing]] = {}
        for some in chunks(list(dict.fromkeys(pairs))):
            query = _BODIES.where(relations.c.pair_id.in_(some)).order_by(*_KEY)
            for standing in map(_standing, self._all(query)):
                found.setdefault(standing.pair, []).append(standing)
        return found

    def related_to(self, targets: Iterable[Ref]) -> list[Standing]:
        """The relations that lead to these records, of whatever pair."""
        wanted = [str(target) for target in targets]
        return [
            _standing(row) for some in chunks(wanted)
            for row in self._all(_BODIES.where(relations.c.target.in_(some)).order_by(*_KEY))
        ]  # fmt: skip

    def latest_of(self, relation: Relation, limit: int) -> list[Standing]:
        """Relations of one kind, those of the latest pairs first."""
        query = _BODIES.where(relations.c.relation == relation).order_by(relations.c.pair_id.desc())
        return [_standing(row) for row in self._all(query.limit(limit))]

    def walk_relations(self, after: tuple[int, str, str] | None, limit: int) -> list[Standing]:
        """The next `limit` relations behind (pair, relation, target), in that order; None: from the start."""
        query = _BODIES.order_by(*_KEY).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*_KEY) > sa.tuple_(*map(sa.literal, after)))
        return [_standing(row) for row in self._all(query)]

    def save_relations(self, standings: Sequence[Standing]) -> None:
        """Store relations; those with the same pair, relation and target are replaced."""
        self._put_many(
            relations,
            [
                {"pair_id": s.pair, "relation": s.relation, "target": str(s.target), "body": encode(s)}
                for s in standings
            ],
        )

    def drop_relations(self, standings: Iterable[Standing]) -> None:
        """Forget that these relations ever were."""
        for s in standings:
            here = (
                relations.c.pair_id == s.pair,
                relations.c.relation == s.relation,
                relations.c.target == str(s.target),
            )
            self._run(relations.delete().where(*here))


_KEY = (relations.c.pair_id, relations.c.relation, relations.c.target)
_BODIES = sa.select(relations.c.body)


def _standing(row: sa.Row[Any]) -> Standing:
    return decode(Standing, row.body)
