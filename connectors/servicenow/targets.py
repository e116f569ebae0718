"""Finds problems, changes, incidents and configuration items that an incident may be tied to.

It writes nothing. What the account may not read, or the instance does not have, is not there: no relation is
worth a stopped pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import Ref, Search, Target
from tieline.connectors.errors import Denied, Gone, Malformed, Rejected
from tieline.connectors.servicenow import query
from tieline.connectors.servicenow.directory import askable_ids, chunks
from tieline.connectors.servicenow.records import Row, plain
from tieline.connectors.servicenow.wire import Wire

TABLES: Final[Mapping[str, str]] = MappingProxyType(
    {"incident": "incident", "problem": "problem", "change": "change_request", "ci": "cmdb_ci"}
)
"""The table of each kind of target."""

_TASK: Final = (
    "sys_id", "number", "short_description", "state", "opened_at", "work_start", "work_end", "start_date",
    "resolved_at", "closed_at", "cmdb_ci", "business_service", "assignment_group", "category",
)  # fmt: skip
_CI: Final = ("sys_id", "name", "asset_tag", "short_description", "operational_status")
UNREADABLE: Final = (Denied, Gone, Malformed, Rejected)
"""What keeps us from reading a table that is not needed for the mirror itself."""
_DEPENDS: Final = "cmdb_rel_ci"


class Targets:
    """Look-ups in the tables of an instance."""

    def __init__(self, wire: Wire, read_batch: int, base_url: str) -> None:
        self._wire = wire
        self._batch = read_batch
        self._url = base_url.rstrip("/")

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The records of a kind with these sys_ids, numbers or (configuration items) names."""
        if kind not in TABLES:
            return []
        found: dict[str, Target] = {}
        named = "name" if kind == "ci" else "number"
        askable = [key for key in dict.fromkeys(keys) if query.is_askable(key)]
        for chunk in chunks(askable, self._batch):
            spoken = {spelling for key in chunk for spelling in (key, key.upper())}
            asked = f"{query.any_of('sys_id', chunk)}^NQ{query.any_of(named, spoken)}"
            wanted = {key.casefold() for key in chunk}
            for target in self._rows(kind, asked, len(chunk) * 3 + 1):
                if wanted & {target.ref.id.casefold(), target.label.casefold()}:
                    found[target.ref.id] = target
        return list(found.values())

    def seek(self, search: Search) -> list[Target]:
        """What a search finds; checked again here, since a condition may have been dropped in silence."""
        if search.kind not in TABLES:
            return []
        rows = self._rows(search.kind, _asked(search), search.limit)
        return [target for target in rows if _fits(target, search)]

    def depends_on(self, cis: Sequence[str]) -> dict[str, frozenset[str]]:
        """By configuration item those that it depends on: its children in cmdb_rel_ci."""
        found: dict[str, set[str]] = {}
        for chunk in chunks(askable_ids(cis), self._batch):
            try:
                page, _ = self._wire.rows(
                    _DEPENDS, query.any_of("parent", chunk), ("parent", "child"), limit=10_000
                )
            except UNREADABLE:
                return {}
            for row in page.rows:
                parent, child = plain(row.get("parent")), plain(row.get("child"))
                if parent in chunk and child:
                    found.setdefault(parent, set()).add(child)
        return {parent: frozenset(children) for parent, children in found.items()}

    def _rows(self, kind: str, asked: str, limit: int) -> list[Target]:
        try:
            page, _ = self._wire.rows(TABLES[kind], asked, _CI if kind == "ci" else _TASK, limit=limit)
        except UNREADABLE:
            return []
        return [self._target(kind, row) for row in page.rows if plain(row.get("sys_id"))]

    def _target(self, kind: str, row: Row) -> Target:
        def text(name: str) -> str:
            return plain(row.get(name)).strip()

        id_ = text("sys_id")
        url = address(self._url, kind, id_)
        if kind == "ci":
            title, state = text("short_description"), text("operational_status")
            return Target(Ref("servicenow", id_, kind), text("name"), title, state, ci=id_, url=url)
        return Target(
            Ref("servicenow", id_, kind), text("number"), text("short_description"), text("state"),
            opened=_time(text("opened_at")),
            started=_time(text("work_start")) or _time(text("start_date")),
            closed=_first(map(_time, map(text, ("work_end", "resolved_at", "closed_at")))),
            ci=text("cmdb_ci"), service=text("business_service"), group=text("assignment_group"),
            category=text("category"), url=url,
        )  # fmt: skip


def address(base_url: str, kind: str, id_: str) -> str:
    """Where people open a record of a kind."""
    return f"{base_url.rstrip('/')}/nav_to.do?uri={TABLES[kind]}.do?sys_id={id_}"


def _asked(search: Search) -> str:
    """The encoded query of a search: its conditions, once for each column that may tell the time."""
    sets = (
        ("cmdb_ci", search.cis), ("assignment_group", search.groups), ("category", search.categories),
        ("business_service", search.services),
    )  # fmt: skip
    fixed = [query.any_of(name, filter(query.is_askable, values)) for name, values in sets if values]
    columns = ("opened_at",) if search.by == "opened" else ("work_end", "closed_at", "work_start")
    bounds = [(">=", search.since), ("<=", search.until)]
    alternatives = []
    for column in columns:
        times = [f"{column}{sign}{at.strftime(query.TIME_FORMAT)}" for sign, at in bounds if at is not None]
        alternatives.append("^".join([*filter(None, fixed), *times]))
    return "^NQ".join(dict.fromkeys(alternatives)) + "^ORDERBYDESCopened_at"


def _fits(target: Target, search: Search) -> bool:
    sets = (
        (target.ci, search.cis), (target.group, search.groups), (target.category, search.categories),
        (target.service, search.services),
    )  # fmt: skip
    if any(values and value not in values for value, values in sets):
        return False
    times = (target.opened,) if search.by == "opened" else (target.started, target.closed)
    if search.since is None and search.until is None:
        return True
    return any(
        at is not None and (search.since is None or at >= search.since)
        and (search.until is None or at <= search.until)
        for at in times
    )  # fmt: skip


def _first(times: Iterable[datetime | None]) -> datetime | None:
    return next((at for at in times if at is not None), None)


def _time(text: str) -> datetime | None:
    """A stored time as UTC; None where there is none."""
    try:
        return datetime.strptime(text, query.TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
