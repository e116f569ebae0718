"""A policy at work on both stand-ins: what it reads besides, notes, holds, what it leaves out, time."""

from __future__ import annotations

import json

from .site import BETH, Site

READS = """
[policy.fields]
location = { kind = "choice", servicenow = "location.name" }
tested = { kind = "flag", jira = "customfield_10043" }

[policy.priority]
floor = [{ id = "vip", when = { vip = true }, priority = 2 }]

[[policy.rule]]
id = "boston"
when = { location = "Boston" }
then = { group = "Hardware" }

[[policy.rule]]
id = "phoned"
when = { channel = "phone", opened = { after = 2026-01-01 } }
then = { urgency = 2 }
"""


def ruled(site: Site, policy: str) -> Site:
    site.config.write_text(site.config.read_text() + policy)
    return site


def person(site: Site, name: str) -> str:
    return next(
        user["sys_id"] for user in site.world.servicenow.rows("sys_user") if user["user_name"] == name
    )


def test_rules_ask_what_nobody_mirrors(site: Site) -> None:
    ruled(site, READS)
    vip, _ = site.paired(caller_id=person(site, "vip.person"), impact="3", urgency="3")
    assert site.row(vip)["priority"] == "2"
    assert site.mirror(vip).values["priority"] == "High"
    phoned, _ = site.paired(
        caller_id=person(site, "abel.tuter"), contact_type="phone", impact="3", urgency="3"
    )
    shown = site.row(phoned)
    assert (shown["urgency"], shown["priority"]) == ("2", "4")
    said = site.run("policy", "explain", vip["number"])
    assert "by vip (" in said.out


def test_a_matrix_that_is_not_the_mirrored_one_stops_everything(site: Site) -> None:
    site.incident()
    ruled(site, "\n[policy.priority]\nmatrix = [[1, 1, 2], [2, 3, 4], [3, 4, 5]]\n")
    before = site.writes
    for arguments in (("config", "check"), ("sync", "--initial"), ("plan",)):
        said = site.run(*arguments)
        assert said.code == 2
        assert "TL026: impact 1 with urgency 2 makes 1 here, and 2 by the [priority]" in said.all
    assert site.run("config", "check", "--json").json["fine"] is False
    assert site.run("policy", "check").code == 1
    assert site.writes == before


def test_a_policy_without_a_matrix_has_the_configurations(site: Site) -> None:
    text = site.config.read_text()
    site.config.write_text(text.replace("  [1, 2, 3],\n", "  [1, 1, 3],\n"))
    ruled(site, READS)
    assert site.run("config", "check").code == 0
    record = site.folder / "one.json"
    record.write_text('{"impact": "1", "urgency": "2"}')
    said = site.run("policy", "explain", "--record", str(record), "--json").json
    assert {entry["field"]: entry["value"] for entry in said["fields"]}["priority"] == "1"


SCENARIO = """
[policy.fields]
location = { kind = "choice", servicenow = "location.name" }
watchers = { kind = "set", servicenow = "watch_list" }
labels = { jira = "labels" }

[policy.vocabulary]
status = [
  { name = "new", servicenow = "1", jira = "Open" },
  { name = "working", servicenow = "2", jira = "In Progress" },
  { name = "waiting", servicenow = ["3/1", "3"], jira = "Waiting", lossy = "3 alone is read only" },
  { name = "resolved", servicenow = "6", jira = "Resolved" },
]

[policy.major]
when = { impact = 1, urgency = 1, status = { is_not = "resolved" } }
until = { status = "resolved" }
then = { labels = "major", watchers = "manager@example.com", note = "A major incident." }
afterwards = { unlabel = "major", note = { servicenow = "Write the review." } }

[[policy.rule]]
id = "out-of-office"
when = { summary = { starts_with = "out of office" } }
then = { leave_out = true }

[[policy.rule]]
id = "legal"
when = { description = { contains = "legal hold" } }
then = { hold = "the service manager decides" }

[[policy.rule]]
id = "waits"
when = { assignee = "", status = "new", opened = { older_than = "30m" } }
then = { urgency = 1, labels = "escalated", note = "Nobody has it for 30 minutes." }
strength = { urgency = "always" }
"""


def journal(site: Site, row: dict[str, str]) -> list[str]:
    entries = site.world.servicenow.rows("sys_journal_field")
    return [e["value"] for e in entries if e["element_id"] == row["sys_id"] and e["element"] == "work_notes"]


def labels(site: Site, row: dict[str, str]) -> set[str]:
    found = site.mirror(row).values["labels"]
    return set(found) if isinstance(found, tuple) else set()


def test_a_day_under_a_policy(site: Site) -> None:
    """Left out, held, woken by time, a major incident that begins and ends; each told where people look."""
    ruled(site, SCENARIO)
    away = site.incident(short_description="Out of office: back on Monday")
    legal = site.incident(description="Please mind the legal hold")
    row = site.incident(impact="3", urgency="2")
    planned = site.run("plan", "--initial").out
    assert "left out of scope by rule out-of-office (" in planned
    assert "park: rule legal (" in planned
    assert site.sync("--initial").code == 3
    site.settle(code=3)
    assert site.mirrors(away) == site.mirrors(legal) == []
    assert f"left out of scope by rule out-of-office ({site.config}:" in site.run("show", away["number"]).out
    told = site.run("parked", "list")
    assert "rule legal (" in told.out
    assert "the service manager decides" in told.out
    status = site.run("status")
    assert "left out        1 by rules of the policy" in status.out
    assert site.run("status", "--json").json["left_out"] == 1

    said = site.run("show", row["number"])
    assert "time may change this at 2026-01-05 08:30" in said.out
    site.wait(30 * 60)
    writes = site.writes
    assert "because priority: rule waits (" in site.run("plan").out
    assert site.writes == writes
    site.settle(code=3)
    shown, ticket = site.row(row), site.mirror(row)
    assert (shown["urgency"], shown["priority"], ticket.values["priority"]) == ("1", "3", "Medium")
    assert labels(site, row) == {"escalated"}
    assert [note for note in journal(site, row) if note.startswith("Nobody has it for 30 minutes.")] != []
    said = site.run("show", row["number"])
    assert f"by waits ({site.config}:" in said.out
    assert "assignee is empty" in said.out

    site.desk(row, urgency="3")
    site.settle(code=3)
    (conflict,) = [c for c in site.run("conflicts", "list", "--all", "--json").json if c["kind"] == "rule"]
    assert conflict["servicenow"]["urgency"] == "3"

    site.desk(row, assigned_to=person(site, "beth.anglin"), state="2", impact="1")
    site.settle(code=3)
    assert labels(site, row) == {"major", "escalated"}
    assert "manager@example.com" in site.row(row)["watch_list"]
    site.desk(row, state="6", close_code="Solution provided", close_notes="Repaired")
    site.settle(code=3)
    assert labels(site, row) == {"escalated"}
    assert [note for note in journal(site, row) if "Write the review." in note] != []

    site.desk(legal, description="Cleared")
    site.settle()
    assert len(site.mirrors(legal)) == 1
    writes = site.writes
    for _ in range(2):
        site.sync(after=3600)
    assert site.writes == writes
    assert {c["kind"] for c in site.run("conflicts", "list", "--all", "--json").json} == {"rule"}
    counts = [
        len([n for n in journal(site, row) if word in n]) for word in ("Nobody has", "A major", "review")
    ]
    assert counts == [1, 1, 1]


def test_the_program_itself_carries_out_a_policy(site: Site) -> None:
    ruled(site, SCENARIO.replace('"30m"', '"1s"'))
    site.incident(short_description="Out of office: back on Monday")
    row = site.incident(impact="3", urgency="3")
    said = site.process("sync", "--initial")
    assert said.code == 0, said.all
    assert [note for note in journal(site, row) if note.startswith("Nobody has it for 30 minutes.")] != []
    shown = site.process("show", row["number"])
    assert "by waits (" in shown.out
    assert "left out        1" in site.process("status").out


def test_a_person_lifts_what_a_rule_holds(site: Site) -> None:
    ruled(site, SCENARIO)
    legal = site.incident(description="Please mind the legal hold")
    assert site.sync("--initial").code == 3
    assert site.run("parked", "drop", legal["number"]).code == 0
    site.settle()
    assert len(site.mirrors(legal)) == 1
    row, _ = site.paired()
    site.desk(row, description="A legal hold", short_description="Seen")
    assert site.sync(after=180).code == 3
    assert site.mirror(row).values["summary"] != "Seen"
    assert site.run("parked", "drop", row["number"]).code == 0
    site.settle()
    assert site.mirror(row).values["summary"] == "Seen"
    assert site.run("parked", "list", "--json").json == []


def test_undo_puts_back_what_a_rule_set_on_one_side_alone(site: Site) -> None:
    ruled(site, SCENARIO)
    row, _ = site.paired(impact="3", urgency="3", assigned_to=person(site, "beth.anglin"))
    site.desk(row, watch_list="boss@example.com", impact="1", urgency="1")
    site.sync()
    assert labels(site, row) == {"major"}
    assert site.row(row)["watch_list"] == "boss@example.com,manager@example.com"
    site.settle()
    told = (json.loads(line) for line in site.run("audit", "--json").out.splitlines())
    pass_id = next(entry["pass"] for entry in told if "watch_list" in str(entry))
    site.desk(row, watch_list="boss@example.com,manager@example.com,new@example.com")
    planned = site.run("undo", pass_id)
    assert "manager@example.com" in planned.out
    assert site.run("undo", pass_id, "--yes").code == 0
    assert site.row(row)["watch_list"] == "boss@example.com,new@example.com"
    assert labels(site, row) == set()
    site.settle()
    site.desk(row, short_description="Again")
    site.settle()
    assert site.row(row)["watch_list"] == "boss@example.com,new@example.com"
    assert labels(site, row) == set()


WATCHED = """
[policy.fields]
watchers = { kind = "set", servicenow = "watch_list" }
followers = { kind = "set", jira = "watches" }

[policy.major]
when = { impact = 1, urgency = 1 }
until = { status = "6" }
then = { watchers = "beth.anglin@example.com", followers = "beth.anglin@example.com" }
"""


def test_a_major_incident_gets_watchers_on_both_sides_once(site: Site) -> None:
    ruled(site, WATCHED)
    row, ticket = site.paired(impact="3", urgency="3")

    def watchers() -> set[str]:
        issue = next(i for i in site.world.jira.site.store.issues.values() if i.state.key == ticket.key)
        return {user.email for user in issue.watchers}

    before = watchers()
    assert BETH not in before
    site.desk(row, impact="1", urgency="1")
    site.settle()
    assert watchers() == before | {BETH}
    assert site.row(row)["watch_list"] == BETH
    site.desk(row, short_description="Still a major one")
    site.settle()
    writes = site.writes
    site.sync(after=3600)
    assert site.writes == writes
    assert watchers() == before | {BETH}
