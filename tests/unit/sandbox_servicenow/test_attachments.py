"""The Attachment API: raw and as a form, the order of parts, hidden records, limits."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from tieline.connectors.sandbox.core import Server
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.attachment_api import MAX_SIZE

API = "/api/now/attachment"


@pytest.fixture
def incident(desk: ServiceNowSandbox) -> str:
    return desk.create("joe.employee", {"short_description": "Mail"})["sys_id"]


def sent(call: Any, incident: str, content: bytes = b"hello", **params: str) -> Any:
    asked = {"table_name": "incident", "table_sys_id": incident, "file_name": "a b.txt", **params}
    return call("POST", f"{API}/file", content, {"content-type": "text/plain"}, **asked)


def test_a_raw_file_comes_back_as_it_was_sent(call: Any, incident: str) -> None:
    made = sent(call, incident, b"\x00\xffbytes")
    assert made.status == 201
    row = made.result
    assert made.headers["Location"].endswith(row["sys_id"])
    assert (row["size_bytes"], row["state"], row["file_name"]) == ("7", "available", "a b.txt")
    assert row["hash"] == hashlib.sha256(b"\x00\xffbytes").hexdigest()
    content = call("GET", f"{API}/{row['sys_id']}/file")
    assert (content.body, content.headers["Content-Type"]) == (b"\x00\xffbytes", "text/plain")
    asked = {"sysparm_query": f"table_sys_id={incident}"}
    assert [each["sys_id"] for each in call("GET", API, **asked).result] == [row["sys_id"]]
    assert call("DELETE", f"{API}/{row['sys_id']}").status == 204
    assert call("GET", f"{API}/{row['sys_id']}").status == 404


def test_a_form_has_its_file_last(server: Server, incident: str) -> None:
    def upload(*parts: tuple[str, Any]) -> requests.Response:
        return requests.post(
            f"{server.url}{API}/upload", files=list(parts), auth=("tieline", "correct horse"),
            headers={"Accept": "application/json"}, timeout=5,
        )  # fmt: skip

    file = ("uploadFile", ("log.txt", b"text", "text/plain"))
    table, record = ("table_name", (None, "incident")), ("table_sys_id", (None, incident))
    assert upload(table, record, file).status_code == 201
    assert upload(file, table, record).status_code == 400
    assert upload(table, record).status_code == 400


def test_a_hidden_record_has_no_files(desk: ServiceNowSandbox, call: Any, incident: str) -> None:
    kept = sent(call, incident).result["sys_id"]
    desk.access.hidden.add(incident)
    assert sent(call, incident).status == 404
    assert call("GET", f"{API}/{kept}").status == 404
    answer = call("GET", API)
    assert (answer.result, answer.headers["X-Total-Count"]) == ([], "1")


@pytest.mark.parametrize(("limit", "fits"), [("1", 1024 * 1024), ("", 1024)])
def test_files_have_a_limit(desk: ServiceNowSandbox, call: Any, incident: str, limit: str, fits: int) -> None:
    desk.properties[MAX_SIZE] = limit
    assert sent(call, incident, b"x" * fits).status == 201
    assert sent(call, incident, b"x" * (fits + 1)).status == 413


def test_a_raw_file_needs_its_type_and_its_parameters(call: Any, incident: str) -> None:
    asked = {"table_name": "incident", "table_sys_id": incident, "file_name": "a"}
    assert call("POST", f"{API}/file", b"x", {"content-type": None}, **asked).status == 400
    assert sent(call, incident, file_name="").status == 400
    assert sent(call, "0" * 32).status == 404
    assert sent(call, incident, table_name="nonsense").status == 400


def test_tables_may_carry_a_prefix(desk: ServiceNowSandbox, call: Any, incident: str) -> None:
    desk.files.prefixed = True
    row = sent(call, incident).result
    assert row["table_name"] == "ZZ_YYincident"
    assert call("GET", f"{API}/{row['sys_id']}/file").body == b"hello"
