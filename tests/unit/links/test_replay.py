"""The replay of an event log: it never looks into the future, counts rightly, and claims nothing of few."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.errors import PolicyError
from tieline.sync.links.eventlog import Row, read_log
from tieline.sync.links.figures import MIN_CASES, curve, figures, figures_json, figures_lines
from tieline.sync.links.history import History, Traits
from tieline.sync.links.model import Relation
from tieline.sync.links.replay import Attempt, replay

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def row(number: int, minute: int, problem: str = "", group: str = "Network", count: int = 0) -> Row:
    ties: dict[Relation, str] = {"problem": problem} if problem else {}
    traits = Traits("network", "vpn", group)
    return Row(
        f"INC{number}",
        START + timedelta(minutes=minute),
        count,
        traits,
        "slow",
        "",
        MappingProxyType(ties),
    )


ROWS = st.lists(
    st.builds(
        row,
        st.integers(1, 12),
        st.integers(0, 60),
        st.sampled_from(["", "", "P1", "P2"]),
        st.sampled_from(["Network", "Desk"]),
        st.integers(0, 3),
    ),
    max_size=40,
).map(lambda rows: sorted(rows, key=lambda r: (r.at, r.number, r.count)))


@given(ROWS, st.integers(0, 60))
def test_what_comes_later_changes_nothing_before(rows: list[Row], minute: int) -> None:
    """The past gives the same proposals whatever the future holds; only what was right may change."""
    cut = START + timedelta(minutes=minute)
    past = [r for r in rows if r.at <= cut]
    whole = [replace(a, right=False) for a in replay(rows).attempts if a.at <= cut]
    assert whole == [replace(a, right=False) for a in replay(past).attempts]


@given(ROWS)
def test_what_is_tied_in_its_own_row_is_not_looked_at(rows: list[Row]) -> None:
    """Of an incident's own relations nothing is known when it is asked about."""
    seen: set[str] = set()
    for index, each in enumerate(rows):
        if each.number in seen:
            continue
        seen.add(each.number)
        hidden = [replace(r, ties=MappingProxyType({})) if i == index else r for i, r in enumerate(rows)]
        mine = [replace(a, right=False) for a in replay(rows).attempts if a.incident == each.number]
        assert mine == [replace(a, right=False) for a in replay(hidden).attempts if a.incident == each.number]


def test_an_outage_is_seen_while_it_runs() -> None:
    rows = [row(n, n * 5, "P1") for n in range(1, 6)]
    attempts = [a for a in replay(rows).attempts if a.kind == "history"]
    assert [a.incident for a in attempts] == ["INC2", "INC3", "INC4", "INC5"]
    assert all(a.right and a.target == "P1" for a in attempts)
    scores = [a.score for a in attempts]
    assert scores == sorted(scores)
    assert "4 of the last 4 with this category" in attempts[-1].reason


def test_rows_of_one_minute_know_nothing_of_each_other() -> None:
    assert replay([row(1, 0, "P1"), row(2, 0, "P1")]).attempts == ()


def test_after_a_day_of_silence_nothing_is_guessed() -> None:
    history = History()
    history.raised("INC1", Traits("network", "vpn"))
    history.tied("INC1", "P1", START)
    traits = Traits("network", "vpn")
    assert list(history.guesses(traits, START + timedelta(hours=23)))
    assert not list(history.guesses(traits, START + timedelta(hours=25)))


def test_equal_scores_are_proposed_together() -> None:
    attempts = [
        Attempt(f"INC{n}", "problem", "P1", "history", 0.5, START, right)
        for n, right in enumerate((True, False))
    ]
    assert [(p.proposed, p.right) for p in curve(attempts, 4)] == [(2, 1)]


def test_below_thirty_cases_nothing_is_claimed() -> None:
    few = figures(replay([row(n, n, "P1") for n in range(1, MIN_CASES)]))
    told = [line for line in figures_lines(few) if "right" in line]
    assert told
    assert all("no claim" in line and "n = " in line and "precision" not in line for line in told)
    assert all(each["precision"] is None for each in figures_json(few))
    many = figures(replay([row(n, n, "P1") for n in range(1, MIN_CASES + 3)]))
    history = next(f for f in figures_json(many) if (f["kind"], f["relation"]) == ("history", "problem"))
    assert (history["precision"], history["proposed"]) == (1.0, MIN_CASES + 1)


HEADER = (
    "number,sys_updated_at,sys_mod_count,category,subcategory,u_symptom,assignment_group,cmdb_ci,"
    "problem_id,rfc,caused_by"
)


def test_a_log_is_read_plain_or_packed(tmp_path: Path) -> None:
    text = f"{HEADER}\nINC2,5/1/2026 08:01,1,a,b,?,g,?,P1,?,?\nINC1,5/1/2026 08:00,0,a,b,?,?,?,?,C1,?\n"
    plain, packed = tmp_path / "log.csv", tmp_path / "log.csv.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    rows = read_log(plain)
    assert rows == read_log(packed)
    assert [(r.number, dict(r.ties)) for r in rows] == [
        ("INC1", {"cured_by": "C1"}),
        ("INC2", {"problem": "P1"}),
    ]
    assert rows[0].traits == Traits("a", "b", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "missing"),
        (f"{HEADER}\n", "no event"),
        (f"{HEADER}\nINC1,yesterday,0,a,b,?,g,?,?,?,?\n", "yesterday"),
        (f"{HEADER}\nINC1,5/1/2026 08:01\n", "2 cells"),
    ],
)
def test_what_is_no_log_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(PolicyError, match=told):
        read_log(path)


def test_the_real_log(shared: Path) -> None:
    log = shared / "data" / "incident_event_log.csv.gz"
    if not log.exists():
        pytest.skip("the event log is not here")
    replayed = replay(read_log(log))
    found = {(f.kind, f.relation): f for f in figures(replayed)}
    likeness = found["likeness", "problem"].whole
    assert likeness.precision < 0.05, "likeness alone is right about 1.8 % of the time (SOURCE.md)"
    best = found["history", "problem"].at(0.1)
    assert best is not None
    assert (best.ties, len(replayed.truth["cured_by"])) == (140, 63)
    assert best.precision > 0.4
