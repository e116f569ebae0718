"""What an instance must know before a log can be replayed is found in the log itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tieline.connectors.sandbox.eventlog import TRACKED, Row, read
from tieline.connectors.sandbox.vocabulary import STOCK_MATRIX, observe, observed_matrix, resolution_of


def row(line: int = 2, **values: str) -> Row:
    cells = tuple(values.get(name, "") for name in TRACKED)
    return Row(line, "INC1", datetime(2016, 3, 1, tzinfo=UTC), 0, values.get("by", ""), cells)


def judged(impact: str, urgency: str, priority: str, line: int = 2) -> Row:
    return row(line, impact=impact, urgency=urgency, priority=priority)


def test_a_log_without_priorities_leaves_the_stock_matrix() -> None:
    assert observed_matrix([row()]) == (STOCK_MATRIX, ())


def test_an_observed_cell_replaces_the_stock_one() -> None:
    matrix, contradictions = observed_matrix([judged("3", "3", "4"), judged("1", "1", "1")])
    assert matrix == ((1, 2, 3), (2, 3, 4), (3, 4, 4))
    assert contradictions == ()


def test_rows_against_the_majority_are_listed() -> None:
    rows = [judged("2", "2", "3"), judged("2", "2", "4", line=7), judged("2", "2", "3")]
    matrix, contradictions = observed_matrix(rows)
    assert matrix == STOCK_MATRIX
    assert [str(entry) for entry in contradictions] == [
        "line 7: impact 2 and urgency 2 stand with priority 4; elsewhere the log gives them 3"
    ]


def test_values_are_listed_once_sorted_and_without_null() -> None:
    found = observe([
        row(category="b", assigned_to="r", by="w"),
        row(category="a", closed_code="code 8"),
        row(category="b", by="?"),
    ])  # fmt: skip
    assert (found.categories, found.resolvers, found.writers, found.groups) == (
        ("a", "b"),
        ("r",),
        ("w",),
        (),
    )
    assert found.resolutions == {"code 8": "Workaround"}


def test_a_code_without_a_number_is_done() -> None:
    assert resolution_of("Solved") == "Done"
    assert {resolution_of(f"code {n}") for n in range(1, 18)} == {"Done", "Workaround", "Won't Do"}


def test_the_real_log(shared: Path) -> None:
    found = observe(read(shared / "data" / "incident_event_log.csv.gz"))
    assert found.matrix == ((1, 2, 3), (2, 3, 4), (3, 4, 4))
    assert found.contradictions == ()
    assert (len(found.categories), len(found.subcategories)) == (51, 208)
    assert (len(found.groups), len(found.resolvers), len(found.close_codes)) == (72, 214, 17)
