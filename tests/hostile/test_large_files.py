"""A large file crosses in pieces: both real clients over HTTP, in a process whose memory is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_large_file_is_never_held_as_a_whole() -> None:
    """64 MB here; `make large-file` carries 500 MB. The limit is 50 MB for either."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.large_file", "--mb", "64"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("64 MB in") == 2
