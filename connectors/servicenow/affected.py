"""Reads which configuration items records affect: rows of `task_ci`, which change no column of the record.

Nothing is written there. The related list "Affected CIs" of a task shows the same rows. Access rules hide
single rows, or the whole table: then the list is told as not whole, and what is absent proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import Affected, Page, Ref, Target
from tieline.connectors.errors import Malformed
from tieline.connectors.servicenow.directory import askable_ids, chunks
from tieline.connectors.servicenow.feed import Feed
from tieline.connectors.servicenow.records import Row, plain
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.targets import UNREADABLE, address
from tieline.connectors.servicenow.wire import Rows, Wire

TABLE: Final = "task_ci"
FIELDS: Final = ("sys_id", "task", "ci_item", "ci_item.name")
_FED: Final = ("sys_id", "task", "sys_updated_on", "sys_mod_count")


class AffectedItems:
    """The affected items of records of any table. `now` is our clock, `skew` the instance's clock - ours."""

    def __init__(
        self,
        wire: Wire,
        settings: ServiceNowSettings,
        now: Callable[[], datetime],
        skew: Callable[[], timedelta],
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._now = now
        self._skew = skew

    def of(self, refs: Sequence[Ref]) -> list[Affected]:
        """The items of each record, one request for `read_batch` records and `page_size` rows."""
        found: dict[str, Affected] = {}
        for ids in chunks(askable_ids(ref.id for ref in refs), self._settings.read_batch):
            try:
                rows, whole = self._rows(ids)
            except UNREADABLE:
                continue
            found |= {id_: self._list(id_, rows, whole=whole) for id_ in ids}
        return [found.get(ref.id, Affected(whole=False)) for ref in refs]

    def _rows(self, ids: Sequence[str]) -> tuple[list[Row], bool]:
        """The rows of these records, and whether the count proves that none is missing.

        The limit is applied before access rules, so a short page proves nothing. Malformed for rows of other
        records: a condition that is not understood is dropped.
        """
        asked = f"taskIN{','.join(ids)}^ORDERBYsys_id"
        found: dict[str, Row] = {}
        offset, more, whole = 0, True, True
        while more:
            page, headers = self._wire.rows(
                TABLE, asked, FIELDS, limit=self._settings.page_size, offset=offset
            )
            if any(plain(row.get("task")) not in ("", *ids) for row in page.rows):
                raise Malformed(f"reading {TABLE}: the answer holds rows of records that were not asked for")
            found |= {plain(row.get("sys_id")): row for row in page.rows}
            ours = headers.get("X-Is-Logged-In", "true").lower() != "false"
            whole = whole and ours and all(map(_is_shown, page.rows))
            more = len(page.rows) >= self._settings.page_size if page.more is None else page.more
            offset += self._settings.page_size
        return list(found.values()), whole and page.total == len(found)

    def _list(self, id_: str, rows: Sequence[Row], *, whole: bool) -> Affected:
        mine = (row for row in rows if plain(row.get("task")) == id_ and plain(row.get("ci_item")))
        items = {target.ref: target for target in map(self._target, mine)}
        return Affected(tuple(items[ref] for ref in sorted(items)), whole)

    def _target(self, row: Row) -> Target:
        id_ = plain(row.get("ci_item"))
        label = plain(row.get("ci_item.name")).strip() or id_
        return Target(
            Ref("servicenow", id_, "ci"), label, ci=id_, url=address(self._wire.base_url, "ci", id_)
        )

    # The feed

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records that got an item since, by the rows' own times; no row tells that another was removed."""
        tasks: dict[str, str] = {}

        def ask(asked: str, limit: int, offset: int) -> Rows:
            page, _ = self._wire.rows(TABLE, asked, _FED, limit=limit, offset=offset)
            tasks.update({plain(row.get("sys_id")): plain(row.get("task")) for row in page.rows})
            return page

        feed = Feed(ask, self._settings.overlap, self._settings.page_size, self._now, self._skew)
        for page in feed.pages(cursor, start):
            changes = tuple(
                replace(change, ref=Ref("servicenow", tasks[change.ref.id]))
                for change in page.changes if tasks.get(change.ref.id)
            )  # fmt: skip
            tasks.clear()
            yield replace(page, changes=changes)


def _is_shown(row: Row) -> bool:
    """Whether the columns that matter are shown: hidden ones are left out of the row."""
    return "ci_item" in row and bool(plain(row.get("task")))


def affected_unread(wire: Wire) -> str:
    """Why the newest row is not shown with its item and the item's name; "" if it is, or there is none."""
    try:
        page, _ = wire.rows(TABLE, "ci_itemISNOTEMPTY^ORDERBYDESCsys_created_on", FIELDS, limit=1)
    except UNREADABLE as error:
        return str(error)
    if not page.rows:
        return f"{page.total} rows of {TABLE} are counted, and none is shown" if page.total else ""
    missing = [name for name in FIELDS if not plain(page.rows[0].get(name))]
    return f"a row of {TABLE} is shown without {', '.join(missing)}" if missing else ""
