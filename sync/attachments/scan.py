"""Runs the command that says whether a file may go across: given its path, and never by a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from tieline.connectors.answers import redact

REFUSED: Final = 1
"""The exit code of a refusal, as clamscan has it; 0 lets the file go, any other is a failure."""
_TOLD_BYTES: Final = 4096
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SystemRoot", "TEMP", "TMP")
"""What the command sees of our environment: none of the secrets that may stand in it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the command said: `clean`, `refused`, or `failed` (it could not tell); its words, for people."""

    kind: Literal["clean", "refused", "failed"]
    words: str = ""


def scan(command: Sequence[str], path: Path, name: str, seconds: float) -> Verdict:
    """Run `command` with the path as its last argument. `name` stands for the path in what it says."""
    with tempfile.TemporaryFile() as told:
        try:
            process = subprocess.Popen(  # noqa: S603  the administrator's own command
                [*command, str(path)], stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT,
                cwd=path.parent, env=_environment(), close_fds=True, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Verdict("failed", f"the scan cannot be started: {error.strerror}")
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return Verdict("failed", f"the scan took longer than {seconds:.0f} s")
        finally:
            _end(process)
        words = _last_line(told).replace(str(path), name)
    if code == 0:
        return Verdict("clean")
    kind: Literal["refused", "failed"] = "refused" if code == REFUSED else "failed"
    return Verdict(kind, words if kind == "refused" else f"the scan failed with code {code}: {words}")


def _environment() -> Mapping[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command with all that it started; what has ended already is only waited for."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _last_line(told: IO[bytes]) -> str:
    size = told.seek(0, os.SEEK_END)
    told.seek(max(0, size - _TOLD_BYTES))
    lines = told.read().decode("utf-8", "replace").splitlines()
    return redact(next((line for line in reversed(lines) if line.strip()), ""))
