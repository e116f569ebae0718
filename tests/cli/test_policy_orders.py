"""A policy at work on both stand-ins: what it reads besides, notes, holds, what it leaves out, time."""

from __future__ import annotations

from .site import Site

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
    site.config.write_text(
        text.replace("  [1, 2, 3],\n", "  [1, 1, 3],\n")
    )
    ruled(site, READS)
    assert site.run("config", "check").code == 0
    record = site.folder / "one.json"
    record.write_text('{"impact": "1", "urgency": "2"}')
    said = site.run("policy", "explain", "--record", str(record), "--json").json
    assert {entry["field"]: entry["value"] for entry in said["fields"]}["priority"] == "1"
