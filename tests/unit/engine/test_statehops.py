"""The way from one state to another, held against the guards of the stand-in."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tieline.connectors.sandbox.servicenow.processes import CHANGE_PATHS, PROBLEM_MOVES, _next_states
from tieline.sync.statehops import state_machine

PROBLEM = state_machine("problem", (), {})
CHANGE = state_machine("change_request", (), {})


@pytest.mark.parametrize("start", sorted(PROBLEM_MOVES))
@pytest.mark.parametrize("target", ["103", "104", "106", "107"])
def test_every_step_of_a_problem_is_allowed(start: str, target: str) -> None:
    steps = [start, *PROBLEM.path(start, target, {})]
    assert steps[-1] == target
    assert start == target or all(b in PROBLEM_MOVES[a] for a, b in pairwise(steps))


@pytest.mark.parametrize("kind", sorted(CHANGE_PATHS))
def test_every_step_of_a_change_is_allowed(kind: str) -> None:
    way = CHANGE_PATHS[kind]
    for number, start in enumerate(way[:-1]):
        for target in (*way[number + 1 :], "4"):
            if target == "4" and start == "3":
                continue
            steps = [start, *CHANGE.path(start, target, {"type": kind})]
            assert steps[-1] == target
            assert all(b in _next_states(kind, a) for a, b in pairwise(steps))


def test_incidents_and_unknown_states_go_straight() -> None:
    assert state_machine("incident", (), {}).path("1", "6", {}) == ("6",)
    assert PROBLEM.path("1", "4", {}) == ("4",)


def test_ones_own_steps_come_first() -> None:
    own = state_machine("problem", (("101", "106"),), {})
    assert own.path("101", "106", {}) == ("106",)


def test_what_a_state_demands_is_given_where_nothing_stands() -> None:
    machine = state_machine("problem", (), {"104": {"cause_notes": "As told.", "fix_notes": "As told."}})
    assert machine.given("104", {"cause_notes": "An old driver"}, {}) == {"fix_notes": "As told."}
    assert machine.given("104", {}, {"fix_notes": "Ours"}) == {"cause_notes": "As told."}
    assert machine.given("103", {}, {}) == {}
    assert machine.columns == {"cause_notes", "fix_notes"}
    assert CHANGE.columns == {"type"}
