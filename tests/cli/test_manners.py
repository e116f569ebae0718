"""Colours on a terminal only, and never against a person's wish; completion; nothing that is a traceback."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from .site import Site

ESCAPE = "\x1b["


def on_a_terminal(live: Site, *arguments: str, **environment: str) -> str:
    """What the program prints on a terminal of its own."""
    ours, theirs = pty.openpty()
    env = {
        **os.environ, **live.world.environment(), "TERM": "xterm-256color",
        "TIELINE_CONFIG": str(live.config), **environment,
    }  # fmt: skip
    if "NO_COLOR" not in environment:
        env.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "tieline.cli", *arguments], env=env, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        said += part
    process.wait(timeout=300)
    os.close(ours)
    return said.decode("utf-8", "replace")


def test_colours_on_a_terminal_only(live: Site) -> None:
    row = live.incident()
    plain = live.process("plan", "--initial")
    assert row["number"] in plain.out
    assert ESCAPE not in plain.all
    assert ESCAPE in on_a_terminal(live, "plan", "--initial")


def test_no_color_is_obeyed(live: Site) -> None:
    row = live.incident()
    said = on_a_terminal(live, "plan", "--initial", NO_COLOR="1")
    assert row["number"] in said
    assert "\x1b[1m" not in said.replace("\x1b[?25", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_sourced(shell: str) -> None:
    environment = {**os.environ, "_TIELINE_COMPLETE": f"{shell}_source"}
    program = Path(sys.executable).with_name("tieline")
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert "_TIELINE_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    "command",
    ["verify", "audit", "undo X", "state check", "state backup b.db", "state vacuum", "forget INC1", "leave"],
)
def test_without_a_state_the_next_command_is_named(live: Site, command: str) -> None:
    said = live.process(*command.split())
    assert said.code == 2
    assert "tieline sync --initial" in said.err
    assert "Traceback" not in said.all
    assert not live.state.exists()
