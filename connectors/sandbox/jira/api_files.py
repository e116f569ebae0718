"""Attachments: uploads, what is told about them, and their content on a media host of its own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from email import message_from_bytes
from email.policy import HTTP
from typing import Final
from urllib.parse import urlsplit

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.forms import file_name
from tieline.connectors.sandbox.jira.http import Answer, Call, Route
from tieline.connectors.sandbox.jira.model import ApiError, Attachment, Issue

MOST_FILES: Final = 60
"""Files in one upload; more are refused with 413 (REST v3, "Add attachment")."""
MOST_ATTACHMENTS: Final = 2000
CONTENT: Final = re.compile(r"/secure/attachment/(\d+)/[^/]+")
"""Where Data Center serves content itself, to those who may see the issue."""
MEDIA: Final = "/media/file/"
"""Where the media host serves content; it takes the token in the address and nobody's credentials."""


def routes() -> list[Route]:
    """The operations of this module."""
    return [
        Route("POST", "/issue/{issueIdOrKey}/attachments", _upload, "blind"),
        Route("GET", "/attachment/meta", _meta),
        Route("GET", "/attachment/content/{id}", _content, only="cloud"),
        Route("GET", "/attachment/{id}", _one),
        Route("DELETE", "/attachment/{id}", _delete),
    ]


def _meta(call: Call) -> Answer:
    return Answer(200, {"enabled": True, "uploadLimit": call.site.settings.upload_limit})


def _upload(call: Call) -> Answer:
    issue = call.issue()
    if call.request.headers.get("x-atlassian-token", "").lower() not in ("no-check", "nocheck"):
        raise ApiError(403, ("XSRF check failed",))
    files = _files(call.request)
    if len(files) > MOST_FILES:
        raise ApiError(413, (f"A maximum of {MOST_FILES} files can be attached at once.",))
    largest, limit = max(len(content) for _, _, content in files), call.site.settings.upload_limit
    if largest > limit:
        raise ApiError(413, (f"The file exceeds its maximum permitted size of {limit} bytes.",))
    call.site.writer.room(len(issue.attachments) + len(files) - 1, MOST_ATTACHMENTS, "attachments")
    made = [call.site.writer.attach(call.author, issue, *file) for file in files]
    return Answer(200, [call.view.attachment(attachment) for attachment in made])


def _files(request: Request) -> list[tuple[str, str, bytes]]:
    """Name, type and content of each part called `file`. Raises `ApiError` 415 or 400."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise ApiError(415, ("Unsupported Media Type",))
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body, policy=HTTP)
    parts = message.iter_parts() if message.is_multipart() else ()
    found = []
    for part in parts:
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            name = file_name(part) or "file"
            found.append((name, part.get_content_type(), bytes(content or b"")))
    if not found:
        raise ApiError(400, ("No file was found in the request; its part must be named 'file'.",))
    return found


def _find(call: Call) -> tuple[Issue, Attachment]:
    wanted = call.params["id"]
    for issue in call.site.store.issues.values():
        for attachment in issue.attachments if not issue.hidden else ():
            if str(attachment.id) == wanted:
                return issue, attachment
    raise ApiError(404, (f"The attachment with id '{wanted}' does not exist",))


def _one(call: Call) -> Answer:
    return Answer(200, call.view.attachment(_find(call)[1], alone=True))


def _delete(call: Call) -> Answer:
    issue, attachment = _find(call)
    issue.attachments.remove(attachment)
    call.site.writer.touch(issue, call.site.writer.now())
    return Answer(204)


def _content(call: Call) -> Answer:
    """Leads to the media host (303), with a token of its own in the address."""
    _, attachment = _find(call)
    token = attachment.token = secrets.token_urlsafe(16)
    return Answer(303, None, (("location", f"{_media(call.view.base)}{MEDIA}{attachment.id}?token={token}"),))


def _media(base: str) -> str:
    """Another host than the site's: on a loopback address, its other name."""
    parts = urlsplit(base)
    host = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(parts.hostname or "", "media.example.com")
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"


def content(request: Request, issues: Iterable[Issue]) -> Response:
    """What Data Center answers to those who are signed in: the content itself."""
    found = CONTENT.fullmatch(request.path)
    for issue in issues if found is not None else ():
        for attachment in issue.attachments if not issue.hidden else ():
            if found is not None and str(attachment.id) == found[1]:
                return Response(200, attachment.content, (("Content-Type", attachment.kind),))
    return Response(404, b"<html><body>Not Found</body></html>", (("Content-Type", "text/html"),))


def media(request: Request, issues: Iterable[Issue]) -> Response:
    """What the media host answers. Credentials of the site are refused, as its storage does."""
    if "authorization" in request.headers:
        return Response(400, b"Only one auth mechanism allowed")
    number = request.path.removeprefix(MEDIA)
    for issue in issues:
        for attachment in issue.attachments:
            if str(attachment.id) == number and attachment.token == request.param("token") != "":
                return Response(200, attachment.content, (("Content-Type", attachment.kind),))
    return Response(404, b"Not Found")
