"""Relations over HTTP: issue links and remote links, problems and changes mirrored as pairs of their own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tieline.connectors.base import Ref, Search
from tieline.connectors.sandbox.expected import Maps

from .site import BETH, Site

PROBLEMS = """
[[route]]
name = "problems"
servicenow = { table = "problem" }
jira = { project = "SVC", issue_type = "Problem" }
create_from = ["servicenow"]
since = 2016-01-01
without = ["category", "subcategory", "priority"]
[route.status]
direction = "to_jira"
servicenow = { hold_reason = "", close_code = "resolution_code", close_notes = "" }
jira = { status = "status", resolution = "resolution" }
resolved = ["106", "107"]
canceled = []
default_close_code = "fix_applied"
map = [
  { servicenow = ["101", "102"], jira = "Open" },
  { servicenow = ["103", "104"], jira = "In Progress" },
  { servicenow = ["106", "107"], jira = "Closed" },
]
resolution = [{ servicenow = ["fix_applied", "risk_accepted"], jira = "Done" }]

[[route]]
name = "changes"
servicenow = { table = "change_request" }
jira = { project = "SVC", issue_type = "Change" }
create_from = ["servicenow"]
since = 2016-01-01
without = ["category", "subcategory", "priority", "status"]

[[links.type]]
relation = "cured_by"
on = "problem"
jira = "Cure"
"""


@pytest.fixture
def whole(site: Site) -> Site:
    """The site with routes of problems and changes beside that of incidents."""
    site.config.write_text(site.config.read_text() + PROBLEMS)
    return site


def problem(site: Site, **values: Any) -> dict[str, Any]:
    row = {"short_description": "The printers share a driver", **values}
    return site.world.servicenow.create("abel.tuter", row, table="problem")


def change(site: Site, **values: Any) -> dict[str, Any]:
    row = {"short_description": "New driver", "type": "standard", **values}
    return site.world.servicenow.create("abel.tuter", row, table="change_request")


def issue_of(site: Site, sys_id: str) -> str:
    (found,) = [t for t in site.world.jira.issues()
                if str(t.values.get("customfield_10042") or "").endswith(sys_id)]  # fmt: skip
    return found.id


def test_a_problem_that_only_servicenow_has_is_a_remote_link(site: Site) -> None:
    row, ticket = site.paired()
    behind = problem(site)
    site.desk(row, problem_id=behind["sys_id"])
    site.settle()
    report = site.report()
    assert (report.relations, report.misrelated) == (1, ())
    site.desk(row, problem_id="")
    site.settle()
    assert site.report().relations == 0
    assert site.world.jira.links(ticket.id) == []


def test_a_parent_goes_both_ways_and_a_removal_stays_one(site: Site) -> None:
    (child, ticket), parent = site.paired(), site.incident(short_description="Everything is down")
    site.sync("--initial")
    site.settle()
    top = site.mirror(parent)
    site.world.jira.link(BETH, "Parent/Child", top.id, ticket.id)
    site.settle()
    assert site.row(child)["parent_incident"] == parent["sys_id"]
    assert site.report().misrelated == ()
    site.world.jira.unlink(BETH, ticket.id, "Parent/Child", top.id)
    site.settle()
    assert site.row(child)["parent_incident"] == ""
    site.desk(child, parent_incident=parent["sys_id"])
    site.settle()
    assert site.world.jira.links(ticket.id) == [(top.id, "Parent/Child", ticket.id)]


def test_problems_and_changes_are_pairs_of_their_own(whole: Site) -> None:
    behind, cure = problem(whole), change(whole)
    row = whole.incident(problem_id=behind["sys_id"], rfc=cure["sys_id"])
    assert whole.sync("--initial").code == 0, whole.run("parked", "list").out
    whole.settle()
    ticket, prb, chg = whole.mirror(row), issue_of(whole, behind["sys_id"]), issue_of(whole, cure["sys_id"])
    assert {whole.world.jira.get(id_).key[:3] for id_ in (prb, chg)} == {"SVC"}
    assert sorted(whole.world.jira.links(ticket.id)) == sorted(
        [(prb, "Problem/Incident", ticket.id), (chg, "Cure", ticket.id)]
    )
    whole.world.servicenow.update("abel.tuter", behind["sys_id"], {"rfc": cure["sys_id"]}, table="problem")
    whole.settle()
    assert (chg, "Cure", prb) in whole.world.jira.links(prb)


def test_a_problem_moves_through_its_states_and_its_issue_follows(whole: Site) -> None:
    behind = problem(whole)
    whole.sync("--initial")
    whole.settle()
    prb = issue_of(whole, behind["sys_id"])
    david = whole.world.servicenow.rows("sys_user")[0]["sys_id"]
    for state in ({"state": "102", "assigned_to": david}, {"state": "103"},
                  {"state": "104", "cause_notes": "An old driver", "fix_notes": "A new driver"}):  # fmt: skip
        whole.world.servicenow.update("abel.tuter", behind["sys_id"], state, table="problem")
    whole.settle()
    assert whole.world.jira.get(prb).values["status"] == "In Progress"
    ended = {"state": "106", "resolution_code": "fix_applied"}
    whole.world.servicenow.update("abel.tuter", behind["sys_id"], ended, table="problem")
    whole.settle()
    shown = whole.world.jira.get(prb).values
    assert (shown["status"], shown["resolution"]) == ("Closed", "Done")
    whole.world.jira.update(BETH, prb, {"summary": "The printers share an old driver"})
    whole.settle()
    found = whole.world.servicenow.get(behind["sys_id"], table="problem")
    assert found["short_description"] == "The printers share an old driver"


def test_an_engineer_links_an_issue_to_a_problems_issue(whole: Site) -> None:
    behind, cause = problem(whole), change(whole)
    row, ticket = whole.paired()
    prb, chg = issue_of(whole, behind["sys_id"]), issue_of(whole, cause["sys_id"])
    whole.world.jira.link(BETH, "Problem/Incident", prb, ticket.id)
    whole.world.jira.link(BETH, "Problem/Incident", chg, ticket.id)
    whole.settle()
    found = whole.row(row)
    assert (found["problem_id"], found["caused_by"]) == (behind["sys_id"], cause["sys_id"])


def test_a_remote_link_gives_way_once_the_problem_is_mirrored(site: Site) -> None:
    row, ticket = site.paired()
    behind = problem(site)
    site.desk(row, problem_id=behind["sys_id"])
    site.settle()
    assert site.world.jira.links(ticket.id) == []
    site.config.write_text(site.config.read_text() + PROBLEMS)
    assert site.sync("--initial", "--accept").code == 0
    site.settle()
    prb = issue_of(site, behind["sys_id"])
    assert site.world.jira.links(ticket.id) == [(prb, "Problem/Incident", ticket.id)]
    maps = Maps.read(site.config.read_text())
    _, shown = site.world.relations(maps, [(row["sys_id"], ticket.id)])
    assert shown == f"{ticket.key}  is caused by {site.world.jira.get(prb).key}", "no remote link is left"


def test_what_an_incident_may_be_tied_to_is_found_in_batches(site: Site) -> None:
    from tieline import cli
    from tieline.sync.config.load import load_config

    behind, cure = problem(site), change(site)
    ci = site.world.servicenow.create("admin", {"name": "db01"}, table="cmdb_ci")
    disk = site.world.servicenow.create("admin", {"name": "disk07"}, table="cmdb_ci")
    rel = {"parent": ci["sys_id"], "child": disk["sys_id"]}
    site.world.servicenow.create("admin", rel, table="cmdb_rel_ci")
    tied = change(site, cmdb_ci=ci["sys_id"])
    issue = site.issue()
    with pytest.MonkeyPatch.context() as patch:
        for name, secret in site.world.environment().items():
            patch.setenv(name, secret)
        with cli.Adapters().connect(load_config(site.config)) as sides:
            snow, jira = sides["servicenow"], sides["jira"]
            (one,) = snow.targets("problem", [behind["number"].lower()])
            assert (one.ref, one.title) == (
                Ref("servicenow", behind["sys_id"], "problem"),
                behind["short_description"],
            )
            assert [t.label for t in snow.targets("change", [cure["sys_id"], "CHG9999999"])] == [
                cure["number"]
            ]
            assert snow.targets("nonsense", ["x"]) == []
            assert [t.label for t in jira.targets("issue", [issue.key])] == [issue.key]
            found = snow.seek(Search("change", cis=frozenset({ci["sys_id"]})))
            assert [t.ref.id for t in found] == [tied["sys_id"]]
            assert snow.depends_on([ci["sys_id"]]) == {ci["sys_id"]: frozenset({disk["sys_id"]})}
            assert jira.remote_ties([Ref("jira", issue.id)]) == [frozenset()]


def test_a_configuration_item_is_shown_by_its_name(site: Site) -> None:
    site.config.write_text(site.config.read_text() + '\n[[links.type]]\nrelation = "ci"\n')
    row, ticket = site.paired()
    disk = site.world.servicenow.create("admin", {"name": "disk07"}, table="cmdb_ci")
    site.desk(row, cmdb_ci=disk["sys_id"])
    site.settle()
    maps = Maps.read(site.config.read_text())
    _, shown = site.world.relations(maps, [(row["sys_id"], ticket.id)])
    assert shown == f"{ticket.key}  configuration item disk07"


def affect(site: Site, row: dict[str, Any], name: str) -> dict[str, Any]:
    """Somebody puts an item on an incident's list of affected ones; the entry."""
    item = site.world.servicenow.create("admin", {"name": name}, table="cmdb_ci")
    entry = {"task": row["sys_id"], "ci_item": item["sys_id"]}
    return site.world.servicenow.create("admin", entry, table="task_ci")


def test_affected_items_are_remote_links_of_the_issue_and_the_list_stays_servicenows(site: Site) -> None:
    site.rewrite("affected = false", "affected = true")
    row, ticket = site.paired()
    site.wait(3600)
    before = site.row(row)
    first, _ = affect(site, row, "db01"), affect(site, row, "db02")
    assert site.row(row) == before, "a row of task_ci changes nothing of its incident"
    plan = site.run("plan").out
    assert "affected CI" in plan
    site.settle()
    held = site.world.jira.site.store.issues[int(ticket.id)].remote_links
    shown = {str(link.object["title"]): link for link in held if link.relationship == "affected CI"}
    assert sorted(shown) == ["db01", "db02"]
    assert f"cmdb_ci.do?sys_id={first['ci_item']}" in str(shown["db01"].object["url"])
    assert shown["db01"].global_id == f"tieline:affected:{first['ci_item']}"
    assert "affected db01" in site.run("show", row["number"]).out
    site.world.servicenow.delete(first["sys_id"], table="task_ci")
    site.wait(3600)
    site.sync("--only", row["number"])
    held = site.world.jira.site.store.issues[int(ticket.id)].remote_links
    assert [str(link.object["title"]) for link in held if link.relationship == "affected CI"] == ["db02"]
    assert len(site.world.servicenow.rows("task_ci")) == 1
    site.sync(after=3600)
    earlier, written = Counter(site.world.requests.operations), site.writes
    site.sync(after=3600)
    asked = Counter(site.world.requests.operations) - earlier
    assert (site.writes, sum(n for (_, name), n in asked.items() if "task_ci" in name)) == (written, 1)
