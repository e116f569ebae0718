"""The Batch API: several requests in one, each answered as if it had come alone; no transaction spans them.

Source: REST API reference, Batch API.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.servicenow import asked
from tieline.connectors.sandbox.servicenow.answers import answer, no_resource, unreadable

MEGABYTE = 1024 * 1024


@dataclass(slots=True)
class BatchLimits:
    """Where a batch stops. `items` stands for the 30 s that one may run: None lets all of them run."""

    input_bytes: int = 5 * MEGABYTE
    output_bytes: int = 10 * MEGABYTE
    items: int | None = None


class BatchApi:
    """`POST /api/now[/version]/batch`; `serve` answers one request for the account of the whole batch."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits

    def handle(self, request: Request, serve: Callable[[Request], Response], transaction: str) -> Response:
        """Answer the batch: 200 whatever its items came to."""
        if request.method != "POST":
            raise no_resource()
        asked.check_media_types(request)
        body = asked.read_body(request)
        items = body.get("rest_requests") if isinstance(body, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise unreadable("rest_requests is required")
        served, left = self._serve(request, items, serve)
        result = {
            "batch_request_id": str(body.get("batch_request_id", "")),
            "serviced_requests": served,
            "unserviced_requests": left,
        }
        return answer(200, result, transaction=transaction)

    def _serve(
        self, outer: Request, items: list[Any], serve: Callable[[Request], Response]
    ) -> tuple[list[dict[str, Any]], list[str]]:
        served: list[dict[str, Any]] = []
        for at, item in enumerate(items):
            if not self._fits(at, item):
                return served, _ids(items[at:])
            response = serve(_inner(outer, item))
            if len(response.body) > self._limits.output_bytes:
                return served, _ids(items[at:])
            served.append(_serviced(item, response))
        return served, []

    def _fits(self, at: int, item: Mapping[str, Any]) -> bool:
        large = len(item.get("body") or "") * 3 // 4 > self._limits.input_bytes
        return not large and (self._limits.items is None or at < self._limits.items)


def _ids(items: list[Any]) -> list[str]:
    return [str(item.get("id", "")) for item in items]


def _inner(outer: Request, item: Mapping[str, Any]) -> Request:
    url = urlsplit(str(item.get("url", "")))
    headers = {str(h["name"]).lower(): str(h["value"]) for h in item.get("headers") or ()}
    try:
        body = base64.b64decode(item.get("body") or "")
    except (binascii.Error, ValueError):
        body = b""
    return Request(
        method=str(item.get("method", "")).upper(),
        path=unquote(url.path),
        query=tuple(parse_qsl(url.query, keep_blank_values=True)),
        headers={"host": outer.headers.get("host", "localhost"), **headers},
        body=body,
    )


def _serviced(item: Mapping[str, Any], response: Response) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in response.headers]
    return {
        "id": str(item.get("id", "")),
        "body": base64.b64encode(response.body).decode(),
        "status_code": response.status,
        "status_text": HTTPStatus(response.status).phrase,
        "headers": [] if item.get("exclude_response_headers") is True else headers,
        "execution_time": 5,
    }
