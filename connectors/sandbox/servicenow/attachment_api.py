"""The Attachment API: files of records, sent raw or as a form, and read back; rows live in sys_attachment.

Source: REST API reference, Attachment API.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.forms import file_name
from tieline.connectors.sandbox.servicenow import asked
from tieline.connectors.sandbox.servicenow.answers import Refusal, answer, no_record, no_resource
from tieline.connectors.sandbox.servicenow.properties import Properties
from tieline.connectors.sandbox.servicenow.records import Actor, Records
from tieline.connectors.sandbox.servicenow.schema import Row
from tieline.connectors.sandbox.servicenow.store import Store
from tieline.connectors.sandbox.servicenow.table_api import TableApi

MAX_SIZE: Final = "com.glide.attachment.max_size"
"""Megabytes; 1024 where it is absent, and 1 KB where it is empty."""
DEFAULT_LIMIT: Final = "1000"
_PATH: Final = re.compile(r"/api/now(?:/v\d+)?/attachment(?:/([^/]+))?(?:/(file))?/?")
_SHOWN: Final = (
    "table_sys_id", "size_bytes", "sys_updated_on", "sys_id", "image_height", "sys_created_on", "file_name",
    "sys_created_by", "compressed", "average_image_color", "sys_updated_by", "sys_tags", "table_name",
    "image_width", "sys_mod_count", "content_type", "size_compressed", "chunk_size_bytes", "hash", "state",
)  # fmt: skip


@dataclass(slots=True)
class Files:
    """The contents by sys_id, and a switch: `prefixed` stores tables as "ZZ_YY" + name, as some are."""

    contents: dict[str, bytes] = field(default_factory=dict)
    prefixed: bool = False


@dataclass(frozen=True, slots=True)
class _Upload:
    table: str
    sys_id: str
    name: str
    kind: str
    content: bytes


def is_attachment(path: str) -> bool:
    """Whether an address belongs to this API."""
    return _PATH.fullmatch(path) is not None


class AttachmentApi:
    """`/api/now/attachment[/{id}[/file]]`, `/attachment/file` and `/attachment/upload`."""

    def __init__(
        self, store: Store, records: Records, tables: TableApi, properties: Properties, files: Files
    ) -> None:
        self._store = store
        self._records = records
        self._tables = tables
        self._properties = properties
        self._files = files

    def handle(self, request: Request, actor: Actor, transaction: str) -> Response:
        """Answer one request; `Refusal` for everything that is refused."""
        match = _PATH.fullmatch(request.path)
        sys_id, content = match.groups() if match else (None, None)
        match request.method, sys_id:
            case "GET", None:
                return self._list(request, actor, transaction)
            case "POST", "file":
                return self._added(request, self._raw(request), actor, transaction)
            case "POST", "upload":
                return self._added(request, self._form(request), actor, transaction)
            case "GET", str():
                return self._one(request, sys_id, content is not None, transaction)
            case "DELETE", str():
                self._records.delete(self._store.tables["sys_attachment"], self._found(sys_id)["sys_id"])
                self._files.contents.pop(sys_id, None)
                return answer(204, transaction=transaction)
            case _:
                raise no_resource()

    def _list(self, request: Request, actor: Actor, transaction: str) -> Response:
        """The limit is applied before access rules, as in the Table API."""
        found = self._tables.search(request, self._store.tables["sys_attachment"], actor)
        limit = request.param("sysparm_limit", DEFAULT_LIMIT)
        size = int(limit) if limit.isdecimal() else int(DEFAULT_LIMIT)
        paging = replace(asked.paging_of(request), limit=size)
        shown = [row for row in paging.cut(found) if self._visible(row)]
        links = asked.page_links(request, paging, len(found))
        headers = [("X-Total-Count", str(len(found))), *([("Link", links)] if links else [])]
        return answer(200, {"result": [_shown(request, row) for row in shown]}, headers, transaction)

    def _one(self, request: Request, sys_id: str, content: bool, transaction: str) -> Response:
        row = self._found(sys_id)
        if not content:
            return answer(200, {"result": _shown(request, row)}, transaction=transaction)
        told = json.dumps({key: row[key] for key in ("sys_id", "file_name", "size_bytes", "content_type")})
        headers = (("Content-Type", row["content_type"]), ("X-Attachment-Metadata", told))
        return Response(200, self._files.contents[row["sys_id"]], headers)

    def _found(self, sys_id: str) -> Row:
        row = self._store.find("sys_attachment", sys_id)
        if row is None or not self._visible(row):
            raise no_record()
        return row

    def _visible(self, row: Row) -> bool:
        """A file is shown to whoever is shown its record."""
        table = row["table_name"].removeprefix("ZZ_YY")
        return self._tables.shows(table, row["table_sys_id"])

    def _raw(self, request: Request) -> _Upload:
        kind = request.headers.get("content-type", "")
        if not kind:
            raise Refusal(400, "Requested media type not supported", None)
        asked_for = [request.param(name) for name in ("table_name", "table_sys_id", "file_name")]
        if not all(asked_for):
            raise Refusal(400, "Invalid parameters", "table_name, table_sys_id and file_name are required")
        table, sys_id, name = asked_for
        return _Upload(table, sys_id, name, kind, request.body)

    def _form(self, request: Request) -> _Upload:
        """A form's file is its last part: what comes behind it is not read."""
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + request.body)
        if not message.is_multipart():
            raise Refusal(400, "Requested media type not supported", None)
        values: dict[str, str] = {}
        for part in message.iter_parts():
            name, file = part.get_param("name", header="content-disposition"), file_name(part)
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if file is None:
                values[str(name)] = content.decode("utf-8", "replace").strip()
                continue
            if not values.get("table_name") or not values.get("table_sys_id"):
                raise Refusal(400, "Invalid parameters", "table_name and table_sys_id come before the file")
            kind = part.get_content_type()
            return _Upload(values["table_name"], values["table_sys_id"], file, kind, content)
        raise Refusal(400, "Invalid parameters", "the form holds no file")

    def attach(self, table: str, sys_id: str, name: str, kind: str, content: bytes, actor: Actor) -> Row:
        """Store a file of a record. `Refusal` 404 for a hidden record, 413 for a file that is too large."""
        return self._store_file(_Upload(table, sys_id, name, kind, content), actor)

    def files(self, sys_id: str) -> list[tuple[Row, bytes]]:
        """The files of a record with their content, the one made first first."""
        rows = self._store.rows("sys_attachment").having("table_sys_id", sys_id)
        return [(dict(row), self._files.contents[row["sys_id"]]) for row in rows]

    def _added(self, request: Request, upload: _Upload, actor: Actor, transaction: str) -> Response:
        shown = _shown(request, self._store_file(upload, actor))
        headers = [("Location", shown["download_link"].removesuffix("/file"))]
        return answer(201, {"result": shown}, headers, transaction)

    def _store_file(self, upload: _Upload, actor: Actor) -> Row:
        table = self._tables.table(upload.table)
        if not self._tables.shows(table.name, upload.sys_id):
            raise no_record()
        if len(upload.content) > self._max_bytes():
            raise Refusal(413, "Request Entity Too Large", f"{upload.name} is larger than {MAX_SIZE} allows")
        values: Mapping[str, str] = {
            "table_name": f"ZZ_YY{table.name}" if self._files.prefixed else table.name,
            "table_sys_id": upload.sys_id,
            "file_name": upload.name,
            "content_type": upload.kind,
            "size_bytes": str(len(upload.content)),
            "size_compressed": str(len(upload.content)),
            "hash": hashlib.sha256(upload.content).hexdigest(),
        }
        row = self._records.insert(self._store.tables["sys_attachment"], values, actor)
        self._files.contents[row["sys_id"]] = upload.content
        return row

    def _max_bytes(self) -> int:
        if MAX_SIZE not in self._properties:
            return 1024 * 1024 * 1024
        megabytes = self._properties[MAX_SIZE]
        return int(float(megabytes) * 1024 * 1024) if megabytes else 1024


def _shown(request: Request, row: Row) -> dict[str, str]:
    link = f"{asked.base_url(request)}/api/now/attachment/{row['sys_id']}/file"
    return {**{name: row[name] for name in _SHOWN}, "download_link": link}
