"""Files of ServiceNow records: lists them in batches, reads and writes their content as streams.

Source: REST API reference, Attachment API. A file does not change its record, so it has a feed of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tieline.connectors.base import Applied, Attach, Attachment, Page, Record, Ref
from tieline.connectors.errors import ConnectorError, Gone, Malformed, Unknown
from tieline.connectors.filenames import content_type, safe_name
from tieline.connectors.servicenow import query
from tieline.connectors.servicenow.answers import Doubted, said, upload_failure
from tieline.connectors.servicenow.directory import askable_ids, chunks
from tieline.connectors.servicenow.feed import Feed
from tieline.connectors.servicenow.records import Row, plain, utc
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.wire import Rows, Wire
from tieline.connectors.transfer import (
    checked,
    pieces,
    read_refusal,
)

INLINE: Final = "ZZ_YY"
"""Stands before the table's name for images that belong to a field rather than to the list of files."""
_PAGE: Final = 1000
_WHAT: Final = "ServiceNow's attachments"


class Attachments:
    """The files of one table's records."""

    def __init__(
        self,
        wire: Wire,
        settings: ServiceNowSettings,
        base_url: str,
        now: Callable[[], datetime],
        skew: Callable[[], timedelta],
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._base_url = base_url.rstrip("/")
        self._now = now
        self._skew = skew
        self._tables = frozenset({settings.table, INLINE + settings.table})

    def of(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record, one request for `read_batch` records. Malformed for any other's file."""
        found: dict[str, list[Attachment]] = {}
        for ids in chunks(askable_ids(record.ref.id for record in records), self._settings.read_batch):
            for row in self._rows(f"{self._ours}^table_sys_idIN{','.join(ids)}"):
                file = self._file(row)
                if file.ref.id not in ids:
                    raise Malformed(f"{_WHAT}: the answer holds files of records that were not asked for")
                found.setdefault(file.ref.id, []).append(file)
        return [tuple(found.get(record.ref.id, ())) for record in records]

    @property
    def _ours(self) -> str:
        return f"table_nameIN{','.join(sorted(self._tables))}"

    def _rows(self, asked: str) -> Iterator[Row]:
        """All rows, by pages: the limit is applied before access rules, so a short page proves nothing."""
        offset, more = 0, True
        ordered = f"{asked}^ORDERBYsys_created_on^ORDERBYsys_id"
        while more:
            page = self._wire.files(ordered, limit=_PAGE, offset=offset)
            yield from page.rows
            more = len(page.rows) >= _PAGE if page.more is None else page.more
            offset += _PAGE

    def _file(self, row: Row) -> Attachment:
        if plain(row.get("table_name")) not in self._tables:
            raise Malformed(f"{_WHAT}: the answer holds files of another table")
        id_, size = plain(row.get("sys_id")), plain(row.get("size_bytes")).replace(",", "")
        if not id_ or not size.isdecimal():
            raise Malformed(f"{_WHAT}: an entry without sys_id or size_bytes")
        return Attachment(
            id_, Ref("servicenow", plain(row.get("table_sys_id"))), plain(row.get("file_name")), int(size),
            plain(row.get("content_type")), utc(row, "sys_created_on"), plain(row.get("sys_created_by")),
            plain(row.get("hash")).lower(), self._address(id_),
        )  # fmt: skip

    # The feed

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records that got a file since, by the files' own times."""
        records: dict[str, str] = {}

        def ask(asked: str, limit: int, offset: int) -> Rows:
            page = self._wire.files(_among(asked, self._ours), limit=limit, offset=offset)
            if not all(plain(row.get("table_name")) in self._tables for row in page.rows):
                raise Malformed(f"{_WHAT}: the feed's query was not kept to")
            records.update({plain(r.get("sys_id")): plain(r.get("table_sys_id")) for r in page.rows})
            return page

        feed = Feed(ask, self._settings.overlap, self._settings.page_size, self._now, self._skew)
        for page in feed.pages(cursor, start):
            changes = tuple(
                replace(change, ref=Ref("servicenow", records[change.ref.id])) for change in page.changes
            )
            records.clear()
            yield replace(page, changes=changes)

    # Content

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The file's bytes, in pieces."""
        what = f"reading the file {file.name!r} of {file.ref}"
        if not query.is_id(file.id):
            raise Gone(f"{what}: no file has such an id")
        response = self._wire.download(f"/attachment/{file.id}/file", what)
        failure = read_refusal(response, what, said(response) if response.status_code >= 300 else None)
        if failure is not None:
            raise failure
        yield from pieces(response, file.size, what)

    def attach(self, action: Attach) -> Applied | ConnectorError:
        """Send one file, as it lies at `action.path`; what the answer does not prove is Unknown."""
        what = f"attaching {action.name!r} to {action.ref}"
        name = safe_name(action.name)
        params = {"table_name": self._settings.table, "table_sys_id": action.ref.id, "file_name": name}
        try:
            with Path(action.path).open("rb") as content:
                response = self._wire.upload(params, content, content_type(action.type, name), what)
            failure = upload_failure(response, what)
            if failure is not None:
                return self._proven(action, name, failure) if isinstance(failure, Doubted) else failure
            row = _stored(response.content, what)
            size = plain(row.get("size_bytes")).replace(",", "")
            told = int(size) if size.isdecimal() else None
            checked(what, told=told, sent=action.size, digest=plain(row.get("hash")), expected=action.digest)
        except ConnectorError as error:
            return error
        made = plain(row.get("sys_id"))
        return Applied(action.ref, made=made, url=self._address(made))

    def _address(self, id_: str) -> str:
        """Where people open a file."""
        return f"{self._base_url}/sys_attachment.do?sys_id={id_}"

    def _proven(self, action: Attach, name: str, refusal: Doubted) -> ConnectorError:
        """Looks for a file that an access rule is said to have refused: rows have been seen all the same."""
        asked = f"{self._ours}^table_sys_idIN{action.ref.id}"
        files = [self._file(row) for row in self._rows(asked)]
        there = any(file.name == name and file.digest == action.digest for file in files)
        return Unknown(f"{refusal}; the file is there all the same") if there else refusal


def _among(asked: str, condition: str) -> str:
    """The query with the condition in each of its alternatives: `^NQ` starts one."""
    return "^NQ".join(f"{condition}^{alternative}" for alternative in asked.split("^NQ"))


def _stored(body: bytes, what: str) -> Mapping[str, object]:
    try:
        answer = json.loads(body)
        row = answer["result"]
        if "error" in answer or not plain(row["sys_id"]):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise Unknown(f"{what}: the answer shows no file; it may have been stored") from None
    found: Mapping[str, object] = row
    return found
