"""What holds for every command: JSON, readers that go away, and a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .site import Site, clash


def every(command: str) -> list[str]:
    return [*command.split(), "--json"]


READING = (
    "config check", "config schema", "plan", "status", "show INC0010001", "show OPS-1", "conflicts list",
    "conflicts list --all", "conflicts show 1", "parked list", "sync", "parked retry --all",
    "conflicts resolve 1 --take jira",
)  # fmt: skip


@pytest.mark.parametrize("command", READING)
def test_every_command_speaks_json(site: Site, command: str) -> None:
    row, _ = clash(site)
    site.desk(row, state="3", hold_reason="1")
    site.sync()
    said = site.run(*every(command))
    assert said.code in (0, 3), said.all
    found: list[Any] = (
        [json.loads(line) for line in said.out.splitlines()] if command == "plan" else [said.json]
    )
    assert found
    assert "NaN" not in said.out


@pytest.mark.parametrize(
    "command",
    ["sync", "plan --only NOPE-1", "show NOPE-1", "conflicts show 9", "nonsense", "sync --nonsense"],
)
def test_errors_are_json_too(site: Site, command: str) -> None:
    said = site.run(*every(command))
    assert said.code in (1, 2)
    assert said.json["error"]
    assert said.err, "people read them on standard error"


@pytest.mark.parametrize("command", ["plan", "plan --json", "status", "conflicts list --all"])
def test_a_reader_that_goes_away(live: Site, command: str) -> None:
    for number in range(60):
        live.incident(short_description=f"Incident {number}", description="words " * 300)
    live.process("sync", "--initial", "--max-changes", "5")
    environment = {**os.environ, **live.world.environment(), "TIELINE_CONFIG": str(live.config)}
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m tieline.cli {command} | head -c 10"],
        env=environment, cwd=live.folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def test_no_room_for_the_output(live: Site) -> None:
    live.incident()
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device
        environment = {**os.environ, **live.world.environment(), "TIELINE_CONFIG": str(live.config)}
        ran = subprocess.run(
            [sys.executable, "-m", "tieline.cli", "plan"],
            env=environment, cwd=live.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr == "standard output: No space left on device\n"


@pytest.mark.parametrize("command", ["plan", "plan --all", "sync --initial"])
def test_progress_on_a_terminal_keeps_out_of_the_output(live: Site, command: str) -> None:
    """Standard error is a terminal and standard output is not: `tieline plan | less`."""
    for number in range(5):
        live.incident(short_description=f"Incident {number}")
    terminal, ours = os.openpty()
    with open(terminal, "rb", buffering=0) as shown:  # noqa: PTH123  a descriptor
        environment = {**os.environ, **live.world.environment(), "TIELINE_CONFIG": str(live.config)}
        process = subprocess.Popen(
            [sys.executable, "-m", "tieline.cli", *command.split()], stdin=subprocess.DEVNULL,
            env={**environment, "TERM": "xterm"}, cwd=live.folder, stdout=subprocess.PIPE, stderr=ours,
        )  # fmt: skip
        os.close(ours)
        # A terminal holds a few kilobytes: where nobody reads it, a slow machine's progress waits for ever.
        with ThreadPoolExecutor(1) as reader, process:
            watched = reader.submit(lambda: b"".join(iter(lambda: _rest(shown), b"")))
            try:
                out = process.communicate(timeout=300)[0].decode()
            finally:
                process.kill()
            drawn = watched.result()
    assert process.returncode == 0
    assert "\x1b" not in out
    assert ("5 mirrored" if command.startswith("sync") else "5 incidents to work on") in out
    assert b"reading what changed" in drawn
    assert b"5 incidents" not in drawn


def _rest(shown: Any) -> bytes:
    try:
        return bytes(shown.read(4096))
    except OSError:  # what Linux says at the end of a terminal
        return b""


def test_the_real_program_end_to_end(live: Site) -> None:
    row, ticket = live.incident(), live.issue()
    assert live.process("plan", "--check").code == 3
    assert live.process("sync", "--initial").code == 0
    assert live.process("show", row["number"]).code == 0
    live.desk(row, short_description="Edited at the desk")
    live.engineer(ticket, summary="Edited by an engineer")
    assert live.process("sync").code == 0
    assert live.mirror(row).values["summary"] == "Edited at the desk"
    assert live.incident_of(ticket)["short_description"] == "Edited by an engineer"
    assert live.process("plan", "--check").code == 0
    assert live.process("status").code == 0
    assert live.report().ok
