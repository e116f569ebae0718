"""docs/policy-findings.md holds every code, as the program has it."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_the_page_is_in_step_with_the_program(root: Path) -> None:
    generator = runpy.run_path(str(root / "docs" / "generate_policy.py"))
    page = (root / "docs" / "policy-findings.md").read_text(encoding="utf-8")
    assert page == generator["page"](), "run `make docs`"


def test_the_policy_page_names_every_field_and_strength(root: Path) -> None:
    from tieline.sync.policy.fields import CANONICAL, ORDERS
    from tieline.sync.policy.parse import OPERATORS

    page = (root / "docs" / "policy.md").read_text(encoding="utf-8")
    words = {*CANONICAL, *ORDERS, *(operator for known in OPERATORS.values() for operator in known)}
    assert [word for word in sorted(words) if f"`{word}`" not in page and f"`{word} =" not in page] == []
