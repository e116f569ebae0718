"""Sites for tests of the program: `site` on a clock that the test turns, `live` on the machine's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .site import Site, opened


@pytest.fixture(scope="session")
def template(root: Path) -> str:
    return (root / "config.example.toml").read_text(encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, template: str) -> Iterator[Site]:
    """Both stand-ins on a clock of their own: pauses cost no time."""
    made = opened(tmp_path, template)
    yield made
    made.world.stop()


@pytest.fixture
def live(tmp_path: Path, template: str) -> Iterator[Site]:
    """Both stand-ins on the machine's clock, for processes of their own."""
    made = opened(tmp_path, template, real=True)
    yield made
    made.world.stop()
