"""Rules about links in a policy file: read, checked, tested."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tieline.sync.links.rules import USUAL_CLOSURE, USUAL_RULES
from tieline.sync.links.testing import as_results
from tieline.sync.policy.check import check
from tieline.sync.policy.evaluate import Standing
from tieline.sync.policy.explain import explain, explanation_json, explanation_lines
from tieline.sync.policy.load import FaultyPolicy, Loaded, compiled, load_policy
from tieline.sync.policy.sources import asked
from tieline.sync.policy.testing import coverage


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
RULE = """
[[links.rule]]
id = "database"
when = { category = "database" }
evidence = ["ci"]
at_least = 0.4
then = "propose"
"""


def test_own_rules_stand_before_the_usual_ones(tmp_path: Path) -> None:
    links = loaded(tmp_path, RULE).policy.links
    assert links is not None
    assert [rule.id for rule in links.rules] == ["database", *(rule.id for rule in USUAL_RULES)]
    assert links.closure == USUAL_CLOSURE
    assert (links.rules[0].spot.line, links.own, links.own_closure) == (3, 1, 0)


def test_usual_ones_can_be_left_out(tmp_path: Path) -> None:
    links = loaded(tmp_path, "[links]\nusual = false\nclosure = []\n" + RULE).policy.links
    assert links is not None
    assert ([rule.id for rule in links.rules], links.closure) == (["database"], ())


def test_without_links_nothing_is_said(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").policy.links is None


def test_a_field_and_a_value_that_there_are_not_are_found(tmp_path: Path) -> None:
    text = (
        '[vocabulary]\ncategory = ["network"]\n'
        + RULE
        + RULE.replace("category", "categry").replace('"database"\n', '"other"\n')
    )
    found = {(f.code, f.rule) for f in check(loaded(tmp_path, text)).findings}
    assert {("TL002", "other"), ("TL003", "database")} <= found


def test_a_pass_reads_what_rules_about_links_ask(tmp_path: Path) -> None:
    assert "service" not in asked(loaded(tmp_path, RULE).policy)
    assert "service" in asked(loaded(tmp_path, RULE.replace("category", "service")).policy)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["ci"]', '["ic"]', "choice"),
        ('"propose"', '"guess"', "choice"),
        ("0.4", "4", "1"),
        ("at_least", "at_lest", "at_least"),
        ('"database" }', '{ matches = "(" } }', "pattern"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(FaultyPolicy) as error:
        loaded(tmp_path, RULE.replace(old, new))
    assert all(fault.line > 1 for fault in error.value.faults)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("expect", "passes"), [('expect = "propose"\nrule = "database"', True), ('expect = "link"', False)]
)
def test_tests_are_run(tmp_path: Path, expect: str, passes: bool) -> None:
    test = f"""
[[links.test]]
name = "a database"
given = {{ category = "database" }}
evidence = [{{ kind = "ci", weight = 0.4 }}]
{expect}
"""
    policy = loaded(tmp_path, RULE + test).policy
    (result,) = as_results(policy)
    assert result.passed == passes
    assert result.fired == {"database"}


def test_a_test_that_expects_nothing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FaultyPolicy, match="expects nothing"):
        loaded(tmp_path, RULE + '[[links.test]]\nname = "x"\n')


def test_a_rule_of_closure_says_what_follows(tmp_path: Path) -> None:
    rule = '[[links.closure]]\nid = "a"\nneeds = ["problem"]\nalike = 3\nhold = true\nproblem = "open"\n'
    links = loaded(tmp_path, rule).policy.links
    assert links is not None
    assert (links.closure[0].hold, links.closure[0].problem, links.holding) == (True, "open", ["a"])
    assert links.closure[0].follows


def test_opening_a_problem_for_every_incident_is_told(tmp_path: Path) -> None:
    rule = '[[links.closure]]\nid = "a"\nneeds = ["cured_by"]\nproblem = "open"\n'
    found = {finding.code: finding.what for finding in check(loaded(tmp_path, rule)).findings}
    assert "opens a problem for each" in found["TL033"]
    assert "opens a problem and asks for something else" in found["TL034"]


CLOSURE = """
[vocabulary]
category = ["database"]
[links]
usual = false
[[links.rule]]
id = "database"
when = { category = "database" }
evidence = ["ci"]
at_least = 0.4
then = "propose"
[[links.closure]]
id = "grave"
when = { priority = ["1"] }
needs = ["problem"]
hold = true
problem = "open"
[[links.test]]
name = "a grave one"
given = { priority = "1" }
missing = ["grave"]
"""


def test_an_explanation_names_the_rules_that_are_for_an_incident(tmp_path: Path) -> None:
    found = loaded(tmp_path, CLOSURE)
    said = explain(compiled(found), {"category": "database", "priority": "1"}, MONDAY, Standing())
    lines = explanation_lines(said)
    assert "links: ci from 0.4 on: propose" in lines
    (demand,) = (line for line in lines if "once resolved" in line)
    assert demand.endswith("it needs problem; without: closing is held back, a problem is opened")
    assert any("by grave" in line and "priority" in line for line in lines)
    assert [entry["rule"] for entry in explanation_json(said)["links"]] == ["database", "grave"]
    other = explain(compiled(found), {"category": "network", "priority": "3"}, MONDAY, Standing())
    assert other.links == ()


def test_coverage_counts_rules_about_links(tmp_path: Path) -> None:
    policy = loaded(tmp_path, CLOSURE).policy
    assert coverage(policy, as_results(policy)).rules == {"database": False, "grave": True}


def test_what_only_rules_about_links_name_is_used(tmp_path: Path) -> None:
    assert not [f for f in check(loaded(tmp_path, CLOSURE)).findings if f.code == "TL017"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('{ priority = ["1"] }', '{ opened = { older_than = "4h", calendar = "nights" } }', "TL019"),
        ('missing = ["grave"]', 'missing = ["grve"]', "TL024"),
    ],
)
def test_what_there_is_not_is_found(tmp_path: Path, old: str, new: str, code: str) -> None:
    found = check(loaded(tmp_path, CLOSURE.replace(old, new))).findings
    assert code in {finding.code for finding in found}
