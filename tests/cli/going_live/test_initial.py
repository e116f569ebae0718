"""The first mirroring of a backlog: killed at any moment it goes on where it stopped, and doubles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tieline.sync.commands.session import how_far

from .conftest import Desk

BACKLOG = 200


@pytest.mark.parametrize(
    ("done", "total", "elapsed_s", "shown"),
    [
        (0, 0, 9, "0"), (7, 0, 9, "7"), (0, 10, 9, "0 of 10"), (10, 10, 9, "10 of 10"),
        (500, 2000, 10, "500 of 2000, about 30 s left"), (100, 2000, 10, "100 of 2000, about 4 min left"),
        (1, 2000, 10, "1 of 2000, about 5.6 h left"), (5, 10, 0.5, "5 of 10"),
    ],
)  # fmt: skip
def test_the_estimate_goes_by_the_pace_so_far(done: int, total: int, elapsed_s: float, shown: str) -> None:
    assert how_far(done, total, elapsed_s) == shown


def test_a_killed_first_pass_goes_on_where_it_stopped(desk: Desk) -> None:
    for number in range(BACKLOG):
        desk.world.servicenow.create("joe.employee", {"short_description": f"Incident {number}"})
    desk.configure(
        lambda text: text.replace('unknown_quiet = "120s"', 'unknown_quiet = "1s"').replace(
            "wave = 100 ", "wave = 20 "
        )
    )
    environment = {**os.environ, **desk.world.environment()}
    command = [sys.executable, "-m", "tieline.cli", "sync", "--initial"]
    for portion in (0.1, 0.5):
        running = subprocess.Popen(command, cwd=desk.folder, env=environment)
        while running.poll() is None and len(desk.world.jira.issues()) < BACKLOG * portion:
            time.sleep(0.01)
        assert running.poll() is None, "it was done before it could be killed"
        running.kill()
        running.wait()
        time.sleep(1.1)  # what was under way when it died is looked for after `unknown_quiet`
    assert len(desk.world.jira.issues()) < BACKLOG
    deadline = time.monotonic() + 60
    while len(desk.world.jira.issues()) < BACKLOG and time.monotonic() < deadline:
        desk.process("sync", "--initial")
        time.sleep(1.1)
    desk.run("sync")
    markers = [ticket.values["customfield_10042"] for ticket in desk.world.jira.issues()]
    assert len(markers) == len(set(markers)) == BACKLOG
    assert all(markers)
