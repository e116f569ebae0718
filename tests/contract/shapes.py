"""ServiceNow's contract: sample bodies of the vendor's manual and of live instances, compared by their shape.

There is no published schema. What the samples have in common is one: which parameters a request may carry
(Table API and Aggregate API reference), that a written body is flat, whether a result is one row or many, and
what a value, a reference and an error are made of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tieline.connectors.sandbox.core import Request, Response

TABLE = frozenset({
    "sysparm_query", "sysparm_display_value", "sysparm_exclude_reference_link", "sysparm_fields",
    "sysparm_suppress_pagination_header", "sysparm_limit", "sysparm_offset", "sysparm_view",
    "sysparm_query_category", "sysparm_query_no_domain", "sysparm_no_count", "sysparm_input_display_value",
    "sysparm_suppress_auto_sys_field",
})  # fmt: skip
AGGREGATE = frozenset({
    "sysparm_query", "sysparm_count", "sysparm_group_by", "sysparm_avg_fields", "sysparm_min_fields",
    "sysparm_max_fields", "sysparm_sum_fields", "sysparm_order_by", "sysparm_having", "sysparm_display_value",
})  # fmt: skip
PARAMETERS = {"table": TABLE, "stats": AGGREGATE}

Shape = str


class Samples:
    """The contract of the Table API and the Aggregate API; of a batch, its parts are measured."""

    name = "ServiceNow, sample bodies"

    def __init__(self, folder: Path) -> None:
        bodies = [_loaded(path) for path in sorted(folder.glob("*.json"))]
        found = [body for body in bodies if isinstance(body, dict)]
        self.values = {shape for body in found for row in _rows(body) for shape in _shapes(row)}
        self.errors = {_keys(body) for body in found if "error" in body and "result" not in body}

    def concerns(self, request: Request) -> bool:
        """Whether the samples can tell of it."""
        return _api(request.path) in PARAMETERS

    def request(self, operation: str, request: Request) -> list[str]:
        """What the manual and the samples have against a request: parameters, body."""
        known = PARAMETERS[_api(request.path)]
        found = [f"unknown query parameter {name}" for name in {name for name, _ in request.query} - known]
        if request.body:
            body = _parsed(request.body)
            flat = isinstance(body, dict) and all(isinstance(value, str) for value in body.values())
            found += [] if flat else ["the body is no flat object of texts"]
        return found

    def response(self, operation: str, request: Request, response: Response) -> list[str]:
        """What the samples have against an answer."""
        if not response.body:
            return [] if response.status == 204 else ["an empty body"]
        body = _parsed(response.body)
        if not isinstance(body, dict):
            return ["the body is no object"]
        if response.status >= 400:
            return [] if _keys(body) in self.errors else [f"no error of the samples: {_keys(body)}"]
        one = re.search(r"/table/[^/]+/[^/]+$", request.path) is not None or request.method == "POST"
        many = _api(request.path) == "table" and not one
        if isinstance(body.get("result"), list) != many and _api(request.path) == "table":
            return ["one row where there are many, or the reverse"]
        if _api(request.path) == "stats":
            return _numbers(body["result"])
        shapes = {shape for row in _rows(body) for shape in _shapes(row)}
        return [f"a value that no sample has: {shape}" for shape in sorted(shapes - self.values)]


def _loaded(path: Path) -> Any:
    body = json.loads(path.read_text(encoding="utf-8"))
    return body["body"] if isinstance(body, dict) and "_source" in body else body


def _parsed(raw: bytes) -> Any:
    """The document in `raw`; None, which no contract allows, for what is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _api(path: str) -> str:
    found = re.match(r"^/api/now/(?:v\d/)?(\w+)", path)
    return found[1] if found else ""


def _rows(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    result = body.get("result")
    for row in result if isinstance(result, list) else [result]:
        if isinstance(row, dict):
            yield row


def _shapes(row: dict[str, Any]) -> Iterator[Shape]:
    for value in row.values():
        yield "+".join(sorted(value)) if isinstance(value, dict) else type(value).__name__


def _keys(body: dict[str, Any]) -> Shape:
    error = body.get("error")
    inner = "+".join(sorted(error)) if isinstance(error, dict) else type(error).__name__
    return f"{'+'.join(sorted(body))}({inner})"


def _numbers(result: Any) -> list[str]:
    """Counts and sums are texts, as the manual's sample shows them."""
    groups = result if isinstance(result, list) else [result]
    found = []
    for group in groups:
        for kind, value in group["stats"].items():
            texts = value.values() if isinstance(value, dict) else [value]
            found += [f"{kind} is no text" for text in texts if not isinstance(text, str)]
    return found
