"""Files of Jira's issues: lists them as issues tell them, reads and writes their content as streams.

Cloud leads to a media host (303), which must not see our credentials: it signs by the address. Source: Jira
REST, "Issue attachments".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from requests_toolbelt.multipart.encoder import MultipartEncoder

from tieline.connectors.answers import json_body
from tieline.connectors.base import Applied, Attach, Attachment, Record
from tieline.connectors.errors import ConnectorError, Malformed, Unavailable, Unknown
from tieline.connectors.filenames import content_type, safe_name
from tieline.connectors.jira.files import ATTACHMENT, files_of
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.wire import said, segment
from tieline.connectors.transfer import (
    checked,
    pieces,
    read_refusal,
    write_refusal,
)


class Attachments:
    """The files of one Jira's issues. Safe to use from many threads."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def of(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record: out of the records; of those that do not tell, one request each."""
        return self._site.wire.each(self._of, records)

    def _of(self, record: Record) -> tuple[Attachment, ...] | ConnectorError:
        if record.attachments is not None:
            return record.attachments
        what = f"the files of {record.label or record.ref}"
        try:
            answer = self._site.wire.get(what, f"issue/{segment(record.ref.id)}", {"fields": ATTACHMENT})
            return files_of(record.ref, answer["fields"][ATTACHMENT], cloud=self._site.settings.cloud)
        except ConnectorError as error:
            return error
        except (KeyError, TypeError, ValueError, AttributeError):
            return Malformed(f"{what}: the answer tells of none")

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The file's bytes, in pieces."""
        what = f"reading the file {file.name!r} of {file.ref}"
        wire = self._site.wire
        response = wire.download(what, self._address(file))
        if 300 <= response.status_code < 400:
            response = wire.media(what, response)
        failure = read_refusal(response, what, said(response) if response.status_code >= 300 else None)
        if failure is not None:
            raise failure
        yield from pieces(response, file.size, what)

    def _address(self, file: Attachment) -> str:
        """Not the address that Jira tells: behind a proxy that is often none of those that we may ask."""
        settings = self._site.settings
        if settings.cloud:
            return f"{settings.api_url}/rest/api/3/attachment/content/{segment(file.id)}"
        return f"{settings.api_url}/secure/attachment/{segment(file.id)}/{segment(file.name)}"

    def attach(self, action: Attach) -> Applied | ConnectorError:
        """Send one file, as it lies at `action.path`; what the answer does not prove is Unknown."""
        what = f"attaching {action.name!r} to issue {action.ref.id}"
        name = safe_name(action.name)
        try:
            with Path(action.path).open("rb") as content:
                form = MultipartEncoder({"file": (name, content, content_type(action.type, name))})
                path = f"issue/{segment(action.ref.id)}/attachments"
                response = self._site.wire.upload(what, path, form, form.content_type)
            failure = write_refusal(response, what, said(response))
            if failure is not None:
                return failure
            stored = _stored(json_body(response, what), what)
            size = str(stored.get("size"))
            checked(what, told=int(size) if size.isdecimal() else None, sent=action.size)
        except (Malformed, Unavailable) as error:
            unsent = isinstance(error, Unavailable)
            return error if unsent else Unknown(f"{error}; it may have been stored")
        except ConnectorError as error:
            return error
        return Applied(action.ref, made=str(stored["id"]), url=str(stored.get("content") or ""))


def _stored(answer: Any, what: str) -> Mapping[str, Any]:
    """The one file in an answer, which is a list."""
    files = answer if isinstance(answer, list) else [answer]
    if len(files) != 1 or not isinstance(files[0], Mapping) or not files[0].get("id"):
        raise Unknown(f"{what}: the answer shows no file; it may have been stored")
    return files[0]
