"""What the tests of the policy share: a policy from TOML, random conditions, records and policies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tieline.sync.policy.calendars import Calendar, parse_hours
from tieline.sync.policy.conditions import AllOf, AnyOf, Atom, Condition, Not
from tieline.sync.policy.fields import Said
from tieline.sync.policy.hearing import answered
from tieline.sync.policy.load import Loaded, load_policy
from tieline.sync.policy.model import Assignment, Bound, Matrix, Policy, Rule

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
OFFICE = Calendar("office", ZoneInfo("Europe/Berlin"), parse_hours(("mon-fri 08:00-17:00",)))
LEVELS = ("1", "2", "3")
MATRIX = Matrix(
    LEVELS, LEVELS, ("1", "2", "3", "4", "5"),
    {(i, u): str(int(i) + int(u) - 1) for i in LEVELS for u in LEVELS},
    (("1", "2", "3"), ("2", "3", "4"), ("3", "4", "5")),
)  # fmt: skip
CHOICES: Mapping[str, tuple[str, ...]] = {
    "category": ("a", "b", "c"), "group": ("x", "y"), "impact": LEVELS, "urgency": LEVELS,
}  # fmt: skip
WORDS = ("vpn", "vpn client", "mail", "disk full", "Öl")


def policy_of(folder: Path, text: str, name: str = "policy.toml") -> Loaded:
    """The policy that a text holds."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def moments() -> st.SearchStrategy[datetime]:
    """Moments around NOW."""
    return st.integers(-200, 10).map(lambda hours: NOW + timedelta(hours=hours, minutes=7))


def atoms() -> st.SearchStrategy[Atom]:
    """Atoms over a few fields of each kind."""
    choice = st.sampled_from(sorted(CHOICES)).flatmap(
        lambda name: st.frozensets(st.sampled_from(CHOICES[name]), min_size=1).map(
            lambda words: Atom(name, "in", words)
        )
    )
    return st.one_of(
        choice,
        choice,
        st.sampled_from(["category", "group", "summary"]).map(lambda name: Atom(name, "empty")),
        st.sampled_from(WORDS).map(lambda word: Atom("summary", "contains", word.lower())),
        st.sampled_from(WORDS).map(lambda word: Atom("summary", "starts_with", word.lower())),
        st.sampled_from(["vpn|mail", "^disk", "(?i)ÖL$"]).map(lambda p: Atom("summary", "matches", p)),
        st.sampled_from(WORDS).map(lambda word: Atom("comments", "contains", word.lower())),
        st.sampled_from(WORDS).map(lambda word: Atom("comments", "in", frozenset({word}))),
        st.sampled_from(["vpn|mail", "^disk"]).map(lambda p: Atom("comments", "matches", p)),
        st.just(Atom("comments", "empty")),
        st.sampled_from(["l1", "l2"]).map(lambda word: Atom("labels", "has", word)),
        moments().map(lambda at: Atom("opened", "before", at)),
        moments().map(lambda at: Atom("opened", "after", at)),
        st.integers(0, 200).map(lambda hours: Atom("opened", "older_than", timedelta(hours=hours))),
        st.integers(0, 40).map(lambda hours: Atom("opened", "older_than", timedelta(hours=hours), "office")),
        st.sampled_from(["opened", "now"]).map(lambda name: Atom(name, "within", None, "office")),
        st.just(Atom("vip", "in", frozenset({"true"}))),
        st.sampled_from(LEVELS).map(lambda p: Atom("priority", "in", frozenset({p}))),
    )


def conditions() -> st.SearchStrategy[Condition]:
    """Small trees of atoms."""
    return st.recursive(
        atoms(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: AllOf(tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
            inner.map(Not),
        ),
        max_leaves=5,
    )


def said() -> st.SearchStrategy[Said]:
    """Comments as they stand in a file, and marks as a pass remembers them."""
    texts = st.frozensets(st.sampled_from([*WORDS, "Disk", "other", "my VPN client"]), max_size=3)
    asked = [
        *(Atom("comments", "contains", word.lower()) for word in WORDS),
        *(Atom("comments", "in", frozenset({word})) for word in WORDS),
    ]
    return st.one_of(
        texts.map(lambda each: Said(each)), texts.map(lambda each: Said(marks=answered(asked, each)))
    )


def records() -> st.SearchStrategy[dict[str, object]]:
    """Incidents, filled and empty."""
    texts = st.lists(st.sampled_from([*WORDS, "Disk", "other", "VPN"]), max_size=3).map(" ".join)
    return st.fixed_dictionaries(
        {"impact": st.sampled_from(LEVELS), "urgency": st.sampled_from(LEVELS)},
        optional={
            "category": st.sampled_from([None, *CHOICES["category"], "elsewhere"]),
            "group": st.sampled_from([None, *CHOICES["group"]]),
            "summary": st.one_of(st.none(), texts),
            "comments": st.one_of(st.none(), said()),
            "labels": st.one_of(st.none(), st.frozensets(st.sampled_from(["l1", "l2", "l3"]), min_size=1)),
            "opened": st.one_of(st.none(), moments()),
            "vip": st.booleans(),
        },
    )


def assignments() -> st.SearchStrategy[Assignment]:
    """What rules may set."""
    strengths = st.sampled_from(["suggest", "until_touched", "on_create", "always"])
    choice = st.sampled_from(sorted(CHOICES)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(CHOICES[name]))
    )
    labels = st.tuples(st.just("labels"), st.sampled_from(["l1", "l2"]).map(lambda word: frozenset({word})))
    return st.builds(
        lambda pair, strength: Assignment(pair[0], pair[1], strength),
        st.one_of(choice, choice, labels),
        strengths,
    )


def rules() -> st.SearchStrategy[tuple[Rule, ...]]:
    """Several rules, each with an id of its own."""
    bodies = st.lists(
        st.tuples(conditions(), st.lists(assignments(), min_size=1, max_size=2, unique_by=lambda a: a.field)),
        max_size=8,
    )
    demands: list[dict[str, str | bool | frozenset[str]]] = [
        {},
        {},
        {"note": "look"},
        {"hold": "why"},
        {"unlabel": frozenset({"l1"})},
    ]
    orders = st.sampled_from(demands)
    return st.tuples(bodies, st.lists(orders, min_size=8, max_size=8)).map(
        lambda made: tuple(
            Rule(f"r{number}", when, tuple(sets), made[1][number])
            for number, (when, sets) in enumerate(made[0])
        )
    )


def policies() -> st.SearchStrategy[Policy]:
    """Whole policies with a matrix, perhaps with a floor or a ceiling."""
    when = conditions().filter(lambda c: "priority" not in repr(c))
    bound = st.builds(
        lambda number, kind, c, p: Bound(f"b{number}", kind, c, p),
        st.integers(0, 9), st.sampled_from(["floor", "ceiling"]), when, st.sampled_from(["1", "2", "3", "4"]),
    )  # fmt: skip
    return st.builds(
        lambda made, bounds: Policy(made, tuple(bounds), MATRIX, calendars={"office": OFFICE}),
        rules(),
        st.lists(bound, max_size=2, unique_by=lambda b: b.id),
    )
