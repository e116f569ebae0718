"""Jira Data Center's contract: the vendor's WADL of REST v2, with the JSON schemas that stand in its text.

The document is that of 8.4.3, which has a schema for some bodies only; what it leaves out is named below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from jsonschema import Draft4Validator, ValidationError

from tieline.connectors.sandbox.core import Request, Response

_CODE = "{http://www.w3.org/1999/xhtml}code"
_W = "{http://wadl.dev.java.net/2009/02}"
BESIDE = re.compile(r"^/secure/")
"""Where files are read: beside the REST API, and not in its description."""

GENERIC = {"expand"}
"""Every resource takes it (Atlassian: "Jira REST API, Expansion"), and the WADL leaves it out of many."""

LATER = (
    (re.compile(r"^transitions/\d+$"), {"description", "opsbarSequence"}),
    (re.compile(r"(^|/)fields/\w+$"), {"key"}),
    (re.compile(r"^\d*$"), {"deleted"}),
    (re.compile(r"^\d+$"), {"id"}),
)
"""Keys by place that versions after 8.4.3 show: of transitions and their fields (8.20), of users (8.5).

And the id of an attachment that was added, which the sample in the document leaves out.
"""

LATER_STATUSES = {("POST", "/api/2/issue/{}/remotelink"): {201}}
"""Atlassian: "REST API for Remote Issue Links": 201 where the link is new."""

ELEMENTS = {("POST", "/api/2/issue/bulk", 400): "errors"}
"""Answers that the text calls a collection as in 201, and whose schema is that of one element of it."""

ANY_STATUS = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 429})
"""Refusals that any operation can answer; the WADL lists few of them."""


@dataclass
class Described:
    """One operation: its query parameters, schemas of its request and of its answers by status."""

    query: set[str] = field(default_factory=set)
    takes: Any = None
    has_body: bool = False
    statuses: dict[int, Any] = field(default_factory=dict)


class DataCenter:
    """The contract of REST v2 on Data Center."""

    name = "Jira Data Center, WADL of REST v2"

    def __init__(self, document: Path) -> None:
        root = ET.fromstring(document.read_text(encoding="utf-8"))  # noqa: S314  a file of ours
        self._operations = dict(_operations(root))

    def concerns(self, request: Request) -> bool:
        """Whether the document can know of it."""
        return not BESIDE.match(request.path)

    def request(self, operation: str, request: Request) -> list[str]:
        """What the document has against a request: path, method, query parameters, body."""
        described = self._operations.get(_key(operation))
        if described is None:
            return ["the document has no such operation"]
        known = described.query | GENERIC
        found = [f"unknown query parameter {name}" for name in {name for name, _ in request.query} - known]
        json_body = "json" in request.headers.get("content-type", "json")
        body = json.loads(request.body) if request.body and json_body else None
        if body and not described.has_body:
            found.append("has a body, and the document describes none")
        if body and described.takes is not None:
            found += _faults(described.takes, body)
        return found

    def response(self, operation: str, request: Request, response: Response) -> list[str]:
        """What the document has against an answer: status, body."""
        described = self._operations.get(_key(operation))
        if described is None:
            return [] if response.status in (404, 405) else ["an answer of an unknown operation"]
        if response.status not in described.statuses:
            later = LATER_STATUSES.get(_key(operation), set())
            known = response.status in ANY_STATUS | later or not described.statuses
            return [] if known else [f"{response.status} is not described"]
        schema = described.statuses[response.status]
        kind = dict(response.headers).get("content-type", "")
        if schema is None or "json" not in kind or not response.body:
            return []
        body = _present(json.loads(response.body))
        listed = ELEMENTS.get((*_key(operation), response.status))
        elements = body[listed] if listed else [body]
        return [fault for element in elements for fault in _faults(schema, element)]


def _operations(root: ET.Element) -> Iterator[tuple[tuple[str, str], Described]]:
    found: dict[tuple[str, str], Described] = {}
    resources = root.find(f"{_W}resources")
    assert resources is not None
    for path, inherited, method in _walk(resources, "", set()):
        described = found.setdefault((method.get("name", ""), _template(path)), Described())
        described.query |= inherited
        asked = method.find(f"{_W}request")
        if asked is not None:
            described.query |= _queries(asked)
            for representation in asked.findall(f"{_W}representation"):
                described.has_body = True
                described.takes = described.takes or _schema(representation)
        for answer in method.findall(f"{_W}response"):
            for status in answer.get("status", "").split():
                shown = answer.find(f"{_W}representation")
                described.statuses[int(status)] = None if shown is None else _schema(shown)
    yield from found.items()


def _walk(node: ET.Element, base: str, inherited: set[str]) -> Iterator[tuple[str, set[str], ET.Element]]:
    for resource in node.findall(f"{_W}resource"):
        path = f"{base}/{resource.get('path', '').strip('/')}".rstrip("/")
        queries = inherited | _queries(resource)
        for method in resource.findall(f"{_W}method"):
            yield path, queries, method
        yield from _walk(resource, path, queries)


def _queries(node: ET.Element) -> set[str]:
    return {p.get("name", "") for p in node.findall(f"{_W}param") if p.get("style") == "query"}


def _schema(representation: ET.Element) -> Any:
    """The JSON schema in a representation's text; None if there is none.

    Where it refuses the example that stands beside it, the example's keys are what is described.
    """
    found = [body for code in representation.iter(_CODE) if (body := _parsed(code.text or "")) is not None]
    schemas = [body for body in found if isinstance(body, dict) and "/REST/schema/" in str(body.get("id"))]
    examples = [body for body in found if body not in schemas]
    if not schemas:
        return None
    schema = {name: value for name, value in schemas[0].items() if name != "id"}
    if all(Draft4Validator(schema).is_valid(example) for example in examples):
        return schema
    keys = examples[0] if isinstance(examples[0], dict) else {}
    return {"type": "object", "properties": {key: {} for key in keys}, "additionalProperties": not keys}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _faults(schema: Any, body: Any) -> list[str]:
    errors = [(_place(e), e) for e in Draft4Validator(schema).iter_errors(body)]
    return [f"{place}: {e.message[:160]}" for place, e in errors if not _later(place, e)]


def _place(error: ValidationError) -> str:
    return "/".join(map(str, error.absolute_path))


def _later(place: str, error: ValidationError) -> bool:
    """Whether all that is unexpected was added later."""
    if error.validator != "additionalProperties" or not isinstance(error.instance, dict):
        return False
    schema = error.schema
    assert isinstance(schema, Mapping)
    unexpected = error.instance.keys() - schema.get("properties", {}).keys()
    return any(where.search(place) and unexpected <= keys for where, keys in LATER)


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _present(one) for name, one in value.items() if one is not None}
    return [_present(one) for one in value] if isinstance(value, list) else value


def _key(operation: str) -> tuple[str, str]:
    method, _, path = operation.partition(" ")
    return method, _template(re.sub(r"^/rest/api/(2|latest)/", "/api/2/", path))


def _template(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)
