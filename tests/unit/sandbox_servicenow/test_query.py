"""Encoded queries: what rows they find, what invalid terms do, and in which order rows come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.query import Order, Term, parse

Call = Callable[..., Any]
Find = Callable[..., list[str]]

ROWS: tuple[dict[str, str], ...] = (
    {"short_description": "a", "impact": "1", "urgency": "1", "correlation_id": "x1", "order": "9"},
    {"short_description": "b", "impact": "2", "urgency": "2", "category": "network", "order": "10"},
    {"short_description": "c", "impact": "3", "urgency": "3", "correlation_id": "x3",
     "assigned_to": "beth.anglin"},
    {"short_description": "dx", "impact": "3", "urgency": "1", "assigned_to": "bow.ruggeri",
     "description": "p^q"},
)  # fmt: skip


@pytest.fixture(autouse=True)
def rows(desk: ServiceNowSandbox, clock: VirtualClock) -> None:
    for row in ROWS:
        desk.create("abel.tuter", row)
        clock.advance(timedelta(hours=12))


@pytest.mark.parametrize(
    ("encoded", "found"),
    [
        ("short_description=a", "a"),
        ("short_description!=a", "b c dx"),
        ("correlation_id!=x1", "b c dx"),
        ("priority<3", "a"),
        ("priority<=3", "a b dx"),
        ("order>9", "b"),
        ("order>=9", "a b"),
        ("impactIN1,2", "a b"),
        ("impactNOT IN1,2", "c dx"),
        ("correlation_idNOT INx1", "b c dx"),
        ("short_descriptionLIKEx", "dx"),
        ("short_descriptionNOT LIKEx", "a b c"),
        ("short_descriptionSTARTSWITHd", "dx"),
        ("short_descriptionENDSWITHx", "dx"),
        ("correlation_idISEMPTY", "b dx"),
        ("correlation_idISNOTEMPTY", "a c"),
        ("correlation_id=", "b dx"),
        ("correlation_id=NULL", "b dx"),
        ("priorityBETWEEN2@3", "b dx"),
        ("sys_created_on>2026-03-02 09:00:00", "b c dx"),
        ("sys_created_on>=2026-03-02 09:00:00^sys_created_on<2026-03-03 09:00:00", "a b"),
        ("sys_created_onBETWEEN2026-03-02 21:00:00@2026-03-03 09:00:00", "b c"),
        # the account's zone is eight hours behind UTC
        ("sys_created_onON2026-03-02@x@y", "a b"),
        ("sys_created_onON2026-03-03", "c dx"),
        ("assigned_to.name=Beth Anglin", "c"),
        ("assigned_to.emailENDSWITH@example.com", "c dx"),
        ("impact=1^ORimpact=2", "a b"),
        ("impact=3^urgency=1^ORurgency=3", "c dx"),
        ("impact=1^NQimpact=3^urgency=3", "a c"),
        ("impact=1^NQshort_description=a", "a"),
        ("description=p^^q", "dx"),
        ("correlation_idINx1,x3,zz", "a c"),
        ("short_description=A", ""),
        ("numberININC0010001,INC0010004^ORDERBYDESCnumber", "dx a"),
    ],
)  # fmt: skip
def test_operators(query: Find, encoded: str, found: str) -> None:
    shown = query(encoded)
    assert (shown if "ORDERBY" in encoded else sorted(shown)) == found.split()


@pytest.mark.parametrize(
    "invalid",
    [
        "nope=1",
        "Impact=1",
        "impactis1",
        "assigned_to.nope=1",
        "number.name=x",
        "sys_id>",
        "sys_updated_on>=02.03.2026 01:00:00",
        "sys_updated_on>=javascript:gs.daysAgo(3)",
        "order>many",
    ],
)
def test_an_invalid_term_is_dropped_and_the_rest_runs(
    query: Find, desk: ServiceNowSandbox, invalid: str
) -> None:
    assert len(query(invalid)) == len(ROWS)
    assert query(f"{invalid}^short_description=b") == ["b"]
    assert query(f"short_description=b^OR{invalid}") == ["b"]
    desk.properties["glide.invalid_query.returns_no_rows"] = "true"
    assert query(f"{invalid}^short_description=b") == []
    assert query("short_description=b") == ["b"]


def test_sorting_by_several_columns(query: Find) -> None:
    assert query("ORDERBYDESCimpact^ORDERBYurgency") == ["dx", "c", "b", "a"]
    assert query("ORDERBYassigned_to^ORDERBYDESCshort_description") == ["b", "a", "c", "dx"]
    assert query("ORDERBYorder^ORDERBYshort_description") == ["c", "dx", "a", "b"], "numbers, not text"


def test_ties_come_in_an_order_of_each_request(query: Find, desk: ServiceNowSandbox) -> None:
    for n in range(20):
        desk.create("abel.tuter", {"short_description": f"t{n:02}"})
    orders = {tuple(query("ORDERBYstate")) for _ in range(5)}
    assert len(orders) == 5 and len({frozenset(order) for order in orders}) == 1
    assert len({tuple(query("ORDERBYstate^ORDERBYsys_id")) for _ in range(3)}) == 1


def test_name_value_parameters_take_display_values_and_yield_to_a_query(call: Call, query: Find) -> None:
    def found(**params: str) -> list[str]:
        answer = call("GET", "/api/now/table/incident", **params)
        return [row["short_description"] for row in answer.result]

    assert found(state="new", impact="1") == ["a"]
    assert found(assigned_to="Beth Anglin") == found(assigned_to="beth.anglin") == ["c"]
    assert found(category="Network") == ["b"]
    assert found(category="Network", sysparm_query="impact=1") == ["a"]


def test_a_query_may_ask_for_the_own_account(call: Call) -> None:
    (row,) = call(
        "GET", "/api/now/table/sys_user", sysparm_query="user_name=javascript:gs.getUserName()"
    ).result
    assert row["user_name"] == "tieline"
    assert call("GET", f"/api/now/table/sys_user/{row['sys_id']}").status == 200


def test_offset_pages_drift_when_rows_change_in_between(query: Find, desk: ServiceNowSandbox) -> None:
    first = query("active=true^ORDERBYsys_created_on", sysparm_limit="2")
    desk.delete(desk.by_number("INC0010001")["sys_id"])
    second = query("active=true^ORDERBYsys_created_on", sysparm_limit="2", sysparm_offset="2")
    assert (first, second) == (["a", "b"], ["dx"]), "c is lost between the pages"


def test_keyset_over_update_time_and_id_reaches_every_row(call: Call, desk: ServiceNowSandbox) -> None:
    for n in range(30):
        desk.create("abel.tuter", {"short_description": f"same second {n}"})
    moment, sys_id, seen = "2026-01-01 00:00:00", "", []
    while True:
        after = f"sys_updated_on={moment}^sys_id>{sys_id}^NQ" if sys_id else ""
        encoded = f"{after}sys_updated_on>{moment}^ORDERBYsys_updated_on^ORDERBYsys_id"
        page = call("GET", "/api/now/table/incident", sysparm_query=encoded, sysparm_limit="7").result
        if not page:
            break
        seen += [row["sys_id"] for row in page]
        moment, sys_id = page[-1]["sys_updated_on"], page[-1]["sys_id"]
    assert len(seen) == len(set(seen)) == 34


WORDS = st.text(alphabet="abc_.^=<>!INLKEORQ12@ ,", max_size=20)


@given(WORDS)
def test_any_text_is_read_without_an_error(encoded: str) -> None:
    found = parse(encoded)
    assert all(group and all(clause for clause in group) for group in found.groups)


def test_or_binds_to_the_condition_before_it() -> None:
    found = parse("a=1^b=2^ORb=3^NQc=4^ORDERBYd^ORDERBYDESCe")
    a, b2, b3, c = Term("a", "=", "1"), Term("b", "=", "2"), Term("b", "=", "3"), Term("c", "=", "4")
    assert found.groups == (((a,), (b2, b3)), ((c,),))
    assert found.order == (Order("d", False), Order("e", True))
