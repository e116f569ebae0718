"""`tieline run`: pass after pass, clean ends, one at a time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.errors import StateError

from .site import Said, Site


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def until(live: Site, passes: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many passes have ended."""
    for _ in range(200):
        assert process.poll() is None, process.communicate()
        with contextlib.suppress(StateError), live.store() as store, store.read() as tx:
            if sum(summary.ended is not None for summary in tx.last_passes(passes)) >= passes:
                return
        time.sleep(0.1)
    raise AssertionError("no pass")


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> Said:
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    return Said(process.returncode, out, err)


def test_passes_until_the_number_is_reached(live: Site) -> None:
    row = live.incident()
    said = live.process("run", "--initial", "--every", "1s", "--max-passes", "3", "--json")
    assert said.code == 0, said.all
    found = lines(said.out)
    assert len(found) == 3
    assert found[0]["counts"]["created"] == 1
    assert live.mirror(row)
    starts = [found[n]["started"] for n in range(3)]
    assert starts == sorted(starts)


def test_what_changes_meanwhile_is_mirrored(live: Site) -> None:
    row = live.incident()
    process = live.start("run", "--initial", "--every", "1s")
    until(live, 1, process)
    live.desk(row, short_description="Changed while it runs")
    for _ in range(100):
        if live.mirror(row).values["summary"] == "Changed while it runs":
            break
        time.sleep(0.1)
    said = end(process)
    assert said.code == 0, said.all
    assert live.mirror(row).values["summary"] == "Changed while it runs"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_between_passes(live: Site, number: int) -> None:
    process = live.start("run", "--initial", "--every", "1h")
    until(live, 1, process)
    began = time.monotonic()
    said = end(process, number)
    assert (said.code, said.err) == (0, "")
    assert time.monotonic() - began < 10
    assert live.process("status").code == 0


def test_a_signal_lets_the_wave_finish(live: Site) -> None:
    """Waves of one pair: after the signal the one in work is done, the others wait, nothing is unknown."""
    live.rewrite("wave = 100", "wave = 1")
    rows = [live.incident(short_description=f"Number {n}") for n in range(12)]
    process = live.start("run", "--initial", "--every", "1h")
    for _ in range(200):
        if live.world.jira.issues():
            break
        time.sleep(0.02)
    said = end(process)
    assert said.code == 0, said.all
    status = live.process("status", "--json").json
    assert status["intents_open"] == 0
    assert status["passes"][0]["ended"] is not None
    assert not status["passes"][0]["error"]
    made = len(live.world.jira.issues())
    assert live.run("sync", "--initial").code == 0
    live.run("sync")
    assert made <= len(live.world.jira.issues()) == 12
    for row in rows:
        live.mirror(row)


def test_killed_it_leaves_no_lock(live: Site) -> None:
    process = live.start("run", "--initial", "--every", "1h")
    until(live, 1, process)
    process.kill()
    process.communicate()
    assert live.process("sync").code == 0


def test_two_do_not_get_in_each_others_way(live: Site) -> None:
    live.incident()
    first = live.start("run", "--initial", "--every", "1s")
    until(live, 1, first)
    second = live.process("run", "--every", "1s", "--max-passes", "3", "--json")
    assert second.code == 0, second.all
    assert {"skipped", "error"} <= set(lines(second.out)[0])
    assert end(first).code == 0
    assert len(live.world.jira.issues()) == 1


def test_failures_are_told_and_survived(live: Site) -> None:
    live.incident()
    live.run("sync", "--initial")
    live.change("jira", "url", "http://127.0.0.1:9")
    said = live.process("run", "--every", "1s", "--max-passes", "2", "--json")
    assert said.code == 1
    found = lines(said.out)
    assert len(found) == 2
    assert all(entry["error"] for entry in found)


def test_a_fault_in_the_file_is_told_at_once(live: Site) -> None:
    live.rewrite("wave = 100", "wave = 0")
    said = live.process("run", "--every", "1h")
    assert said.code == 2
    assert "limits.wave" in said.err


@pytest.mark.parametrize("pause", ["0s", "soon", "-1s"])
def test_a_wrong_pause_is_a_usage_error(live: Site, pause: str) -> None:
    assert live.process("run", f"--every={pause}").code == 2


def test_what_needs_a_person_is_the_exit_code(live: Site) -> None:
    row = live.incident()
    live.run("sync", "--initial")
    live.rewrite('clash = "newest"', 'clash = "hold"')
    live.desk(row, short_description="One")
    live.engineer(live.mirror(row), summary="Two")
    said = live.process("run", "--every", "1s", "--max-passes", "1")
    assert said.code == 3, said.all
    assert "for a person" in said.out


def test_completion_is_there() -> None:
    program = Path(sys.executable).with_name("tieline")
    words = {"_TIELINE_COMPLETE": "bash_complete", "COMP_WORDS": "tieline au", "COMP_CWORD": "1"}
    done = subprocess.run([program], env={**os.environ, **words}, capture_output=True, text=True, check=False)
    assert "audit" in done.stdout
