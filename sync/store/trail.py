"""What happened: the audit trail of every write, and the summary of every pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tieline.connectors.base import Ref
from tieline.sync.model import AuditEntry, PassSummary
from tieline.sync.store.rows import Rows
from tieline.sync.store.schema import audit as table
from tieline.sync.store.schema import passes
from tieline.sync.store.shapes import decode, encode

_ADD: Final = table.insert()


class Trail(Rows):
    """Reads and writes of the audit and of the passes."""

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Add entries to the trail; none is ever changed or removed."""
        for entry in entries:
            self._later(_ADD, _columns(entry))

    def audit_trail(
        self,
        *,
        pair: int | None = None,
        ref: Ref | None = None,
        pass_id: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """The newest entries first: of a pair, a record, a pass, from an instant on, or all of these."""
        query = sa.select(table.c.id, table.c.body)
        if pair is not None:
            query = query.where(table.c.pair_id == pair)
        if ref is not None:
            query = query.where(table.c.side == ref.side, table.c.ref_id == ref.id)
        if pass_id is not None:
            query = query.where(table.c.pass_id == pass_id)
        if since is not None:
            query = query.where(table.c.at >= since)
        newest = query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
        return [replace(decode(AuditEntry, row.body), id=row.id) for row in self._all(newest)]

    def start_pass(self, summary: PassSummary) -> None:
        """Note that a pass has begun."""
        self._put(passes, {"id": summary.id, "started": summary.started, "body": encode(summary)})

    def finish_pass(self, summary: PassSummary) -> None:
        """Note how a pass went."""
        self.start_pass(summary)

    def last_passes(self, n: int) -> list[PassSummary]:
        """The `n` passes that began last, newest first; one that never ended was killed or still runs."""
        query = sa.select(passes.c.body).order_by(passes.c.started.desc(), passes.c.id.desc()).limit(n)
        return [decode(PassSummary, row.body) for row in self._all(query)]


def _columns(entry: AuditEntry) -> dict[str, Any]:
    return {
        "pair_id": entry.pair,
        "side": entry.ref.side if entry.ref else None,
        "ref_id": entry.ref.id if entry.ref else None,
        "pass_id": entry.pass_id,
        "at": entry.at,
        "body": encode(replace(entry, id=0)),
    }
