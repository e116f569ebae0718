"""Sends single requests through pysnow, one Resource each, and hands back judged rows; it repeats nothing.

pysnow prepares requests only: its own answers accept a result with an error in it and raise what requests
raises, so the plain answer is taken from a hook instead; nothing of pysnow or requests leaves this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import pysnow
import requests
from requests.auth import AuthBase

from tieline.connectors.answers import lost
from tieline.connectors.auth import Auth
from tieline.connectors.errors import Malformed
from tieline.connectors.http import HardenedAdapter, build_session
from tieline.connectors.servicenow.answers import read_rows, written_row
from tieline.connectors.servicenow.records import Row
from tieline.connectors.transfer import PLAIN

_STORED_VALUES: Final = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}
_UNSET: Final = dict.fromkeys(pysnow.ParamsBuilder().as_dict())
# pysnow sends a value for each of its parameters unless it is replaced; None leaves it out.


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one page.

    `total` counts what matches, before access rules; `more` tells whether rows follow. Each is None where
    the answer does not tell.
    """

    rows: Sequence[Row]
    total: int | None
    more: bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """One write: POST without `sys_id`, PATCH with it. `what` names it for messages.

    `reads_back` names the journal that its answer is to show.
    """

    table: str
    sys_id: str | None
    body: Mapping[str, str]
    what: str
    reads_back: str = ""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "POST" if self.sys_id is None else "PATCH"

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return f"/api/now/table/{self.table}" + (f"/{self.sys_id}" if self.sys_id else "")


def write_params(fields: Sequence[str], reads_back: str = "") -> dict[str, str]:
    """The query of a write: its answer shows `fields` as stored, and values given are stored values.

    `reads_back` is a journal: its entries stand in the answer too, as people see them, for it has no value.
    """
    shown = {"sysparm_display_value": "all"} if reads_back else {}
    names = ",".join([*fields, reads_back] if reads_back else fields)
    return {**_STORED_VALUES, **shown, "sysparm_input_display_value": "false", "sysparm_fields": names}


class Wire:
    """One instance of ServiceNow, as `auth`."""

    def __init__(self, adapter: HardenedAdapter, auth: Auth | AuthBase) -> None:
        parts = urlsplit(adapter.settings.base_url)
        self._session = build_session(adapter, auth)
        self._base = adapter.settings.base_url.rstrip("/")
        self._client = pysnow.Client(
            host=parts.netloc + parts.path.rstrip("/"),
            use_ssl=parts.scheme == "https",
            session=self._session,
        )

    @property
    def base_url(self) -> str:
        """Where the instance is."""
        return self._base

    def rows(
        self,
        table: str,
        query: str,
        fields: Sequence[str],
        *,
        limit: int,
        offset: int = 0,
        display: str = "false",
    ) -> tuple[Rows, Mapping[str, str]]:
        """One page of a query, and the answer's headers; `display` "all" shows values as people see them too.

        Raises Denied, RateLimited, Unavailable or Malformed.
        """
        what = f"ServiceNow's table {table}"
        params = {
            **_STORED_VALUES,
            "sysparm_display_value": display,
            "sysparm_query": query or None,
            "sysparm_fields": ",".join(fields),
            "sysparm_limit": str(limit),
            "sysparm_offset": str(offset) if offset else None,
        }
        response = self._send("GET", f"/table/{table}", params, what, write=False)
        rows = read_rows(response, what)
        total = _count(response.headers)
        return Rows(rows, total, _more(response, total, offset + limit)), response.headers

    def all_rows(
        self, table: str, query: str, fields: Sequence[str], *, limit: int, insist: bool = False
    ) -> Rows:
        """A query with fewer matches than `limit`: Malformed if the answer was cut all the same.

        With `insist` it is asked once more where rows were counted and not shown: for those who remember an
        absence, which a single answer does not prove.
        """
        page, _ = self.rows(table, query, fields, limit=limit)
        if insist and page.total is not None and len(page.rows) < min(page.total, limit):
            page, _ = self.rows(table, query, fields, limit=limit)
        if page.more or (page.more is None and len(page.rows) >= limit):
            raise Malformed(f"ServiceNow's table {table}: the answer was cut after {len(page.rows)} records")
        return page

    def write(self, call: Call, fields: Sequence[str]) -> Row:
        """Make one write; the row that its answer shows. Raises the failure of the write."""
        response = self._send(
            call.method, f"/table/{call.table}", write_params(fields, call.reads_back), call.what,
            write=True, path_append=f"/{call.sys_id}" if call.sys_id else None, json=dict(call.body),
        )  # fmt: skip
        return written_row(response, call.what, create=call.sys_id is None)

    def batch(self, body: Mapping[str, Any], what: str) -> requests.Response:
        """The plain answer of the Batch API. Raises Unavailable (never sent) or Unknown (lost)."""
        return self._send("POST", "/batch", {}, what, write=True, base_path="/api/now/v1", json=body)

    def files(self, query: str, *, limit: int, offset: int = 0) -> Rows:
        """One page of the Attachment API's list. Raises Denied, RateLimited, Unavailable or Malformed."""
        what = "ServiceNow's attachments"
        params = {
            "sysparm_query": query,
            "sysparm_limit": str(limit),
            "sysparm_offset": str(offset) if offset else None,
        }
        response = self._send("GET", "/attachment", params, what, write=False)
        rows, total = read_rows(response, what), _count(response.headers)
        return Rows(rows, total, _more(response, total, offset + limit))

    def download(self, path: str, what: str) -> requests.Response:
        """An answer whose body is still to be read, as a stream, and closed. Raises the loss of it."""
        return self._stream("GET", path, what, headers=PLAIN)

    def upload(
        self, params: Mapping[str, str], content: BinaryIO, type_: str, what: str
    ) -> requests.Response:
        """The answer to a file that was sent as it lies there. Raises Unavailable (never sent) or Unknown."""
        headers = {"Accept": "application/json", "Content-Type": type_}
        return self._stream("POST", "/attachment/file", what, headers=headers, params=params, data=content)

    def _stream(self, method: str, path: str, what: str, **options: Any) -> requests.Response:
        """pysnow downloads nothing and reads uploads whole: these go through the session itself."""
        try:
            return self._session.request(
                method, f"{self._base}/api/now{path}", stream=method == "GET", **options
            )
        except requests.RequestException as error:
            raise lost(error, what, write=method != "GET") from None

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _send(
        self,
        method: str,
        api_path: str,
        params: Mapping[str, str | None],
        what: str,
        *,
        write: bool,
        base_path: str = "/api/now",
        path_append: str | None = None,
        json: Any = None,
    ) -> requests.Response:
        answers: list[requests.Response] = []

        def keep(response: requests.Response, **_: object) -> None:
            answers.append(response)

        resource = self._client.resource(api_path=api_path, base_path=base_path)
        resource.parameters.add_custom({**_UNSET, **params})
        try:
            resource.request(method, path_append=path_append, hooks={"response": keep}, json=json)
        except requests.RequestException as error:
            raise lost(error, what, write=write) from None
        return answers[-1]


def _count(headers: Mapping[str, str]) -> int | None:
    text = headers.get("X-Total-Count", "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _more(response: requests.Response, total: int | None, upto: int) -> bool | None:
    """Whether rows follow: by the Link header, else by the count; None where neither is there."""
    if "next" in response.links:
        return True
    if total is not None:
        return upto < total
    return False if response.links else None
