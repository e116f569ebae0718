"""Envelope and headers of every answer, and refusals in the system's own words; no endpoint lives here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from tieline.connectors.sandbox.core import Refused, Response

JSON: Final = "application/json;charset=UTF-8"

_ALWAYS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Pragma", "no-store,no-cache"),
    ("Cache-Control", "no-cache,no-store,must-revalidate,max-age=-1"),
    ("Expires", "0"),
    ("Server", "ServiceNow"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
)


class Refusal(Refused):
    """An answer that is an error: status, and the two texts of the error envelope."""

    def __init__(
        self, status: int, message: str, detail: str | None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail or message)
        self.status = status
        self.message = message
        self.detail = detail
        self.headers = headers


def unauthenticated() -> Refusal:
    """No credentials, or wrong ones."""
    return Refusal(
        401,
        "User Not Authenticated",
        "Required to provide Auth information",
        (("WWW-Authenticate", 'BASIC realm="Service-now"'),),
    )


def no_record() -> Refusal:
    """The record is missing or hidden; the two look alike."""
    return Refusal(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")


def invalid_table(name: str) -> Refusal:
    """There is no such table."""
    return Refusal(400, f"Invalid table {name}", f"Table {name} does not exist")


def no_resource() -> Refusal:
    """There is no such endpoint."""
    return Refusal(400, "Requested URI does not represent any resource", None)


def unreadable(detail: str) -> Refusal:
    """The body of the request makes no sense."""
    return Refusal(400, "Exception while reading request", detail)


def operation_failed(detail: str) -> Refusal:
    """A data policy, business rule or access rule stopped the write."""
    return Refusal(403, "Operation Failed", detail)


def answer(
    status: int, body: Any = None, headers: Iterable[tuple[str, str]] = (), transaction: str = ""
) -> Response:
    """A JSON answer with the headers of the platform; without `body` it is empty."""
    content = b"" if body is None else orjson.dumps(body)
    kind = (("Content-Type", JSON),) if content else ()
    return Response(status, content, (*_ALWAYS, ("X-Transaction-ID", transaction), *headers, *kind))


def refused(refusal: Refusal, transaction: str = "") -> Response:
    """A refusal as an answer."""
    error = {"message": refusal.message, "detail": refusal.detail}
    return answer(refusal.status, {"error": error, "status": "failure"}, refusal.headers, transaction)
