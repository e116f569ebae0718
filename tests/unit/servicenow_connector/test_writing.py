"""One write is one request, made once; what its answer proves, and what only looks like success."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from urllib3.exceptions import NewConnectionError

from tieline.connectors.base import AddNote, Applied, Create, Move, Ref, ShowLink, Transition, Update, Version
from tieline.connectors.errors import Denied, Gone, RateLimited, Rejected, Unavailable, Unknown

from .conftest import Instance, Reply, error, reply, row, rows_reply, sys_id

A = Ref("servicenow", sys_id(1))
ORIGIN = Ref("jira", "10001")
MARKER = "example:operations:10001"
CREATE = Create(
    "servicenow",
    "incident",
    {"short_description": "Mail", "category": None},
    MARKER,
    ORIGIN,
    "Mirror of OPS-1",
)
UPDATE = Update(A, {"short_description": "Mail"}, {"short_description": "Mail is down"}, Version("4@x"))


def done(**cells: Any) -> Reply:
    return reply({"result": row(1, **cells)})


def created(**cells: Any) -> Reply:
    return reply({"result": row(1, **cells)}, 201, {"Location": "x"})


def test_a_create_is_one_request_with_marker_and_note(instance: Instance, connector: Any) -> None:
    instance.replies = [created(correlation_id=MARKER, sys_mod_count="0")]
    [outcome] = connector.write([CREATE])
    assert instance.lines() == ["POST /api/now/table/incident"]
    assert instance.body() == {
        "short_description": "Mail",
        "category": "",
        "correlation_id": MARKER,
        "work_notes": "Mirror of OPS-1",
    }
    assert isinstance(outcome, Applied)
    assert (outcome.ref, outcome.alone) == (A, True)
    assert outcome.record is not None and outcome.record.marker == MARKER


def test_an_update_is_one_patch_with_its_note(instance: Instance, connector: Any) -> None:
    instance.replies = [done(sys_mod_count="5")]
    connector.write([Update(A, {"watch_list": frozenset({"b", "a"}), "description": None}, note="why")])
    assert instance.lines() == [f"PATCH /api/now/table/incident/{A.id}"]
    assert instance.body() == {"watch_list": "a,b", "description": "", "work_notes": "why"}
    params = instance.params()
    assert params["sysparm_input_display_value"] == "false"
    assert params["sysparm_display_value"] == "false"
    names = ("fields", "display_value", "exclude_reference_link", "input_display_value")
    assert set(params) == {f"sysparm_{name}" for name in names}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        (ShowLink(A, "g", "OPS-7", "https://x"), {"correlation_display": "OPS-7"}),
        (AddNote(A, "parked"), {"work_notes": "parked"}),
    ],
)
def test_links_and_notes_are_one_patch(instance: Instance, connector: Any, action: Any, body: Any) -> None:
    instance.replies = [done()]
    [outcome] = connector.write([action])
    assert instance.lines() == [f"PATCH /api/now/table/incident/{A.id}"]
    assert instance.body() == body
    assert outcome.alone is None


def test_without_a_field_for_the_link_its_note_is_written_alone(instance: Instance, make: Any) -> None:
    instance.replies = [done()]
    make(link="").write([ShowLink(A, "g", "OPS-7", "https://x", note="Mirrored in Jira")])
    assert instance.body() == {"work_notes": "Mirrored in Jira"}


def test_a_transition_is_a_mistake_of_the_caller(instance: Instance, connector: Any) -> None:
    with pytest.raises(AssertionError):
        connector.write([Transition(A, Move("11", "In Progress"))])
    assert instance.sent == []


@pytest.mark.parametrize(
    ("seen", "count", "alone"),
    [("4@x", "5", True), ("4@x", "4", True), ("4@x", "6", False), ("4@x", "1,000", None), ("4@x", "3", None),
     ("", "5", None), ("opaque", "5", None)],
)  # fmt: skip
def test_the_count_of_writes_tells_whether_we_were_alone(
    instance: Instance, connector: Any, seen: str, count: str, alone: bool | None
) -> None:
    instance.replies = [done(sys_mod_count=count, sys_updated_by="tieline")]
    [outcome] = connector.write([Update(A, {"category": "dns"}, seen=Version(seen))])
    assert outcome.alone is alone
    assert len(outcome.races) == (1 if alone is False else 0)


@pytest.mark.parametrize(
    ("count", "by", "made", "alone"),
    [("5", "Tieline", True, True), ("5", "", True, True), ("4", "beth.anglin", True, True),
     ("5", "beth.anglin", False, False), ("6", "beth.anglin", True, False)],
)  # fmt: skip
def test_a_review_takes_one_change_of_somebody_else_for_no_write_of_ours(
    instance: Instance, connector: Any, count: str, by: str, made: bool, alone: bool
) -> None:
    """They set the very value that was sent; whose write counted stands beside it."""
    shown = row(1, short_description="Mail", sys_mod_count=count, sys_updated_by=by)
    instance.replies = [rows_reply(shown)]
    (told,) = connector.review([UPDATE])
    assert (told.made, told.alone, bool(told.races)) == (made, alone, count == "6")


@pytest.mark.parametrize(("updated_by", "by"), [("beth.anglin", "beth.anglin"), ("Tieline", "")])
def test_a_race_says_when_and_who_if_it_is_known(
    instance: Instance, connector: Any, updated_by: str, by: str
) -> None:
    instance.replies = [done(sys_mod_count="9", sys_updated_by=updated_by)]
    [outcome] = connector.write([UPDATE])
    [race] = outcome.races
    assert (race.field, race.value, race.known, race.by) == ("", None, False, by)
    assert race.at == outcome.record.updated


def test_a_rewritten_or_dropped_value_is_visible_in_the_record(instance: Instance, connector: Any) -> None:
    instance.replies = [done(sys_mod_count="5", short_description="MAIL", category="")]
    [outcome] = connector.write(
        [Update(A, {"short_description": "Mail", "category": "dns"}, seen=Version("4@x"))]
    )
    assert outcome.record.values["short_description"] == "MAIL"
    assert outcome.record.values["category"] is None
    assert outcome.alone is True


def test_an_answer_that_shows_too_little_is_applied_without_a_record(
    instance: Instance, connector: Any
) -> None:
    instance.replies = [reply({"result": {"sys_id": A.id}})]
    assert connector.write([UPDATE]) == [Applied(A, None, None)]


NO_SUCCESS: dict[str, Any] = {
    "result and error": reply({"result": row(1), **error("Transaction cancelled", "maximum execution time")}),
    "error alone": reply(error("Something", "broke")),
    "failure": reply({"result": row(1), "status": "failure"}),
    "a page": reply("<html><title>Instance Hibernating page</title></html>"),
    "broken JSON": reply('{"result": {"sys_id": "1"'),
    "empty": reply(""),
    "no content": reply("", 204),
    "a list": reply({"result": [row(1)]}),
    "no sys_id": reply({"result": {"number": "INC1"}}),
    "null": reply({"result": None}),
    "a redirect": reply("", 302, {"Location": "https://developer.servicenow.com/"}),
    "500": reply(error("Transaction cancelled: maximum execution time exceeded"), 500),
    "502": reply("<html>", 502),
    "503": reply("<html>hibernating</html>", 503, {"Retry-After": "1"}),
    "403 without a reason": reply(error("Insufficient rights to query records", None), 403),
    "403 page": reply("<html>Forbidden</html>", 403),
    "400 page": reply("<html>Bad request</html>", 400),
    "404 page": reply("<html>Not found</html>", 404),
    "429 of a begun transaction": reply(error("Transaction cancelled by quota rule"), 429),
    "time-out": requests.ReadTimeout(),
    "reset": requests.ConnectionError("Connection reset"),
    "cut": requests.exceptions.ChunkedEncodingError(),
}


@pytest.mark.parametrize("given", NO_SUCCESS.values(), ids=NO_SUCCESS)
@pytest.mark.parametrize("action", [CREATE, UPDATE], ids=["create", "update"])
def test_what_proves_nothing_is_unknown_and_sent_once(
    instance: Instance, connector: Any, action: Any, given: Any
) -> None:
    instance.replies = [given]
    [outcome] = connector.write([action])
    assert type(outcome) is Unknown
    assert len(instance.sent) == 1


def refusal(detail: str, status: int = 403) -> Reply:
    return reply(error("Operation Failed", detail), status)


def test_an_answer_about_another_record_is_unknown(instance: Instance, connector: Any) -> None:
    instance.replies = [reply({"result": row(2)})]
    assert type(connector.write([UPDATE])[0]) is Unknown


REFUSALS: dict[str, tuple[Reply, dict[str, str]]] = {
    "data policy": (
        refusal("Data Policy Exception: The following fields are mandatory: Resolution code, Close notes"),
        {"Resolution code": "mandatory", "Close notes": "mandatory"},
    ),
    "data policy as message": (
        reply(error("Data Policy Exception: The following fields are mandatory: Resolution code", None), 403),
        {"Resolution code": "mandatory"},
    ),
    "access rule": (refusal("ACL Exception Update Failed due to security constraints"), {}),
    "business rule": (
        refusal(
            "Operation against file 'incident' was aborted by Business Rule 'Abort changes on group^6a2e'. "
            "Business Rule Stack:Abort changes on group"
        ),
        {},
    ),
    "state": (refusal("Problem state transition from state 102 to 106 is not possible"), {}),
    "bad request": (refusal("Exception while reading request", 400), {}),
}


@pytest.mark.parametrize(("given", "fields"), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("action", [CREATE, UPDATE], ids=["create", "update"])
def test_a_refusal_that_names_its_reason_is_rejected_with_the_systems_words(
    instance: Instance, connector: Any, action: Any, given: Reply, fields: dict[str, str]
) -> None:
    instance.replies = [given, rows_reply()]
    [outcome] = connector.write([action])
    assert isinstance(outcome, Rejected)
    assert outcome.fields == fields


REFUSED = refusal("ACL Exception Insert Failed due to security constraints")


def test_a_create_that_an_access_rule_refused_is_looked_for(instance: Instance, connector: Any) -> None:
    instance.replies = [REFUSED, rows_reply(row(1, correlation_id=MARKER))]
    [outcome] = connector.write([CREATE])
    assert type(outcome) is Unknown
    assert "there all the same" in str(outcome)


def test_a_refused_create_that_cannot_be_looked_for_stays_unknown(instance: Instance, connector: Any) -> None:
    instance.replies = [REFUSED, reply("<html></html>", 200)]
    [outcome] = connector.write([CREATE])
    assert type(outcome) is Unknown


@pytest.mark.parametrize(
    "given",
    [
        reply(error("User Not Authenticated", "Required to provide Auth information"), 401),
        reply("<html>", 401),
        reply(error("User Not Authorized", "Failed API level ACL Validation"), 403),
        reply(error("Access to unscoped api is not allowed"), 403),
    ],
)
def test_missing_rights_stop_the_side(instance: Instance, connector: Any, given: Reply) -> None:
    instance.replies = [given]
    assert type(connector.write([CREATE])[0]) is Denied


def test_a_record_that_is_not_there_is_gone(instance: Instance, connector: Any) -> None:
    missing = reply(
        error("No Record found", "Record doesn't exist or ACL restricts the record retrieval"), 404
    )
    instance.replies = [missing]
    assert type(connector.write([UPDATE])[0]) is Gone


def test_a_create_at_an_address_that_is_none_is_rejected(instance: Instance, connector: Any) -> None:
    instance.replies = [reply(error("Requested URI does not represent any resource", None), 404)]
    assert type(connector.write([CREATE])[0]) is Rejected


def test_an_id_that_cannot_be_one_is_gone_and_never_reaches_a_path(
    instance: Instance, connector: Any
) -> None:
    evil = Ref("servicenow", "../sys_user/6816f79cc0a8016401c5a33be04be441")
    assert type(connector.write([Update(evil, {"a": "b"})])[0]) is Gone
    assert instance.sent == []


def test_a_rate_limit_is_waited_out_then_named(instance: Instance, connector: Any, make: Any) -> None:
    limit = reply(error("Rate limit exceeded", "Rate limit of 100 requests"), 429, {"Retry-After": "3600"})
    instance.replies = [limit]
    [outcome] = connector.write([CREATE])
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == 3600
    [again] = connector.write([CREATE])
    assert isinstance(again, RateLimited)
    assert 3500 < (again.retry_after or 0) <= 3600
    assert len(instance.sent) == 1
    instance.replies = [reply("", 429), created()]
    assert isinstance(make().write([CREATE])[0], Applied)


def test_a_refused_connection_is_proven_not_applied(instance: Instance, connector: Any) -> None:
    refused = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
    instance.replies = [refused] * 5
    assert type(connector.write([CREATE])[0]) is Unavailable
    assert len(instance.sent) == 5


def test_messages_hold_no_secret(instance: Instance, connector: Any) -> None:
    instance.replies = [
        reply(error("bad", "token=abc123 JSESSIONID=abc123"), 400, {"Set-Cookie": "x=abc123"})
    ]
    [outcome] = connector.write([CREATE])
    assert "abc123" not in str(outcome)
    assert "s3cret" not in str(outcome)
