"""The page on the sandbox names tests that exist, for every item of both sides; its tables are fresh."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tieline.connectors.sandbox.faults import CATALOGUE

ALIAS = re.compile(r"`\[(\w+)\]` is\s+`([^`]+)`")
NAMED = re.compile(r"`(\[\w+\])?/?([\w/.]*)(?:::(\w+))?`")
NOT_USED = ("counts are text", "webhooks of Server")
"""What the stand-in does and Tieline has no use for, besides J8."""
ITEMS = {
    "ServiceNow": [f"S{number}" for number in range(1, 11)],
    "Jira": [*(f"J{number}" for number in range(1, 9)), "Data Center"],
}


def sections(root: Path) -> Iterator[tuple[str, str]]:
    text = (root / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        if title.startswith("What is covered: "):
            yield title.removeprefix("What is covered: "), body


@cache
def functions(file: Path) -> frozenset[str]:
    """The tests that a file holds, at its top or in a class."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def rows(body: str) -> list[list[str]]:
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


@pytest.mark.parametrize("side", ITEMS)
def test_every_item_is_covered(root: Path, side: str) -> None:
    body = dict(sections(root))[side]
    assert list(dict.fromkeys(row[0] for row in rows(body))) == ITEMS[side]


@pytest.mark.parametrize("side", ITEMS)
def test_every_test_that_the_page_names_is_there(root: Path, side: str) -> None:
    body = dict(sections(root))[side]
    aliases = dict(ALIAS.findall(" ".join(body.splitlines())))
    missing = []
    for row in rows(body):
        for cell in row[2:]:
            if cell == "not used":
                assert row[0] == "J8" or row[1] in NOT_USED, row
                continue
            found = NAMED.fullmatch(cell)
            assert found, f"no test: {cell}"
            alias, path, name = found.groups()
            base = aliases[alias.strip("[]")] if alias else ""
            file = root / "tests" / base / path if base and path else root / "tests" / (base or path)
            if not file.is_file() or name not in functions(file):
                missing.append(cell)
    assert missing == []


def test_the_tables_of_faults_are_fresh(root: Path) -> None:
    command = [sys.executable, str(root / "docs" / "generate_sandbox.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0


def test_every_fault_is_on_the_page(root: Path) -> None:
    text = (root / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for side in CATALOGUE.values():
        for fault in side:
            assert f"| `{fault.name}` |" in text
