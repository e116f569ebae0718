"""The Table API: lists, reads, creates, changes and deletes records; authentication happened before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.servicenow import asked
from tieline.connectors.sandbox.servicenow.answers import (
    answer,
    invalid_table,
    no_record,
    no_resource,
    operation_failed,
)
from tieline.connectors.sandbox.servicenow.asked import Endpoint
from tieline.connectors.sandbox.servicenow.moments import Preferences
from tieline.connectors.sandbox.servicenow.paths import Path, find_path
from tieline.connectors.sandbox.servicenow.properties import STRICT_QUERIES, Properties
from tieline.connectors.sandbox.servicenow.query import Query, parse
from tieline.connectors.sandbox.servicenow.records import Actor, Records
from tieline.connectors.sandbox.servicenow.schema import Row, Table
from tieline.connectors.sandbox.servicenow.select import Searching, select
from tieline.connectors.sandbox.servicenow.store import Store
from tieline.connectors.sandbox.servicenow.wire import View, Wire

WRITABLE: Final = frozenset({"incident", "problem", "change_request"})
"""Tables that an account without the admin role may write."""


@dataclass(slots=True)
class Access:
    """What accounts may see and do. `hidden` holds sys_ids that an access rule keeps from every account.

    Without `journals`, rows of sys_journal_field are counted and not shown. Columns in `unreadable` are left
    out of answers, those in `unwritable` out of writes, without a word. Without `scripts`, terms of queries
    that hold a script are invalid.
    """

    hidden: set[str] = field(default_factory=set)
    journals: bool = True
    unreadable: set[str] = field(default_factory=set)
    unwritable: set[str] = field(default_factory=set)
    scripts: bool = True
    writable: frozenset[str] = WRITABLE

    def shows(self, table: str, sys_id: str) -> bool:
        """Whether a row is shown, once it was counted."""
        return sys_id not in self.hidden and (self.journals or table != "sys_journal_field")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a table, with everything that its answer depends on."""

    request: Request
    endpoint: Endpoint
    table: Table
    actor: Actor
    view: View
    transaction: str


class TableApi:
    """`/api/now[/version]/table/{table}[/{sys_id}]`."""

    def __init__(
        self,
        store: Store,
        records: Records,
        wire: Wire,
        access: Access,
        properties: Properties,
        random: Random,
    ) -> None:
        self._store = store
        self._records = records
        self._wire = wire
        self._access = access
        self._properties = properties
        self._random = random

    def handle(self, request: Request, endpoint: Endpoint, actor: Actor, transaction: str) -> Response:
        """Answer one request; `Refusal` for everything that is refused."""
        table = self.table(endpoint.table)
        asked.check_media_types(request)
        view = asked.view_of(request, actor.user, endpoint.version)
        call = Call(request, endpoint, table, actor, view, transaction)
        match request.method, bool(endpoint.sys_id):
            case "GET", False:
                return self._list(call)
            case "GET", True:
                return self._read(call)
            case "POST", False:
                return self._create(call)
            case "PUT" | "PATCH", True:
                return self._change(call)
            case "DELETE", True:
                return self._delete(call)
            case _:
                raise no_resource()

    def table(self, name: str) -> Table:
        """The table of this name; `Refusal` if there is none."""
        found = self._store.tables.get(name)
        if found is None:
            raise invalid_table(name)
        return found

    def shows(self, table: str, sys_id: str) -> bool:
        """Whether there is such a record, and accounts are shown it."""
        return self._store.find(table, sys_id) is not None and self._access.shows(table, sys_id)

    def search(self, request: Request, table: Table, actor: Actor) -> list[Row]:
        """Every row that the request's query or name=value parameters mean, before limits and access."""
        user = actor.user
        strict = self._properties.on(STRICT_QUERIES)
        around = Searching(self._store, user, strict, self._random)
        encoded = request.param("sysparm_query")
        encoded = _about(actor, encoded) if self._access.scripts else encoded
        query = parse(encoded) if encoded else Query()
        found = select(around, self._store.rows(table.name), query)
        if encoded:
            return found
        for name, value in request.query:
            path = find_path(self._store, table, name)
            if path is not None and not name.startswith("sysparm_"):
                found = [row for row in found if self._says(path, row, value, user)]
        return found

    def _says(self, path: Path, row: Row, wanted: str, user: Preferences) -> bool:
        stored, column = path.value(row), path.column
        if column.type == "reference" and stored:
            return stored in (wanted, self._store.named(column.reference, wanted))
        shown = self._wire.shown(path.table, column, stored, user)
        return stored == wanted or shown.casefold() == wanted.casefold()

    def _list(self, call: Call) -> Response:
        found = self.search(call.request, call.table, call.actor)
        paging = asked.paging_of(call.request)
        visible = [row for row in paging.cut(found) if self._access.shows(call.table.name, row["sys_id"])]
        if not visible and call.endpoint.version == "v1":
            raise no_record()
        fields = call.request.param("sysparm_fields")
        records = [self._readable(r) for r in self._wire.records(call.table, visible, fields, call.view)]
        headers = self._list_headers(call.request, paging, len(found))
        return answer(200, {"result": records}, headers, call.transaction)

    def _list_headers(self, request: Request, paging: asked.Paging, total: int) -> list[tuple[str, str]]:
        if asked.is_true(request, "sysparm_no_count"):
            return []
        headers = [("X-Total-Count", str(total))]
        if not asked.is_true(request, "sysparm_suppress_pagination_header"):
            links = asked.page_links(request, paging, total)
            headers += [("Link", links)] if links else []
        return headers

    def _read(self, call: Call) -> Response:
        return self._one(call, 200, self._visible(call))

    def _create(self, call: Call) -> Response:
        self._check_writable(call, "Insert")
        body = self._writable(asked.record_body(call.request))
        row = self._records.insert(call.table, body, call.actor, display=_display_input(call))
        location = f"{call.view.tables_url}/{call.table.name}/{row['sys_id']}"
        return self._one(call, 201, row, (("Location", location),))

    def _change(self, call: Call) -> Response:
        row = self._visible(call)
        self._check_writable(call, "Update")
        body = self._writable(asked.record_body(call.request))
        row = self._records.update(call.table, row["sys_id"], body, call.actor, display=_display_input(call))
        return self._one(call, 200, row)

    def _delete(self, call: Call) -> Response:
        row = self._visible(call)
        self._check_writable(call, "Delete")
        self._records.delete(call.table, row["sys_id"])
        return answer(204, transaction=call.transaction)

    def _writable(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if name not in self._access.unwritable}

    def _readable(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        hidden = self._access.unreadable
        return {name: value for name, value in record.items() if name not in hidden} if hidden else record

    def _visible(self, call: Call) -> Row:
        row = self._store.find(call.table.name, call.endpoint.sys_id)
        if row is None or not self._access.shows(call.table.name, row["sys_id"]):
            raise no_record()
        return row

    def _check_writable(self, call: Call, what: str) -> None:
        if call.table.name not in self._access.writable:
            raise operation_failed(f"ACL Exception {what} Failed due to security constraints")

    def _one(self, call: Call, status: int, row: Row, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        silent = call.request.headers.get("x-no-response-body", "").casefold() == "true"
        if silent and call.request.method != "GET":
            return answer(204 if status == 200 else status, None, headers, call.transaction)
        fields = call.request.param("sysparm_fields")
        record = self._wire.records(call.table, [row], fields, call.view)[0]
        return answer(status, {"result": self._readable(record)}, headers, call.transaction)


def _about(actor: Actor, encoded: str) -> str:
    """The query with the two scripts that clients use filled in; all others make their terms invalid."""
    filled = encoded.replace("javascript:gs.getUserID()", actor.sys_id)
    return filled.replace("javascript:gs.getUserName()", actor.user_name)


def _display_input(call: Call) -> bool:
    return asked.is_true(call.request, "sysparm_input_display_value")
