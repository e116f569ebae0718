"""The page about the sandbox: its tables of faults are the catalogue's, and the tests it names exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tieline.connectors.sandbox.faults import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sandbox.md"
SHORT = {
    "[unit]": "unit/sandbox_jira",
    "[client]": "unit/jira_connector",
    "[both]": "conformance/test_jira.py",
    "[hostile]": "hostile/test_jira_client.py",
}
NAMED = re.compile(r"`([\[\w\]/.]+\.py|\[\w+\](?:/[\w.]+)?)(?:::(\w+))?`")


def places() -> list[tuple[str, str]]:
    """Files and tests that the tables name."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    found = [match for row in rows for match in NAMED.findall(row)]
    return sorted({(_long(file), test) for file, test in found})


def _long(file: str) -> str:
    for short, long in SHORT.items():
        file = file.replace(short, long)
    return file


def test_the_tables_of_faults_are_the_catalogues() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate_sandbox.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run `make docs`"


def test_every_fault_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for side in CATALOGUE.values():
        for fault in side:
            assert f"| `{fault.name}` |" in text


def test_the_page_names_many_tests() -> None:
    assert len(places()) > 50


@pytest.mark.parametrize(("file", "test"), places(), ids=lambda value: value.rpartition("/")[2])
def test_each_test_that_is_named_exists(file: str, test: str) -> None:
    path = ROOT / "tests" / file
    assert path.is_file(), file
    assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), f"{file}::{test}"
