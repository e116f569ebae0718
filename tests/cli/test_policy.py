"""`tieline policy` as people and CI jobs run it: the real program, its output and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "policy.toml"
RULE = """
[[rule]]
id = "network"
when = { category = "network" }
then = { group = "Network" }
"""
TEST = """
[[test]]
name = "Network trouble has a group"
given = { category = "network" }
expect = { group = "Network" }
reasons = { group = "network" }
"""


def tieline(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tieline.cli", "policy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.toml").write_text(RULE + TEST)
    (tmp_path / "bad.toml").write_text(RULE)
    (tmp_path / "broken.toml").write_text(RULE.replace("when = {", "when = { summary = { like = 1 },"))
    return tmp_path


def test_the_example_is_clean_and_wholly_tested() -> None:
    checked = tieline("check", EXAMPLE, "--strict")
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    assert "no findings" in checked.stdout
    tested = tieline("test", EXAMPLE, "--coverage", "--min-coverage", "100")
    assert tested.returncode == 0, tested.stdout
    assert "rules reached: 100 %" in tested.stdout
    assert "matrix cells reached: 100 %" in tested.stdout


def test_exit_codes_of_check(folder: Path) -> None:
    assert tieline("check", "good.toml", cwd=folder).returncode == 0
    assert tieline("check", "bad.toml", cwd=folder).returncode == 1
    broken = tieline("check", "broken.toml", cwd=folder)
    assert broken.returncode == 2
    assert "broken.toml:4:29: rule[0].when.summary.like: cannot be asked of summary" in broken.stderr
    assert tieline("check", "absent.toml", cwd=folder).returncode == 2


def test_select_ignore_and_strict(folder: Path) -> None:
    assert tieline("check", "bad.toml", "--ignore", "TL018", cwd=folder).returncode == 0
    assert tieline("check", "bad.toml", "--select", "TL001,TL002", cwd=folder).returncode == 0
    assert tieline("check", "bad.toml", "--select", "TL9", cwd=folder).returncode == 2
    text = '[vocabulary]\ncategory = ["network", "idle"]\n' + RULE + TEST
    (folder / "remark.toml").write_text(text)
    assert tieline("check", "remark.toml", cwd=folder).returncode == 0
    assert tieline("check", "remark.toml", "--strict", cwd=folder).returncode == 1


def test_a_comment_ignores_with_a_reason_only(folder: Path) -> None:
    for reason, code in (("tried by hand", 0), ("", 1)):
        (folder / "quiet.toml").write_text(f"# tieline: ignore TL018 {reason}\n{RULE.lstrip()}")
        assert tieline("check", "quiet.toml", cwd=folder).returncode == code


def test_formats_of_check(folder: Path) -> None:
    found = json.loads(tieline("check", "bad.toml", "--format", "json", cwd=folder).stdout)
    (finding,) = found["findings"]
    assert (finding["code"], finding["file"], finding["line"], finding["column"]) == (
        "TL018",
        "bad.toml",
        3,
        1,
    )
    sarif = json.loads(tieline("check", "bad.toml", "--format", "sarif", cwd=folder).stdout)
    (result,) = sarif["runs"][0]["results"]
    assert result["ruleId"] in {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]}
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 1}
    suite = ElementTree.fromstring(tieline("check", "bad.toml", "--format", "junit", cwd=folder).stdout)  # noqa: S314
    assert suite.attrib["failures"] == "1"
    github = tieline("check", "bad.toml", "--format", "github", cwd=folder)
    assert github.stdout.startswith("::warning file=bad.toml,line=3,col=1,title=TL018::")
    faulty = json.loads(tieline("check", "broken.toml", "--format", "json", cwd=folder).stdout)
    assert faulty["readable"] is False
    unread = tieline("check", "broken.toml", "--format", "sarif", cwd=folder)
    assert unread.returncode == 2
    run = json.loads(unread.stdout)["runs"][0]
    assert {r["ruleId"] for r in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    (folder / "no.toml").write_text("[[rule")
    suite = ElementTree.fromstring(tieline("check", "no.toml", "--format", "junit", cwd=folder).stdout)  # noqa: S314
    assert [f.attrib["message"][:8] for f in suite.iter("failure")] == ["not TOML"]


def test_rule_prints_a_page() -> None:
    assert "TL004" in tieline("rule").stdout
    page = tieline("rule", "tl004").stdout
    assert "never speaks" in page
    assert "```toml" in page
    assert tieline("rule", "TL777").returncode == 2


def test_a_failing_test_shows_expected_and_got(folder: Path) -> None:
    (folder / "failing.toml").write_text(RULE + TEST.replace('group = "Network"', 'group = "Software"'))
    ran = tieline("test", "failing.toml", cwd=folder)
    assert ran.returncode == 1
    assert "FAILED failing.toml:8: Network trouble has a group" in ran.stdout
    assert "group: expected 'Software', got 'Network'" in ran.stdout
    suite = ElementTree.fromstring(tieline("test", "failing.toml", "--format", "junit", cwd=folder).stdout)  # noqa: S314
    assert suite.attrib["failures"] == "1"
    short = tieline("test", "good.toml", "--min-coverage", "100", cwd=folder)
    assert short.returncode == 0


def test_explain_names_rule_place_conditions_and_the_next(folder: Path) -> None:
    second = '[[rule]]\nid = "all"\nthen = { group = "Desk" }\n'
    (folder / "two.toml").write_text(RULE + second)
    (folder / "record.json").write_text('{"category": "network", "group": "Hardware"}')
    told = tieline("explain", "--record", "record.json", "--policy", "two.toml", cwd=folder).stdout
    assert "group: 'Network' (was 'Hardware')" in told
    assert "by network (two.toml:5): category is 'network'" in told
    assert "without it: all would say 'Desk'" in told
    kept = tieline(
        "explain",
        "--record",
        "record.json",
        "--policy",
        "two.toml",
        "--touched",
        "group",
        "--json",
        cwd=folder,
    )
    (group,) = json.loads(kept.stdout)["fields"]
    assert (group["value"], group["changed"], "a person changed it" in group["note"]) == (
        "Hardware",
        False,
        True,
    )


def test_include_from_the_configuration(folder: Path) -> None:
    config = (ROOT / "config.example.toml").read_text()
    (folder / "config.toml").write_text(config + '\n[policy]\ninclude = ["policy/*.toml", "none/*.toml"]\n')
    (folder / "policy").mkdir()
    (folder / "policy" / "a.toml").write_text(RULE + TEST)
    checked = tieline("check", cwd=folder)
    assert checked.returncode == 1
    assert "TL017: no file matches 'none/*.toml'" in checked.stdout
    (folder / "config.toml").write_text(config)
    assert "there is no policy" in tieline("check", cwd=folder).stderr


def test_the_policy_of_the_event_log_reproduces_every_priority(shared: Path) -> None:
    log = shared / "data" / "incident_event_log.csv.gz"
    policy = ROOT / "docs" / "examples" / "policy-event-log.toml"
    assert tieline("check", policy, "--strict").returncode == 0
    assert tieline("test", policy).returncode == 0
    found = json.loads(tieline("simulate", policy, "--records", log, "--json").stdout)
    assert (found["records"], found["would_change"]) == (56_671, 0)
    priority = found["agreement"]["priority"]
    assert (priority["same"], priority["of"]) == (56_671, 56_671)


def test_simulate_and_diff_over_a_csv_file(folder: Path) -> None:
    rows = "number,category,group,impact,urgency,opened\n"
    rows += "A,network,Network,1,1,2026-01-05T08:00:00\nB,network,Hardware,3,3,2026-01-05T09:00:00\n"
    (folder / "records.csv").write_text(rows)
    matrix = "[priority]\nmatrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]\n"
    (folder / "old.toml").write_text(matrix + RULE)
    (folder / "new.toml").write_text(matrix + RULE.replace('"Network"', '"Software"'))
    found = json.loads(
        tieline("simulate", "old.toml", "--records", "records.csv", "--json", cwd=folder).stdout
    )
    assert (found["records"], found["changed"]) == (2, {"group": 1, "priority": 2})
    assert found["changed_by_rule"] == {"network": 1}
    assert found["gravest_by_week"] == {"2026-W02": 1}
    text = tieline("diff", "old.toml", "new.toml", "--records", "records.csv", cwd=folder).stdout
    assert "2 of 2 records would get other values" in text
    assert "rules changed: network" in text
    markdown = tieline(
        "diff", "old.toml", "new.toml", "--records", "records.csv", "--format", "markdown", cwd=folder
    )
    assert "| group | Network | Software | 2 |" in markdown.stdout
    assert tieline("diff", "old.toml", "new.toml", cwd=folder).returncode == 2


def test_records_that_cannot_be_read_are_named_by_line(folder: Path) -> None:
    (folder / "records.csv").write_text("category,opened\nnetwork,2026-01-05\nnetwork\n")
    ran = tieline("simulate", "good.toml", "--records", "records.csv", cwd=folder)
    assert ran.returncode == 2
    assert "records.csv:3: cannot be read: 1 cells instead of 2" in ran.stderr
    (folder / "records.jsonl").write_text('{"category": "network"}\n[1]\n')
    ran = tieline("simulate", "good.toml", "--records", "records.jsonl", cwd=folder)
    assert (ran.returncode, "records.jsonl:2" in ran.stderr) == (2, True)
