"""The protocol of one pair, explored exhaustively within small bounds; `make model-check` goes further."""

from __future__ import annotations

from tests.simulation.model_check import Bounds, check


def test_no_order_of_events_breaks_a_promise() -> None:
    for checker in check(Bounds(edits=2, deaths=1, losses=1)):
        assert len(checker.parents) > 500, "too few states: something is never tried"
        assert not checker.broken, [
            (what, checker.history(state)) for what, state in checker.broken[:3]
        ]  # fmt: skip
