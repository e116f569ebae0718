"""What an instance tells about files: whether they are listed and shown, and what its properties allow.

Nothing is written. Source: REST API reference, "Attachment API"; "Attachment properties".
"""

from __future__ import annotations

from typing import Final

from tieline.connectors.errors import ConnectorError, Denied, Malformed
from tieline.connectors.metadata import FilesInfo
from tieline.connectors.servicenow.answers import said
from tieline.connectors.servicenow.records import Row, plain
from tieline.connectors.servicenow.wire import Wire
from tieline.connectors.transfer import first_piece, pieces, read_refusal

_MAX_SIZE: Final = "com.glide.attachment.max_size"
_EXTENSIONS: Final = "glide.attachment.extensions"
_ROLES: Final = "glide.attachment.role"
_MB: Final = 1024 * 1024


def files_told(wire: Wire, table: str) -> FilesInfo:
    """What is told about the files of one table's records; what is not told stays None."""
    try:
        listed = wire.files(f"table_name={table}^ORDERBYDESCsys_created_on", limit=20)
    except (Denied, Malformed) as error:
        return FilesInfo(hidden=str(error))
    hidden = "" if listed.rows or not listed.total else f"{listed.total} are counted, and none is shown"
    file = min(listed.rows, key=_size, default=None)
    properties = _properties(wire)
    size = properties.get(_MAX_SIZE, "")
    return FilesInfo(
        limit=int(size) * _MB if size.isdecimal() else None,
        extensions=_list(properties.get(_EXTENSIONS, "")),
        roles=_list(properties.get(_ROLES, "")),
        hidden=hidden,
        unread="" if file is None else _unread(wire, file),
    )


def _size(row: Row) -> int:
    size = plain(row.get("size_bytes")).replace(",", "")
    return int(size) if size.isdecimal() else 0


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _properties(wire: Wire) -> dict[str, str]:
    """Those of the properties that are shown: as a rule only administrators are shown any."""
    names = ",".join((_MAX_SIZE, _EXTENSIONS, _ROLES))
    try:
        page, _ = wire.rows("sys_properties", f"nameIN{names}", ("name", "value"), limit=10)
    except (Denied, Malformed):
        return {}
    return {plain(row.get("name")): plain(row.get("value")) for row in page.rows}


def _unread(wire: Wire, row: Row) -> str:
    """Why the content of a file is not shown to us; "" if it is. Its first piece is enough."""
    what = f"reading the file {plain(row.get('file_name'))!r}"
    try:
        response = wire.download(f"/attachment/{plain(row.get('sys_id'))}/file", what)
        failure = read_refusal(response, what, said(response) if response.status_code >= 300 else None)
        if failure is not None:
            return str(failure)
        first_piece(pieces(response, _size(row), what))
    except ConnectorError as error:
        return str(error)
    return ""
