"""Several writes in one request: each part has its own outcome; a lost batch leaves all unknown."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests

from tieline.connectors.base import AddNote, Applied, Create, Ref, ShowLink, Update, Version
from tieline.connectors.errors import Denied, Gone, RateLimited, Rejected, Unavailable, Unknown

from .conftest import Instance, batch_parts, batch_reply, error, reply, row, sys_id

REFS = [Ref("servicenow", sys_id(number)) for number in range(5)]
UPDATES = [Update(ref, {"category": "dns"}, seen=Version("4@x")) for ref in REFS]


def ok(number: int, **cells: Any) -> Any:
    return reply({"result": row(number, **cells)})


def all_ok(request: requests.PreparedRequest) -> Any:
    parts = batch_parts(request)
    return batch_reply({part["id"]: ok(int(part["url"].split("/")[-1][:32], 16)) for part in parts})


def kinds(outcomes: Any) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def test_several_writes_are_one_request(instance: Instance, connector: Any) -> None:
    instance.answer = all_ok
    outcomes = connector.write(UPDATES)
    assert [outcome.ref for outcome in outcomes] == REFS
    assert instance.lines() == ["POST /api/now/v1/batch"]


def test_a_part_is_the_request_that_would_have_been_sent_alone(instance: Instance, connector: Any) -> None:
    marker = "example:operations:1"
    create = Create("servicenow", "incident", {"category": "dns"}, marker, Ref("jira", "1"))
    instance.replies = [batch_reply({"0": ok(0), "1": ok(1)}), ok(0)]
    connector.write([UPDATES[0], create])
    update, creation = batch_parts(instance.sent[0])
    connector.write([UPDATES[0]])
    assert update["method"] == instance.sent[1].method == "PATCH"
    assert (
        f"https://example.service-now.com{update['url']}".split("?")[0]
        == str(instance.sent[1].url).split("?")[0]
    )
    assert set(update["url"].split("?")[1].split("&")) == set(
        str(instance.sent[1].url).split("?")[1].split("&")
    )
    assert update["body"] == instance.body(1)
    assert (creation["method"], creation["url"].split("?")[0]) == ("POST", "/api/now/table/incident")
    assert creation["body"] == {"category": "dns", "correlation_id": marker}


def test_batches_are_bounded(instance: Instance, make: Any) -> None:
    instance.answer = all_ok
    assert len(make(batch_size=2).write(UPDATES[:4])) == 4
    assert [len(batch_parts(request)) for request in instance.sent] == [2, 2]


def test_a_single_rest_of_a_batch_goes_directly(instance: Instance, make: Any) -> None:
    instance.replies = [batch_reply({"0": ok(0), "1": ok(1)}), ok(2)]
    assert kinds(make(batch_size=2).write(UPDATES[:3])) == [Applied] * 3
    assert instance.lines()[1] == f"PATCH /api/now/table/incident/{REFS[2].id}"


def test_every_part_has_an_outcome_of_its_own(instance: Instance, connector: Any) -> None:
    refusal = reply(
        error("Operation Failed", "Data Policy Exception: The following fields are mandatory: X"), 403
    )
    answers = {"4": ok(4), "0": ok(0), "1": refusal, "2": reply(error("x"), 500)}
    instance.replies = [batch_reply(answers, left=["3"])]
    assert kinds(connector.write(UPDATES)) == [Applied, Rejected, Unknown, Unavailable, Applied]


@pytest.mark.parametrize("left", [[{"id": "1"}], [1]])
def test_unserviced_parts_are_known_however_they_are_listed(
    instance: Instance, connector: Any, left: Any
) -> None:
    body = json.loads(batch_reply({"0": ok(0)})[2]) | {"unserviced_requests": left}
    instance.replies = [reply(body)]
    assert kinds(connector.write(UPDATES[:2])) == [Applied, Unavailable]


def test_a_part_that_is_named_nowhere_or_twice_is_unknown(instance: Instance, connector: Any) -> None:
    body = json.loads(batch_reply({"0": ok(0), "1": ok(1)}, left=["1"])[2])
    body["serviced_requests"].append(body["serviced_requests"][0])
    instance.replies = [reply(body)]
    assert kinds(connector.write(UPDATES[:3])) == [Unknown, Unknown, Unknown]


@pytest.mark.parametrize(
    "part",
    [
        {"status_code": 200, "body": "bm90IGpzb24="},
        {"status_code": 200, "body": "%%%"},
        {"status_code": 200, "body": ""},
        {"status_code": 200},
        {"status_code": None, "error_message": "could not be run"},
        {"status_code": "2OO", "body": "e30="},
    ],
)
def test_a_part_that_cannot_be_believed_is_unknown(instance: Instance, connector: Any, part: Any) -> None:
    body = json.loads(batch_reply({"1": ok(1)})[2])
    body["serviced_requests"].append({"id": "0", **part})
    instance.replies = [reply(body)]
    assert kinds(connector.write(UPDATES[:2])) == [Unknown, Applied]


def test_a_body_in_lines_is_decoded(instance: Instance, connector: Any) -> None:
    body = json.loads(batch_reply({"0": ok(0), "1": ok(1)})[2])
    for part in body["serviced_requests"]:
        part["body"] = "\n".join(part["body"][at : at + 76] for at in range(0, len(part["body"]), 76))
    instance.replies = [reply(body)]
    assert kinds(connector.write(UPDATES[:2])) == [Applied, Applied]


LOST: dict[str, Any] = {
    "500": reply(error("x"), 500),
    "time-out": requests.ReadTimeout(),
    "a page": reply("<html>"),
    "broken JSON": reply('{"serviced_requests": ['),
    "no parts": reply({"batch_request_id": "1"}),
    "error in it": reply({"serviced_requests": [], "error": {"message": "x"}}),
    "gateway's 403": reply("<html>Forbidden</html>", 403),
    "403 without a reason": reply(error("Operation Failed", None), 403),
    "gateway's 400": reply("<html>Bad request</html>", 400),
}


@pytest.mark.parametrize("given", LOST.values(), ids=LOST)
def test_a_lost_batch_leaves_every_write_unknown_and_nothing_more_is_sent(
    instance: Instance, make: Any, given: Any
) -> None:
    instance.replies = [given]
    outcomes = make(batch_size=2).write(UPDATES)
    assert kinds(outcomes) == [Unknown, Unknown, Unavailable, Unavailable, Unavailable]
    assert len(instance.sent) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [(reply("", 401), Denied), (reply("", 429, {"Retry-After": "3600"}), RateLimited)],
)
def test_a_batch_that_was_turned_away_tells_every_write(
    instance: Instance, make: Any, given: Any, expected: type
) -> None:
    instance.replies = [given]
    outcomes = make(batch_size=2).write(UPDATES[:3])
    assert kinds(outcomes) == [expected, expected, Unavailable]


@pytest.mark.parametrize(
    "given",
    [
        reply(error("Requested URI does not represent any resource", None), 404),
        reply("<html>Not found</html>", 404),
        reply("", 405),
        reply(error("User Not Authorized", "Failed API level ACL Validation"), 403),
        reply(error("Bad request", None), 400),
    ],
)
def test_without_a_batch_api_writes_go_singly_from_then_on(
    instance: Instance, connector: Any, given: Any
) -> None:
    instance.replies = [given, ok(0), ok(1), ok(2), ok(3)]
    assert kinds(connector.write(UPDATES[:2])) == [Applied, Applied]
    assert kinds(connector.write(UPDATES[2:4])) == [Applied, Applied]
    assert [line.split()[0] for line in instance.lines()] == ["POST", "PATCH", "PATCH", "PATCH", "PATCH"]


def test_single_writes_stop_after_a_lost_answer(instance: Instance, connector: Any) -> None:
    instance.replies = [reply("", 404), ok(0), requests.ReadTimeout()]
    assert kinds(connector.write(UPDATES[:4])) == [Applied, Unknown, Unavailable, Unavailable]
    assert len(instance.sent) == 3


def test_our_own_writes_in_one_batch_are_not_taken_for_somebody_elses(
    instance: Instance, connector: Any
) -> None:
    ref = REFS[0]
    actions = [
        ShowLink(ref, "g", "OPS-1", "u"),
        UPDATES[0],
        AddNote(ref, "x"),
        Update(ref, {}, seen=Version("4@x")),
    ]
    answers = {str(n): ok(0, sys_mod_count=str(5 + n)) for n in range(4)}
    instance.replies = [batch_reply(answers)]
    outcomes = connector.write(actions)
    assert [outcome.alone for outcome in outcomes] == [None, True, None, True]


def test_an_id_that_cannot_be_one_spoils_no_batch(instance: Instance, connector: Any) -> None:
    evil = Update(Ref("servicenow", "../sys_user"), {"a": "b"})
    instance.answer = all_ok
    assert kinds(connector.write([UPDATES[0], evil, UPDATES[1]])) == [Applied, Gone, Applied]
    assert all("sys_user" not in part["url"] for part in batch_parts(instance.sent[0]))


def many(count: int) -> list[Update]:
    return [
        Update(Ref("servicenow", sys_id(n)), {"category": "dns"}, seen=Version("4@x")) for n in range(count)
    ]


def test_batches_go_out_at_the_same_time(instance: Instance, connector: Any) -> None:
    instance.answer = all_ok
    connector.write(many(2))  # from now on it is known that there is a Batch API
    met = threading.Barrier(3, timeout=20)

    def together(request: requests.PreparedRequest) -> Any:
        met.wait()  # breaks unless three are under way at once
        return all_ok(request)

    instance.answer = together
    outcomes = connector.write(many(60))
    assert [outcome.ref.id for outcome in outcomes] == [sys_id(n) for n in range(60)]


def test_the_first_batch_goes_alone_for_there_may_be_no_batch_api(instance: Instance, connector: Any) -> None:
    def answer(request: requests.PreparedRequest) -> Any:
        path = str(request.url)
        return reply("", 404) if path.endswith("/batch") else ok(int(path.partition("?")[0][-32:], 16))

    instance.answer = answer
    outcomes = connector.write(many(60))
    assert kinds(outcomes) == [Applied] * 60
    assert sum(line.endswith("/batch") for line in instance.lines()) == 1


def test_writes_to_one_record_are_not_sent_at_the_same_time(instance: Instance, connector: Any) -> None:
    instance.answer = all_ok
    connector.write(many(2))
    under_way = []

    def alone(request: requests.PreparedRequest) -> Any:
        under_way.append(1)
        assert len(under_way) == 1
        answer = all_ok(request)
        under_way.pop()
        return answer

    instance.answer = alone
    connector.write([*many(60), *many(2)])
    assert len(instance.sent) == 1 + 4


def test_after_a_denied_batch_no_further_one_begins(instance: Instance, connector: Any) -> None:
    instance.answer = all_ok
    connector.write(many(2))
    instance.answer = lambda _: reply(error("User Not Authenticated"), 401)
    outcomes = connector.write(many(400))
    assert {type(outcome) for outcome in outcomes} <= {Denied, Unavailable}
    assert isinstance(outcomes[0], Denied)
    assert len(instance.sent) - 1 <= 8 + 8
