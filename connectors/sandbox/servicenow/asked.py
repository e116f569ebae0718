"""Reads what a request asks for: endpoint, media types, body, view, paging; it answers nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from tieline.connectors.sandbox.core import Request
from tieline.connectors.sandbox.servicenow.answers import Refusal, unreadable
from tieline.connectors.sandbox.servicenow.moments import Preferences
from tieline.connectors.sandbox.servicenow.wire import Display, View

DEFAULT_LIMIT: Final = 10_000
MAX_BODY_BYTES: Final = 10_485_760

_PATH: Final = re.compile(r"/api/now(?:/(v\d+))?/(table|stats|batch)(?:/([^/]+))?(?:/([^/]+))?/?")
_ANSWER_TYPES: Final = ("application/json", "application/*", "*/*", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A parsed address. `version` is "" for the latest."""

    version: str
    api: str
    table: str
    sys_id: str


def endpoint(path: str) -> Endpoint | None:
    """The endpoint behind a path; None if there is none."""
    match = _PATH.fullmatch(path)
    return Endpoint(*(group or "" for group in match.groups())) if match else None


def base_url(request: Request) -> str:
    """The server's address as the client wrote it."""
    return f"http://{request.headers.get('host', 'localhost')}"


def check_media_types(request: Request) -> None:
    """`Refusal` unless the request accepts JSON or XML and, with a body, says that it is JSON."""
    accepted = request.headers.get("accept", "")
    if not any(kind in accepted for kind in _ANSWER_TYPES):
        raise Refusal(400, "Requested response media type(s) not supported", accepted or None)
    kind = request.headers.get("content-type", "")
    if request.method in ("POST", "PUT", "PATCH") and not kind.startswith("application/json"):
        raise Refusal(400, "Requested media type not supported", kind or None)


def read_body(request: Request) -> Any:
    """The body as JSON, single quotes allowed as in the vendor's own examples; `Refusal` if it is not."""
    if len(request.body) > MAX_BODY_BYTES:
        size = f"content-length = {len(request.body)} bytes. Max allowed: {MAX_BODY_BYTES} bytes."
        raise unreadable(f"Rejected large REST payload with {size}")
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return _single_quoted(request.body)


def record_body(request: Request) -> Mapping[str, Any]:
    """The values of a write; of a list only the first entry counts."""
    body = read_body(request)
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        raise unreadable("The payload is not valid JSON.")
    return body


def _single_quoted(body: bytes) -> Any:
    try:
        return ast.literal_eval(body.decode())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise unreadable("The payload is not valid JSON.") from None


def is_true(request: Request, name: str) -> bool:
    """Whether a parameter is "true"."""
    return request.param(name).casefold() == "true"


def view_of(request: Request, user: Preferences, version: str) -> View:
    """How the request wants its records; links take the version that the request used."""
    modes: Mapping[str, Display] = {"true": "true", "all": "all"}
    mode = modes.get(request.param("sysparm_display_value").casefold(), "false")
    middle = f"/{version}" if version else ""
    return View(
        mode,
        is_true(request, "sysparm_exclude_reference_link"),
        user,
        f"{base_url(request)}/api/now{middle}/table",
    )


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is wanted."""

    limit: int
    offset: int

    def cut(self, rows: Sequence[Any]) -> Sequence[Any]:
        """That part."""
        return rows[self.offset : self.offset + self.limit]


def paging_of(request: Request) -> Paging:
    """Limit and offset; what is no number counts as absent, a negative offset as 0."""
    limit, offset = request.param("sysparm_limit"), request.param("sysparm_offset")
    return Paging(
        int(limit) if limit.isdecimal() else DEFAULT_LIMIT,
        int(offset) if offset.isdecimal() else 0,
    )


def page_links(request: Request, paging: Paging, total: int) -> str:
    """The Link header; "" where one page holds everything."""
    if paging.limit <= 0 or (total <= paging.limit and paging.offset == 0):
        return ""
    last = max(0, (total - 1) // paging.limit * paging.limit)
    targets = {"first": 0}
    if paging.offset > 0:
        targets["prev"] = max(0, paging.offset - paging.limit)
    if paging.offset + paging.limit < total:
        targets["next"] = paging.offset + paging.limit
    targets["last"] = last
    return ",".join(f'<{_page_url(request, at)}>;rel="{name}"' for name, at in targets.items())


def _page_url(request: Request, offset: int) -> str:
    params = [(k, v) for k, v in request.query if k != "sysparm_offset"]
    params.append(("sysparm_offset", str(offset)))
    if not any(k == "sysparm_limit" for k, _ in params):
        params.append(("sysparm_limit", str(DEFAULT_LIMIT)))
    return f"{base_url(request)}{quote(request.path)}?{urlencode(params, quote_via=quote)}"
