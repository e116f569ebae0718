"""What all tests share: where sample data outside the repository lies, and how Hypothesis runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Shared machines pause for longer than Hypothesis allows an example to take; pytest-timeout ends a hung test.
# The suite tries the same examples each time, so that only a change breaks it; `make laws` tries new ones.
settings.register_profile("tieline", deadline=None, derandomize=True)
settings.register_profile("laws", deadline=None)
settings.load_profile("tieline")


def pytest_configure() -> None:
    """A shell ignores Ctrl-C for what it runs in the background; so would the programs that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of sample data beside the repository, or $TIELINE_SHARED; without it the test is skipped."""
    folder = Path(os.environ.get("TIELINE_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"no sample data in {folder} (set TIELINE_SHARED)")
    return folder
