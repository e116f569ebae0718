"""The Table API from outside: shapes, status codes, headers, paging, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

Call = Callable[..., Any]
INCIDENT = "/api/now/table/incident"


def test_an_insert_answers_201_with_location_and_every_field_as_text(call: Call) -> None:
    answer = call("POST", INCIDENT, {"short_description": "Mail is down", "order": 3, "knowledge": True})
    row = answer.result
    assert answer.status == 201
    assert answer.headers["Location"] == f"http://desk.example:8080{INCIDENT}/{row['sys_id']}"
    assert {k: v for k, v in row.items() if not isinstance(v, str)}.keys() == {"opened_by", "sys_domain"}
    assert row["order"] == "3" and row["knowledge"] == "true" and row["number"] == "INC0010001"
    assert row["sys_created_on"] == row["sys_updated_on"] == row["opened_at"] == "2026-03-02 09:00:00"
    assert row["sys_created_by"] == "tieline" and row["sys_mod_count"] == "0"
    assert row["sys_domain"]["link"].endswith("/api/now/table/sys_user_group/global")


def test_links_take_the_version_and_host_of_the_request(call: Call, desk: ServiceNowSandbox) -> None:
    made = desk.create("abel.tuter", {"assigned_to": "beth.anglin"})
    answer = call("GET", f"/api/now/v2/table/incident/{made['sys_id']}", headers={"host": "other:1"})
    assert answer.result["assigned_to"] == {
        "link": f"http://other:1/api/now/v2/table/sys_user/{made['assigned_to']}",
        "value": made["assigned_to"],
    }
    bare = call("GET", f"{INCIDENT}/{made['sys_id']}", sysparm_exclude_reference_link="true").result
    assert bare["assigned_to"] == made["assigned_to"] and bare == desk.get(made["sys_id"])


def test_put_and_patch_change_only_what_they_name(call: Call, desk: ServiceNowSandbox) -> None:
    sys_id = desk.create("abel.tuter", {"short_description": "a", "description": "b"})["sys_id"]
    for times, method in enumerate(("PUT", "PATCH"), 1):
        row = call(method, f"{INCIDENT}/{sys_id}", {"description": method}).result
        assert (row["short_description"], row["description"]) == ("a", method)
        assert row["sys_mod_count"] == str(times) and row["sys_updated_by"] == "tieline"


def test_the_first_record_of_a_list_is_the_only_one_that_counts(call: Call, desk: ServiceNowSandbox) -> None:
    answer = call("POST", INCIDENT, [{"short_description": "one"}, {"short_description": "two"}])
    assert answer.result["short_description"] == "one" and len(desk.rows()) == 1


def test_single_quoted_bodies_of_the_vendors_examples_are_read(call: Call) -> None:
    body = b"{'short_description':'Unable to connect to office wifi','urgency':'2','impact':'2'}"
    assert call("POST", INCIDENT, body).result["priority"] == "3"


def test_a_body_may_be_suppressed(call: Call, desk: ServiceNowSandbox) -> None:
    quiet = {"x-no-response-body": "true"}
    made = call("POST", INCIDENT, {"short_description": "x"}, headers=quiet)
    assert (made.status, made.body) == (201, b"") and "Location" in made.headers
    sys_id = desk.rows()[0]["sys_id"]
    changed = call("PATCH", f"{INCIDENT}/{sys_id}", {"short_description": "y"}, headers=quiet)
    assert (changed.status, changed.body) == (204, b"") and desk.get(sys_id)["short_description"] == "y"


def test_delete_answers_204_and_the_row_is_gone(call: Call, desk: ServiceNowSandbox) -> None:
    sys_id = desk.create("abel.tuter", {})["sys_id"]
    assert call("DELETE", f"{INCIDENT}/{sys_id}").status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert call(method, f"{INCIDENT}/{sys_id}", {}).status == 404
    assert call("GET", INCIDENT).result == []


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "message", "detail"),
    [
        ("GET", "/api/now/table/sys_nonexistent", None, {}, 400,
         "Invalid table sys_nonexistent", "Table sys_nonexistent does not exist"),
        ("GET", f"{INCIDENT}/{'0' * 32}", None, {}, 404,
         "No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
        ("GET", INCIDENT, None, {"authorization": None}, 401,
         "User Not Authenticated", "Required to provide Auth information"),
        ("GET", INCIDENT, None, {"authorization": "Basic dGllbGluZTp3cm9uZw=="}, 401,
         "User Not Authenticated", "Required to provide Auth information"),
        ("GET", INCIDENT, None, {"authorization": "Bearer x"}, 401,
         "User Not Authenticated", "Required to provide Auth information"),
        ("GET", "/api/now/nothing/incident", None, {}, 400,
         "Requested URI does not represent any resource", None),
        ("POST", INCIDENT, b"{", {}, 400,
         "Exception while reading request", "The payload is not valid JSON."),
        ("POST", "/api/now/table/sys_user", {"user_name": "eve"}, {}, 403,
         "Operation Failed", "ACL Exception Insert Failed due to security constraints"),
    ],
)  # fmt: skip
def test_errors_use_the_envelope(
    call: Call,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, Any],
    status: int,
    message: str,
    detail: str,
) -> None:
    answer = call(method, path, body, headers=headers)
    assert answer.status == status
    assert answer.json == {"error": {"message": message, "detail": detail}, "status": "failure"}
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize("headers", [{"accept": None}, {"accept": "text/html"}, {"content-type": None}])
def test_missing_or_wrong_media_types_are_refused(
    call: Call, desk: ServiceNowSandbox, headers: dict[str, Any]
) -> None:
    answer = call("POST", INCIDENT, {"short_description": "x"}, headers=headers)
    assert answer.status == 400 and answer.json["status"] == "failure" and desk.rows() == []


def test_xml_is_answered_only_to_those_who_accept_nothing_else(call: Call, desk: ServiceNowSandbox) -> None:
    desk.create("abel.tuter", {"short_description": "a < b"})
    answer = call("GET", INCIDENT, headers={"accept": "application/xml"}, sysparm_fields="short_description")
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    assert answer.body.endswith(
        b"<response><result><short_description>a &lt; b</short_description></result></response>"
    )


def test_version_1_has_no_empty_lists(call: Call) -> None:
    assert call("GET", "/api/now/v1/table/incident").status == 404
    for path in (INCIDENT, "/api/now/v2/table/incident"):
        assert call("GET", path).json == {"result": []}


def test_the_limit_and_the_total_come_before_access(call: Call, desk: ServiceNowSandbox) -> None:
    ids = [desk.create("abel.tuter", {"short_description": f"{n}"})["sys_id"] for n in range(5)]
    desk.access.hidden |= set(ids[:3])
    page = call("GET", INCIDENT, sysparm_query="ORDERBYshort_description", sysparm_limit="4")
    assert [row["short_description"] for row in page.result] == ["3"]
    assert page.headers["X-Total-Count"] == "5"
    assert call("GET", INCIDENT, sysparm_query="ORDERBYshort_description", sysparm_limit="3").result == []
    assert call("GET", f"{INCIDENT}/{ids[0]}").status == 404
    assert call("PATCH", f"{INCIDENT}/{ids[0]}", {"state": "2"}).status == 404
    assert desk.get(ids[0])["state"] == "1"


def links(answer: Any) -> dict[str, str]:
    parts = [part.split(">;rel=") for part in answer.headers["Link"].split(",")]
    return {name.strip('"'): url.partition("?")[2] for url, name in parts}


def test_pages_are_linked_where_there_is_more_than_one(call: Call, desk: ServiceNowSandbox) -> None:
    for _ in range(5):
        desk.create("abel.tuter", {})
    first = links(call("GET", INCIDENT, sysparm_query="active=true", sysparm_limit="2"))
    start = "sysparm_query=active%3Dtrue&sysparm_limit=2&sysparm_offset="
    assert first == {"first": f"{start}0", "next": f"{start}2", "last": f"{start}4"}
    middle = links(call("GET", INCIDENT, sysparm_limit="2", sysparm_offset="2"))
    assert list(middle) == ["first", "prev", "next", "last"]
    last = links(call("GET", INCIDENT, sysparm_limit="2", sysparm_offset="4"))
    assert list(last) == ["first", "prev", "last"]
    assert "Link" not in call("GET", INCIDENT, sysparm_limit="5").headers
    quiet = call("GET", INCIDENT, sysparm_limit="2", sysparm_suppress_pagination_header="true")
    assert "Link" not in quiet.headers and quiet.headers["X-Total-Count"] == "5"
    assert "X-Total-Count" not in call("GET", INCIDENT, sysparm_limit="2", sysparm_no_count="true").headers


def test_fields_that_mean_nothing_are_left_out(call: Call, desk: ServiceNowSandbox) -> None:
    desk.create("abel.tuter", {"caller_id": "joe.employee"})
    fields = "number, caller_id.email,nope,caller_id.nope,number.email,caller_id.manager.name"
    (row,) = call("GET", INCIDENT, sysparm_fields=fields, sysparm_unknown="x").result
    assert row == {
        "number": "INC0010001",
        "caller_id.email": "joe.employee@example.com",
        "caller_id.manager.name": "",
    }


def test_unknown_parameters_and_body_fields_are_ignored(call: Call) -> None:
    body = {"nope": "x", "sys_id": "0" * 32, "sys_created_by": "eve", "sys_mod_count": "99"}
    row = call("POST", INCIDENT, body, sysparm_nope="1").result
    assert "nope" not in row and row["sys_id"] != "0" * 32
    assert row["sys_created_by"] == "tieline" and row["sys_mod_count"] == "0"


def test_answers_carry_the_platforms_headers(call: Call) -> None:
    headers = call("GET", INCIDENT).headers
    assert headers["X-Is-Logged-In"] == "true" and len(headers["X-Transaction-ID"]) == 12
    assert headers["Cache-Control"] == "no-cache,no-store,must-revalidate,max-age=-1"
    assert headers["Date"] == "Mon, 02 Mar 2026 09:00:00 GMT"
    assert not any(name.startswith("X-RateLimit") for name in headers)
    assert "WWW-Authenticate" in call("GET", INCIDENT, headers={"authorization": None}).headers
