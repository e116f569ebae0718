"""A pass looks by itself for what resolved incidents belong to: when, how often, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.connectors.sandbox.core import Request, Response

from .site import ABEL, BETH, Row, Site, page
from .test_links import problem, proposals


def resolved(site: Site, row: Row, **values: Any) -> None:
    """The incident is worked on and resolved, and everything is carried over."""
    site.desk(row, state="2")
    site.settle()
    site.desk(row, **{"state": "6", "close_code": "Solution provided", "close_notes": "Done", **values})
    site.settle()


def asked(site: Site) -> dict[str, int]:
    """Requests so far, by what they were."""
    return {name: count for (_, name), count in site.world.requests.operations.items() if count}


def notes(site: Site, text: str = "Tieline proposes") -> tuple[int, int]:
    """Notes with this text in ServiceNow, and in Jira."""
    rows = [n for n in site.world.servicenow.rows("sys_journal_field") if text in n["value"]]
    said = [c for t in site.world.jira.issues() for c in site.world.jira.comments(t.id) if text in repr(c)]
    return len(rows), len(said)


class TestResolved:
    def test_what_the_close_notes_name_is_linked_without_a_command(self, site: Site) -> None:
        row, ticket = site.paired()
        cause = problem(site)
        resolved(site, row, close_notes=f"Belongs to {cause['number']}")
        site.settle()
        assert site.row(row)["problem_id"] == cause["sys_id"]
        assert cause["number"] in site.run("show", ticket.key).out

    def test_what_is_doubtful_is_proposed_and_noted_once_on_both_sides(self, site: Site) -> None:
        row, _ = site.paired()
        cause = problem(site)
        resolved(site, row, close_notes=f"Could this be {cause['number']}?")
        for _ in range(3):
            site.sync()
        (proposal,) = proposals(site)
        assert (proposal["target"], proposal["relation"]) == (cause["number"], "problem")
        assert notes(site) == (1, 1)
        assert site.row(row)["problem_id"] == ""

    def test_what_is_not_resolved_is_left_alone(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, state="2", description=f"Belongs to {problem(site)['number']}")
        site.settle()
        site.settle()
        assert (site.row(row)["problem_id"], proposals(site)) == ("", [])

    def test_where_nothing_moved_no_pass_asks(self, site: Site) -> None:
        row, _ = site.paired()
        resolved(site, row)
        for _ in range(3):
            site.sync()
        before = asked(site)
        site.sync()
        first = {name: count - before.get(name, 0) for name, count in asked(site).items()}
        site.rewrite("look = true", "look = false")
        before = asked(site)
        site.sync()
        off = {name: count - before.get(name, 0) for name, count in asked(site).items()}
        assert first == off

    def test_it_can_be_switched_off(self, site: Site) -> None:
        site.rewrite("look = true", "look = false")
        row, _ = site.paired()
        resolved(site, row, close_notes=f"Belongs to {problem(site)['number']}")
        site.settle()
        assert site.row(row)["problem_id"] == ""

    def test_what_was_resolved_long_ago_is_left_to_the_command(self, site: Site) -> None:
        row, _ = site.paired()
        site.rewrite("look = true", "look = false")
        resolved(site, row, close_notes=f"Could this be {problem(site)['number']}?")
        site.rewrite("look = false", "look = true")
        site.wait(40 * 86400)
        site.sync()
        site.sync()
        assert proposals(site) == []
        assert "1 to propose" in site.run("links", "propose").out


class TestAgain:
    def test_a_comment_on_a_resolved_incident_is_looked_at(self, site: Site) -> None:
        row, ticket = site.paired()
        cause = problem(site)
        resolved(site, row)
        assert proposals(site) == []
        site.world.jira.comment(BETH, ticket.id, f"Belongs to {cause['number']}")
        site.settle()
        site.settle()
        assert site.row(row)["problem_id"] == cause["sys_id"]

    def test_a_removed_link_stays_away(self, site: Site) -> None:
        row, _ = site.paired()
        resolved(site, row, close_notes=f"Belongs to {problem(site)['number']}")
        site.settle()
        assert site.row(row)["problem_id"]
        site.desk(row, problem_id="")
        site.settle()
        site.settle()
        assert (site.row(row)["problem_id"], proposals(site)) == ("", [])


class TestTrouble:
    def test_a_look_that_fails_stops_no_pass_and_is_made_later(self, site: Site) -> None:
        row, ticket = site.paired()
        cause = problem(site)

        def down(request: Request) -> Response | None:
            return page(503, "down") if "/table/problem" in str(request) else None

        site.fault("servicenow", down)
        resolved(site, row, close_notes=f"Belongs to {cause['number']}")
        assert site.ticket(ticket).values["status"] != "Open"
        assert site.row(row)["problem_id"] == ""
        assert site.world.requests.faults["servicenow", "trouble"]
        site.calm()
        site.sync()
        site.settle()
        assert site.row(row)["problem_id"] == cause["sys_id"]


class TestLikeness:
    @pytest.fixture
    def first(self, site: Site) -> Row:
        text = "The label printer in hall 3 prints blank pages since this morning"
        cause = problem(site)
        return site.incident(description=text, problem_id=cause["sys_id"])

    def test_what_reads_alike_and_has_a_problem_speaks_for_it(self, site: Site, first: Row) -> None:
        row, _ = site.paired(description="The label printer in hall 3 prints blank pages since this noon")
        site.incident(description="My keyboard is missing the letter q, please send another one at once")
        site.settle()
        (found,) = site.run("links", "show", row["number"], "--json").json["found"]
        assert {e["kind"] for e in found["evidence"]} == {"likeness"}
        assert first["number"] in found["evidence"][0]["reason"]


class TestClosure:
    def test_the_third_alike_on_one_item_proposes_to_open_a_problem_once(self, site: Site) -> None:
        item = site.world.servicenow.create(ABEL, {"name": "printer-7"}, table="cmdb_ci")
        one, two, three, four = (site.incident(cmdb_ci=item["sys_id"]) for _ in range(4))
        assert site.sync("--initial").code == 0
        for row in (three, four):
            resolved(site, row)
        site.sync()
        (proposal,) = proposals(site)
        assert (proposal["incident"], proposal["rule"]) == (three["number"], "recurring")
        assert all(row["number"] in proposal["evidence"][0]["reason"] for row in (one, two, three))
        assert notes(site) == (1, 1)
        said = site.run("links", "accept", str(proposal["number"]))
        assert (said.code, "open it in ServiceNow" in said.err) == (2, True)
        site.desk(three, problem_id=problem(site)["sys_id"])
        site.settle()
        site.sync()
        assert proposals(site) == []

    def test_rejected_it_stays_so(self, site: Site) -> None:
        item = site.world.servicenow.create(ABEL, {"name": "printer-7"}, table="cmdb_ci")
        rows = [site.incident(cmdb_ci=item["sys_id"]) for _ in range(3)]
        assert site.sync("--initial").code == 0
        resolved(site, rows[2])
        (proposal,) = proposals(site)
        assert site.run("links", "reject", str(proposal["number"])).code == 0
        site.desk(rows[2], close_notes="Done, again")
        site.settle()
        assert proposals(site) == []


class TestService:
    def test_a_change_on_the_service_is_found(self, site: Site) -> None:
        item = site.world.servicenow.create(ABEL, {"name": "mail"}, table="cmdb_ci")
        change = site.world.servicenow.create(
            ABEL, {"short_description": "New mail gateway", "business_service": item["sys_id"]},
            table="change_request",
        )  # fmt: skip
        row, _ = site.paired(business_service=item["sys_id"])
        opened = site.row(row)["opened_at"]
        site.world.servicenow.update(ABEL, change["sys_id"], {"work_start": opened}, table="change_request")
        found = site.run("links", "show", row["number"], "--json").json["found"]
        assert [(f["relation"], f["target"]) for f in found] == [("caused_by", change["number"])]
