"""`tieline links` at work on both stand-ins: what is linked, proposed, rejected, missing and recurring."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.sandbox.jira.catalog import custom
from tieline.connectors.sandbox.jira.model import Named

from .site import ABEL, Row, Site


def problem(site: Site, **values: Any) -> Row:
    row: Row = site.world.servicenow.create(
        ABEL, {"short_description": "Printers lose their queue", **values}, table="problem"
    )
    return row


def proposals(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.run("links", "list", "--json").json
    return found


class TestNamed:
    def test_what_somebody_names_is_linked_once_and_stays_away_if_removed(self, site: Site) -> None:
        row, _ = site.paired()
        cause = problem(site)
        site.desk(row, work_notes=f"Same thing as {cause['number'].lower()}.")
        said = site.run("links", "propose")
        assert said.code == 0
        assert f"link problem {cause['number']}" in said.out
        assert "rule named" in said.out
        site.settle()
        assert site.row(row)["problem_id"] == cause["sys_id"]
        writes = site.writes
        assert "0 relations to link, 0 to propose" in site.run("links", "propose").out
        assert site.writes == writes
        site.desk(row, problem_id="")
        site.settle()
        assert "0 relations to link, 0 to propose" in site.run("links", "propose").out
        site.settle()
        assert site.row(row)["problem_id"] == ""

    def test_a_number_that_only_looks_like_one_is_nothing(self, site: Site) -> None:
        row, _ = site.paired()
        cause = problem(site)
        site.desk(
            row, work_notes=f"Not related to {cause['number']}; see X{cause['number']}, {cause['number']}1"
        )
        assert "0 relations to link, 0 to propose" in site.run("links", "propose").out

    def test_dry_run_writes_nothing(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, work_notes=f"See {problem(site)['number']}")
        state, sides = site.state.read_bytes(), site.sides()
        assert "1 relations to link" in site.run("links", "propose", "--dry-run").out
        assert (site.state.read_bytes(), site.sides()) == (state, sides)

    def test_what_no_pass_can_link_is_only_proposed(self, site: Site) -> None:
        text = site.config.read_text()
        site.config.write_text(re.sub(r"(?s)\[\[links\.type\]\].*?\n\n", "", text + "\n\n"))
        row, _ = site.paired()
        site.desk(row, work_notes=f"See {problem(site)['number']}")
        said = site.run("links", "propose")
        assert "0 relations to link, 1 to propose" in said.out
        (proposal,) = proposals(site)
        said = site.run("links", "accept", str(proposal["number"]))
        assert (said.code, "[links]" in said.err) == (2, True)
        assert len(proposals(site)) == 1

    def test_a_policy_of_ones_own_decides(self, site: Site) -> None:
        site.rewrite("look = true", "look = false")
        site.config.write_text(
            site.config.read_text()
            + """
[[policy.links.rule]]
id = "hardware-by-people"
when = { category = "hardware" }
evidence = ["mention"]
then = "propose"
[[policy.links.closure]]
id = "all"
needs = ["problem"]
note = "Which problem was it?"
label = "needs-problem"
"""
        )
        row, ticket = site.paired()
        site.desk(row, work_notes=f"See {problem(site)['number']}", state="2")
        said = site.run("links", "propose")
        assert "propose problem" in said.out
        assert "rule hardware-by-people" in said.out
        shown = site.run("links", "show", row["number"])
        assert re.search(r"rule hardware-by-people: .*config\.toml:\d+", shown.out)
        site.settle()
        site.desk(row, state="6", close_code="Solution provided", close_notes="Done")
        site.settle()
        site.engineer(ticket, labels=("theirs",))
        assert "Followed up on 1 incidents" in site.run("links", "missing", "--follow-up").out
        assert set(site.ticket(ticket).values["labels"] or ()) == {"needs-problem", "theirs"}
        notes = [n for n in site.world.servicenow.rows("sys_journal_field") if "Which problem" in n["value"]]
        assert len(notes) == 1
        assert "Followed up on 0 incidents" in site.run("links", "missing", "--follow-up").out


class TestProposed:
    @pytest.fixture
    def doubtful(self, site: Site) -> tuple[Row, Row]:
        row, _ = site.paired()
        cause = problem(site)
        site.desk(row, work_notes=f"Could this be {cause['number']}?")
        assert "1 to propose" in site.run("links", "propose").out
        return row, cause

    def test_it_is_noted_on_both_sides_once(self, site: Site, doubtful: tuple[Row, Row]) -> None:
        row, cause = doubtful
        (proposal,) = proposals(site)
        assert (proposal["target"], proposal["relation"]) == (cause["number"], "problem")
        notes = [
            n for n in site.world.servicenow.rows("sys_journal_field") if "Tieline proposes" in n["value"]
        ]
        assert len(notes) == 1
        assert notes[0]["element"] == "work_notes"
        said = [c for c in site.world.jira.comments(site.mirror(row).id) if "Tieline proposes" in repr(c)]
        assert len(said) == 1
        site.run("links", "propose")
        again = [
            n for n in site.world.servicenow.rows("sys_journal_field") if "Tieline proposes" in n["value"]
        ]
        assert again == notes
        assert len(proposals(site)) == 1

    def test_accepted_it_is_linked(self, site: Site, doubtful: tuple[Row, Row]) -> None:
        row, cause = doubtful
        (proposal,) = proposals(site)
        assert site.run("links", "accept", str(proposal["number"])).code == 0
        site.settle()
        assert site.row(row)["problem_id"] == cause["sys_id"]
        assert proposals(site) == []

    def test_rejected_it_is_remembered(self, site: Site, doubtful: tuple[Row, Row]) -> None:
        row, _ = doubtful
        (proposal,) = proposals(site)
        assert site.run("links", "reject", str(proposal["number"])).code == 0
        assert "0 relations to link, 0 to propose" in site.run("links", "propose").out
        assert proposals(site) == []
        said = site.run("links", "accept", str(proposal["number"]))
        assert (said.code, "tieline links list" in said.err) == (2, True)
        site.settle()
        assert site.row(row)["problem_id"] == ""

    def test_a_person_who_makes_the_link_closes_it(self, site: Site, doubtful: tuple[Row, Row]) -> None:
        row, cause = doubtful
        site.desk(row, problem_id=cause["sys_id"])
        site.settle()
        site.run("links", "propose")
        assert proposals(site) == []
        (kept,) = site.run("links", "list", "--all", "--json").json
        assert kept["state"] == "linked"

    def test_show_tells_what_speaks_for_it(self, site: Site, doubtful: tuple[Row, Row]) -> None:
        row, cause = doubtful
        said = site.run("links", "show", row["number"])
        assert said.code == 0
        assert f"problem {cause['number']}" in said.out
        assert "question" in said.out
        assert "rule likely: usual" in said.out


class TestChanged:
    def test_it_looks_at_resolution_and_again_when_something_moves(self, site: Site) -> None:
        site.rewrite("look = true", "look = false")
        row, _ = site.paired()
        site.desk(row, work_notes=f"Could this be {problem(site)['number']}?", state="2")
        site.settle()
        nothing, one = "0 incidents: ", "1 incidents: "
        assert nothing in site.run("links", "propose", "--changed").out
        site.desk(row, state="6", close_code="Solution provided", close_notes="Done")
        site.settle()
        assert f"{one}0 relations to link, 1 to propose" in site.run("links", "propose", "--changed").out
        assert nothing in site.run("links", "propose", "--changed").out
        site.desk(row, close_notes="Done, and well")
        site.settle()
        assert one in site.run("links", "propose", "--changed").out
        assert len(proposals(site)) == 1


class TestGraph:
    def test_show_tells_what_an_incident_is_tied_to_and_what_else_is(self, site: Site) -> None:
        cause = problem(site)
        one, two = (site.incident(problem_id=cause["sys_id"]) for _ in range(2))
        assert site.sync("--initial").code == 0
        site.settle()
        said = site.run("show", one["number"])
        head = f"{one['number']} = {site.mirror(one).key} is tied to"
        lines = said.out.splitlines()
        at = lines.index(head)
        assert lines[at + 1 : at + 3] == [
            f"  problem {cause['number']}",
            f"    also {two['number']} = {site.mirror(two).key}",
        ]
        (tie,) = site.run("show", one["number"], "--json").json["ties"]
        assert (tie["relation"], tie["target"]) == ("problem", cause["number"])
        assert tie["sides"] == ["servicenow", "jira"]


class TestEvaluate:
    LOG = (
        "number,sys_updated_at,sys_mod_count,category,subcategory,u_symptom,assignment_group,cmdb_ci,"
        "problem_id,rfc,caused_by\n"
        "INC1,5/1/2026 08:00,0,a,b,c,g,?,P1,?,?\nINC2,5/1/2026 08:05,0,a,b,c,g,?,P1,?,?\n"
    )

    def test_it_needs_nothing_but_the_log_and_writes_what_is_asked(self, site: Site) -> None:
        log, curves = site.folder / "log.csv", site.folder / "curves.json"
        log.write_text(self.LOG)
        site.config.unlink()
        said = site.run("links", "evaluate", "--log", str(log), "--export", str(curves), "--json")
        assert said.code == 0
        assert (said.json["events"], said.json["incidents"]) == (2, 2)
        exported = json.loads(curves.read_text())
        assert {(p["incident"], p["target"], p["right"]) for p in exported["proposals"]} == {
            ("INC2", "P1", True)
        }
        assert exported["curves"][0]["ties"] == 2

    def test_what_is_no_log_is_a_sentence(self, site: Site) -> None:
        log = site.folder / "log.csv"
        log.write_text("a,b\n1,2\n")
        said = site.run("links", "evaluate", "--log", str(log))
        assert said.code == 2
        assert "no incident event log" in said.err


class TestClosure:
    def test_a_grave_incident_without_a_problem_is_missing_one(self, site: Site) -> None:
        row, _ = site.paired(impact="1", urgency="1")
        site.desk(row, state="2")
        site.settle()
        site.desk(row, state="6", close_code="Solution provided", close_notes="Done")
        site.settle()
        said = site.run("links", "missing", "--json").json
        assert [(each["incident"], each["rule"]) for each in said["missing"]] == [(row["number"], "grave")]
        assert (said["resolved"], said["complete"]) == (1, 0)
        site.desk(row, problem_id=problem(site)["sys_id"])
        site.settle()
        assert site.run("links", "missing", "--json").json["complete"] == 1

    def test_resolved_by_change_wants_the_change(self, site: Site) -> None:
        row, _ = site.paired(urgency="3")
        site.desk(row, state="2")
        site.settle()
        site.desk(row, state="6", close_code="Resolved by change", close_notes="Done")
        site.settle()
        (lack,) = site.run("links", "missing", "--json").json["missing"]
        assert (lack["rule"], lack["needs"]) == ("cured-by-change", ["cured_by"])

    def test_what_recurs_on_one_item_is_a_cluster(self, site: Site) -> None:
        item = site.world.servicenow.create(ABEL, {"name": "printer-7"}, table="cmdb_ci")
        rows = [site.incident(cmdb_ci=item["sys_id"]) for _ in range(3)]
        assert site.sync("--initial").code == 0
        (cluster,) = site.run("links", "recurring", "--json").json
        assert sorted(cluster["incidents"]) == sorted(row["number"] for row in rows)


class TestWhatJiraTells:
    """Evidence that only Jira has: what a pipeline wrote on the issue, and changes on its component."""

    def configured(self, site: Site, more: str) -> None:
        site.rewrite("look = true", f"look = false\n{more}")
        jira = site.world.jira.world
        jira.add_field(custom(10060, "Deployments", "text"))
        project = jira.projects["OPS"]
        screen, mail = (*project.screen, "customfield_10060"), Named("10500", "Mail")
        jira.projects["OPS"] = replace(project, screen=screen, components=(mail,))

    def test_a_change_that_a_deployment_of_the_issue_names_cured_it(self, site: Site) -> None:
        self.configured(site, 'development = ["customfield_10060"]')
        row, ticket = site.paired()
        cure: Row = site.world.servicenow.create(ABEL, {"short_description": "1.2"}, table="change_request")
        site.engineer(ticket, customfield_10060=f"1.2.0 with {cure['number'].lower()}, by pipeline 77")
        said = site.run("links", "propose")
        assert f"link cured by {cure['number']}" in said.out
        assert "development (customfield_10060) in jira" in said.out
        site.settle()
        assert site.row(row)["rfc"] == cure["sys_id"]

    def test_what_is_not_configured_is_not_read(self, site: Site) -> None:
        self.configured(site, "")
        _, ticket = site.paired()
        cure: Row = site.world.servicenow.create(ABEL, {"short_description": "1.2"}, table="change_request")
        site.engineer(ticket, customfield_10060=f"deployed with {cure['number']}")
        assert "0 relations to link, 0 to propose" in site.run("links", "propose").out

    @pytest.mark.parametrize("types", ['["Incident"]', '["Story"]'])
    def test_a_change_resolved_on_the_component_shortly_before_is_proposed(
        self, site: Site, types: str
    ) -> None:
        self.configured(site, f"changes = {types}")
        change = site.issue(summary="Roll out 1.2", components=["Mail"])
        site.move(change, "In Progress")
        site.move(change, "Resolved", resolution="Done")
        site.wait(600)
        _, ticket = site.paired()
        site.engineer(ticket, components=["Mail"])
        said = site.run("links", "propose")
        if types == '["Story"]':
            assert "0 relations to link, 0 to propose" in said.out
            return
        assert f"propose caused by {change.key}" in said.out
        assert "components in jira" in said.out
