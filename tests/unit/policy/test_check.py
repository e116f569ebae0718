"""Each code is found where its page says so, not in the cure beside it, and nowhere by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tieline.sync.policy.check import check
from tieline.sync.policy.findings import Report
from tieline.sync.policy.pages import PAGES, Page
from tieline.sync.policy.snapshot import from_json

from .make import policy_of


def report_of(folder: Path, text: str, snapshot: str = "") -> Report:
    return check(policy_of(folder, text), from_json(snapshot) if snapshot else None)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in (*report.findings, *report.undecided)}


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.code)
def test_a_code_is_found_in_its_bad_example(page: Page, tmp_path: Path) -> None:
    report = report_of(tmp_path, page.bad, page.snapshot)
    found = [f for f in (*report.findings, *report.undecided) if f.code == page.code]
    assert found
    assert all(f.severity == page.severity and f.spot.line >= 1 and f.remedy and f.why for f in found)


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.code)
def test_a_code_is_not_found_in_its_good_example(page: Page, tmp_path: Path) -> None:
    assert page.code not in codes(report_of(tmp_path, page.good, page.snapshot))
