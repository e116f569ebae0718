"""docs/doctor.md names every code that `tieline doctor` has, and no other; each is raised somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from tieline.sync.setup.findings import KINDS


@pytest.fixture(scope="module")
def generator(root: Path) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(root / "docs" / "generate_findings.py")))


def test_the_page_is_in_step_with_the_program(generator: SimpleNamespace) -> None:
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page(), "run `make docs`"


def test_every_code_has_its_section(root: Path) -> None:
    page = (root / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (TD\d{3})$", page, flags=re.MULTILINE) == list(KINDS)
    for kind in KINDS.values():
        assert kind.meaning in page
        assert kind.remedy in page


def test_every_code_is_raised_and_every_raised_code_is_known(root: Path) -> None:
    sources = [*(root / "sync" / "setup").glob("*.py"), root / "sync" / "commands" / "doctor.py"]
    texts = [path.read_text(encoding="utf-8") for path in sources if path.name != "findings.py"]
    raised = {code for text in texts for code in re.findall(r'"(TD\d{3})"', text)}
    assert raised == set(KINDS)
