"""A policy at work on both stand-ins: what it reads besides, notes, holds, what it leaves out, time."""

from __future__ import annotations

import pytest

from .site import Row, Site

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


@pytest.fixture
def governed(site: Site) -> Site:
    return site


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
