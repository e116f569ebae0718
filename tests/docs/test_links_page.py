"""docs/links.md: the policy that it shows is one, is clean, and its tests pass."""

from __future__ import annotations

import re
from pathlib import Path

from tieline.sync.links.model import EVIDENCE_KINDS
from tieline.sync.links.testing import as_results
from tieline.sync.policy.check import check
from tieline.sync.policy.load import load_policy


def test_the_policy_on_the_page_is_clean_and_passes(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "links.md").read_text(encoding="utf-8")
    (policy,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    file = tmp_path / "policy.toml"
    file.write_text(policy, encoding="utf-8")
    loaded = load_policy(file)
    assert [str(finding) for finding in check(loaded).findings] == []
    results = as_results(loaded.policy)
    assert len(results) == 2
    assert [result.mismatches for result in results if not result.passed] == []


def test_the_page_names_every_kind_of_evidence(root: Path) -> None:
    page = (root / "docs" / "links.md").read_text(encoding="utf-8")
    assert [kind for kind in EVIDENCE_KINDS if f"| `{kind}` |" not in page] == []
