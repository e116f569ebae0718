"""Pairs and their Base: found by record, by id, by age of the last comparison; it compares nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, get_args

import sqlalchemy as sa

from tieline.connectors.base import SIDES, Ref
from tieline.connectors.errors import StateError
from tieline.sync.model import Pair, PairState
from tieline.sync.store.codec import decode_base, encode_base
from tieline.sync.store.inbox import Inbox
from tieline.sync.store.rows import chunks
from tieline.sync.store.schema import ACTIVE, LIVE, pairs

_LIVE_STATES: Final[tuple[PairState, ...]] = ("active", "frozen")
_ALL_STATES: Final[tuple[PairState, ...]] = get_args(PairState)
_THIS: Final = pairs.c.id == sa.bindparam("_id")
# Built once: this is what each settled write runs.
_SAVE: Final = (
    pairs.update().where(_THIS).values({c.name: sa.bindparam(c.name) for c in pairs.c if not c.primary_key})
)
_SAVE_IN_SAME_STATE: Final = _SAVE.where(pairs.c.state == sa.bindparam("state"))


class Pairs(Inbox):
    """Reads and writes of pairs."""

    def pairs_of(self, refs: Iterable[Ref]) -> dict[Ref, Pair]:
        """The live pair (active or frozen) of each record that is in one; others are absent."""
        wanted = list(refs)
        ids = self._ids_of(wanted)
        found = self.pairs(ids.values())
        return {ref: found[ids[ref.side, ref.id]] for ref in wanted if (ref.side, ref.id) in ids}

    def pairs(self, ids: Iterable[int]) -> dict[int, Pair]:
        """The pairs with these ids, whatever their state; unknown ids are absent."""
        wanted = list(dict.fromkeys(ids))
        rows = (row for some in chunks(wanted) for row in self._all(_by_ids(some)))
        return {row.id: _pair(row) for row in rows}

    def named(self, label: str) -> list[Pair]:
        """Pairs with this number or key, and the live one with this record id: live first, newest first."""
        wanted = sorted({label.strip(), label.strip().upper(), label.strip().lower()})
        here: list[sa.ColumnElement[bool]] = [c.in_(wanted) for c in (pairs.c.number, pairs.c.key)]
        here += [sa.and_(LIVE, column.in_(wanted)) for column in (pairs.c.servicenow_id, pairs.c.jira_id)]
        found = {row.id: _pair(row) for each in here for row in self._all(sa.select(pairs).where(each))}
        return sorted(found.values(), key=lambda pair: (pair.state == "unlinked", -pair.id))

    def pair_count(self, states: Sequence[PairState] = _LIVE_STATES) -> int:
        """How many pairs are in one of `states` (default: the live ones). Kept, not counted."""
        return self._tallied_now([_tally_name(state) for state in states])

    def add_pair(self, pair: Pair) -> Pair:
        """Store a new pair and give it its id; what is pending for its records moves under its key.

        StateError if one of its records is in a live pair already.
        """
        return self.add_pairs([pair])[0]

    def add_pairs(self, new: Sequence[Pair]) -> list[Pair]:
        """The same for several; each with its id, in the same order."""
        self._refuse_second([pair for pair in new if pair.state != "unlinked"])
        ids = self._insert_ids(pairs, [_columns(pair) for pair in new])
        for pair in new:
            self._tally(_tally_name(pair.state), 1)
        self._rekey(
            {ref: id for pair, id in zip(new, ids, strict=True) for ref in (pair.servicenow, pair.jira)}
        )
        return [replace(pair, id=id) for pair, id in zip(new, ids, strict=True)]

    def _refuse_second(self, new: Sequence[Pair]) -> None:
        taken = self._ids_of(ref for pair in new for ref in (pair.servicenow, pair.jira))
        for pair in new if taken else ():
            for ref in (pair.servicenow, pair.jira):
                if (ref.side, ref.id) in taken:
                    name, where = pair.label(ref.side) or ref, taken[ref.side, ref.id]
                    raise StateError(f"{name} is in pair {where} already; a record is never in two pairs")

    def save_pair(self, pair: Pair) -> None:
        """Replace everything that is stored of a pair; StateError, by the commit, for one unknown."""
        self._later(_SAVE_IN_SAME_STATE, {**_columns(pair), "_id": pair.id}, self._save_each)

    def _save_each(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Save pairs of which some changed their state, or are not there."""
        for row in rows:
            if self._run(_SAVE_IN_SAME_STATE, row):
                continue
            before = self._first(sa.select(pairs.c.state).where(_THIS), {"_id": row["_id"]})
            if before is None:
                raise StateError(f"pair {row['_id']} is not in the state")
            self._run(_SAVE, row)
            self._tally(_tally_name(before.state), -1)
            self._tally(_tally_name(row["state"]), 1)

    def touch_pairs(self, ids: Iterable[int], checked_at: datetime) -> None:
        """Note that these pairs were compared; nothing else of them changes."""
        for some in chunks(list(ids)):
            self._run(pairs.update().where(pairs.c.id.in_(some)).values(checked_at=checked_at))

    def sweep(self, limit: int, before: datetime) -> list[Pair]:
        """Active pairs last compared before `before`, never compared ones first, then the oldest."""
        never = sa.select(pairs).where(ACTIVE, pairs.c.checked_at.is_(None)).order_by(pairs.c.id)
        found = [_pair(row) for row in self._all(never.limit(limit))]
        if len(found) < limit:
            oldest = (
                sa.select(pairs)
                .where(ACTIVE, pairs.c.checked_at < before)
                .order_by(pairs.c.checked_at, pairs.c.id)
                .limit(limit - len(found))
            )
            found += [_pair(row) for row in self._all(oldest)]
        return found

    def compared_since(self, after: tuple[datetime, int], limit: int) -> list[Pair]:
        """The next active pairs that were compared at this time or later, behind the pair with this id."""
        at, id_ = after
        later = sa.or_(pairs.c.checked_at > at, sa.and_(pairs.c.checked_at == at, pairs.c.id > id_))
        page = sa.select(pairs).where(ACTIVE, pairs.c.checked_at >= at, later)
        return [_pair(row) for row in self._all(page.order_by(pairs.c.checked_at, pairs.c.id).limit(limit))]

    def walk_pairs(self, after_id: int, limit: int, states: Sequence[PairState] = _ALL_STATES) -> list[Pair]:
        """The next `limit` pairs in one of `states` (default: all) with an id above `after_id`, by id."""
        page = sa.select(pairs).where(pairs.c.id > after_id).order_by(pairs.c.id).limit(limit)
        if set(states) != set(_ALL_STATES):
            page = page.where(pairs.c.state.in_(states))
        return [_pair(row) for row in self._all(page)]


def _by_ids(ids: Sequence[int]) -> sa.Select[Any]:
    return sa.select(pairs).where(pairs.c.id.in_(ids))


def _tally_name(state: PairState) -> str:
    return f"pairs:{state}"


def _columns(pair: Pair) -> dict[str, Any]:
    assert (pair.servicenow.side, pair.jira.side) == SIDES, f"the sides of {pair.number} are swapped"
    return {
        "route": pair.route,
        "servicenow_id": pair.servicenow.id,
        "servicenow_kind": pair.servicenow.kind,
        "jira_id": pair.jira.id,
        "jira_kind": pair.jira.kind,
        "origin": pair.origin,
        "number": pair.number,
        "key": pair.key,
        "state": pair.state,
        "created_at": pair.created_at,
        "checked_at": pair.checked_at,
        "base": encode_base(pair.base),
    }


def _pair(row: sa.Row[Any]) -> Pair:
    return Pair(
        id=row.id,
        route=row.route,
        servicenow=Ref("servicenow", row.servicenow_id, row.servicenow_kind),
        jira=Ref("jira", row.jira_id, row.jira_kind),
        origin=row.origin,
        number=row.number,
        key=row.key,
        state=row.state,
        base=decode_base(row.base),
        created_at=row.created_at,
        checked_at=row.checked_at,
    )
