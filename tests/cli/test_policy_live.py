"""`tieline policy` and `tieline metadata` beside both stand-ins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .site import BETH, Site

ROOT = Path(__file__).parents[2]
POLICY = """
[vocabulary]
category = [{ name = "devices", servicenow = "hardware", jira = "Hardware" }, "network"]

[priority]
matrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]

[[rule]]
id = "devices"
when = { category = "devices", opened = { before = 2100-01-01 } }
then = { group = "Hardware" }
"""


@pytest.fixture
def governed(site: Site) -> Site:
    (site.folder / "policy.toml").write_text(POLICY)
    return site


def test_explain_a_mirrored_incident(governed: Site) -> None:
    site, policy = governed, str(governed.folder / "policy.toml")
    row = site.incident()
    site.sync("--initial")
    told = site.run("policy", "explain", row["number"], "--policy", policy, "--json")
    assert told.code == 0, told.all
    fields = {entry["field"]: entry for entry in told.json["fields"]}
    assert (fields["group"]["rule"], fields["group"]["met"][0]) == ("devices", "category is 'devices'")
    assert fields["priority"]["rule"] == "matrix"
    # The Base of a mirrored incident does not say that a rule gave a value: it counts as a person's.
    assert "a person changed it" in fields["group"]["note"]
    assert site.run("policy", "explain", "INC9999999", "--policy", policy).code == 2


@pytest.mark.parametrize("source", ["--live", "--state"])
def test_simulate_over_what_is_mirrored(governed: Site, source: str) -> None:
    site, policy = governed, str(governed.folder / "policy.toml")
    for _ in range(3):
        site.incident()
    site.sync("--initial")
    said = site.run("policy", "simulate", policy, source, "--json")
    assert said.code == 0, said.all
    assert said.json["records"] == 3
    assert said.json["changed"] == {"group": 3}
    priority = said.json["agreement"]["priority"]
    assert (priority["same"], priority["of"]) == (3, 3)


def test_metadata_is_pulled_compared_and_checked_with(governed: Site) -> None:
    site, file = governed, governed.folder / "metadata.json"
    site.incident()
    pulled = site.run("metadata", "pull", "-o", str(file))
    assert pulled.code == 0, pulled.all
    kept = json.loads(file.read_text())["routes"]["operations"]
    assert "hardware" in kept["servicenow"]["options"]["category"]
    assert "Network" in kept["jira"]["options"]["customfield_10051"]
    assert site.run("metadata", "diff", str(file)).code == 0
    policy = str(governed.folder / "policy.toml")
    clean = site.run("policy", "check", policy, "--metadata", str(file), "--select", "TL020")
    assert clean.code == 0, clean.all
    (governed.folder / "policy.toml").write_text(POLICY.replace('"hardware"', '"hard ware"'))
    found = site.run("policy", "check", policy, "--metadata", str(file), "--select", "TL020")
    assert (found.code, "servicenow has no category 'hard ware'" in found.out) == (1, True)
    file.write_text(file.read_text().replace('"Hardware"', '"Harddisks"'))
    drifted = site.run("metadata", "diff", str(file))
    assert (drifted.code, "Harddisks" in drifted.out) == (1, True)


def test_the_example_policy_fits_the_example_instances(site: Site) -> None:
    site.incident()
    file = site.folder / "metadata.json"
    site.run("metadata", "pull", "-o", str(file))
    policy = str(ROOT / "docs" / "examples" / "policy.toml")
    found = site.run("policy", "check", policy, "--metadata", str(file), "--select", "TL020")
    assert found.code == 0, found.all


def test_a_snapshot_that_is_none_is_refused(governed: Site) -> None:
    policy, file = str(governed.folder / "policy.toml"), governed.folder / "metadata.json"
    assert governed.run("policy", "check", policy, "--metadata", str(file)).code == 2
    file.write_text("[]")
    said = governed.run("policy", "check", policy, "--metadata", str(file))
    assert (said.code, "is not a snapshot" in said.err) == (2, True)


SPOKEN = """
[policy]
[[policy.rule]]
id = "outage"
when = { comments = { contains = "total outage" } }
then = { urgency = 1 }
strength = "always"
"""


def test_what_people_say_decides_is_explained_and_simulated(site: Site) -> None:
    site.config.write_text(site.config.read_text() + SPOKEN)
    assert "TL028" not in site.run("policy", "check").out
    row, ticket = site.paired(urgency="3", impact="3")
    site.world.jira.comment(BETH, ticket.id, "Total outage on floor 3, door code 4711")
    asked = site.run("policy", "explain", row["number"])
    assert "comments contains 'total outage'" in asked.out
    assert site.run("policy", "simulate", "--live", "--json").json["changed"] == {"urgency": 1, "priority": 1}
    assert site.row(row)["urgency"] == "3"
    site.settle()
    assert site.row(row)["urgency"] == "1"
    assert site.run("policy", "simulate", "--state", "--json").json["fired"] == {"outage": 1}
    site.desk(row, urgency="2")
    site.settle()
    assert site.row(row)["urgency"] == "1"
    told = site.run("show", row["number"])
    assert "comments contains 'total outage'" in told.out
    assert "4711" not in told.all + asked.all + site.state.read_bytes().decode("latin-1")


def test_comments_that_no_pass_hears_are_a_finding(site: Site) -> None:
    (site.folder / "quiet.toml").write_text(
        site.config.read_text().replace("[comments]", "[unheard]").partition("[unheard]")[0] + SPOKEN
    )
    said = site.run("policy", "check", str(site.folder / "quiet.toml"), "--select", "TL028")
    assert (said.code, "TL028" in said.out, "add [comments]" in said.out) == (1, True, True)
