"""Judges ServiceNow's own answers: the envelope of errors, refusals by 403, results with an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import requests

from tieline.connectors.answers import Said, describe, json_body, read_failure, redact, write_failure
from tieline.connectors.errors import ConnectorError, Denied, Gone, Malformed, Rejected, Unavailable, Unknown
from tieline.connectors.servicenow.records import Row

_MANDATORY: Final = re.compile(r"following fields are mandatory:\s*(.+)", re.I | re.S)
_REFUSED: Final = re.compile(
    r"Data Policy Exception"
    r"|aborted by Business Rule"
    r"|state transition .* is not possible",
    re.I | re.S,
)
_ACCESS_RULE: Final = re.compile(r"ACL Exception .* Failed due to security constraints", re.I | re.S)
_NO_ACCESS: Final = re.compile(r"API level ACL|unscoped api|User Not Author", re.I)
_CANCELLED: Final = re.compile(r"transaction cancel", re.I)


class Doubted(Rejected):
    """A create that an access rule refused: the row has been seen to exist all the same, so look for it."""


def error_of(body: object) -> Said | None:
    """What an envelope {"error": {"message", "detail"}} says; None if `body` is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str):
        return Said(error)
    if not isinstance(error, Mapping):
        return None
    parts = [str(error[key]).strip() for key in ("message", "detail") if error.get(key)]
    message = ": ".join(dict.fromkeys(part for part in parts if part))
    return Said(message, _mandatory(message))


def said(response: requests.Response) -> Said | None:
    """What an answer's error envelope says; None for a page, broken JSON or any other body."""
    try:
        return error_of(json_body(response, "answer"))
    except Malformed:
        return None


def denies_api(words: Said) -> bool:
    """True if the words say that this account may not use the API at all: nothing was done."""
    return _NO_ACCESS.search(words.message) is not None


def read_rows(response: requests.Response, what: str) -> list[Row]:
    """The rows of a query; [] also for the 404 with which some versions say that nothing matches.

    Raises Denied, RateLimited, Unavailable or Malformed.
    """
    words = said(response)
    failure = _explained(read_failure(response, what, words), response)
    if isinstance(failure, Gone):
        if words is not None and re.search(r"no record", words.message, re.I):
            return []
        raise Malformed(str(failure))
    if failure is not None:
        raise failure
    result = _result(response, what)
    if not isinstance(result, list) or not all(isinstance(row, Mapping) for row in result):
        raise Malformed(f"{what}: the answer's result is not a list of records")
    return result


def written_row(response: requests.Response, what: str, *, create: bool) -> Row:
    """The record in a write's answer. Raises the failure it means: Unknown wherever success is in doubt."""
    failure = _write_failure(response, what, create=create)
    if failure is not None:
        raise failure
    try:
        row = _result(response, what)
    except (Malformed, Unavailable) as error:
        raise Unknown(f"{error}; it may have been carried out") from None
    if not isinstance(row, Mapping) or not row.get("sys_id"):
        raise Unknown(f"{what}: the answer shows no record; it may have been carried out")
    return row


def upload_failure(response: requests.Response, what: str) -> ConnectorError | None:
    """The failure of an upload. A file that is too large (413) was not taken, whoever says so."""
    if response.status_code == 413:
        return Rejected(describe(response, what, said(response)))
    failure = _write_failure(response, what, create=True)
    words = said(response)
    gone = response.status_code == 404 and words is not None
    return Gone(describe(response, what, words)) if gone else failure


def _write_failure(response: requests.Response, what: str, *, create: bool) -> ConnectorError | None:
    words = said(response)
    if response.status_code == 403 and words is not None:
        return _forbidden(describe(response, what, words), words, create=create)
    failure = _explained(write_failure(response, what, words), response)
    if create and isinstance(failure, Gone):
        return Rejected(str(failure))
    return failure


def _explained(failure: ConnectorError | None, response: requests.Response) -> ConnectorError | None:
    """The failure, and what to do about it where the answer tells."""
    if isinstance(failure, Denied) and "X-MFA_TOKEN" in response.headers:
        return Denied(f"{failure}; the account is asked for a second factor: exempt it, or use OAuth")
    return failure


def _forbidden(why: str, words: Said, *, create: bool) -> ConnectorError:
    """A 403 refuses only where it names its reason: others have been seen after the write was committed."""
    if denies_api(words):
        return Denied(why)
    if _ACCESS_RULE.search(words.message):
        return Doubted(why, words.fields) if create else Rejected(why, words.fields)
    if _REFUSED.search(words.message):
        return Rejected(why, words.fields)
    return Unknown(f"{why}; it may have been carried out")


def _result(response: requests.Response, what: str) -> Any:
    body = json_body(response, what)
    words = error_of(body)
    if words is not None:
        why = f"{what}: answered with a result and an error: {redact(words.message)}"
        raise Unavailable(why) if _CANCELLED.search(words.message) else Malformed(why)
    if not isinstance(body, Mapping) or "result" not in body or body.get("status") == "failure":
        raise Malformed(f"{what}: the answer holds no result")
    return body["result"]


def _mandatory(message: str) -> dict[str, str]:
    """The labels that a data policy names (labels, not columns)."""
    found = _MANDATORY.search(message)
    labels = found.group(1).split(",") if found else []
    return {label.strip(): "mandatory" for label in labels if label.strip()}
