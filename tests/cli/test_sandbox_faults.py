"""`tieline sandbox` in trouble: faults by name and rate, counted; a name that is none is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

PROGRAM = (sys.executable, "-m", "tieline.cli", "sandbox")


@pytest.mark.parametrize(
    ("fault", "words"),
    [("nonsense=0.1", "no fault is called 'nonsense'"), ("lost-answer=2", "a number from 0 to 1")],
)
def test_a_fault_that_is_none_is_a_mistake_of_usage(tmp_path: Path, fault: str, words: str) -> None:
    command = [*PROGRAM, "--dir", str(tmp_path / "box"), "--fault", fault]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_faults_strike_as_told_and_are_counted(tmp_path: Path) -> None:
    command = [*PROGRAM, "--dir", str(tmp_path / "box"), "--seed", "7", "--incidents", "2"]
    command += ["--fault", "servicenow:hidden-rows=1", "--fault", "semaphore=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as box:
        assert box.stdout is not None
        first = box.stdout.readline().split()
        url, user, secret = first[1], first[3], first[5]
        answer = requests.get(
            f"{url}/api/now/table/incident", auth=(user, secret), timeout=10,
            headers={"Accept": "application/json"},
        )  # fmt: skip
        assert len(answer.json()["result"]) == int(answer.headers["X-Total-Count"]) - 1
        box.send_signal(signal.SIGINT)
        said = box.stdout.read()
        assert box.wait(30) == 0
    assert "1  times servicenow hidden-rows" in said


def test_the_hostile_profile_starts_and_says_where_it_is(tmp_path: Path) -> None:
    command = [*PROGRAM, "--dir", str(tmp_path / "box"), "--profile", "hostile", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as box:
        assert box.stdout is not None
        told = json.loads(box.stdout.readline())
        box.send_signal(signal.SIGINT)
        assert box.wait(30) == 0
    assert {"config", "servicenow", "jira"} <= told.keys()
