"""Compares answers, field by field, with the sample replies of real instances and of the vendor's manual."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

Call = Callable[..., Any]
ZERO = "0" * 32


@pytest.fixture(scope="session")
def examples(shared: Path) -> Path:
    return shared / "api" / "examples" / "servicenow"


def load(examples: Path, name: str) -> Any:
    return json.loads((examples / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "headers"),
    [
        ("err_400_invalid_table.json", "GET", "table/sys_nonexistent", None, {}),
        ("err_401_user_not_authenticated.json", "GET", "table/incident", None, {"authorization": None}),
        ("err_403_acl_insert.json", "POST", "table/sys_user", {}, {}),
        ("err_403_data_policy.json", "POST", "table/incident", {"state": "6", "close_notes": "x"}, {}),
        ("err_404_no_record.json", "GET", f"table/incident/{ZERO}", None, {}),
    ],
)
def test_errors_equal_the_samples(
    call: Call, examples: Path, name: str, method: str, path: str, body: Any, headers: Any
) -> None:
    sample = load(examples, name)
    answer = call(method, f"/api/now/{path}", body, headers=headers)
    assert (answer.status, answer.json) == (sample["status"], sample["body"])


def test_a_new_incident_equals_the_manuals(call: Call, examples: Path) -> None:
    sample = load(examples, "doc__c_TableAPI__04__Table_POST_now_table_tableName.json")["result"]
    body = {
        "short_description": "Unable to connect to office wifi", "urgency": "2", "impact": "2",
        "assignment_group": "Network", "contact_type": "phone",
    }  # fmt: skip
    made = call("POST", "/api/now/table/incident", body).result
    own = {"sys_id", "number", "opened_at", "opened_by", "sys_domain", "assignment_group"}
    stamped = {name for name in sample if name.startswith(("sys_created", "sys_updated"))}
    compared = sample.keys() - own - stamped
    assert {n: made[n] for n in compared} == {n: sample[n] for n in compared}
    for name in own | stamped:
        assert type(made[name]) is type(sample[name])
        if isinstance(sample[name], dict):
            assert made[name].keys() == sample[name].keys()


@pytest.mark.parametrize("number", ["02", "03", "05"])
def test_incidents_have_every_field_of_the_manual(
    desk: ServiceNowSandbox, examples: Path, number: str
) -> None:
    (file,) = examples.glob(f"doc__c_TableAPI__{number}__*.json")
    fields = json.loads(file.read_text(encoding="utf-8"))["result"].keys()
    assert fields - desk.create("admin", {}).keys() == set()


def test_lists_carry_the_headers_of_the_sample(call: Call, desk: ServiceNowSandbox, examples: Path) -> None:
    lines = (examples / "headers_200_list.txt").read_text(encoding="utf-8").splitlines()
    names = {line.partition(":")[0] for line in lines if ": " in line and line[0] not in "#<"}
    for _ in range(2):
        desk.create("admin", {})
    found = {name.lower() for name in call("GET", "/api/now/table/incident", sysparm_limit="1").headers}
    assert names - found == {"transfer-encoding"}


def test_hidden_rows_are_counted_and_not_shown(call: Call, desk: ServiceNowSandbox, examples: Path) -> None:
    sample = load(examples, "acl_hidden_rows.json")
    desk.access.hidden |= {desk.create("admin", {})["sys_id"] for _ in range(7)}
    answer = call("GET", "/api/now/table/incident")
    assert answer.json == sample["body"]
    assert answer.headers["X-Total-Count"] == sample["headers"]["X-Total-Count"]
