"""What follows in a pass when a resolved incident lacks what closure asks for, on both stand-ins."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.jira import Ticket

from .site import ABEL, Row, Site, data, page
from .test_links import problem, proposals
from .test_links_watch import notes, resolved

RULES = """
[[policy.links.closure]]
id = "hardware"
when = { category = "hardware" }
needs = ["problem"]
"""


def ruled(site: Site, follows: str, more: str = "") -> None:
    """A policy with one rule of closure."""
    site.config.write_text(f"{site.config.read_text()}{RULES}{follows}\n{more}")


def labels(site: Site, ticket: Ticket) -> set[str]:
    return set(site.ticket(ticket).values["labels"] or ())


def problems(site: Site) -> list[Row]:
    found: list[Row] = site.world.servicenow.rows("problem")
    return found


class TestNotesAndLabels:
    def test_a_pass_writes_each_once_and_people_have_the_last_word(self, site: Site) -> None:
        ruled(site, 'note = "Which problem was it?"\nlabel = "needs-problem"')
        row, ticket = site.paired()
        site.engineer(ticket, labels=("theirs",))
        resolved(site, row)
        assert notes(site, "Which problem") == (1, 1)
        assert labels(site, ticket) == {"needs-problem", "theirs"}
        site.engineer(ticket, labels=("theirs",))
        site.desk(row, close_notes="Done, and well")
        site.settle()
        assert notes(site, "Which problem") == (1, 1)
        assert labels(site, ticket) == {"theirs"}
        assert "Followed up on 0 incidents" in site.run("links", "missing", "--follow-up").out

    def test_the_label_goes_when_the_problem_is_there_and_comes_again_without_it(self, site: Site) -> None:
        ruled(site, 'label = "needs-problem"')
        row, ticket = site.paired()
        resolved(site, row)
        site.engineer(ticket, labels=("theirs", "needs-problem"))
        site.desk(row, problem_id=problem(site)["sys_id"])
        site.settle()
        assert labels(site, ticket) == {"theirs"}
        site.desk(row, problem_id="")
        site.settle()
        assert labels(site, ticket) == {"theirs", "needs-problem"}

    def test_what_a_side_refuses_parks_nothing_and_is_not_tried_for_ever(self, site: Site) -> None:
        ruled(site, 'label = "needs-problem"')
        row, ticket = site.paired()

        def locked(request: Request) -> Response | None:
            if request.method == "PUT" and b"needs-problem" in request.body:
                return data(400, {"errorMessages": [], "errors": {"labels": "not on the screen"}})
            return None

        site.fault("jira", locked)
        resolved(site, row)
        site.calm()
        site.desk(row, close_notes="Done, and well")
        site.settle()
        assert labels(site, ticket) == set()
        assert site.run("parked", "list", "--json").json == []


class TestHold:
    @pytest.fixture
    def held(self, site: Site) -> tuple[Row, Ticket]:
        ruled(site, "hold = true")
        row, ticket = site.paired()
        resolved(site, row)
        return row, ticket

    def status(self, site: Site, ticket: Ticket) -> Any:
        return site.ticket(ticket).values["status"]

    def test_closed_in_servicenow_jira_stays_resolved_until_the_problem_is_there(
        self, site: Site, held: tuple[Row, Ticket]
    ) -> None:
        row, ticket = held
        assert "closing is held back" in site.run("links", "missing").out
        site.desk(row, state="7", short_description="The printer is broken for good")
        site.settle(code=3)
        shown = site.ticket(ticket).values
        assert (shown["status"], shown["summary"]) == ("Resolved", "The printer is broken for good")
        (conflict,) = site.run("conflicts", "list", "--json").json
        assert (conflict["kind"], conflict["open"]) == ("rule", True)
        assert "closing is held back" in conflict["reason"]
        assert notes(site, "Closing is held back") == (1, 1)
        site.desk(row, problem_id=problem(site)["sys_id"])
        site.sync()
        site.settle()
        assert self.status(site, ticket) == "Closed"
        assert site.run("conflicts", "list", "--json").json == []

    def test_closed_in_jira_the_incident_stays_resolved_until_a_person_lets_it_close(
        self, site: Site, held: tuple[Row, Ticket]
    ) -> None:
        row, ticket = held
        site.move(ticket, "Closed")
        site.settle(code=3)
        assert site.row(row)["state"] == "6"
        said = site.run("links", "release", row["number"])
        assert (said.code, "hardware" in said.out) == (0, True)
        site.settle()
        assert site.row(row)["state"] == "7"
        again = site.run("links", "release", row["number"])
        assert (again.code, "not held back" in again.err) == (2, True)

    def test_a_person_decides_the_conflict(self, site: Site, held: tuple[Row, Ticket]) -> None:
        row, ticket = held
        site.desk(row, state="7")
        site.settle(code=3)
        (conflict,) = site.run("conflicts", "list", "--json").json
        assert site.run("conflicts", "resolve", str(conflict["id"]), "--take", "servicenow").code == 0
        site.settle()
        assert self.status(site, ticket) == "Closed"

    def test_reopened_or_without_the_rule_nothing_is_held(self, site: Site, held: tuple[Row, Ticket]) -> None:
        row, ticket = held
        site.desk(row, state="2")
        site.settle()
        assert self.status(site, ticket) == "In Progress"
        resolved(site, row)
        site.rewrite('needs = ["problem"]\nhold = true', 'needs = ["problem"]')
        site.desk(row, state="7")
        site.sync()
        site.settle()
        assert self.status(site, ticket) == "Closed"


def test_a_column_of_servicenow_says_that_closing_is_held_back(site: Site) -> None:
    """`knowledge` stands for the column that the condition of the closing job asks."""
    ruled(site, "hold = true", '[links.hold]\nservicenow = "knowledge"\n')
    row, ticket = site.paired()
    assert site.row(row)["knowledge"] == "false"
    resolved(site, row)
    assert site.row(row)["knowledge"] == "true"
    site.desk(row, problem_id=problem(site)["sys_id"])
    site.settle()
    assert site.row(row)["knowledge"] == "false"
    site.desk(row, problem_id="")
    site.settle()
    assert site.row(row)["knowledge"] == "true"
    site.desk(row, knowledge="false")  # a person has the last word
    site.settle()
    assert site.row(row)["knowledge"] == "false"
    site.desk(row, state="7")
    site.settle()
    assert site.ticket(ticket).values["status"] == "Closed"


class TestOpen:
    OPEN = 'alike = 3\nproblem = "open"'

    def three(self, site: Site, follows: str = OPEN) -> list[Row]:
        ruled(site, follows, '[links.opened_with]\nurgency = "2"\n')
        item = site.world.servicenow.create(ABEL, {"name": "printer-7"}, table="cmdb_ci")
        rows = [site.incident(cmdb_ci=item["sys_id"]) for _ in range(3)]
        assert site.sync("--initial").code == 0
        return rows

    def test_those_alike_share_the_one_that_is_opened(self, site: Site) -> None:
        rows = self.three(site)
        resolved(site, rows[2])
        (opened,) = problems(site)
        assert {site.row(row)["problem_id"] for row in rows} == {opened["sys_id"]}
        assert opened["short_description"] == "The printer is broken"
        assert all(row["number"] in opened["description"] for row in rows)
        assert (opened["urgency"], bool(opened["cmdb_ci"])) == ("2", True)
        assert opened["number"] in site.run("show", rows[0]["number"]).out
        assert notes(site, f"the problem {opened['number']}") == (3, 3)
        assert proposals(site) == []
        four = site.incident(cmdb_ci=site.row(rows[0])["cmdb_ci"])
        site.settle()
        resolved(site, four)
        assert [p["sys_id"] for p in problems(site)] == [opened["sys_id"]]
        assert site.row(four)["problem_id"] == opened["sys_id"]
        site.desk(four, problem_id="")  # a person says no: it stays away, and no other is opened
        site.settle()
        site.desk(four, close_notes="Done, and well")
        site.settle()
        assert (len(problems(site)), site.row(four)["problem_id"]) == (1, "")

    def test_all_at_once_share_the_one_that_people_tied_one_of_them_to(self, site: Site) -> None:
        rows = self.three(site)
        theirs = problem(site)
        site.desk(rows[0], problem_id=theirs["sys_id"])
        for row in rows:
            site.desk(row, state="2")
        site.settle()
        for row in rows:
            site.desk(row, state="6", close_code="Solution provided", close_notes="Done")
        site.settle()
        assert len(problems(site)) == 1
        assert site.row(rows[2])["problem_id"] == theirs["sys_id"]

    @pytest.mark.parametrize("made", [True, False])
    def test_an_answer_that_is_lost_makes_no_second_one(self, site: Site, made: bool) -> None:
        rows = self.three(site)
        lost: list[Request] = []

        def drop(request: Request) -> Response | None:
            if request.method != "POST" or not request.path.endswith("/table/problem") or lost:
                return None
            lost.append(request)
            if made:
                site.world.servicenow.handle(request)
            return page(504, "gateway timeout")

        site.fault("servicenow", drop)
        resolved(site, rows[2])
        assert len(lost) == 1
        site.wait(3600)
        site.settle()
        (opened,) = problems(site)
        assert {site.row(row)["problem_id"] for row in rows} == {opened["sys_id"]}

    def test_what_servicenow_refuses_is_proposed(self, site: Site) -> None:
        rows = self.three(site)
        words = {
            "message": "Operation Failed",
            "detail": "ACL Exception Insert Failed due to security constraints",
        }

        def forbid(request: Request) -> Response | None:
            made = request.method == "POST" and request.path.endswith("/table/problem")
            return data(403, {"error": words}) if made else None

        site.fault("servicenow", forbid)
        resolved(site, rows[2])
        (proposal,) = proposals(site)
        assert "refused" in proposal["evidence"][0]["reason"]
        assert problems(site) == []

    def test_where_no_incident_could_be_tied_to_it_it_is_proposed(self, site: Site) -> None:
        kind = 'relation = "problem"'
        site.rewrite(kind, f'{kind}\ndirection = "to_jira"')
        rows = self.three(site)
        assert "TL036" in site.run("policy", "check").all
        resolved(site, rows[2])
        assert (problems(site), len(proposals(site))) == ([], 1)

    def test_a_state_that_was_lost_opens_no_second_one(self, site: Site) -> None:
        rows = self.three(site, 'problem = "open"')
        resolved(site, rows[0])
        assert len(problems(site)) == 1
        site.state.unlink()
        site.world.servicenow.update(ABEL, rows[0]["sys_id"], {"problem_id": ""})
        assert site.sync("--initial").code == 0
        site.desk(rows[0], close_notes="Done, and well")
        site.settle()
        assert len(problems(site)) == 1
