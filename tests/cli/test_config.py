"""`tieline config` on a good file, a bad one and none, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tieline.sync.commands.config import config


@pytest.fixture
def good(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example as ./config.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIELINE_CONFIG", raising=False)
    file = tmp_path / "config.toml"
    file.write_bytes((root / "config.example.toml").read_bytes())
    return file


@pytest.fixture
def bad(good: Path) -> Path:
    text = good.read_text(encoding="utf-8")
    good.write_text(text.replace("wave = 100", "wave = 0").replace('"env:TIELINE_JIRA_TOKEN"', '"hunter2"'))
    return good


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(config, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_good_file(good: Path) -> None:
    result = run("check")
    assert (result.exit_code, result.output) == (
        0,
        "config.toml: fine: 1 route, 6 fields, status, priority\n",
    )


def test_a_good_file_for_machines(good: Path) -> None:
    said = json.loads(run("check", "--json").output)
    assert said["fine"] is True
    assert (said["file"], said["routes"], len(said["fields"]), said["faults"]) == (
        "config.toml",
        ["operations"],
        6,
        [],
    )


def test_a_bad_file(bad: Path) -> None:
    result = run("check")
    assert result.exit_code == 2
    first, second = result.output.splitlines()
    assert first.startswith("config.toml:") and "jira.auth.token: " in first
    assert second.endswith("limits.wave: is too small (0) -> use at least 1")
    assert "hunter2" not in result.output


def test_a_bad_file_for_machines(bad: Path) -> None:
    result = run("check", "--json")
    said = json.loads(result.output)
    assert (result.exit_code, said["fine"], len(said["faults"])) == (2, False, 2)
    fault = said["faults"][1]
    assert set(fault) == {"file", "line", "column", "key", "what", "value", "remedy"}
    lines = bad.read_text(encoding="utf-8").splitlines()
    assert lines[fault["line"] - 1][fault["column"] - 1 :].startswith("0 ")
    assert (fault["file"], fault["key"], fault["value"]) == ("config.toml", "limits.wave", "0")
    assert "hunter2" not in result.output


def test_the_file_is_named_by_option_then_variable_then_default(
    good: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.write_text("nonsense")
    monkeypatch.setenv("TIELINE_CONFIG", str(root / "config.example.toml"))
    assert run("check").exit_code == 0
    assert run("check", "-c", "config.toml").exit_code == 2
    assert run("check", "--config", "config.toml").exit_code == 2
    monkeypatch.delenv("TIELINE_CONFIG")
    assert run("check").exit_code == 2


def test_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIELINE_CONFIG", raising=False)
    result = run("check")
    assert result.exit_code == 2
    assert result.output.startswith("config.toml: there is no such file -> copy config.example.toml")
    assert json.loads(run("check", "--json").output)["faults"][0]["line"] == 0


def test_the_check_needs_no_secret(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIELINE_SERVICENOW_PASSWORD", "TIELINE_JIRA_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert run("check").exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_the_schema(arguments: tuple[str, ...]) -> None:
    said = json.loads(run("schema", *arguments).output)
    assert said["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"installation", "servicenow", "jira", "route"} <= set(said["required"])
