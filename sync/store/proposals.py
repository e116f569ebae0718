"""Relations that are proposed to people, and what they said; how one comes about is decided elsewhere.

The title of a target is text of a ticket and is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from tieline.connectors.base import Ref
from tieline.sync.links.model import Proposal, ProposalState
from tieline.sync.store.rows import Rows, chunks
from tieline.sync.store.schema import proposals as table
from tieline.sync.store.shapes import decode, encode


class Proposals(Rows):
    """Reads and writes of proposals. Each has a number by which people name it."""

    def save_proposals(self, proposals: Sequence[Proposal]) -> None:
        """Store proposals; those of the same incident, relation and target are replaced."""
        if not proposals:
            return
        insert = self._database.upsert(table)
        changed = {name: insert.excluded[name] for name in ("state", "body")}
        statement = insert.on_conflict_do_update(
            index_elements=["incident", "relation", "target"], set_=changed
        )
        self._run_many(statement, [_columns(proposal) for proposal in proposals])

    def proposal(self, number: int) -> Proposal | None:
        """The proposal with this number."""
        row = self._first(sa.select(table.c.body).where(table.c.id == number))
        return None if row is None else decode(Proposal, row.body)

    def proposals(self, state: ProposalState | None = None, limit: int = 1000) -> list[tuple[int, Proposal]]:
        """Proposals with their numbers, the newest first: those in a state, or all."""
        query = sa.select(table.c.id, table.c.body).order_by(table.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(table.c.state == state)
        return [(row.id, decode(Proposal, row.body)) for row in self._all(query)]

    def proposals_of(self, incidents: Iterable[Ref]) -> dict[Ref, list[tuple[int, Proposal]]]:
        """The proposals of these incidents with their numbers, oldest first; without any: absent."""
        found: dict[Ref, list[tuple[int, Proposal]]] = {}
        for some in chunks([str(ref) for ref in incidents]):
            query = sa.select(table.c.id, table.c.body).where(table.c.incident.in_(some)).order_by(table.c.id)
            for row in self._all(query):
                proposal = decode(Proposal, row.body)
                found.setdefault(proposal.incident, []).append((row.id, proposal))
        return found


def _columns(proposal: Proposal) -> dict[str, Any]:
    plain = replace(
        proposal,
        target=replace(proposal.target, title=""),
        evidence=tuple(replace(e, target=replace(e.target, title="")) for e in proposal.evidence),
    )
    return {
        "incident": str(proposal.incident),
        "relation": proposal.relation,
        "target": str(proposal.target.ref),
        "state": proposal.state,
        "body": encode(plain),
    }
