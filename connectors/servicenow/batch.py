"""Packs writes into one request of the Batch API and unpacks its answer, part by part; it sends nothing.

Parts run one after the other, are not atomic, and the whole answers 200 whatever its parts say (ServiceNow:
"Batch API").
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import requests

from tieline.connectors.answers import json_body, write_failure
from tieline.connectors.errors import ConnectorError, Malformed, Unavailable, Unknown
from tieline.connectors.servicenow.answers import denies_api, said, written_row
from tieline.connectors.servicenow.records import Row
from tieline.connectors.servicenow.wire import Call, write_params

WHAT: Final = "a batch of writes"
_JSON_HEADERS: Final = [
    {"name": "Content-Type", "value": "application/json"},
    {"name": "Accept", "value": "application/json"},
]


_NO_STATUS: Final = 599
"""Stands for a part whose status is none: some failure of the server's."""


def pack(calls: Sequence[Call], fields: Sequence[str], prefix: str = "") -> dict[str, Any]:
    """The request's body; part n has the id str(n). `prefix` is the path of the base URL."""
    return {
        "batch_request_id": "tieline",
        "rest_requests": [
            {
                "id": str(number),
                "method": call.method,
                "url": f"{prefix}{call.path}?{urlencode(write_params(fields, call.reads_back))}",
                "headers": _JSON_HEADERS,
                "exclude_response_headers": True,
                "body": base64.b64encode(json.dumps(dict(call.body)).encode()).decode("ascii"),
            }
            for number, call in enumerate(calls)
        ],
    }


def is_refused(response: requests.Response) -> bool:
    """True if the endpoint itself provably turned the batch down: no part was tried, send them one by one.

    That is so where nobody answers at this address, and where the system says that it could not read the
    request or that this account may not use the API. Any other 403 may have followed a commit.
    """
    status, words = response.status_code, said(response)
    if status in {404, 405}:
        return True
    if words is None:
        return False
    return status in {400, 413, 415, 422} or (status == 403 and denies_api(words))


def unpack(response: requests.Response, calls: Sequence[Call]) -> list[Row | ConnectorError]:
    """What became of each part: its row, or its failure; Unknown for all if the answer cannot be believed."""
    failure = write_failure(response, WHAT, said(response))
    if failure is not None:
        return [failure for _ in calls]
    try:
        serviced, unserviced = _lists(response)
    except Malformed as error:
        return [Unknown(f"{error}; any of its {len(calls)} writes may have been carried out") for _ in calls]
    outcomes: list[Row | ConnectorError] = []
    for number, call in enumerate(calls):
        parts = serviced.get(str(number), [])
        outcomes.append(_outcome(call, parts, str(number) in unserviced))
    return outcomes


def _lists(response: requests.Response) -> tuple[dict[str, list[Mapping[str, Any]]], set[str]]:
    body = json_body(response, WHAT)
    parts = body.get("serviced_requests") if isinstance(body, Mapping) else None
    if not isinstance(parts, list) or "error" in body:
        raise Malformed(f"{WHAT}: the answer holds no serviced_requests")
    serviced: dict[str, list[Mapping[str, Any]]] = {}
    for part in parts:
        if isinstance(part, Mapping):
            serviced.setdefault(str(part.get("id")), []).append(part)
    left = body.get("unserviced_requests") or []
    unserviced = {str(item.get("id") if isinstance(item, Mapping) else item) for item in left}
    return serviced, unserviced


def _outcome(call: Call, parts: Sequence[Mapping[str, Any]], unserviced: bool) -> Row | ConnectorError:
    if unserviced and not parts:
        return Unavailable(f"{call.what}: left out of a batch that reached the instance's limits")
    if unserviced or len(parts) != 1:
        return Unknown(f"{call.what}: the batch does not tell what became of it")
    try:
        return written_row(_response(parts[0]), call.what, create=call.sys_id is None)
    except ConnectorError as error:
        return error


def _response(part: Mapping[str, Any]) -> requests.Response:
    """A part as the answer that it stands for."""
    response = requests.Response()
    status = str(part.get("status_code"))
    response.status_code = int(status) if re.fullmatch(r"[1-5]\d\d", status) else _NO_STATUS
    response.reason = str(part.get("status_text") or part.get("error_message") or "")
    response.headers["Content-Type"] = "application/json"
    try:
        content = base64.b64decode("".join(str(part.get("body") or "").split()), validate=True)
    except binascii.Error:
        content = b""
    response.raw = io.BytesIO(content)
    return response
