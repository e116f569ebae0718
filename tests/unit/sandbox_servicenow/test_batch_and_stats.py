"""The Batch and Aggregate APIs, and the tables that describe the instance."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

Call = Callable[..., Any]
JSON_HEADERS = [
    {"name": "Content-Type", "value": "application/json"},
    {"name": "Accept", "value": "application/json"},
]


def item(number: str, method: str, url: str, body: Any = None, **more: Any) -> dict[str, Any]:
    entry = {"id": number, "method": method, "url": url, "headers": JSON_HEADERS, **more}
    if body is not None:
        entry["body"] = base64.b64encode(orjson.dumps(body)).decode()
    return entry


def opened(served: dict[str, Any]) -> Any:
    return orjson.loads(base64.b64decode(served["body"]))


@pytest.mark.parametrize("path", ["/api/now/v1/batch", "/api/now/batch"])
def test_a_batch_answers_each_item_as_if_it_had_come_alone(
    call: Call, desk: ServiceNowSandbox, path: str
) -> None:
    items = [
        item(
            "11",
            "POST",
            "/api/now/table/incident",
            {"short_description": "one"},
            exclude_response_headers=True,
        ),
        item("12", "PATCH", f"/api/now/table/incident/{'0' * 32}", {"state": "2"}),
        item("13", "POST", "/api/now/table/incident", {"state": "6"}),
        item(
            "14", "GET", "/api/now/table/incident?sysparm_query=short_description%3Done&sysparm_fields=number"
        ),
    ]
    answer = call("POST", path, {"batch_request_id": "7", "rest_requests": items})
    served = answer.json["serviced_requests"]
    assert answer.status == 200 and answer.json["unserviced_requests"] == []
    assert answer.json["batch_request_id"] == "7"
    assert [s["id"] for s in served] == ["11", "12", "13", "14"]
    assert [s["status_code"] for s in served] == [201, 404, 403, 200]
    assert [s["status_text"] for s in served] == ["Created", "Not Found", "Forbidden", "OK"]
    assert all(isinstance(s["execution_time"], int) for s in served)
    assert served[0]["headers"] == [] and {"name": "X-Total-Count", "value": "1"} in served[3]["headers"]
    assert opened(served[0])["result"]["sys_created_by"] == "tieline"
    assert opened(served[1])["error"]["message"] == "No Record found"
    assert opened(served[3]) == {"result": [{"number": "INC0010001"}]}
    assert len(desk.rows()) == 1, "what was refused stayed out, what was not stayed in"


def test_what_a_limit_leaves_over_is_named(call: Call, desk: ServiceNowSandbox) -> None:
    def run(*items: dict[str, Any]) -> tuple[list[str], list[str]]:
        found = call("POST", "/api/now/v1/batch", {"rest_requests": list(items)}).json
        return [s["id"] for s in found["serviced_requests"]], found["unserviced_requests"]

    post = [item(f"{n}", "POST", "/api/now/table/incident", {"description": "d" * 3000}) for n in range(3)]
    desk.batch_limits.items = 2
    assert run(*post) == (["0", "1"], ["2"])
    desk.batch_limits.items = None
    desk.batch_limits.input_bytes = 1000
    assert run(item("a", "GET", "/api/now/table/incident"), *post) == (["a"], ["0", "1", "2"])
    desk.batch_limits.input_bytes = 10_000
    desk.batch_limits.output_bytes = 100
    before = len(desk.rows())
    assert run(*post) == ([], ["0", "1", "2"])
    assert len(desk.rows()) == before + 1, "the one whose answer was too long had been carried out"


@pytest.mark.parametrize("body", [{}, {"rest_requests": "x"}, {"rest_requests": ["x"]}, []])
def test_a_batch_without_requests_is_refused(call: Call, body: Any) -> None:
    assert call("POST", "/api/now/v1/batch", body).status == 400


def test_figures_are_text(call: Call, desk: ServiceNowSandbox) -> None:
    for impact, order in (("1", "4"), ("1", "7"), ("3", "")):
        desk.create("abel.tuter", {"impact": impact, "order": order, "assignment_group": "Network"})
    path = "/api/now/stats/incident"
    assert call("GET", path, sysparm_count="true").json == {"result": {"stats": {"count": "3"}}}
    assert call("GET", path, sysparm_count="true", sysparm_query="impact=1").result["stats"] == {"count": "2"}
    fields = {f"sysparm_{name}_fields": "order" for name in ("avg", "sum", "min", "max")}
    assert call("GET", path, **fields).result["stats"] == {
        "avg": {"order": "5.5000"}, "sum": {"order": "11"}, "min": {"order": "4"}, "max": {"order": "7"},
    }  # fmt: skip
    groups = call("GET", path, sysparm_count="true", sysparm_group_by="impact").result
    assert groups == [
        {"stats": {"count": "2"}, "groupby_fields": [{"field": "impact", "value": "1"}]},
        {"stats": {"count": "1"}, "groupby_fields": [{"field": "impact", "value": "3"}]},
    ]
    shown = call(
        "GET",
        path,
        sysparm_count="true",
        sysparm_group_by="assignment_group.name",
        sysparm_display_value="true",
    )
    assert shown.result[0]["groupby_fields"] == [{"field": "assignment_group.name", "value": "Network"}]
    assert call("GET", "/api/now/stats/nope").status == 400


def test_counts_include_hidden_rows(call: Call, desk: ServiceNowSandbox) -> None:
    desk.access.hidden.add(desk.create("abel.tuter", {})["sys_id"])
    assert call("GET", "/api/now/stats/incident", sysparm_count="true").result["stats"]["count"] == "1"


def test_the_dictionary_is_inherited(call: Call) -> None:
    query = "nameINtask,incident^elementISNOTEMPTY^ORDERBYname"
    rows = call("GET", "/api/now/table/sys_dictionary", sysparm_query=query).result
    by_element = {row["element"]: row for row in rows}
    assert by_element["short_description"]["name"] == "task"
    assert by_element["short_description"]["max_length"] == "160"
    assert by_element["close_code"]["name"] == "incident"
    assert by_element["close_code"]["column_label"] == "Resolution code"
    assert by_element["caller_id"]["internal_type"] == {
        "link": "http://desk.example:8080/api/now/table/sys_glide_object?name=reference",
        "value": "reference",
    }
    assert by_element["caller_id"]["reference"]["value"] == "sys_user"
    incident = call("POST", "/api/now/table/incident", {}).result
    assert set(incident) == set(by_element)


def test_choice_lists_can_be_read(call: Call) -> None:
    query = "name=incident^element=close_code^inactive=false^language=en^ORDERBYsequence"
    rows = call("GET", "/api/now/table/sys_choice", sysparm_query=query, sysparm_fields="value,label").result
    assert rows[0] == {"value": "Solution provided", "label": "Solution provided"} and len(rows) == 10
    query = "name=task^element=priority^ORDERBYsequence"
    rows = call("GET", "/api/now/table/sys_choice", sysparm_query=query).result
    assert [r["label"] for r in rows] == [
        "1 - Critical",
        "2 - High",
        "3 - Moderate",
        "4 - Low",
        "5 - Planning",
    ]


def test_people_and_groups_can_be_found(call: Call) -> None:
    query = "emailINbeth.anglin@example.com,nobody@example.com"
    (beth,) = call("GET", "/api/now/table/sys_user", sysparm_query=query).result
    assert (beth["name"], beth["user_name"], beth["active"]) == ("Beth Anglin", "beth.anglin", "true")
    rows = call("GET", "/api/now/table/sys_user_group", sysparm_query="ORDERBYname").result
    assert [r["name"] for r in rows] == ["Database", "Hardware", "Network", "Service Desk", "Software"]
