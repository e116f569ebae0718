"""Who we are, and the people and groups behind values, e-mail addresses and names."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any

import pytest

from tieline.connectors.base import Entity
from tieline.connectors.errors import Denied, Malformed

from .conftest import Instance, Watch, error, reply, rows_reply, sys_id


def user(number: int, email: str, **cells: Any) -> dict[str, str]:
    return {
        "sys_id": sys_id(number), "name": f"User {number}", "email": email, "user_name": f"user.{number}",
        "active": "true",
    } | cells  # fmt: skip


def group(number: int, name: str) -> dict[str, str]:
    return {"sys_id": sys_id(number), "name": name, "email": "", "active": "true"}


ME = {"sys_id": sys_id(1), "name": "Tieline", "user_name": "Tieline", "time_zone": "Europe/Berlin"}


def test_the_canary_is_one_request_and_tells_who_we_are(
    instance: Instance, connector: Any, watch: Watch
) -> None:
    instance.replies = [
        reply(
            {"result": [ME]},
            headers={"Date": format_datetime(watch.now, usegmt=True), "X-Is-Logged-In": "true"},
        )
    ]
    identity = connector.identity()
    assert (identity.id, identity.name, identity.time_zone) == (sys_id(1), "Tieline", "Europe/Berlin")
    assert abs(identity.skew.total_seconds()) <= 1
    assert instance.lines() == ["GET /api/now/table/sys_user"]
    assert instance.params()["sysparm_query"] == "user_name=tieline"


@pytest.mark.parametrize(
    "given",
    [
        reply(error("User Not Authenticated"), 401),
        reply({"result": []}),
        reply({"result": [ME | {"user_name": "guest"}]}),
        reply({"result": [ME, ME | {"user_name": "admin"}]}),
        reply({"result": [ME]}, headers={"X-Is-Logged-In": "false"}),
    ],
)
def test_an_answer_that_is_not_ours_is_denied(instance: Instance, connector: Any, given: Any) -> None:
    instance.replies = [given]
    with pytest.raises(Denied):
        connector.identity()


def test_people_are_read_by_id_in_one_request(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(user(2, "b@example.com"), user(3, "c@example.com", active="false"))]
    found = connector.entities("person", [sys_id(2), sys_id(3), sys_id(4), sys_id(2), "a^b", ""])
    assert found == [
        Entity("servicenow", "person", sys_id(2), "User 2", "b@example.com", "user.2", True),
        Entity("servicenow", "person", sys_id(3), "User 3", "c@example.com", "user.3", False),
    ]
    assert instance.params()["sysparm_query"] == f"sys_idIN{sys_id(2)},{sys_id(3)},{sys_id(4)}"


def test_groups_are_read_by_id(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(group(5, "Network"))]
    assert connector.entities("group", [sys_id(5)]) == [Entity("servicenow", "group", sys_id(5), "Network")]
    assert instance.lines() == ["GET /api/now/table/sys_user_group"]


def test_people_are_searched_by_address_whatever_the_case(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(user(2, "Abel.Tuter@Example.com"))]
    found = connector.search_entities("person", ["abel.tuter@example.com", "nobody@example.com"])
    assert {key: entity.id for key, entity in found.items()} == {"abel.tuter@example.com": sys_id(2)}
    assert instance.params()["sysparm_query"] == "emailINabel.tuter@example.com,nobody@example.com"


def test_a_key_that_is_no_address_is_a_user_name(instance: Instance, connector: Any) -> None:
    """The configured map joins people by it where Jira hides their addresses."""
    instance.replies = [rows_reply(user(2, "a@example.com")), rows_reply(user(3, "b@example.com"))]
    found = connector.search_entities("person", ["a@example.com", "User.3", "nobody"])
    assert {key: entity.id for key, entity in found.items()} == {
        "a@example.com": sys_id(2),
        "User.3": sys_id(3),
    }
    assert instance.params()["sysparm_query"] == "user_nameINUser.3,nobody,user.3"


def test_an_address_that_two_people_have_finds_nobody(instance: Instance, connector: Any) -> None:
    instance.replies = [
        rows_reply(user(2, "a@example.com"), user(3, "A@example.com"), user(4, "b@example.com"))
    ]
    assert list(connector.search_entities("person", ["a@example.com", "b@example.com"])) == ["b@example.com"]


def test_a_name_with_a_comma_is_asked_for_whole(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(group(5, "Desk, North"), group(6, "Network"))]
    found = connector.search_entities("group", ["Desk, North", "Network"])
    assert {key: entity.id for key, entity in found.items()} == {
        "Desk, North": sys_id(5),
        "Network": sys_id(6),
    }
    assert set(instance.params()["sysparm_query"].split("^OR")) == {
        "nameINNetwork,network", "name=Desk, North", "name=desk, north",
    }  # fmt: skip


def test_what_cannot_be_asked_for_is_absent_and_spoils_nothing(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(group(6, "Network"))]
    keys = ["a^ORactive=true", "javascript:gs.getUserID()", "", "Network", "x\ny"]
    assert list(connector.search_entities("group", keys)) == ["Network"]
    assert instance.params()["sysparm_query"] == "nameINNetwork,network"
    assert connector.search_entities("group", ["a^b"]) == {}
    assert len(instance.sent) == 1


@pytest.mark.parametrize("call", ["entities", "search"])
def test_rows_that_were_not_asked_for_are_not_believed(instance: Instance, connector: Any, call: str) -> None:
    instance.replies = [rows_reply(user(9, "stranger@example.com"))]
    with pytest.raises(Malformed):
        if call == "entities":
            connector.entities("person", [sys_id(2)])
        else:
            connector.search_entities("person", ["a@example.com"])
