"""The program starts in every way that the README names, and starts light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "alembic", "jira", "keyring", "pydantic", "pysnow", "requests", "rich", "sqlalchemy", "structlog",
    "tree_sitter", "uvicorn",
)  # fmt: skip


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("command", [("cli.py", "--help"), ("-m", "tieline.cli", "--help")])
def test_help_works_without_being_installed_as_a_command(root: Path, command: tuple[str, ...]) -> None:
    done = run(*command, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout
    assert "sync" in done.stdout


@pytest.mark.parametrize(
    "program",
    [
        "import tieline.cli",
        "import sys, tieline.cli as cli\nsys.argv[1:] = ['--help']\ntry: cli.main()\nexcept SystemExit: pass",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_imported_before_a_command_needs_it(root: Path, program: str) -> None:
    report = "import json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    done = run("-c", f"{program}\n{report}", cwd=root)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint(HEAVY), sorted(loaded.intersection(HEAVY))
