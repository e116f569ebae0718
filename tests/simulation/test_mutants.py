"""Each mutant is caught by the scenario that is known to catch it, and the oracle sees what it is there for.

All that a drill catches and some of the others run by default; `TIELINE_MUTANTS=all` runs every one, as
`make soak` does.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.simulation.catching import attempt, is_clean, known
from tests.simulation.drills import NUMBER, THEMES
from tests.simulation.mutants import MUTANTS, places

KNOWN: Final = known()
EVERY: Final = 6
BY_SEED: Final = sorted(name for name, by in KNOWN.items() if not by.startswith(NUMBER))
BY_DRILL: Final = sorted(KNOWN.keys() - set(BY_SEED))
SOME: Final = [*BY_DRILL, *(BY_SEED if os.environ.get("TIELINE_MUTANTS") == "all" else BY_SEED[::EVERY])]


@pytest.mark.parametrize("name", SOME)
def test_is_caught(name: str) -> None:
    told = attempt(name, KNOWN[name])
    assert told.hits, f"{name}: nothing comes across what it replaces; has the code moved?"
    assert not told.crash, f"{name} is caught by an exception, not by the oracle: {told.crash}"
    assert told.seen, (
        f"{name} ({MUTANTS[name].what}) escapes {KNOWN[name]}: "
        "python -m tests.simulation.soak --mutants --learn"
    )
    assert is_clean(KNOWN[name]), f"the engine itself must break nothing on {KNOWN[name]}"


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_replaces_what_is_there(name: str) -> None:
    swaps = MUTANTS[name].swaps()
    assert swaps
    for owner, function, value in swaps:
        assert places(owner, function), f"{name}: nobody knows {function} any more"
        assert getattr(owner, function) is not value


def test_every_mutant_is_caught() -> None:
    assert len(MUTANTS) >= 25
    assert set(KNOWN) == set(MUTANTS)


def test_every_theme_of_the_drills_catches_one() -> None:
    numbers = [int(KNOWN[name].removeprefix(NUMBER)) for name in BY_DRILL]
    assert {number % len(THEMES) for number in numbers} == set(range(len(THEMES)))
