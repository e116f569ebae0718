"""`tieline doctor` on files, on columns that the policy reaches over references, teams and default groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Fault, Request, Response
from tieline.connectors.sandbox.jira.catalog import custom

from .conftest import Desk
from .test_doctor import findings, swap

OF_FILES = {"TD080", "TD081", "TD082", "TD083", "TD084", "TD085"}


def said(status: int, body: object) -> Response:
    return Response(status, json.dumps(body).encode(), (("content-type", "application/json"),))


def answers(desk: Desk, side: str, path: str, body: object, status: int = 200, word: str = "") -> None:
    """One path of a side answers like this from now on."""

    def before(request: Request) -> Response | None:
        met = request.path.endswith(path) and word in str(request.query)
        return said(status, body) if met else None

    getattr(desk.world, side).faults.append(Fault("told", before=before))


def with_files(desk: Desk) -> None:
    """One file on each side."""
    row = desk.world.servicenow.create("joe.employee", {"short_description": "Disk full"})
    desk.world.servicenow.attach("joe.employee", row["sys_id"], "disk.txt", b"full")
    ticket = desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Mail is down"})
    desk.world.jira.attach("beth.anglin", ticket.id, "mail.txt", b"down" * 1000)


def refused(code: int) -> Callable[[Desk, str, str], None]:
    def refuse(desk: Desk, side: str, path: str) -> None:
        answers(desk, side, path, {"errorMessages": ["no"], "error": {"message": "no"}}, code)

    return refuse


def test_files_that_may_be_read_and_put_are_not_worth_a_word(desk: Desk) -> None:
    with_files(desk)
    desk.configure()
    assert not OF_FILES & set(findings(desk, None))


def test_attachments_switched_off_in_jira(desk: Desk) -> None:
    answers(desk, "jira", "/attachment/meta", {"enabled": False, "uploadLimit": 0})
    desk.configure()
    assert "switched off" in findings(desk, 1)["TD080"]
    desk.configure(swap('direction = "both"                  # to_jira', 'direction = "to_servicenow"  #'))
    assert "TD080" not in findings(desk, 0)


def test_no_right_to_attach_in_jira(desk: Desk) -> None:
    told = {"permissions": {"CREATE_ATTACHMENTS": {"havePermission": False}}}
    answers(desk, "jira", "/mypermissions", told, word="CREATE_ATTACHMENTS")
    desk.configure()
    assert "create attachments" in findings(desk, 1)["TD081"]


def test_lists_of_files_that_are_not_shown(desk: Desk) -> None:
    with_files(desk)
    refused(403)(desk, "servicenow", "/api/now/attachment")
    desk.configure()
    assert "incident" in findings(desk, 1)["TD082"]


def test_files_that_are_counted_and_not_shown(desk: Desk) -> None:
    counted = Response(200, b'{"result":[]}', (("content-type", "application/json"), ("X-Total-Count", "7")))
    desk.world.servicenow.faults.append(
        Fault("hidden", before=lambda r: counted if r.path.endswith("/attachment") else None)
    )
    desk.configure()
    assert "7 are counted" in findings(desk, 1)["TD082"]


@pytest.mark.parametrize(("side", "path"), [("servicenow", "/file"), ("jira", "/media/file/")])
def test_the_content_of_a_file_that_is_not_shown(desk: Desk, side: str, path: str) -> None:
    """A right, or a proxy that does not let us through to Jira's media host."""
    with_files(desk)
    desk.configure()
    blocked = Response(403, b"<html>blocked</html>", (("content-type", "text/html"),))
    getattr(desk.world, side).faults.append(
        Fault("blocked", before=lambda r: blocked if path in r.path else None)
    )
    assert "403" in findings(desk, 3)["TD083"]


def test_limits_that_are_told(desk: Desk) -> None:
    answers(desk, "jira", "/attachment/meta", {"enabled": True, "uploadLimit": 10_000_000})
    told = {"com.glide.attachment.max_size": "5", "glide.attachment.extensions": "txt, PDF",
            "glide.attachment.role": "itil,service_desk"}  # fmt: skip
    rows: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in told.items()]
    answers(desk, "servicenow", "/table/sys_properties", {"result": rows})
    roles = [{"user": desk.world.servicenow.rows("sys_user")[0]["sys_id"], "role.name": "x"}]
    answers(desk, "servicenow", "/table/sys_user_has_role", {"result": roles})
    desk.configure()
    found = findings(desk, 3)
    assert "Jira takes 10 MB" in found["TD084"]
    assert "ServiceNow takes 5.24 MB" in found["TD084"]
    assert "'.txt', '.pdf'" in found["TD085"]


def test_without_the_table_nothing_is_asked_about_files(desk: Desk) -> None:
    asked: list[str] = []
    desk.world.jira.faults.append(Fault("heard", before=lambda r: asked.append(r.path)))
    desk.configure(lambda text: text[: text.index("[attachments]")] + text[text.index("[links]") :])
    findings(desk, 0)
    assert asked
    assert not [path for path in asked if "attachment" in path]


RULE = """
[policy.fields]
tier = { kind = "text", servicenow = "%s" }

[[policy.rule]]
id = "first"
when = { tier = "gold" }
then = { urgency = 1 }
"""


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("caller_id.department.name", ""),
        ("caller_id.vipp", "sys_user has no column vipp"),
        ("caller_idd.vip", "incident has no column caller_idd"),
        ("short_description.vip", "no reference"),
        ("u_tier", "incident has no column u_tier"),
    ],
)
def test_columns_that_the_policy_reaches_over_references(desk: Desk, column: str, why: str) -> None:
    """Nothing said so: a rule about such a column was never met."""
    desk.configure(lambda text: text + RULE % column)
    found = findings(desk, None)
    assert (why in found["TD027"]) if why else "TD027" not in found


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("active=true^ORcaller_id.vip=true^assignment_group.nameINNetwork,Desk^categoryISNOTEMPTY", ""),
        ("caller_id.vipp=true^active=true", "sys_user has no column vipp"),
        ("active=true^ORu_regionSTARTSWITHeu", "incident has no column u_region"),
        ("short_descriptionLIKEa^^b.c=d", ""),
    ],
)
def test_columns_that_the_scope_asks_about(desk: Desk, scope: str, why: str) -> None:
    """ServiceNow drops a term about a column that there is not, and everything is in scope."""
    desk.configure(swap('"incident", scope = ""', f'"incident", scope = "{scope}"'))
    found = findings(desk, None)
    assert (why in found["TD028"]) if why else "TD028" not in found


def test_teams_and_default_groups(desk: Desk) -> None:
    desk.configure(swap('unknown = "unassigned"', 'unknown = "group:Nowhere"'))
    assert "no option 'Nowhere'" in findings(desk, 3)["TD037"]
    assert "shows no group 'Nowhere'" in findings(desk, 3)["TD037"]
    desk.configure(swap('unknown = "unassigned"', 'unknown = "group:Service Desk"'))
    assert "TD037" not in findings(desk, 0)
    desk.world.jira.add_field(custom(10001, "Team", "team"), ["Crew"], projects=["OPS"])

    def teams(text: str) -> str:
        text = swap('jira = "customfield_10050"', 'jira = "customfield_10001"')(text)
        return swap('map = []                            # e.g. { servicenow = "Service Desk"',
                    'map = [{ servicenow = "Network", jira = "Crew" }]  # {')(text)  # fmt: skip

    desk.configure(teams)
    found = findings(desk, 3)
    assert "'Crew'" in found["TD036"]
    assert "no team for" in found["TD034"]
    assert "TD021" not in found
