"""The page about trouble names every reason to park, every kind of conflict, and commands that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from tieline.sync.commands.catalog import COMMANDS
from tieline.sync.model import ConflictKind

PARKS = re.compile(
    r"(?:park_work\(run, tx, work, |\bPark\(.+?, |\bparked\([\w.]+, |NO_PATH: Final = "
    r'|return (?="\w+", f"\{label))"([\w-]+)"'
)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "trouble.md").read_text(encoding="utf-8")


def test_every_reason_to_park(root: Path, page: str) -> None:
    reasons = {
        r for file in (root / "sync").glob("*.py") for r in PARKS.findall(file.read_text(encoding="utf-8"))
    }
    assert {"gone", "rejected", "no-path", "copy"} <= reasons
    assert {reason for reason in reasons if f"| `{reason}` |" not in page} == set()


def test_every_kind_of_conflict(page: str) -> None:
    assert {kind for kind in get_args(ConflictKind) if f"| `{kind}` |" not in page} == set()


def test_its_commands(page: str) -> None:
    named = set(re.findall(r"`tieline ([a-z]+)", page))
    assert named
    assert named <= set(COMMANDS)
