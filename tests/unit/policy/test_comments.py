"""What rules ask of comments: in tests, records and the analysis; marks answer as the texts did."""

from __future__ import annotations

import json
from itertools import chain, combinations
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.sync.policy.applied import UNTOUCHED
from tieline.sync.policy.check import check
from tieline.sync.policy.conditions import AllOf, AnyOf, Atom, Condition, Moment, Not, atoms, holds
from tieline.sync.policy.explain import explain
from tieline.sync.policy.fields import Said
from tieline.sync.policy.hearing import answered, questions
from tieline.sync.policy.load import compiled
from tieline.sync.policy.model import Assignment, Policy, Rule
from tieline.sync.policy.records import read_records
from tieline.sync.policy.regions import Regions
from tieline.sync.policy.simulate import simulate
from tieline.sync.policy.space import NOW
from tieline.sync.policy.testing import run_tests

from .make import policy_of

TEXTS = ("vpn", "vpn client", "mail", "the mail")
QUESTIONS = (
    *(Atom("comments", "contains", word) for word in ("vpn", "client", "mail")),
    *(Atom("comments", "in", frozenset({word})) for word in ("vpn", "mail")),
    *(Atom("comments", "starts_with", word) for word in ("vpn", "the")),
    Atom("comments", "matches", "^mail|client$"),
    Atom("comments", "empty"),
)
TREES: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(QUESTIONS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=4,
)
EVERY = [
    Said(frozenset(each))
    for each in chain.from_iterable(combinations(TEXTS, n) for n in range(len(TEXTS) + 1))
]
MOMENT = Moment(NOW, {})
RULES = """
[[rule]]
id = "outage"
when = { comments = { contains = "outage" } }
then = { urgency = 1 }
strength = "always"

[[rule]]
id = "silent"
when = { comments = { empty = true } }
then = { labels = "unanswered" }
"""


@given(TREES, st.sampled_from(EVERY), st.sampled_from(EVERY))
def test_marks_answer_as_the_texts_did_and_nothing_is_unsaid(when: Condition, one: Said, two: Said) -> None:
    asked = [*atoms(when)]
    both = one.and_also(two)
    marks = Said(marks=answered(asked, one.texts)).and_also(Said(marks=answered(asked, two.texts)))
    plain = holds(when, {"comments": both}, MOMENT)
    assert holds(when, {"comments": marks}, MOMENT) == plain
    mixed = Said(two.texts, answered(asked, one.texts))
    assert holds(when, {"comments": mixed}, MOMENT) == plain


@settings(max_examples=150)
@given(st.lists(TREES, min_size=2, max_size=4))
def test_the_analysis_never_calls_covered_what_some_comments_reach(found: list[Condition]) -> None:
    rules = tuple(Rule(f"r{n}", when, (Assignment("group", "x", "always"),)) for n, when in enumerate(found))
    regions = Regions(Policy(rules))
    *before, last = rules
    verdict = regions.exists(regions.of[len(before)], [last.when], before)
    proofs = [
        said
        for said in EVERY
        if holds(last.when, {"comments": said}, MOMENT)
        and not any(holds(rule.when, {"comments": said}, MOMENT) for rule in before)
    ]
    assert not (verdict.covered and proofs)
    if verdict.example is not None:
        assert holds(last.when, verdict.example, MOMENT)


def test_two_comments_may_say_what_one_text_cannot(tmp_path: Path) -> None:
    text = "".join(
        f'[[rule]]\nid = "{field}"\nwhen = {{ all = [{{ {field} = "yes" }}, {{ {field} = "no" }}] }}\n'
        "then = { impact = 1 }\n"
        for field in ("comments", "summary")
    )
    report = check(policy_of(tmp_path, text))
    assert {f.rule for f in report.findings if f.code == "TL005"} == {"summary"}


def test_tests_say_comments_one_after_the_other(tmp_path: Path) -> None:
    text = (
        RULES
        + """
[[test]]
name = "somebody says so, and says something else"
given = { impact = 3, urgency = 3 }
expect = { urgency = 3, labels = "unanswered" }
step = [
  { set = { comments = "a total OUTAGE" }, expect = { urgency = 1 }, reasons = { urgency = "outage" } },
  { set = { comments = "never mind", urgency = 3 }, expect = { urgency = 1 } },
]
[[test]]
name = "several at once"
given = { impact = 3, urgency = 3, comments = ["hello", "is this an outage?"] }
expect = { urgency = 1, labels = "" }
"""
    )
    results = run_tests(compiled(policy_of(tmp_path, text)), policy_of(tmp_path, text).policy.tests)
    assert [str(m) for result in results for m in result.mismatches] == []
    assert results[0].fired == {"outage", "silent"}


def test_records_hold_comments_and_explain_names_the_condition(tmp_path: Path) -> None:
    engine = compiled(policy_of(tmp_path, RULES))
    lines = [
        {"impact": "3", "urgency": "3", "comments": ["hello", "an outage!"]},
        {"impact": "3", "urgency": "3", "comments": "hello"},
        {"impact": "3", "urgency": "3", "comments": []},
    ]
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    rows = [*read_records(path, engine.policy)]
    found = simulate(engine, rows, NOW, lambda _n: None)
    assert (found.fired["outage"], found.fired["silent"]) == (1, 1)
    (reason,) = [r for r in explain(engine, rows[0].values, NOW, UNTOUCHED).reasons if r.rule == "outage"]
    assert reason.met == ("comments contains 'outage'",)
    csv = tmp_path / "records.csv"
    csv.write_text("impact,urgency,comments\n3,3,an outage\n3,3,\n", encoding="utf-8")
    assert simulate(engine, read_records(csv, engine.policy), NOW, lambda _n: None).fired == {
        "outage": 1, "silent": 1,
    }  # fmt: skip


def test_rules_about_links_hear_comments_as_well(tmp_path: Path) -> None:
    text = """
[links]
[[links.rule]]
id = "known"
when = { comments = { contains = "known error" } }
then = "link"
"""
    assert questions(policy_of(tmp_path, text).policy) == (Atom("comments", "contains", "known error"),)
