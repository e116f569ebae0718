"""`tieline init` writes a configuration that fits the live systems, asks what is missing, and is careful."""

from __future__ import annotations

import json
import stat
import tomllib
from typing import Any

import pytest

from .conftest import Desk


def written(desk: Desk, name: str = "config.toml") -> dict[str, Any]:
    return tomllib.loads((desk.folder / name).read_text(encoding="utf-8"))


def test_from_flags_alone_to_a_configuration_that_is_fit_to_go_live(desk: Desk) -> None:
    place = ("--project", "OPS", "--issue-type", "Incident")
    said = desk.process("init", *desk.init_options(), *place).stdout
    assert "Wrote config.toml" in said
    assert "tieline doctor" in said
    assert "fine" in desk.process("config", "check").stdout
    config = written(desk)
    assert config["jira"]["marker"] == "customfield_10042"
    pairs = {field["servicenow"]: field["jira"] for field in config["field"]}
    assert pairs == {
        "short_description": "summary", "description": "description", "assigned_to": "assignee",
        "assignment_group": "customfield_10050", "category": "customfield_10051",
        "subcategory": "customfield_10052",
    }  # fmt: skip
    assert {"servicenow": ["3/1", "3"], "jira": "Waiting"} in config["status"]["map"]
    assert config["status"]["jira"]["close_notes"] == "customfield_10053"
    assert len(config["priority"]["map"]) == 5
    for secret in (desk.world.secrets.servicenow, desk.world.secrets.jira):
        assert secret not in (desk.folder / "config.toml").read_text(encoding="utf-8")
    report = json.loads(desk.run("doctor", "--json").stdout)
    assert {finding["severity"] for finding in report["findings"]} <= {"note"}


def test_the_best_project_is_taken_and_what_is_unsure_is_told(desk: Desk) -> None:
    desk.world.servicenow.add_choice("category", "telephony", "Telephony")
    said = json.loads(desk.run("init", *desk.init_options(), "--json", "-o", "made.toml").stdout)
    assert said["place"] == "OPS/Incident"
    assert said["config"] == "made.toml"
    told = " ".join(gap["what"] for gap in said["gaps"])
    assert "Telephony" in told
    assert all(gap["remedy"] for gap in said["gaps"])


def test_the_live_matrix_is_taken_from_what_incidents_show(desk: Desk) -> None:
    for impact in "123":
        for urgency in "123":
            values = {"short_description": "x", "impact": impact, "urgency": urgency}
            desk.world.servicenow.create("joe.employee", values)
    desk.run("init", *desk.init_options())
    assert written(desk)["priority"]["matrix"] == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert "as this instance computes it" in (desk.folder / "config.toml").read_text(encoding="utf-8")


def test_a_file_is_never_replaced_unasked(desk: Desk) -> None:
    desk.configure(lambda _: "mine")
    done = desk.run("init", *desk.init_options(), code=2)
    assert "--force" in done.stderr
    assert (desk.folder / "config.toml").read_text() == "mine"
    desk.run("init", *desk.init_options(), "--force")
    assert "installation" in written(desk)


def test_a_secret_in_place_of_a_reference_is_refused_and_not_repeated(desk: Desk) -> None:
    options = desk.init_options()
    options[options.index("env:TIELINE_JIRA_TOKEN")] = "hunter2"
    done = desk.run("init", *options, code=2)
    assert "--jira-token" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert not (desk.folder / "config.toml").exists()


@pytest.mark.parametrize(
    "missing", ["--servicenow-url", "--jira-url", "--servicenow-password", "--jira-user"]
)
def test_what_is_missing_is_named_where_nobody_can_be_asked(desk: Desk, missing: str) -> None:
    options = desk.init_options()
    at = options.index(missing)
    done = desk.run("init", *options[:at], *options[at + 2 :], code=2)
    assert missing in done.stderr


def test_wrong_credentials_end_in_a_sentence_and_leave_nothing(desk: Desk) -> None:
    desk.extra["TIELINE_JIRA_TOKEN"] = "wrong"
    done = desk.run("init", *desk.init_options(), code=1)
    assert "credentials" in done.stderr
    assert list(desk.folder.iterdir()) == []


def test_a_project_that_is_not_there_is_named_with_those_that_are(desk: Desk) -> None:
    done = desk.run("init", *desk.init_options(), "--project", "NOPE", "--issue-type", "Bug", code=2)
    assert "NOPE" in done.stderr
    assert "OPS" in done.stderr
    done = desk.run("init", *desk.init_options(), "--project", "OPS", "--issue-type", "Bug", code=2)
    assert "Incident" in done.stderr


def test_a_typed_secret_goes_into_a_private_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from tieline.cli import root

    servicenow, jira = desk.world.urls
    monkeypatch.chdir(desk.folder)
    monkeypatch.setattr("tieline.sync.commands.init.Asked.silent", property(lambda self: False))
    answers = [servicenow, "tieline", "", desk.world.secrets.servicenow, jira, "tieline@example.com", "",
               desk.world.secrets.jira, "1", "y"]  # fmt: skip
    result = CliRunner().invoke(root, ["init"], input="\n".join(answers) + "\n", catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert written(desk)["servicenow"]["auth"]["password"] == "file:servicenow.secret"
    for name in ("servicenow.secret", "jira.secret"):
        assert stat.S_IMODE((desk.folder / name).stat().st_mode) == 0o600
    assert desk.world.secrets.jira not in result.output
    desk.run("doctor")
