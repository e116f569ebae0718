"""Each code is found where its page says so, not in the cure beside it, and nowhere by chance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tieline.sync.policy.check import check
from tieline.sync.policy.findings import Report
from tieline.sync.policy.pages import PAGES, Page
from tieline.sync.policy.report import UNREADABLE
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


def test_every_code_that_the_program_knows_has_a_page_with_both_examples(root: Path) -> None:
    sources = [*(root / "sync" / "policy").glob("*.py"), *(root / "sync" / "links").glob("*.py")]
    named = {code for path in sources for code in re.findall(r"TL\d{3}", path.read_text(encoding="utf-8"))}
    assert named - PAGES.keys() == {UNREADABLE}
    assert [page.code for page in PAGES.values() if not (page.bad and page.good and page.what)] == []
    text = (root / "docs" / "policy-findings.md").read_text(encoding="utf-8")
    assert [code for code in PAGES if f"\n## {code}\n" not in text] == []


LINKS = """
[policy.fields]
site = "choice"
[[policy.links.{what}
when = {{ site = "Boston", comments = {{ contains = "outage" }}, summary = {{ contains = "mail" }} }}
"""


@pytest.mark.parametrize(
    "what", ['rule]]\nid = "x"\nthen = "propose"', 'closure]]\nid = "x"\nneeds = ["problem"]']
)
def test_what_rules_about_links_ask_has_to_be_read(what: str, tmp_path: Path) -> None:
    text = PAGES["TL028"].good.partition("[policy.fields]")[0] + LINKS.format(what=what)
    report = report_of(tmp_path, text)
    told = [(f.what, f.rule, f.spot.line) for f in report.findings if f.code == "TL028"]
    line = text.splitlines().index('id = "x"') + 1
    assert told == [
        (f"'x' asks {name}, which a pass does not read from either side", "x", line)
        for name in ("comments", "site")
    ]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", True),
        ("", 'relation = "problem"', False),
        ("", 'relation = "problem"\ndirection = "to_servicenow"', False),
        ("", 'relation = "problem"\ndirection = "to_jira"', True),
        ("", 'relation = "caused_by"', True),
        ('problem = "open"', 'problem = "propose"', False),
    ],
)
def test_a_problem_is_opened_only_where_incidents_can_be_tied_to_it(
    old: str, new: str, found: bool, tmp_path: Path
) -> None:
    page = PAGES["TL036"].bad
    text = page.replace(old, new) if old else page + (f"[[links.type]]\n{new}\n" if new else "")
    assert ("TL036" in codes(report_of(tmp_path, text))) == found


def test_one_rule_that_comes_first_comes_alone(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "{}"\nwhen = {{ category = "network" }}\nthen = {{ group = "{}" }}\n'
    report = report_of(tmp_path, rule.format("one", "A") + rule.format("two", "B"))
    (found,) = [f.what for f in report.findings if f.code == "TL004"]
    assert found.endswith("'one' always comes first")


def test_the_example_policy_goes_with_the_example_configuration(tmp_path: Path, root: Path) -> None:
    text = (root / "config.example.toml").read_text(encoding="utf-8")
    (tmp_path / "example.toml").write_text((root / "docs" / "examples" / "policy.toml").read_text("utf-8"))
    found = report_of(tmp_path, f'{text}\n[policy]\ninclude = ["example.toml"]\n').findings
    assert found == ()


def test_two_matrices_are_compared_by_what_servicenow_calls_their_values(tmp_path: Path, root: Path) -> None:
    text = (root / "config.example.toml").read_text(encoding="utf-8")
    names = """
[policy.vocabulary]
impact = [
  { name = "high", servicenow = "1" }, { name = "medium", servicenow = "2" },
  { name = "low", servicenow = "3" },
]
priority = [
  { name = "P1", servicenow = "1" }, { name = "P2", servicenow = "2" }, { name = "P3", servicenow = "3" },
  { name = "P4", servicenow = "4" }, { name = "P5", servicenow = "5" },
]
"""
    same = '[policy.priority]\nmatrix = [["P1", "P2", "P3"], ["P2", "P3", "P4"], ["P3", "P4", "P5"]]\n'
    assert "TL026" not in codes(report_of(tmp_path, text + names + same))
    (found,) = [
        f for f in report_of(tmp_path, text + names + same.replace('"P5"', '"P4"')).findings
        if f.code == "TL026"
    ]  # fmt: skip
    assert "impact low with urgency 3 makes P4 here, and P5 by the [priority]" in found.what
