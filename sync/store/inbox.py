"""The inbox: what is to be looked at, since when and why; it does not know what is done about an entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from tieline.connectors.base import Ref, Side
from tieline.sync.model import Arrival, InboxEntry
from tieline.sync.store.database import Upsert, position, upsert
from tieline.sync.store.refs import Refs, pair_key, ref_key
from tieline.sync.store.rows import chunks
from tieline.sync.store.schema import inbox

_STAMP: Final = "stamp"
_BREAK: Final = "\n"
"""Reasons stand between line breaks, so that SQL can see whether one is there and add it in one statement."""

_AS_HELD: Final = sa.and_(inbox.c.key == sa.bindparam("_key"), inbox.c.stamp == sa.bindparam("_stamp"))
_IN_ORDER: Final = (inbox.c.since, inbox.c.key)
# The sum keeps the planner on the index that is in the wanted order, and out of sorting all that is due.
_DUE_IN_ORDER: Final = (sa.type_coerce(inbox.c.due, sa.BigInteger) + 0) <= sa.bindparam(
    "_now", type_=inbox.c.due.type
)


class Inbox(Refs):
    """Reads and writes of the inbox."""

    def arrive(self, arrivals: Sequence[Arrival], now: datetime, due: datetime | None = None) -> int:
        """Note that these records are to be looked at, from `due` on (default: at once).

        A record in a live pair stands under that pair's key. An entry that is there already keeps its
        earliest `since` and `due`, gains the reason, and gets a new stamp. Returns how many entries were
        made or renewed.
        """
        if not arrivals:
            return 0
        ids = self._ids_of(arrival.ref for arrival in arrivals)
        rows = [
            _row(a.ref, ids.get((a.ref.side, a.ref.id)), _joined({a.reason}), now, due or now, stamp)
            for a, stamp in zip(arrivals, self._next_stamps(len(arrivals)), strict=True)
        ]
        self._run_many(_renewal(self._database.dialect), rows)
        return len({row["key"] for row in rows})

    def due(
        self, now: datetime, limit: int, only: frozenset[str] | None = None, *, paired: bool | None = None
    ) -> list[InboxEntry]:
        """At most `limit` entries that are due, oldest `since` first, then by key; of `only` these keys.

        With `paired`, those of pairs, or (False) of records without one.
        """
        if only is not None:
            return self._due_of(now, limit, only)
        query = sa.select(inbox).where(_DUE_IN_ORDER).order_by(*_IN_ORDER).limit(limit)
        if paired is not None:
            query = query.where(inbox.c.pair_id.is_not(None) if paired else inbox.c.pair_id.is_(None))
        return [_entry(row) for row in self._all(query, {"_now": now})]

    def walk_due(self, now: datetime, after: str, limit: int) -> list[InboxEntry]:
        """The next `limit` entries that are due, with a key above `after`, by key."""
        query = sa.select(inbox).where(inbox.c.key > after, inbox.c.due <= now).order_by(inbox.c.key)
        return [_entry(row) for row in self._all(query.limit(limit))]

    def _due_of(self, now: datetime, limit: int, only: frozenset[str]) -> list[InboxEntry]:
        found: list[InboxEntry] = []
        for some in chunks(sorted(only)):
            rows = self._all(sa.select(inbox).where(inbox.c.key.in_(some), inbox.c.due <= now))
            found += [_entry(row) for row in rows]
        return sorted(found, key=lambda entry: (entry.since, entry.key))[:limit]

    def leave(self, entries: Sequence[InboxEntry]) -> None:
        """Take entries out; one that has arrived again since it was read stays."""
        self._run_many(inbox.delete().where(_AS_HELD), [_held(entry) for entry in entries])

    def postpone(self, entries: Sequence[InboxEntry], until: datetime, reason: str | None = None) -> None:
        """Let entries wait until `until`, adding `reason`; one that arrived again since stays as it is."""
        added = _joined({reason}) if reason else _BREAK
        change = (
            inbox.update()
            .where(_AS_HELD)
            .values(due=until, reasons=_with_reasons(self._database.dialect, sa.literal(added)))
        )
        self._run_many(change, [_held(entry) for entry in entries])

    def waits(self, side: Side, reason: str) -> bool:
        """Whether a record of this side that is in no pair waits for this reason."""
        lone = inbox.c.key.startswith(f"r:{side}:")
        there = self._database.position(inbox.c.reasons, sa.literal(_joined({reason}))) > 0
        return self._first(sa.select(inbox.c.key).where(lone, there).limit(1)) is not None

    def inbox_count(self, now: datetime | None = None) -> int:
        """How many entries there are; with `now`, how many are due then."""
        query = sa.select(sa.func.count()).select_from(inbox)
        return self._number(query if now is None else query.where(inbox.c.due <= now))

    def _rekey(self, now_in: Mapping[Ref, int]) -> None:
        """Move what is pending for single records under the pairs that they are now in."""
        ids = {ref_key(ref): pair_id for ref, pair_id in now_in.items()}
        held = [
            row
            for some in chunks(list(ids))
            for row in self._all(sa.select(inbox).where(inbox.c.key.in_(some)))
        ]
        if not held:
            return
        for some in chunks([row.key for row in held]):
            self._run(inbox.delete().where(inbox.c.key.in_(some)))
        stamps = self._next_stamps(len(held))
        rows = [
            {**row._mapping, "key": pair_key(ids[row.key]), "pair_id": ids[row.key], "stamp": stamp}
            for row, stamp in zip(held, stamps, strict=True)
        ]
        self._run_many(_renewal(self._database.dialect), rows)

    def _next_stamps(self, count: int) -> range:
        """Above every stamp that was ever given, so that an entry that left and came again is another one."""
        self._tally(_STAMP, count)
        last = self._tallied_now([_STAMP])
        return range(last - count + 1, last + 1)


@cache
def _renewal(dialect: str) -> Upsert:
    """Built once: making it takes longer than running it."""
    insert = upsert(dialect, inbox)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "reasons": _with_reasons(dialect, new.reasons),
            "since": sa.case((new.since < inbox.c.since, new.since), else_=inbox.c.since),
            "due": sa.case((new.due < inbox.c.due, new.due), else_=inbox.c.due),
            "stamp": new.stamp,
        },
    )


def _with_reasons(dialect: str, added: Any) -> sa.ColumnElement[str]:
    """The reasons of a row and `added`, which is kept in one piece: it is one reason, or several."""
    there = position(dialect, inbox.c.reasons, added) > 0
    return sa.case((there, inbox.c.reasons), else_=inbox.c.reasons + sa.func.substr(added, 2))


def _joined(reasons: set[str]) -> str:
    return _BREAK + "".join(f"{reason}{_BREAK}" for reason in sorted(reasons))


def _row(
    ref: Ref, pair_id: int | None, reasons: str, since: datetime, due: datetime, stamp: int
) -> dict[str, Any]:
    return {
        "key": ref_key(ref) if pair_id is None else pair_key(pair_id),
        "pair_id": pair_id,
        "side": ref.side,
        "ref_id": ref.id,
        "ref_kind": ref.kind,
        "reasons": reasons,
        "since": since,
        "due": due,
        "stamp": stamp,
    }


def _held(entry: InboxEntry) -> dict[str, Any]:
    return {"_key": entry.key, "_stamp": entry.stamp}


def _entry(row: sa.Row[Any]) -> InboxEntry:
    return InboxEntry(
        key=row.key,
        pair_id=row.pair_id,
        ref=Ref(row.side, row.ref_id, row.ref_kind),
        reasons=frozenset(row.reasons.split(_BREAK)) - {""},
        since=row.since,
        due=row.due,
        stamp=row.stamp,
    )
