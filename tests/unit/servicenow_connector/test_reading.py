"""Records by id, by marker, by number, by scope; and answers that must not be believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tieline.connectors.base import Record, Ref
from tieline.connectors.errors import ConfigError, Denied, Gone, Malformed, RateLimited, Unavailable

from .conftest import INCIDENTS, Instance, error, reply, row, rows_reply, sys_id

A, B, C = (Ref("servicenow", sys_id(number)) for number in (1, 2, 3))


def test_records_come_back_in_the_order_asked_for(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(2), row(1))]
    found = connector.read([A, B, A])
    assert [record.label for record in found] == ["INC0000001", "INC0000002", "INC0000001"]
    assert instance.lines() == ["GET /api/now/table/incident"]


def test_a_read_asks_for_stored_values_of_named_columns(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(1))]
    connector.read([A])
    params = instance.params()
    assert params["sysparm_query"] == f"sys_idIN{A.id}"
    assert params["sysparm_display_value"] == "false"
    assert params["sysparm_exclude_reference_link"] == "true"
    assert set(params["sysparm_fields"].split(",")) >= {
        "sys_id",
        "sys_mod_count",
        "correlation_id",
        "watch_list",
    }
    assert "sysparm_view" not in params


def test_a_record_carries_typed_canonical_values(instance: Instance, connector: Any) -> None:
    cells = {
        "short_description": " Mail\r\nis down ",
        "description": "one  \r\n\r\ntwo\n\n",
        "assigned_to": {"link": f"{INCIDENTS}/x", "value": "5137153cc611227c000bbd1bd8cd2005"},
        "watch_list": "b@example.com,a@example.com",
        "correlation_id": "example:operations:10001",
        "correlation_display": "OPS-7",
    }
    instance.replies = [rows_reply(row(1, **cells))]
    [record] = connector.read([A])
    assert isinstance(record, Record)
    assert dict(record.values) == {
        "short_description": "Mail is down",
        "description": "one\n\ntwo",
        "category": None,
        "assigned_to": "5137153cc611227c000bbd1bd8cd2005",
        "watch_list": frozenset({"a@example.com", "b@example.com"}),
        "correlation_display": "OPS-7",
    }
    assert record.marker == "example:operations:10001"
    assert record.created == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert record.updated == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (record.updated_by, record.place) == ("abel.tuter", "incident")
    assert record.url == f"https://example.service-now.com/nav_to.do?uri=incident.do?sys_id={A.id}"


def test_many_records_cost_one_request_a_hundred(instance: Instance, connector: Any) -> None:
    def answer(request: requests.PreparedRequest) -> Any:
        ids = instance.params()["sysparm_query"].removeprefix("sys_idIN").split(",")
        assert len(ids) <= 100
        return rows_reply(*(row(int(each, 16)) for each in ids))

    instance.answer = answer
    refs = [Ref("servicenow", sys_id(number)) for number in range(250)]
    assert [record.ref for record in connector.read(refs)] == refs
    assert len(instance.sent) == 3


def test_no_refs_cost_nothing(instance: Instance, connector: Any) -> None:
    assert connector.read([]) == []
    assert connector.in_scope([], "active=true") == frozenset()
    assert connector.write([]) == []
    assert instance.sent == []


def test_a_record_that_is_not_shown_is_gone_and_the_others_are_read(
    instance: Instance, connector: Any
) -> None:
    instance.replies = [rows_reply(row(2), total=2)]
    first, second = connector.read([A, B])
    assert isinstance(first, Gone)
    assert isinstance(second, Record)


def test_an_id_that_cannot_be_one_is_gone_and_never_reaches_a_query(
    instance: Instance, connector: Any
) -> None:
    evil = Ref("servicenow", "x^NQactive=true")
    assert isinstance(connector.read([evil])[0], Gone)
    assert instance.sent == []


def test_a_column_that_is_not_shown_spoils_its_record_only(instance: Instance, connector: Any) -> None:
    hidden = row(1)
    del hidden["category"]
    instance.replies = [rows_reply(hidden, row(2))]
    first, second = connector.read([A, B])
    assert isinstance(first, Malformed)
    assert "category" in str(first)
    assert isinstance(second, Record)


@pytest.mark.parametrize("time", ["01.03.2026 10:00:00", "", "2026-03-01", "2026-03-01T10:00:00Z"])
def test_a_time_in_another_format_is_not_believed(instance: Instance, connector: Any, time: str) -> None:
    instance.replies = [rows_reply(row(1, sys_updated_on=time))]
    assert isinstance(connector.read([A])[0], Malformed)


UNBELIEVABLE: dict[str, Any] = {
    "a page": reply("<html><title>Instance Hibernating page</title></html>"),
    "broken JSON": reply('{"result": [{"sys_id": "1"}""],'),
    "nothing": reply(""),
    "no result": reply({"status": "success"}),
    "a single record": reply({"result": row(1)}),
    "rows that are none": reply({"result": ["x"]}),
    "a list": reply([]),
    "result and error": reply({"result": [row(1)], **error("Something", "broke")}),
    "others' records": rows_reply(row(1), row(9)),
    "more to come": reply({"result": [row(1)]}, headers={"Link": f'<{INCIDENTS}?x=1>;rel="next"'}),
    "the whole table": rows_reply(*(row(number) for number in range(1, 4)), total=28124),
    "a redirect": reply("", 302, {"Location": "https://developer.servicenow.com/"}),
    "an invalid table": reply(error("Invalid table incident", None), 400),
}


@pytest.mark.parametrize("given", UNBELIEVABLE.values(), ids=UNBELIEVABLE)
def test_an_answer_that_breaks_the_contract_is_malformed_and_nothing_is_gone(
    instance: Instance, connector: Any, given: Any
) -> None:
    instance.replies = [given]
    with pytest.raises(Malformed):
        connector.read([A, B])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (reply(error("User Not Authenticated", "Required to provide Auth information"), 401), Denied),
        (reply(error("Insufficient rights to query records", None), 403), Denied),
        (reply("", 429), RateLimited),
        (reply("<html>Bad gateway</html>", 502), Unavailable),
        (reply("<html>hibernating</html>", 503), Unavailable),
        (
            reply({"result": [], **error("Transaction cancelled: maximum execution time exceeded")}),
            Unavailable,
        ),
        (requests.ReadTimeout(), Unavailable),
        (requests.ConnectionError("reset"), Unavailable),
    ],
)
def test_failures_of_the_side_are_raised(
    instance: Instance, connector: Any, given: Any, expected: type
) -> None:
    instance.replies = [given] * 5
    with pytest.raises(expected):
        connector.read([A])


def test_a_404_that_says_no_record_means_none(instance: Instance, connector: Any) -> None:
    instance.replies = [
        reply(error("No Record found", "Record doesn't exist or ACL restricts the retrieval"), 404)
    ]
    assert isinstance(connector.read([A])[0], Gone)


def test_a_404_of_something_else_means_nothing(instance: Instance, connector: Any) -> None:
    instance.replies = [reply(error("Requested URI does not represent any resource", None), 404)]
    with pytest.raises(Malformed):
        connector.read([A])


def test_the_vendors_own_example_is_read(instance: Instance, make: Any, shared: Path) -> None:
    folder = shared / "api" / "examples" / "servicenow"
    body = json.loads((folder / "doc__c_TableAPI__01__Table_GET_now_table_tableName.json").read_text())
    instance.replies = [reply(body)]
    fields = {"short_description": "line", "cmdb_ci": "choice", "opened_by": "person", "due_date": "line"}
    [record] = make(table="problem", fields=fields).read([Ref("servicenow", body["result"][0]["sys_id"])])
    assert dict(record.values) == {
        "short_description": "Switch occasionally drops connections",
        "cmdb_ci": "55b35562c0a8010e01cff22378e0aea9",
        "opened_by": "glide.maint",
        "due_date": None,
        "correlation_display": None,
    }


# Scope


def test_an_empty_scope_matches_all_and_asks_nothing(instance: Instance, connector: Any) -> None:
    assert connector.in_scope([A, B], "") == {A, B}
    assert instance.sent == []


def test_a_scope_stands_behind_the_ids(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(1, active="true", priority="1")), rows_reply(row(2), total=1)]
    assert connector.in_scope([A, B], "active=true^ORpriority=1") == {B}
    assert instance.params()["sysparm_query"] == f"sys_idIN{A.id},{B.id}^active=true^ORpriority=1"


def test_a_scope_on_an_unknown_column_is_refused_because_it_would_match_everything(
    instance: Instance, connector: Any
) -> None:
    instance.replies = [rows_reply({"sys_id": A.id, "active": "true"})]
    with pytest.raises(ConfigError, match="u_nonsense"):
        connector.in_scope([A], "active=true^u_nonsense=1")


@pytest.mark.parametrize(("group", "fails"), [("", False), (sys_id(5), True)])
def test_what_a_dot_leads_to_is_missed_only_where_its_reference_is_set(
    instance: Instance, connector: Any, group: str, fails: bool
) -> None:
    instance.replies = [rows_reply({"sys_id": A.id, "assignment_group": group}), rows_reply(row(1))]
    if fails:
        with pytest.raises(ConfigError, match=r"assignment_group\.nam"):
            connector.in_scope([A], "assignment_group.nam=Network")
    else:
        assert connector.in_scope([A], "assignment_group.nam=Network") == {A}


def test_a_scopes_columns_are_checked_once(instance: Instance, connector: Any) -> None:
    instance.replies = [
        rows_reply({"sys_id": A.id, "active": "true"}),
        rows_reply(row(1)),
        rows_reply(row(1)),
    ]
    connector.in_scope([A], "active=true")
    connector.in_scope([A], "active=true")
    assert len(instance.sent) == 3


@pytest.mark.parametrize("scope", ["active=true^NQpriority=1", "active=true^ORDERBYnumber"])
def test_a_scope_with_alternatives_is_refused_before_anything_is_sent(
    instance: Instance, connector: Any, scope: str
) -> None:
    with pytest.raises(ConfigError):
        connector.in_scope([A], scope)
    assert instance.sent == []


# Markers and numbers

MARKER = "example:operations:10001"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_holder_of_a_marker_is_found(instance: Instance, connector: Any, count: int) -> None:
    instance.replies = [rows_reply(*(row(number, correlation_id=MARKER) for number in range(count)))]
    found = connector.find(MARKER, "incident", "")
    assert [record.marker for record in found] == [MARKER] * count
    assert instance.params()["sysparm_query"] == f"correlation_id={MARKER}"


def test_a_marker_that_differs_in_case_is_another_one(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(1, correlation_id=MARKER.upper()))]
    assert connector.find(MARKER, "incident", "") == []


@pytest.mark.parametrize(
    "given",
    [
        rows_reply(row(1, correlation_id="")),
        rows_reply(total=1),
        rows_reply(row(1, correlation_id=MARKER), total=2),
    ],
)
def test_a_search_for_a_marker_that_was_not_kept_to_or_hides_rows_is_malformed(
    instance: Instance, connector: Any, given: Any
) -> None:
    instance.replies = [given]
    with pytest.raises(Malformed):
        connector.find(MARKER, "incident", "")


def test_a_number_is_looked_up(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(1))]
    assert connector.lookup("inc0000001") == A


def test_a_sys_id_is_looked_up(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(), rows_reply(row(1))]
    assert connector.lookup(A.id) == A


@pytest.mark.parametrize("label", ["INC0000009", "INC1^NQactive=true", "", "two words"])
def test_a_label_that_is_none_finds_nothing(instance: Instance, connector: Any, label: str) -> None:
    instance.replies = [rows_reply(row(1)), rows_reply(row(1))]
    assert connector.lookup(label) is None


def test_no_watermark_is_needed(connector: Any) -> None:
    assert connector.watermark("incident") == ""


def test_what_is_only_watched_is_asked_for_and_may_be_hidden(instance: Instance, make: Any) -> None:
    connector = make(watched={"caller_id.vip": "choice", "contact_type": "choice"})
    seen = row(1, **{"caller_id.vip": "true", "contact_type": "phone"})
    instance.replies = [rows_reply(seen, row(2))]
    first, second = connector.read([A, B])
    assert {"caller_id.vip", "contact_type"} <= set(instance.params()["sysparm_fields"].split(","))
    assert (first.values["caller_id.vip"], first.values["contact_type"]) == ("true", "phone")
    assert (second.values["caller_id.vip"], second.values["contact_type"]) == (None, None)


def test_a_watched_column_that_no_record_shows_is_told(instance: Instance, make: Any) -> None:
    connector = make(watched={"u_nothing": "choice", "caller_id.u_nothing": "choice"})
    instance.replies = [rows_reply(row(1)), rows_reply({"sys_id": A.id})]
    with pytest.raises(ConfigError, match="no column u_nothing;"):
        connector.read([A])
    with pytest.raises(ConfigError, match="not the name of a ServiceNow column"):
        make(watched={"caller_id.": "choice"})
