"""`tieline doctor` tells what each trap of the real systems looks like from outside, and what to do."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tieline.connectors.sandbox.core import Fault, RealClock, Request, RequestLog, Response, Server
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.world import JIRA_USER

from .conftest import Desk
from .test_doctor import findings, swap

PAGE = "<html><head><title>Instance Hibernating page</title></head><body>zzz</body></html>"
HTML = (("content-type", "text/html"),)


def test_the_gate_on_basic_sign_in(desk: Desk) -> None:
    desk.world.servicenow.sign_in.gate = True
    desk.configure()
    found = findings(desk, 1)
    assert "servicenow" in found["TD002"]
    assert "basic_auth.restriction" in found["TD019"]
    said = desk.inside("doctor", code=1)
    assert "snc_basic_auth_api_access" in said
    desk.world.servicenow.sign_in.exempt.add("tieline")
    assert not {"TD002", "TD019"} & set(findings(desk, None))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(200, PAGE.encode(), HTML), "TD003"),
        (Response(503, PAGE.encode(), HTML), "TD001"),
        (Response(302, b"", (("location", "https://developer.servicenow.com/dev.do?token=abc"),)), "TD003"),
    ],
    ids=["a page", "a page as 503", "a redirect"],
)
def test_a_hibernating_instance(desk: Desk, answer: Response, code: str) -> None:
    desk.world.servicenow.faults.append(Fault("asleep", before=lambda _: answer))
    desk.configure()
    found = findings(desk, 1)
    assert "Hibernating" in found[code] or "developer.servicenow.com" in found[code]
    assert "token=abc" not in found[code]
    assert "wake" in desk.inside("doctor", "--explain", code)


def test_journals_that_are_not_shown(desk: Desk) -> None:
    sys_id = desk.world.servicenow.create("joe.employee", {"short_description": "Disk full"})["sys_id"]
    desk.configure()
    assert "TD017" not in findings(desk, 0)
    desk.world.servicenow.update("joe.employee", sys_id, {"work_notes": "Looked at it"})
    assert "TD017" not in findings(desk, 0)
    desk.world.servicenow.access.journals = False
    assert "1 entries" in findings(desk, 3)["TD017"]
    desk.world.servicenow.access.journals = True
    desk.world.servicenow.access.unreadable.add("value")
    assert "without their text" in findings(desk, 3)["TD017"]
    desk.configure(lambda text: text[: text.index("[comments]")])
    assert "TD017" not in findings(desk, None)


def test_terms_of_queries_that_are_dropped(desk: Desk) -> None:
    desk.world.servicenow.create("joe.employee", {"short_description": "Disk full"})
    desk.configure()
    assert "TD064" in findings(desk, 0)
    desk.world.servicenow.properties["glide.invalid_query.returns_no_rows"] = "true"
    assert "TD064" not in findings(desk, 0)


def test_a_priority_that_is_computed_and_a_column_that_is_read_only(desk: Desk) -> None:
    desk.world.servicenow.create("joe.employee", {"short_description": "x", "impact": "3", "urgency": "3"})
    described = next(
        row["sys_id"] for row in desk.world.servicenow.rows("sys_dictionary")
        if (row["name"], row["element"]) == ("task", "description")
    )  # fmt: skip
    desk.world.servicenow.update("admin", described, {"read_only": "true"}, table="sys_dictionary")
    field = '[[field]]\nname = "p"\nservicenow = "priority"\njira = "priority"\nkind = "choice"\n'

    def plain(text: str) -> str:
        start = text.index("[priority]")
        end = text.index("\n[", start + 1)
        return text[:start] + field + 'unmapped = "pass"\n' + text[end:]

    desk.configure(plain)
    found = findings(desk, 1)
    assert "priority" in found["TD053"]
    assert "description" in found["TD026"]
    desk.configure(lambda text: plain(text).replace("unmapped =", 'direction = "to_jira"\nunmapped ='))
    assert "TD053" not in findings(desk, None)


def test_a_close_code_that_is_mandatory_and_not_in_the_list(desk: Desk) -> None:
    desk.configure(swap('"Workaround provided"', '"Solved (Work Around)"'))
    assert "Work Around" in findings(desk, 1)["TD047"]


def test_a_screen_without_a_field(desk: Desk) -> None:
    projects = desk.world.jira.world.projects
    for name, project in list(projects.items()):
        projects[name] = replace(project, screen=tuple(f for f in project.screen if f != "customfield_10052"))
    desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Mail is down"})
    desk.configure()
    found = findings(desk, 1)
    assert "customfield_10052" in found["TD023"]
    assert "customfield_10052" in found["TD024"]


def test_the_time_zone_of_the_account(desk: Desk) -> None:
    desk.configure()
    assert "servicenow" in findings(desk, 0)["TD018"]
    ours = next(r["sys_id"] for r in desk.world.servicenow.rows("sys_user") if r["user_name"] == "tieline")
    desk.world.servicenow.update("admin", ours, {"time_zone": "Europe/Berlin"}, table="sys_user")
    assert "TD018" not in findings(desk, 0)
    assert "Europe/Berlin" in desk.inside("doctor")


def test_an_index_that_lags(desk: Desk) -> None:
    old = desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Mail is down"})
    desk.configure()
    assert not {"TD063", "TD065"} & set(findings(desk, None))
    desk.world.trouble({"jira": {"late-index": 1.0}})
    desk.world.jira.update("beth.anglin", old.id, {"summary": "Mail is slow"})
    new = desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Disk is full"})
    shown = findings(desk, 0)
    assert old.key in shown["TD065"]
    assert new.key in shown["TD065"]
    assert "within the overlap" in shown["TD065"]
    assert "TD063" not in shown
    desk.configure(swap('overlap = "5m"', 'overlap = "1s"'))
    time.sleep(1.1)  # the stand-in keeps the time of its issues by the clock on the wall
    found = findings(desk, 3)
    assert "longer than the overlap of 1 s" in found["TD063"]
    assert "TD065" not in found


def test_a_scoped_token_on_the_wrong_host(desk: Desk) -> None:
    site = JiraSandbox(RealClock(), scoped={JIRA_USER: "scoped"})
    server = Server(site, RequestLog()).start()
    desk.extra["TIELINE_JIRA_TOKEN"] = "scoped"

    def moved(text: str) -> str:
        return text.replace(desk.world.urls[1], server.url)

    try:
        desk.configure(moved)
        found = findings(desk, 1)
        assert "jira" in found["TD002"]
        assert site.cloud_id in found["TD019"]
        gateway = f'[jira]\napi_url = "{server.url}/ex/jira/{site.cloud_id}"\n'
        desk.configure(lambda text: moved(text).replace("[jira]\n", gateway))
        assert not {"TD002", "TD019"} & set(findings(desk, None))
    finally:
        server.stop()


@pytest.mark.parametrize(("off", "code"), [(30, "TD006"), (-600, "TD007")])
@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_a_clock_that_is_off(desk: Desk, side: str, off: int, code: str) -> None:
    def dated(_: Request, response: Response) -> Response:
        told = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
        kept = tuple(pair for pair in response.headers if pair[0].lower() != "date")
        return replace(response, headers=(*kept, ("Date", told)))

    system = desk.world.servicenow if side == "servicenow" else desk.world.jira
    system.faults.append(Fault("clock", after=dated))
    desk.configure()
    assert side in findings(desk, None)[code]
