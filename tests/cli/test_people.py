"""`tieline people` and `tieline people check` on both stand-ins."""

from __future__ import annotations

from .site import Site


def test_the_check_comes_before_go_live_and_writes_nothing(site: Site) -> None:
    site.world.servicenow.add_user("nobody.else", name="Nobody Else")
    person = site.world.servicenow.rows("sys_user")[-1]["sys_id"]
    site.world.servicenow.create("joe.employee", {"short_description": "Mail", "assigned_to": person})
    site.world.servicenow.create("joe.employee", {"short_description": "Mail"})
    said = site.run("people", "check")
    assert said.code == 1
    assert "Nobody Else" in said.out
    assert "no usable partner" in said.out
    [found] = site.run("people", "check", "--json").json
    assert (found["name"], found["standing"], found["count"]) == ("Nobody Else", "no partner", 1)


def test_people_lists_those_without_a_partner(site: Site) -> None:
    site.world.servicenow.add_user("nobody.else", name="Nobody Else")
    person = site.world.servicenow.rows("sys_user")[-1]["sys_id"]
    site.world.servicenow.create("joe.employee", {"short_description": "Mail", "assigned_to": person})
    assert "people check" in site.run("people").out
    site.run("sync", "--initial")
    site.run("sync")
    assert "Nobody Else" in site.run("people").out
    assert [known["standing"] for known in site.run("people", "--json").json] == ["no partner"]


def test_what_is_said_about_people_says_what_becomes_of_them(site: Site) -> None:
    """It said that all 0 people have a partner, and never which rule decides about those without one."""
    site.incident()
    said = site.run("people", "check")
    assert (said.code, "names a person or group yet" in said.out) == (0, True)
    site.world.servicenow.add_user("nobody.else", name="Nobody Else")
    person = site.world.servicenow.rows("sys_user")[-1]["sys_id"]
    row = site.incident(assigned_to=person)
    lines = site.run("people", "check").out.splitlines()
    assert lines[0] == "no partner: nobody across matches"
    assert "Nobody Else" in lines[1]
    assert lines[1].endswith(f"once in assignee, as in {row['number']}")
    assert lines[2].endswith('until then [people] unknown = "unassigned" decides')
    assert lines[3] == "1 of 1 people and groups has no usable partner"
    site.sync("--initial")
    shown = site.run("show", row["number"]).out
    assert "assignee: 'Nobody Else' has no partner in jira: tieline people" in shown


def test_the_line_of_a_pass_counts_what_was_said_and_carried(site: Site) -> None:
    """A pass that carried a comment and a file said that it had made 0 changes."""
    row, _ = site.paired()
    site.desk(row, work_notes="Called back")
    site.world.servicenow.attach("beth.anglin", row["sys_id"], "log.txt", b"hello")
    site.world.servicenow.attach("beth.anglin", row["sys_id"], "setup.exe", b"MZ")
    out = site.sync().out
    for told in ("0 changes", "1 comment carried", "1 file carried", "1 note"):
        assert told in out
