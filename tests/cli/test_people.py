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
