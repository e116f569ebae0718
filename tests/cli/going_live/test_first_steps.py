"""A newcomer's way: the sandbox, the init command that it prints, doctor, plan, sync: two mirrored incidents.

What docs/first-steps.md shows of it is what the program prints.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TIELINE = (sys.executable, "-m", "tieline.cli")


@pytest.fixture
def announced(tmp_path: Path) -> Iterator[list[str]]:
    """What `tieline sandbox` prints at its start; it is served until the test ends."""
    running = subprocess.Popen(
        [*TIELINE, "sandbox", "--incidents", "2"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert running.stdout is not None
    lines: list[str] = []
    while not lines or "Ctrl-C" not in lines[-1]:
        line = running.stdout.readline()
        assert line, f"the sandbox ended: {lines}"
        lines.append(line.rstrip())
    yield lines
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)


def test_from_the_sandbox_to_two_mirrored_incidents(announced: list[str], tmp_path: Path, root: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*TIELINE, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    printed = next(line for line in announced if line.startswith("  tieline init "))
    told = run(*shlex.split(printed)[1:])
    assert "Fit to go live" in run("doctor")
    time.sleep(3)  # Jira's search index of the sandbox lags by up to three seconds
    assert "2 incidents to work on" in run("plan")
    assert "2 mirrored" in run("sync", "--initial")
    assert "pairs           2" in run("status")
    assert "INC0010001 = OPS-2" in run("show", "INC0010001")
    page = (root / "docs" / "first-steps.md").read_text(encoding="utf-8")
    for line in told.splitlines():
        assert line in page, f"docs/first-steps.md does not show: {line}"
