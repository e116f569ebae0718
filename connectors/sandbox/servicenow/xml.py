"""Rewrites a JSON answer as XML for the few who accept nothing else."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import orjson

from tieline.connectors.sandbox.core import Request, Response


def wants_xml(request: Request) -> bool:
    """Whether the request accepts XML and no JSON."""
    accepted = request.headers.get("accept", "")
    return "/xml" in accepted and "json" not in accepted and "*/*" not in accepted


def as_xml(response: Response) -> Response:
    """The same answer in XML; an empty one stays as it is."""
    if not response.body:
        return response
    inner = _element("response", orjson.loads(response.body))
    body = f'<?xml version="1.0" encoding="UTF-8"?>{inner}'.encode()
    headers = [h for h in response.headers if h[0] != "Content-Type"]
    return Response(response.status, body, (*headers, ("Content-Type", "application/xml;charset=UTF-8")))


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    else:
        inner = "" if value is None else escape(str(value))
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"
