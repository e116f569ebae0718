"""Jira Cloud's contract: the vendor's OpenAPI document, put to every request and answer by openapi-core."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.validation.request.exceptions import SecurityValidationError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tieline.connectors.sandbox.core import Request, Response

HOST = "https://your-domain.atlassian.net"
BESIDE = re.compile(r"^/(oauth/token|media/)")
"""What is served beside the REST API, and not in its description."""

SHOWN_BY_EXAMPLE = {
    ("GET", "/rest/api/3/serverInfo"): {"defaultLocale"},
    ("POST", "/rest/api/3/issue/bulkfetch"): {"expand"},
}
"""Keys that the description's own examples (and real sites) show, although its schemas leave them out."""

SEEN_OTHERWISE = {("POST", "/rest/api/3/changelog/bulkfetch"): re.compile(r"created")}
"""What real sites answer although the schema says otherwise: epoch milliseconds where a date is described."""

ONE_OF_A_LIST = {("GET", "/rest/api/3/issue/{issueIdOrKey}/remotelink")}
"""Operations of which the schema describes one of the things that their words and their example list."""

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$")
"""A date as Jira writes it: RFC 3339 wants a colon in the offset, the document's own examples have none."""

SILENT = re.compile(r"^(401|404|405|410|413|415|429)$")
"""Statuses that the document often leaves out, and that any operation can answer."""


class Asked:
    """A request as openapi-core reads it."""

    def __init__(self, request: Request) -> None:
        path = re.sub(r"^/ex/jira/[^/]+", "", request.path)
        self.host_url = HOST
        self.path = re.sub(r"^/rest/api/(2|latest)/", "/rest/api/3/", path)
        self.full_url_pattern = HOST + self.path
        self.method = request.method.lower()
        self.body = request.body or None
        self.content_type = request.headers.get("content-type", "").partition(";")[0] or "application/json"
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(list(request.query)),
            header=Headers(list(request.headers.items())),
        )


class Answered:
    """An answer as openapi-core reads it. Nulls are left out: sites send them, the document has none."""

    def __init__(self, response: Response, drop: set[str]) -> None:
        headers = Headers(list(response.headers))
        self.status_code = response.status
        self.content_type = headers.get("content-type", "").partition(";")[0] or "application/json"
        self.headers = headers
        self.data = response.body
        if "json" in self.content_type and response.body:
            body = _present(json.loads(response.body))
            if isinstance(body, dict):
                body = {name: value for name, value in body.items() if name not in drop}
            self.data = json.dumps(body).encode()


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _present(one) for name, one in value.items() if one is not None}
    return [_present(one) for one in value] if isinstance(value, list) else value


class Cloud:
    """The contract of REST v3 (v2 is the same but for texts, and is measured by the same document)."""

    name = "Jira Cloud, OpenAPI document of REST v3"

    def __init__(self, document: Path) -> None:
        self._spec = json.loads(document.read_text(encoding="utf-8"))
        config = Config(
            spec_validator_cls=None,  # type: ignore[arg-type]  # the document breaks a rule of OpenAPI itself
            extra_format_validators={
                "date-time": lambda text: isinstance(text, str) and bool(STAMP.match(text))
            },
        )
        self._api = OpenAPI.from_dict(self._spec, config=config)

    def concerns(self, request: Request) -> bool:
        """Whether the document can know of it."""
        return not BESIDE.match(request.path)

    def request(self, operation: str, request: Request) -> list[str]:
        """What the document has against a request: path, method, query parameters, body."""
        asked = Asked(request)
        described = self._described(operation)
        if described is None:
            return ["the document has no such operation"]
        known = {p["name"] for p in described.get("parameters", ()) if p["in"] == "query"}
        found = [f"unknown query parameter {name}" for name in {name for name, _ in request.query} - known]
        if request.body and "json" not in asked.content_type:
            taken = described.get("requestBody", {}).get("content", {})
            return (
                found if asked.content_type in taken else [*found, f"{asked.content_type} is not described"]
            )
        if asked.body and not described.get("requestBody") and json.loads(asked.body or b"{}"):
            found.append("has a body, and the document describes none")
        try:
            self._api.validate_request(asked)
        except SecurityValidationError:
            pass  # a request without credentials is what some tests are about
        except OpenAPIError as error:
            found += _said(error)
        return found

    def response(self, operation: str, request: Request, response: Response) -> list[str]:
        """What the document has against an answer: status, body."""
        described = self._described(operation)
        if described is None:
            return [] if response.status in (404, 405) else ["an answer of an unknown operation"]
        if str(response.status) not in described["responses"]:
            return [] if SILENT.match(str(response.status)) else [f"{response.status} is not described"]
        content = described["responses"][str(response.status)].get("content")
        if not content or not response.body:
            return []
        key = (request.method, _v3(operation))
        if key in ONE_OF_A_LIST and isinstance(listed := json.loads(response.body), list):
            each = (replace(response, body=json.dumps(one).encode()) for one in listed)
            return [said for one in each for said in self.response(operation, request, one)]
        try:
            self._api.validate_response(Asked(request), Answered(response, SHOWN_BY_EXAMPLE.get(key, set())))
        except OpenAPIError as error:
            allowed = SEEN_OTHERWISE.get(key)
            return [said for said in _said(error) if allowed is None or not allowed.search(said)]
        return []

    def _described(self, operation: str) -> Any:
        path = self._spec["paths"].get(_v3(operation), {})
        return path.get(operation.partition(" ")[0].lower())


def _v3(operation: str) -> str:
    return re.sub(r"^/rest/api/(2|latest)/", "/rest/api/3/", operation.partition(" ")[2])


def _said(error: OpenAPIError) -> list[str]:
    """The validator's words, each with its place."""
    cause: BaseException | None = error
    while cause is not None:
        inner = getattr(cause, "schema_errors", None)
        if inner:
            return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:160]}" for e in inner]
        cause = cause.__cause__
    return [f"{type(error).__name__}: {str(error)[:200]}"]
