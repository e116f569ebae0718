"""Upkeep: what is old is dropped, what must be forgotten is rewritten; when and what is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tieline.connectors.base import Entity, Ref, Side
from tieline.sync.model import AuditEntry, Conflict, Pair
from tieline.sync.store.facts import Partners
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import audit, conflicts, entities, inbox, pairs, passes
from tieline.sync.store.shapes import decode, encode

_OLD: Final[dict[str, tuple[sa.Table, sa.Column[Any], sa.ColumnElement[bool]]]] = {
    "audit": (audit, audit.c.at, sa.true()),
    "conflicts": (conflicts, conflicts.c.at, conflicts.c.open.is_(False)),
    "passes": (passes, passes.c.started, sa.true()),
}


class Upkeep(Rows):
    """Reads and writes for the state's own duties."""

    def drop_old(self, what: str, before: datetime, limit: int) -> int:
        """Drop at most `limit` entries of `audit`, decided `conflicts` or `passes` from before `before`."""
        table, at, condition = _OLD[what]
        oldest = sa.select(table.c.id).where(at < before, condition).order_by(at).limit(limit)
        return self._run(table.delete().where(table.c.id.in_(oldest)))

    def drop_entities(self, before: datetime) -> int:
        """Drop the people and groups that were last looked up before `before`."""
        return self._run(entities.delete().where(entities.c.checked_at < before))

    def waiting_since(self) -> dict[Side, datetime]:
        """Since when the oldest inbox entry of each side waits; a side with none is absent."""
        query = sa.select(inbox.c.side, sa.func.min(inbox.c.since).label("since")).group_by(inbox.c.side)
        return {row.side: row.since for row in self._all(query)}

    def waiting(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of these keys that stand in the inbox."""
        rows = (row for some in chunks(keys) for row in
                self._all(sa.select(inbox.c.key).where(inbox.c.key.in_(some))))  # fmt: skip
        return frozenset(row.key for row in rows)

    def check_again(self) -> None:
        """Let the sweep compare every pair, as if none had been compared yet."""
        self._run(pairs.update().values(checked_at=None))

    def audit_page(
        self,
        limit: int,
        *,
        pair: Pair | None = None,
        pass_id: str | None = None,
        since: datetime | None = None,
        before: AuditEntry | None = None,
    ) -> list[AuditEntry]:
        """The next `limit` entries, newest first, behind `before`: of a pair and both its records, or all."""
        query = sa.select(audit.c.id, audit.c.body)
        if pair is not None:
            query = query.where(_concerns(pair))
        if pass_id is not None:
            query = query.where(audit.c.pass_id == pass_id)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if before is not None:
            query = query.where(
                sa.or_(audit.c.at < before.at, sa.and_(audit.c.at == before.at, audit.c.id < before.id))
            )
        newest = query.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)
        return [replace(decode(AuditEntry, row.body), id=row.id) for row in self._all(newest)]

    def walk_audit(self, after_id: int, limit: int) -> list[AuditEntry]:
        """The next `limit` entries with an id above `after_id`, by id."""
        page = sa.select(audit.c.id, audit.c.body).where(audit.c.id > after_id)
        rows = self._all(page.order_by(audit.c.id).limit(limit))
        return [replace(decode(AuditEntry, row.body), id=row.id) for row in rows]

    def rewrite_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Replace what stands in these entries. For forgetting only: no entry is ever corrected."""
        change = audit.update().where(audit.c.id == sa.bindparam("_id")).values(body=sa.bindparam("_body"))
        self._run_many(change, [{"_id": e.id, "_body": encode(replace(e, id=0))} for e in entries])

    def walk_conflicts(self, after_id: int, limit: int) -> list[Conflict]:
        """The next `limit` conflicts with an id above `after_id`, by id."""
        page = sa.select(conflicts.c.id, conflicts.c.body).where(conflicts.c.id > after_id)
        rows = self._all(page.order_by(conflicts.c.id).limit(limit))
        return [replace(decode(Conflict, row.body), id=row.id) for row in rows]

    def people_with(self, email: str) -> list[Entity]:
        """The people in the state with this e-mail address, on either side, partners included."""
        rows = self._all(sa.select(entities.c.body).where(entities.c.kind == "person"))
        known = [decode(Partners, row.body) for row in rows]
        everybody = [person for row in known for person in (row.entity, row.partner) if person is not None]
        found = {(e.side, e.id): e for e in everybody if e.email.casefold() == email.casefold()}
        return [found[key] for key in sorted(found)]

    def drop_person(self, person: Entity) -> None:
        """Drop what is known of a person; their partner's entry goes with it, since it names them."""
        here = sa.and_(entities.c.side == person.side, entities.c.id == person.id)
        self._run(entities.delete().where(entities.c.kind == "person", here))


def _concerns(pair: Pair) -> sa.ColumnElement[bool]:
    refs: tuple[Ref, Ref] = (pair.servicenow, pair.jira)
    sides = [sa.and_(audit.c.side == ref.side, audit.c.ref_id == ref.id) for ref in refs]
    return sa.or_(audit.c.pair_id == pair.id, *sides)
