"""The analysis is exact: it says `covered` where trying every incident says so, and never elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.sync.policy.calendars import Calendar, parse_hours
from tieline.sync.policy.conditions import AllOf, AnyOf, Atom, Condition, Moment, Not, holds
from tieline.sync.policy.model import Assignment, Policy, Rule, Term
from tieline.sync.policy.regions import Regions
from tieline.sync.policy.space import NOW

from .make import policy_of

WORDS = {"category": ("a", "b", "c"), "group": ("x", "y"), "impact": ("1", "2", "3")}
VOCABULARY = {name: tuple(Term(word, (word,), (word,)) for word in words) for name, words in WORDS.items()}

atoms = st.one_of(
    st.sampled_from(sorted(WORDS)).flatmap(
        lambda name: st.frozensets(st.sampled_from(WORDS[name]), min_size=1).map(
            lambda words: Atom(name, "in", words)
        )
    ),
    st.sampled_from(["category", "group"]).map(lambda name: Atom(name, "empty")),
    st.just(Atom("vip", "in", frozenset({"true"}))),
)
trees = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=4,
)
EVERY = [
    {"category": c, "group": g, "impact": i, "vip": v}
    for c, g, i, v in product(
        (*WORDS["category"], None), (*WORDS["group"], None), WORDS["impact"], (True, False)
    )
]


@settings(max_examples=200)
@given(st.lists(trees, min_size=1, max_size=6))
def test_covered_is_what_trying_every_incident_says(found: list[Condition]) -> None:
    rules = tuple(Rule(f"r{n}", when, (Assignment("group", "x", "always"),)) for n, when in enumerate(found))
    regions = Regions(Policy(rules, vocabulary=VOCABULARY))
    *before, last = rules
    verdict = regions.exists(regions.of[len(before)], [last.when], before)
    moment = Moment(NOW, {})
    proofs = [
        record
        for record in EVERY
        if holds(last.when, record, moment) and not any(holds(rule.when, record, moment) for rule in before)
    ]
    assert verdict.covered == (not proofs)
    assert (verdict.example is not None) == bool(proofs)


def test_hours_across_a_change_of_the_clock_a_weekend_and_a_holiday(tmp_path: Path) -> None:
    week = parse_hours(("mon-fri 08:00-17:00",))
    office = Calendar("office", ZoneInfo("Europe/Berlin"), week, frozenset({date(2026, 3, 30)}))
    friday = datetime(2026, 3, 27, 15, tzinfo=UTC)  # 16:00 in Berlin; the clock changes on Sunday
    tuesday = datetime(2026, 3, 31, 7, tzinfo=UTC)  # 09:00 in Berlin
    assert office.elapsed(friday, tuesday) == timedelta(hours=2)
    assert office.after(friday, timedelta(hours=2)) == tuesday
    assert not office.contains(datetime(2026, 3, 30, 9, tzinfo=UTC))
    text = """
[[calendar]]
name = "office"
hours = ["mon-fri 08:00-17:00"]
country = "DE"
[[rule]]
id = "open"
when = { now = { within = "office" } }
then = { labels = "x" }
"""
    german = policy_of(tmp_path, text).policy.calendars["office"]
    assert not german.contains(datetime(2026, 5, 1, 10, tzinfo=UTC))  # Labour Day, a Friday
    assert german.contains(datetime(2026, 5, 4, 10, tzinfo=UTC))
