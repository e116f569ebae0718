"""Problems and changes whose state Jira moves: ServiceNow gets there step by step, as its guards want it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Request, Response

from .site import BETH, Site, page
from .test_relations_live import PROBLEMS, change, issue_of, problem

BOTH_WAYS = PROBLEMS.replace('direction = "to_jira"\n', "").replace(
    'servicenow = { table = "problem" }',
    'servicenow = { table = "problem", give = { 104 = { cause_notes = "As told in Jira.", '
    'fix_notes = "As told in Jira." } } }',
)
CHANGES = """
[route.status]
servicenow = { hold_reason = "", close_code = "close_code", close_notes = "close_notes" }
jira = { status = "status", resolution = "resolution" }
resolved = ["3"]
canceled = ["4"]
default_close_code = "successful"
map = [
  { servicenow = ["-5", "-4", "-3", "-2"], jira = "Open" },
  { servicenow = ["-1", "0"], jira = "In Progress" },
  { servicenow = "3", jira = "Closed" },
]
resolution = [{ servicenow = "successful", jira = "Done" }]
"""


@pytest.fixture
def whole(site: Site) -> Site:
    """The site with routes of problems and changes, their states mirrored both ways."""
    routes = BOTH_WAYS.replace(
        'without = ["category", "subcategory", "priority", "status"]\n',
        f'without = ["category", "subcategory", "priority"]\n{CHANGES}',
    )
    site.config.write_text(site.config.read_text() + routes)
    return site


def mirrored(site: Site, record: dict[str, Any]) -> str:
    site.sync("--initial")
    site.settle()
    return issue_of(site, record["sys_id"])


class Watched:
    """The states that are written to one record, as they arrive."""

    def __init__(self, site: Site, record: dict[str, Any]) -> None:
        self.states: list[str] = []
        self._id = record["sys_id"]
        site.fault("servicenow", self)

    def __call__(self, request: Request) -> Response | None:
        if request.method in ("PUT", "PATCH") and self._id in request.path:
            state = json.loads(request.body).get("state")
            self.states += [] if state is None else [state]
        return None


def test_a_problem_closed_in_jira_goes_through_every_state(whole: Site) -> None:
    person = whole.world.servicenow.rows("sys_user")[0]["sys_id"]
    behind = problem(whole, assigned_to=person)
    issue = mirrored(whole, behind)
    seen = Watched(whole, behind)
    whole.world.jira.transition(BETH, issue, "In Progress", {})
    whole.world.jira.transition(BETH, issue, "Closed", {"resolution": "Done"})
    whole.settle()
    found = whole.world.servicenow.get(behind["sys_id"], table="problem")
    assert seen.states == ["102", "103", "104", "106"]
    assert (found["state"], found["resolution_code"]) == ("106", "fix_applied")
    assert found["cause_notes"] == "As told in Jira."
    writes = whole.writes
    whole.sync()
    assert whole.writes == writes
    whole.world.jira.transition(BETH, issue, "In Progress", {})
    whole.settle()
    assert whole.world.servicenow.get(behind["sys_id"], table="problem")["state"] == "103"


def test_what_a_step_demands_parks_it_there_and_it_goes_on_from_there(whole: Site) -> None:
    behind = problem(whole)
    issue = mirrored(whole, behind)
    whole.world.jira.transition(BETH, issue, "In Progress", {})
    whole.settle(code=3)
    (park,) = whole.run("parked", "list", "--json").json
    assert "Assigned to" in park["detail"]
    person = whole.world.servicenow.rows("sys_user")[0]["sys_id"]
    whole.world.servicenow.update("abel.tuter", behind["sys_id"], {"assigned_to": person}, table="problem")
    whole.settle()
    assert whole.world.servicenow.get(behind["sys_id"], table="problem")["state"] == "103"
    assert whole.world.jira.get(issue).values["status"] == "In Progress"


def test_an_answer_that_is_lost_on_the_way_does_not_stop_it(whole: Site) -> None:
    person = whole.world.servicenow.rows("sys_user")[0]["sys_id"]
    behind = problem(whole, assigned_to=person)
    issue = mirrored(whole, behind)
    lost: list[Request] = []

    def drop(request: Request) -> Response | None:
        if lost or request.method not in ("PUT", "PATCH") or b'"103"' not in request.body:
            return None
        lost.append(request)
        whole.world.servicenow.handle(request)
        return page(504, "gateway timeout")

    whole.fault("servicenow", drop)
    whole.world.jira.transition(BETH, issue, "In Progress", {})
    whole.world.jira.transition(BETH, issue, "Closed", {"resolution": "Done"})
    whole.sync()
    assert lost
    whole.wait(3600)
    whole.settle()
    found = whole.world.servicenow.get(behind["sys_id"], table="problem")
    assert (found["state"], whole.world.jira.get(issue).values["status"]) == ("106", "Closed")


def test_a_change_goes_the_way_of_its_type(whole: Site) -> None:
    group = whole.world.servicenow.rows("sys_user_group")[0]["sys_id"]
    cure = change(whole, type="normal", assignment_group=group)
    issue = mirrored(whole, cure)
    seen = Watched(whole, cure)
    whole.world.jira.transition(BETH, issue, "In Progress", {})
    whole.world.jira.transition(BETH, issue, "Closed", {"resolution": "Done"})
    whole.settle()
    assert seen.states == ["-4", "-3", "-2", "-1", "0", "3"]
    found = whole.world.servicenow.get(cure["sys_id"], table="change_request")
    assert (found["state"], found["close_code"]) == ("3", "successful")
