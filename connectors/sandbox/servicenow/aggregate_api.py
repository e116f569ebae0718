"""The Aggregate API: counts, sums and extremes of a table, whole or by group; no access rule reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.servicenow import asked
from tieline.connectors.sandbox.servicenow.answers import answer, no_resource
from tieline.connectors.sandbox.servicenow.asked import Endpoint
from tieline.connectors.sandbox.servicenow.paths import Path
from tieline.connectors.sandbox.servicenow.records import Actor
from tieline.connectors.sandbox.servicenow.schema import NUMBERS, Row
from tieline.connectors.sandbox.servicenow.table_api import TableApi
from tieline.connectors.sandbox.servicenow.wire import View, Wire


def _average(values: list[str]) -> str:
    return f"{sum(map(int, values)) / len(values):.4f}" if values else ""


def _total(values: list[str]) -> str:
    return str(sum(map(int, values)))


def _least(values: list[str]) -> str:
    return min(values, key=_natural) if values else ""


def _greatest(values: list[str]) -> str:
    return max(values, key=_natural) if values else ""


def _natural(value: str) -> tuple[int, str]:
    return (int(value), "") if value.lstrip("-").isdecimal() else (0, value)


_NUMERIC: Final = frozenset({"avg", "sum"})
_FUNCTIONS: Final[Mapping[str, Callable[[list[str]], str]]] = {
    "avg": _average, "sum": _total, "min": _least, "max": _greatest,
}  # fmt: skip


class AggregateApi:
    """`/api/now[/version]/stats/{table}`; every figure is a string."""

    def __init__(self, tables: TableApi, wire: Wire) -> None:
        self._tables = tables
        self._wire = wire

    def handle(self, request: Request, endpoint: Endpoint, actor: Actor, transaction: str) -> Response:
        """Answer one request; `Refusal` for a table or endpoint that does not exist."""
        if request.method != "GET" or endpoint.sys_id:
            raise no_resource()
        table = self._tables.table(endpoint.table)
        asked.check_media_types(request)
        rows = self._tables.search(request, table, actor)
        keys = self._wire.paths(table, request.param("sysparm_group_by"))
        view = asked.view_of(request, actor.user, endpoint.version)
        result = self._groups(request, rows, keys, view) if keys else self._stats(request, rows)
        return answer(200, {"result": result}, transaction=transaction)

    def _groups(
        self, request: Request, rows: Sequence[Row], keys: Mapping[str, Path], view: View
    ) -> list[dict[str, Any]]:
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(path.value(row) for path in keys.values()), []).append(row)
        return [
            self._stats(request, members)
            | {
                "groupby_fields": [
                    self._key(n, p, v, view) for (n, p), v in zip(keys.items(), values, strict=True)
                ]
            }
            for values, members in groups.items()
        ]

    def _key(self, name: str, path: Path, value: str, view: View) -> dict[str, str]:
        shown = self._wire.shown(path.table, path.column, value, view.user)
        match view.display:
            case "false":
                return {"field": name, "value": value}
            case "true":
                return {"field": name, "value": shown}
            case "all":
                return {"field": name, "value": value, "display_value": shown}

    def _stats(self, request: Request, rows: Sequence[Row]) -> dict[str, Any]:
        stats: dict[str, Any] = {}
        if asked.is_true(request, "sysparm_count"):
            stats["count"] = str(len(rows))
        table = self._tables.table(request.path.rstrip("/").rpartition("/")[2])
        for name, figure in _FUNCTIONS.items():
            paths = self._wire.paths(table, request.param(f"sysparm_{name}_fields"))
            fields = {f: p for f, p in paths.items() if name not in _NUMERIC or p.column.type in NUMBERS}
            if fields:
                stats[name] = {f: figure([v for v in map(p.value, rows) if v]) for f, p in fields.items()}
        return {"stats": stats}
