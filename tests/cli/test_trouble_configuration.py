"""A configuration that is wrong, or names what the systems do not have: said, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from .site import Site

WRONG = {
    "a typing error in a table's name": ("[limits]", "[limit]", "limit"),
    "a value of the wrong kind": ("wave = 100", 'wave = "many"', "limits.wave"),
    "a number out of bounds": ("max_share = 0.5", "max_share = 7", "limits.max_share"),
    "a secret in the file": ('"env:TIELINE_JIRA_TOKEN"', '"hunter2"', "jira.auth.token"),
    "a rule that there is not": ('clash = "newest"', 'clash = "latest"', "clash"),
    "half a field": ('servicenow = "short_description"\n', "", "servicenow"),
    "no TOML": ("[limits]", "[limits", "TOML"),
}


@pytest.mark.parametrize(("old", "new", "named"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("command", ["sync", "plan", "status", "parked list", "show INC1"])
def test_a_wrong_file_stops_every_command(site: Site, command: str, old: str, new: str, named: str) -> None:
    site.incident()
    site.rewrite(old, new)
    said = site.run(*command.split(), *(["--initial"] if command == "sync" else []))
    assert said.code == 2
    assert f"{site.config}:" in said.err
    assert named in said.err
    assert "->" in said.err, "no remedy"
    assert "hunter2" not in said.all
    assert site.world.requests.total == 0
    assert not site.state.exists()


def test_all_faults_are_told_at_once(site: Site) -> None:
    site.rewrite("wave = 100", "wave = 0")
    site.rewrite('tie = "servicenow"', 'tie = "nobody"')
    said = site.run("sync")
    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 2


def test_no_file(site: Site, tmp_path: Path) -> None:
    said = site.run("sync", "--config", str(tmp_path / "nothing.toml"))
    assert said.code == 2
    assert "no such file" in said.err
    assert "config.example.toml" in said.err


def test_a_secret_that_is_not_set(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.rewrite("env:TIELINE_JIRA_TOKEN", "env:TIELINE_NOT_SET")
    monkeypatch.delenv("TIELINE_NOT_SET", raising=False)
    said = site.run("sync", "--initial")
    assert said.code == 2
    assert "TIELINE_NOT_SET" in said.err
    assert "not set" in said.err


UNKNOWN = {
    "a field of Jira": ('jira = "customfield_10051"', 'jira = "customfield_99999"', "customfield_99999"),
    "the marker in Jira": (
        'marker = "customfield_10042"',
        'marker = "customfield_88888"',
        "customfield_88888",
    ),
    "a column of ServiceNow": ('servicenow = "subcategory"', 'servicenow = "u_nothing"', "u_nothing"),
    "the marker in ServiceNow": ('marker = "correlation_id"', 'marker = "u_marker"', "u_marker"),
    "the link in ServiceNow": ('link = "correlation_display"', 'link = "u_link"', "u_link"),
}


@pytest.mark.parametrize(("old", "new", "named"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_field_that_a_system_does_not_have(site: Site, old: str, new: str, named: str) -> None:
    row, ticket = site.paired()
    right = site.config.read_text()
    site.rewrite(old, new)
    site.desk(row, short_description="Edited at the desk")
    site.engineer(ticket, description="Edited by an engineer")
    before = site.writes
    said = site.sync()
    if "tieline sync --accept" in said.err:  # a field of the mapping: what it rewrites must be wanted
        said = site.sync("--accept")
    assert said.code == 2
    assert named in said.err
    assert "configuration" in said.err
    assert "rights" in said.err
    assert site.run("plan").code == 2
    assert site.writes == before
    site.config.write_text(right)
    site.settle()
    assert site.report().ok
    assert site.ticket(ticket).values["summary"] == "Edited at the desk"
    assert site.row(row)["description"] == "Edited by an engineer"


def test_a_project_that_jira_does_not_have(site: Site) -> None:
    row, ticket = site.paired()
    site.rewrite('project = "OPS"', 'project = "NOPE"')
    site.desk(row, short_description="Edited meanwhile")
    said = site.sync()
    assert said.code == 1
    assert "NOPE" in said.err
    assert "jira.project" in said.err
    site.rewrite('project = "NOPE"', 'project = "OPS"')
    site.settle()
    assert site.ticket(ticket).values["summary"] == "Edited meanwhile"


def test_an_issue_type_that_the_project_does_not_have(site: Site) -> None:
    """A mirror that Jira refuses is parked by its number; right again, it is made."""
    old, _ = site.paired()
    site.rewrite('issue_type = "Incident"', 'issue_type = "Nope"')
    new = site.incident(short_description="A new one")
    site.desk(old, short_description="The old one goes on")
    said = site.sync()
    assert said.code == 3
    assert site.mirror(old).values["summary"] == "The old one goes on"
    parked = site.run("parked", "list").out
    assert new["number"] in parked
    assert "issue type" in parked
    site.rewrite('issue_type = "Nope"', 'issue_type = "Incident"')
    assert site.run("parked", "retry", new["number"]).code == 0
    site.settle()
    assert site.mirror(new).values["summary"] == "A new one"
    assert site.report().ok


def test_a_table_that_servicenow_does_not_have(site: Site) -> None:
    site.rewrite('table = "incident"', 'table = "u_nope"')
    said = site.sync("--initial")
    assert said.code == 1
    assert "u_nope" in said.err
