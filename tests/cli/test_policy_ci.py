"""What deploy/ci runs works: the scripts and the hooks' commands, with the real program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CI = ROOT / "deploy" / "ci"
POLICY = """
[[rule]]
id = "network"
when = { category = "network" }
then = { group = "Network" }

[[test]]
name = "Network trouble has a group"
given = { category = "network" }
expect = { group = "Network" }
"""


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    bin_ = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, cwd=folder, env=env, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY)
    return tmp_path


def test_the_check_script_passes_and_fails(folder: Path) -> None:
    script = ["sh", str(CI / "policy-check.sh")]
    good = run(script, folder, POLICY="policy.toml", FORMAT="github")
    assert (good.returncode, good.stderr) == (0, ""), good.stdout
    report = run(script, folder, POLICY="policy.toml", FORMAT="junit", REPORT="policy-check.xml")
    assert report.returncode == 0
    assert (folder / "policy-check.xml").read_text().startswith("<?xml")
    (folder / "policy.toml").write_text(POLICY.partition("[[test]]")[0])
    bad = run(script, folder, POLICY="policy.toml", FORMAT="github")
    assert bad.returncode == 1
    assert "::warning file=policy.toml" in bad.stdout


def test_the_diff_script_compares_with_a_revision(folder: Path) -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a policy"]):
        assert run([*git, *command], folder).returncode == 0
    (folder / "policy.toml").write_text(POLICY.replace('"Network" }', '"Hardware" }'))
    (folder / "records.csv").write_text("number,category\nA,network\n")
    variables = {"POLICY": "policy.toml", "RECORDS": "records.csv", "BASE": "HEAD", "OUTPUT": "diff.md"}
    script = ["sh", str(CI / "policy-diff.sh")]
    made = run(script, folder, **variables)
    assert made.returncode == 0, made.stderr
    assert "| group | Network | Hardware | 1 |" in (folder / "diff.md").read_text()
    assert run(script, folder, **{**variables, "BASE": "absent"}).returncode == 0
    assert "nothing to compare with" in (folder / "diff.md").read_text()


def test_the_hooks_commands_work(folder: Path) -> None:
    entries = re.findall(r"entry: (.+)", (CI / "pre-commit-hooks.yaml").read_text())
    assert len(entries) == 2
    for entry in entries:
        assert run(["sh", "-c", f"{entry} policy.toml"], folder).returncode == 0, entry
    (folder / "policy.toml").write_text(
        POLICY.replace('expect = { group = "Network" }', 'expect = { group = "x" }')
    )
    codes = [run(["sh", "-c", f"{entry} policy.toml"], folder).returncode for entry in entries]
    assert codes == [0, 1]


def test_the_pipelines_run_nothing_but_the_scripts_that_are_tried_here() -> None:
    action, gitlab = (CI / "action.yml").read_text(), (CI / "gitlab.yml").read_text()
    named = set(re.findall(r"policy-\w+\.sh", action + gitlab))
    assert named == {"policy-check.sh", "policy-diff.sh"}
    assert "tieline policy" not in action.replace("Tieline policy", "") + gitlab
    for name in ("POLICY", "STRICT", "MIN_COVERAGE", "FORMAT"):
        assert f"{name}:" in action
        assert name in (CI / "policy-check.sh").read_text()
